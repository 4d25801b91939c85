// The frames of /ws/dashboard: a fresh ticket for every try, back-off with jitter up to 30 s, and an end at 401 or 403.
import { ApiError, post } from "./api.js";

const FIRST = 1000;
const LONGEST = 30_000;

// The wait before try number `misses`, in milliseconds: between half and all of a time that doubles.
export const wait = (misses, random = Math.random) => {
  const most = Math.min(LONGEST, FIRST * 2 ** Math.min(misses, 10));
  return most / 2 + (most / 2) * random();
};

export class Feed {
  // `onFrame(frame)`; `onState("live" | "lost")`; `onRefused(error)` when other credentials are needed.
  constructor({ onFrame, onState, onRefused }) {
    Object.assign(this, { onFrame, onState, onRefused });
    this.misses = 0;
    this.tries = 0;
    this.stopped = true;
  }

  start() {
    this.stopped = false;
    this.connect();
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.socket?.close();
    this.socket = null;
  }

  async connect() {
    this.tries += 1;
    let ticket;
    try {
      ({ ticket } = await post("/v1/dashboard/ticket"));
    } catch (error) {
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
        this.stop();
        this.onRefused(error);
      } else this.retry();
      return;
    }
    if (this.stopped) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/dashboard?ticket=${encodeURIComponent(ticket)}`);
    this.socket = socket;
    let live = false;
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (!frame.statistics) return;
      if (!live) this.onState("live");
      live = true;
      this.misses = 0;
      this.onFrame(frame);
    };
    socket.onclose = () => {
      if (this.socket === socket) this.retry();
    };
  }

  retry() {
    if (this.stopped) return;
    this.onState("lost");
    this.timer = setTimeout(() => this.connect(), wait(this.misses));
    this.misses += 1;
  }
}
