// The list of conversations: search, rename, and delete with a time in which it can be undone.
import { button, node } from "./answer.js";
import { all, call } from "./api.js";
import { removeDraft } from "./drafts.js";
import { word } from "./i18n.js";
import { onKeys } from "./keys.js";
import { toast } from "./toast.js";

const $ = (id) => document.getElementById(id);
const UNDO_MILLISECONDS = 6000;

export class List {
  // hooks: current() → id, deleted(id), restored(id), renamed(id, title), gone(id), problem(error).
  constructor(hooks) {
    this.hooks = hooks;
    this.conversations = [];
    this.leaving = new Map();
    this.editing = "";
    this.marks = () => "";
    $("search").oninput = () => this.draw();
    onKeys($("search"), { enter: () => $("conversations").querySelector("a")?.click(), escape: () => { $("search").value = ""; this.draw(); } });
    // A page that goes away takes nothing back any more.
    addEventListener("pagehide", () => { for (const id of [...this.leaving.keys()]) this.send(id); });
  }

  async load() {
    this.conversations = await all("/api/v1/conversations?page_size=200", "conversations", 2000);
    this.draw();
  }

  draw() {
    if (this.editing && document.activeElement?.closest("#conversations")) return;
    const wanted = $("search").value.trim().toLocaleLowerCase();
    const shown = this.conversations.filter(({ id, title }) => !this.leaving.has(id) && (title || word("untitled")).toLocaleLowerCase().includes(wanted));
    const focused = document.activeElement?.closest("#conversations li")?.dataset.id;
    $("conversations").replaceChildren(...shown.map((each) => this.entry(each)));
    if (focused) $("conversations").querySelector(`li[data-id="${CSS.escape(focused)}"] a`)?.focus();
    $("none").hidden = shown.length > 0 || !wanted;
  }

  entry({ id, title }) {
    const row = node("li", id === this.hooks.current() ? "current" : "");
    row.dataset.id = id;
    const open = node("a", "open", title || word("untitled"));
    open.href = `/c/${id}`;
    open.title = open.textContent;
    if (id === this.hooks.current()) open.setAttribute("aria-current", "page");
    const mark = this.marks(id);
    if (mark) open.append(node("span", "writing", ` ${mark}`));
    const rename = button("✎", () => this.rename(row, id, title), "bare rename");
    const remove = button("✕", () => this.remove(id, open.title), "bare remove");
    for (const [made, name] of [[rename, "rename"], [remove, "remove"]]) {
      made.title = word(name);
      made.setAttribute("aria-label", `${word(name)}: ${open.title}`);
    }
    row.append(open, rename, remove);
    return row;
  }

  rename(row, id, title) {
    const field = node("input", "title");
    field.value = title;
    field.maxLength = 500;
    field.setAttribute("aria-label", word("rename"));
    this.editing = id;
    const done = async (keep) => {
      if (this.editing !== id) return;
      this.editing = "";
      const wanted = field.value.trim();
      if (keep && wanted && wanted !== title) {
        try {
          await call(`/api/v1/conversations/${id}`, { method: "PATCH", body: JSON.stringify({ title: wanted }) });
          for (const each of this.conversations) if (each.id === id) each.title = wanted;
          this.hooks.renamed(id, wanted);
        } catch (error) { this.hooks.problem(error); }
      }
      field.remove();
      this.draw();
      $("conversations").querySelector(`li[data-id="${CSS.escape(id)}"] a`)?.focus();
    };
    onKeys(field, { enter: () => done(true), escape: () => done(false) });
    field.onblur = () => done(true);
    row.replaceChildren(field);
    field.focus();
    field.select();
  }

  // Takes the conversation out of sight at once; the server is told when the time to undo it is over.
  remove(id, title) {
    const shown = id === this.hooks.current();
    const note = toast(word("deleted").replace("%", title), { label: word("undo"), action: () => this.restore(id, shown), milliseconds: UNDO_MILLISECONDS, onEnd: () => this.send(id) });
    this.leaving.set(id, note);
    this.draw();
    this.hooks.deleted(id);
  }

  restore(id, shown) {
    this.leaving.delete(id);
    this.draw();
    if (shown) this.hooks.restored(id);
  }

  async send(id) {
    if (!this.leaving.has(id)) return;
    this.leaving.get(id).close();
    try {
      await call(`/api/v1/conversations/${id}`, { method: "DELETE", keepalive: true });
      removeDraft(id);
      this.conversations = this.conversations.filter((each) => each.id !== id);
    } catch (error) {
      if (error.status !== 404) this.hooks.problem(error);
    }
    this.leaving.delete(id);
    this.draw();
    this.hooks.gone(id);
  }
}
