// One answer on the page: the steps it took, its text as it grows, and how it ended.
import { word } from "./i18n.js";
import { render } from "./markdown.js";

const pretty = (text) => {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
};

function node(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function step(name, brief, detail) {
  const made = node("details", "step");
  const summary = node("summary", "");
  summary.append(node("span", "mark"), node("span", "name", name), node("span", "brief", brief));
  made.append(summary, node("pre", "", detail));
  return made;
}

export class Answer {
  constructor() {
    this.node = node("article", "message assistant");
    this.steps = node("div", "steps");
    this.text = node("div", "text live");
    this.foot = node("div", "foot");
    this.node.append(this.steps, this.text, this.foot);
    this.calls = new Map();
    this.content = "";
    this.thoughts = "";
    this.drawing = false;
  }

  take(event) {
    switch (event.type) {
      case "message_chunk": this.content += event.content; break;
      case "thinking": this.think(event.content); break;
      case "tool_call": this.call(event); break;
      case "tool_result": this.result(event); break;
      case "complete_state": this.state(event); break;
      case "error": this.fail(event.message); break;
    }
    this.draw();
  }

  // More text of a stored answer: what a later model call said stands apart, as it did in the stream.
  say(text) {
    this.content += this.content && text ? `\n\n${text}` : text;
  }

  call({ tool_call_id: id, name, arguments: given }) {
    const made = step(name, Object.entries(given).map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join(" · "), JSON.stringify(given, null, 2));
    made.classList.add("running");
    this.calls.set(id, made);
    this.steps.append(made);
  }

  result({ tool_call_id: id, name, content, is_error: failed }) {
    const made = this.calls.get(id) ?? step(name, "", "");
    if (!this.calls.has(id)) this.steps.append(made);
    made.classList.remove("running");
    made.classList.add(failed ? "failed" : "done");
    made.append(node("pre", "", pretty(content)));
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
    this.foot.append(...(event.notices ?? []).map((notice) => node("span", "bad", notice)));
  }

  fail(message) {
    this.end([]);
    this.foot.replaceChildren(node("span", "bad", message));
  }

  end(notes) {
    this.text.classList.remove("live");
    this.foot.replaceChildren(...notes.filter(Boolean).map((note) => node("span", "", note)));
    for (const made of this.calls.values()) made.classList.remove("running");
    this.draw();
  }

  draw() {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      this.text.replaceChildren(...render(this.content));
      this.node.dispatchEvent(new Event("grown", { bubbles: true }));
    });
  }
}

export function question(text) {
  const made = node("article", "message user");
  made.append(node("div", "text", text));
  return made;
}
