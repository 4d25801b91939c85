// The socket of this tab: the events of all the user's conversations, whoever asks, so that tabs and devices live together.
import { call, json, known, post } from "./api.js";

const LONGEST = 30_000;

export class Live {
  // hooks: event(event), lost() when events may have been missed, signedOut().
  constructor(hooks) {
    this.hooks = hooks;
    this.id = "";
    this.cursor = "";
    this.misses = 0;
    this.socket = null;
    this.timer = 0;
    this.running = false;
    addEventListener("pagehide", () => this.leave());
    addEventListener("pageshow", ({ persisted }) => persisted && this.running && this.connect());
    addEventListener("online", () => this.running && !this.socket && this.connect());
  }

  start() {
    if (this.running) return;
    this.running = true;
    this.connect();
  }

  stop() {
    this.running = false;
    this.leave();
    this.cursor = "";
  }

  // A tab that goes away is no client any more.
  leave() {
    clearTimeout(this.timer);
    this.socket?.close();
    this.socket = null;
    if (this.id && known()) call(`/api/v1/clients/${this.id}`, { method: "DELETE", keepalive: true }).catch(() => {});
    this.id = "";
  }

  async register() {
    const body = { name: navigator.userAgent.slice(0, 80), kind: "web" };
    try {
      return (await post("/api/v1/clients", body)).id;
    } catch (error) {
      if (error.status !== 429) throw error;
      const { clients } = await json("/api/v1/clients");
      const gone = clients.filter((each) => each.kind === "web" && !each.connected).slice(0, 20);
      await Promise.all(gone.map((each) => call(`/api/v1/clients/${each.id}`, { method: "DELETE" }).catch(() => {})));
      return (await post("/api/v1/clients", body)).id;
    }
  }

  async connect() {
    clearTimeout(this.timer);
    if (!this.running || this.socket) return;
    try {
      this.id ||= await this.register();
      const { ticket } = await post(`/api/v1/clients/${this.id}/ticket`);
      if (!this.running || this.socket) return;
      const address = new URL(`/api/v1/ws/clients/${this.id}`, location.href.replace(/^http/, "ws"));
      address.searchParams.set("ticket", ticket);
      if (this.cursor) address.searchParams.set("cursor", this.cursor);
      this.open(new WebSocket(address));
    } catch (error) {
      if (error.status === 401) return this.hooks.signedOut();
      if (error.status === 404) { this.id = ""; this.reset(); }
      this.later();
    }
  }

  open(socket) {
    this.socket = socket;
    let ready = false;
    socket.onmessage = ({ data }) => {
      const event = JSON.parse(data);
      if (event.cursor) this.cursor = event.cursor;
      if (event.type === "ready") { ready = true; this.misses = 0; document.body.dataset.live = "yes"; }
      else if (event.reason?.startsWith("CURSOR_")) this.reset();
      else if (event.stream_id) this.hooks.event(event);
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.socket = null;
      delete document.body.dataset.live;
      // Refused before it was open: the cursor may be too old.
      if (!ready) this.reset();
      this.later();
    };
  }

  // Goes on from now, and has what was missed read again.
  reset() {
    if (!this.cursor) return;
    this.cursor = "";
    this.hooks.lost();
  }

  later() {
    if (!this.running) return;
    this.misses += 1;
    const wait = Math.min(500 * 2 ** this.misses, LONGEST);
    this.timer = setTimeout(() => this.connect(), wait * (0.5 + Math.random() / 2));
  }
}
