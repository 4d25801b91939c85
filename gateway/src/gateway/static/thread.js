// A conversation on the page: its messages, the answer that is being written, and everything that is asked of it. Each has an element of its
// own, which is filled whether it is shown or not, so that an answer never gets into the conversation that was opened meanwhile.
import { Answer, endStored, replay } from "./answer.js";
import { ApiError, all, call, follow, json, post, terminal } from "./api.js";
import { word } from "./i18n.js";
import { question, sameQuestion } from "./question.js";

export const explain = (error) => (error instanceof ApiError && error.message ? error.message : error instanceof TypeError ? word("offline") : word("lost"));

export class Thread {
  // `hooks`: changed(thread), created(thread), acknowledged(thread, draft), refused(thread, draft, error), signedOut(), edit(content, pictures), again(thread, content, pictures), options().
  constructor(id, hooks) {
    this.id = id;
    this.hooks = hooks;
    this.title = "";
    this.node = document.createElement("div");
    this.node.className = "thread";
    this.answers = new Map();
    this.leaving = new AbortController();
    this.followed = new Set();
    this.fed = new Set();
    this.pending = null;
    this.refreshing = null;
    this.stale = false;
    this.sending = false;
    this.stopping = false;
    this.note = "";
    this.top = null;
  }

  get writing() { return [...this.answers.values()].find((answer) => !answer.ended); }
  get busy() { return this.sending || this.writing !== undefined; }
  get empty() { return !this.id && !this.sending && !this.node.childElementCount; }

  // Reads the conversation; what is being written is followed. Raises ApiError.
  async load() {
    const [found, messages] = await Promise.all([
      json(`/api/v1/conversations/${this.id}?messages=false`),
      all(`/api/v1/conversations/${this.id}/messages?page_size=500`, "messages", 5000),
    ]);
    this.title = found.title;
    this.show(messages);
    const stream = found.active_stream_id;
    if (stream && !this.answers.get(stream)?.ended && !this.sending && !this.fed.has(stream)) this.follow(stream);
    this.hooks.changed(this);
  }

  show(messages) {
    const nodes = [];
    const stored = new Map();
    const told = [];
    let answer = null;
    for (const message of messages) {
      if (message.role === "user") { nodes.push(this.question(message.content, message.pictures)); answer = null; continue; }
      if (message.role !== "assistant" && message.role !== "tool") continue;
      if (!answer) { answer = this.answer(message.stream_id ?? ""); nodes.push(answer.node); told.push(answer); }
      if (message.stream_id) stored.set(message.stream_id, answer);
      replay(answer, message);
    }
    told.forEach(endStored);
    // A turn that was stored is whole; the other answers here are still being written.
    const live = [...this.answers.values()].filter((each) => !stored.has(each.stream) && !each.ended);
    this.answers = new Map([...stored, ...live.map((each) => [each.stream, each])]);
    this.node.replaceChildren(...nodes, ...this.unstored(messages, stored), ...live.map((each) => each.node).filter((each) => each !== this.pending?.answer.node));
  }

  // The nodes of the message that is being sent, as far as they are not stored.
  unstored(messages, stored) {
    if (!this.pending || (this.pending.answer.stream && stored.has(this.pending.answer.stream))) return [];
    const { asked, answer } = this.pending;
    const last = messages.findLast((message) => message.role === "user");
    return answer.stream && sameQuestion(last, asked) ? [answer.node] : [asked, answer.node];
  }

  question(content, pictures) {
    return question(content, pictures, { onEdit: this.hooks.edit });
  }

  answer(stream = "") {
    const made = new Answer(stream);
    made.onAgain = () => this.again(made);
    return made;
  }

  // Asks the question before an answer once more.
  again(answer) {
    let before = answer.node.previousElementSibling;
    while (before && !before.classList.contains("user")) before = before.previousElementSibling;
    if (before) this.hooks.again(this, before.content, before.pictures);
  }

