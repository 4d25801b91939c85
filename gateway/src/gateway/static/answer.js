// One answer on the page: the steps it took, its text as it grows, and how it ended.
import { copyButton } from "./copy.js";
import { notice, word } from "./i18n.js";
import { Rendering } from "./markdown.js";
import { chartOf } from "./series.js";

const pretty = (text) => {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
};

export function node(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

export function button(label, action, className = "small") {
  const made = node("button", className, label);
  made.type = "button";
  made.onclick = action;
  return made;
}

function step(name, brief, detail) {
  const made = node("details", "step");
  const summary = node("summary", "");
  summary.append(node("span", "mark"), node("span", "name", name), node("span", "brief", brief));
  const body = node("pre", "", detail);
  body.tabIndex = 0;
  made.append(summary, body);
  return made;
}

export class Answer {
  // `stream` is "" until its first event names it.
  constructor(stream = "") {
    this.stream = stream;
    this.sequence = 0;
    this.ended = false;
    this.node = node("article", "message assistant");
    this.node.setAttribute("aria-label", word("answer"));
    this.steps = node("div", "steps");
    this.text = node("div", "text live");
    this.charts = node("div", "charts");
    this.foot = node("div", "foot");
    this.node.append(this.steps, this.text, this.charts, this.foot);
    this.rendering = new Rendering(this.text);
    this.calls = new Map();
    this.content = "";
    this.thoughts = "";
    this.drawing = false;
    this.rest = 0;
    this.onAgain = null;
  }

  // Takes the next event of the stream; false when one before it is missing. One that was taken before changes nothing.
  accept(event) {
    if (this.ended || event.sequence <= this.sequence) return true;
    if (event.sequence !== this.sequence + 1 && event.type !== "complete_state" && event.type !== "error") return false;
    this.stream = event.stream_id;
    this.sequence = event.sequence;
    this.take(event);
    return true;
  }

  take(event) {
    switch (event.type) {
      case "message_chunk": this.content += event.content; break;
      case "thinking": this.think(event.content); break;
      case "tool_call": this.call(event); break;
      case "tool_result": this.result(event); break;
      case "complete_state": this.state(event); break;
      case "error": this.fail(event.message, event.partial_content); break;
    }
    this.draw();
  }

  // More text of a stored answer: what a later model call said stands apart, as it did in the stream.
  say(text) {
    this.content += this.content && text ? `\n\n${text}` : text;
  }

  call({ tool_call_id: id, name, arguments: given }) {
    const brief = Object.entries(given).map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join(" · ");
    const made = step(name, brief, JSON.stringify(given, null, 2));
    made.classList.add("running");
    this.calls.set(id, { step: made, name, given });
    this.steps.append(made);
  }

  result({ tool_call_id: id, name, content, is_error: failed }) {
    const known = this.calls.get(id);
    const made = known?.step ?? step(name, "", "");
    if (!known) this.steps.append(made);
    made.classList.remove("running");
    made.classList.add(failed ? "failed" : "done");
    made.append(node("pre", "", pretty(content)));
    made.lastChild.tabIndex = 0;
    const chart = failed ? null : chartOf(known?.name ?? name, known?.given ?? {}, content);
    if (chart) this.charts.append(chart);
  }

  think(delta) {
    this.thoughts += delta;
    this.thought ??= this.steps.appendChild(step(word("thinking"), "", ""));
    this.thought.lastChild.textContent = this.thoughts;
  }

  state(event) {
    this.content = event.content;
    if (event.status === "running") return;
    const notes = [event.model, event.usage && `${event.usage.total_tokens} ${word("tokens")}`];
    if (event.cost?.amount && Number(event.cost.amount) > 0) notes.push(`${event.cost.amount} ${event.cost.currency}`);
    this.end(notes);
    if (event.status !== "completed") this.foot.prepend(node("span", "bad", word(event.status) ?? event.status));
    this.foot.append(...(event.notices ?? []).map((told) => node("span", "bad", notice(told))));
  }

  fail(message, partial = "") {
    if (partial.length > this.content.length) this.content = partial;
    this.end([]);
    this.foot.prepend(node("span", "bad", message));
  }

  end(notes) {
    this.ended = true;
    this.text.classList.remove("live");
    this.foot.replaceChildren(...notes.filter(Boolean).map((note) => node("span", "", note)));
    const actions = node("span", "actions");
    actions.append(copyButton(() => this.content));
    if (this.onAgain) actions.append(button(word("regenerate"), () => this.onAgain(), "small again"));
    this.foot.append(actions);
    for (const { step: made } of this.calls.values()) made.classList.remove("running");
    this.draw();
  }

  // Draws once a frame at most, and less often when a drawing takes long: three quarters of the time stay for the reader.
  // The end is drawn at once, in a tab that is not seen too.
  draw() {
    if (this.ended) return this.paint();
    if (this.drawing) return;
    this.drawing = true;
    const frame = () => requestAnimationFrame(() => {
      this.drawing = false;
      if (!this.ended) this.paint();
    });
    if (this.rest > 16) setTimeout(frame, this.rest);
    else frame();
  }

  paint() {
    const start = performance.now();
    this.rendering.update(this.content, this.ended);
    this.rest = (performance.now() - start) * 3;
    this.node.dispatchEvent(new Event("grown", { bubbles: true }));
  }
}

// Shows a stored message of a turn.
export function replay(answer, message) {
  if (message.role === "tool") {
    answer.result({ tool_call_id: message.tool_call_id, name: "", content: message.content, is_error: message.is_error });
    return;
  }
  if (message.thinking) answer.think(message.thinking);
  for (const made of message.tool_calls ?? []) answer.call(made);
  answer.say(message.content ?? "");
  answer.draw();
  answer.stored = { status: message.status ?? "completed", model: message.model, tokens: (answer.stored?.tokens ?? 0) + (message.usage?.total_tokens ?? 0) };
}

// Ends a stored answer: its last model call says how, one that was stopped at its tools too.
export function endStored(answer) {
  const { status = "completed", model, tokens } = answer.stored ?? {};
  answer.state({ status, content: answer.content, model, usage: tokens ? { total_tokens: tokens } : null });
}