  // Sends a message: {content, pictures, key, draft}. The page shows it at once; the draft is kept until the server has it.
  async send({ content, pictures = [], key, draft }) {
    if (this.busy) return false;
    this.sending = true;
    this.stopping = false;
    const asked = this.question(content, pictures);
    const answer = this.answer();
    this.node.append(asked, answer.node);
    this.pending = { asked, answer };
    this.hooks.changed(this);
    let acknowledged = false;
    const acknowledge = () => {
      if (acknowledged) return;
      acknowledged = true;
      this.hooks.acknowledged(this, draft, key);
    };
    try {
      await this.create(key);
      const shown = pictures.length ? { pictures: pictures.map(({ data }) => ({ data })) } : {};
      const body = JSON.stringify({ content, ...shown, role: "user", ...this.hooks.options() });
      const headers = { "idempotency-key": key };
      const open = () => call(`/api/v1/conversations/${this.id}/stream`, { method: "POST", body, headers, signal: this.leaving.signal });
      await this.read(open, answer, { onOpen: acknowledge });
    } catch (error) {
      if (acknowledged) answer.fail(explain(error));
      else {
        asked.remove();
        answer.node.remove();
        this.hooks.refused(this, draft, error);
        if (error.stream) this.follow(error.stream);
      }
      if (error.status === 401) this.hooks.signedOut();
    } finally {
      this.sending = false;
      this.pending = null;
      if (!answer.stream || this.leaving.signal.aborted) answer.ended = true;
      this.hooks.changed(this);
    }
    return acknowledged;
  }

  async create(key) {
    if (this.id) return;
    this.id = (await post("/api/v1/conversations", {}, { "idempotency-key": `${key}-new` })).id;
    this.hooks.created(this);
  }

  // Reads a stream into an answer, over breaks, to its end.
  async read(open, answer, { stream = "", onOpen } = {}) {
    await follow(open, {
      streamId: stream,
      after: answer.sequence,
      signal: this.leaving.signal,
      onOpen,
      onEvent: (event) => {
        if (!this.answers.has(event.stream_id)) { this.answers.set(event.stream_id, answer); this.followed.add(event.stream_id); }
        const known = this.answers.get(event.stream_id);
        // The same message sent from two tabs is one stream: it is shown where it was seen first.
        if (known !== answer) answer.node.remove();
        this.tell("");
        known.accept(event);
        if (terminal(event)) this.followed.delete(event.stream_id);
        if (this.sending && known.sequence === event.sequence) this.sending = false, this.hooks.changed(this);
        if (terminal(event)) this.hooks.changed(this);
      },
      onBreak: () => this.tell(word("reconnecting")),
    });
  }

  // Follows a stream that was begun elsewhere or before a reload; the log says how it stands.
  async follow(stream) {
    if (this.followed.has(stream)) return;
    this.followed.add(stream);
    let answer = this.answers.get(stream);
    if (!answer) {
      answer = this.answer(stream);
      this.answers.set(stream, answer);
      this.node.append(answer.node);
    }
    this.hooks.changed(this);
    const after = answer.sequence;
    try {
      await this.read(() => call(`/api/v1/streams/${stream}/events?after=${after}`, { signal: this.leaving.signal }), answer, { stream });
    } catch (error) {
      if (error.status === 401) this.hooks.signedOut();
      else answer.fail(explain(error));
    } finally {
      this.followed.delete(stream);
      this.tell("");
      this.hooks.changed(this);
    }
  }

  // An event of this conversation that came over the clients' socket: another tab or device asks.
  observe(event) {
    const known = this.answers.get(event.stream_id);
    if (!known) {
      const answer = this.answer(event.stream_id);
      this.answers.set(event.stream_id, answer);
      this.fed.add(event.stream_id);
      this.node.append(answer.node);
      if (!answer.accept(event)) this.follow(event.stream_id);
      this.refresh();
    } else if (!known.accept(event)) this.follow(event.stream_id);
    if (terminal(event)) this.refresh();
    this.hooks.changed(this);
  }

  // The clients' socket has lost events: what it fed is read from the log.
  lost() {
    this.fed.clear();
    this.refresh();
  }

  // Reads the messages again, once at a time; what is asked for meanwhile is read after that, since it may be newer than what is being read.
  refresh() {
    this.stale = Boolean(this.refreshing);
    this.refreshing ??= this.load().catch(() => {}).finally(() => {
      this.refreshing = null;
      if (this.stale) this.refresh();
    });
  }

  // Stops what is being written, from the moment of sending on: until an event names the stream, the conversation knows it.
  async stop() {
    if (this.stopping) return;
    this.stopping = true;
    try {
      while (this.busy) {
        const stream = this.writing?.stream || (this.id && (await json(`/api/v1/conversations/${this.id}?messages=false`)).active_stream_id);
        if (stream) { await post(`/api/v1/streams/${stream}/stop`); return; }
        await new Promise((done) => setTimeout(done, 200));
      }
    } finally {
      this.stopping = false;
    }
  }

  tell(note) {
    if (note === this.note) return;
    this.note = note;
    this.hooks.changed(this);
  }

  close() {
    this.leaving.abort();
  }
}
