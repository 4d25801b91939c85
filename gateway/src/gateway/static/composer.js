// The field at the bottom: what is typed is kept as a draft at every key, per conversation, until the server has it.
import { button, node } from "./answer.js";
import { loadDraft, newKey, onDraft, outbox, removeDraft, saveDraft } from "./drafts.js";
import { checkRoom, readText } from "./files.js";
import { word } from "./i18n.js";
import { onKeys } from "./keys.js";
import { pack } from "./question.js";

const $ = (id) => document.getElementById(id);
export const LONGEST = 200_000;

export class Composer {
  // hooks: send(message), problem(text).
  constructor(hooks) {
    this.hooks = hooks;
    this.field = $("question");
    this.conversation = "";
    this.files = [];
    this.key = "";
    this.reading = 0;
    this.field.oninput = () => this.changed();
    onKeys(this.field, { enter: () => this.submit(), lines: true });
    $("ask").onsubmit = (event) => { event.preventDefault(); this.submit(); };
    $("attach").onclick = () => $("file").click();
    $("file").onchange = () => { this.attach([...$("file").files]); $("file").value = ""; };
    this.field.addEventListener("paste", (event) => { if (event.clipboardData?.files.length) { event.preventDefault(); this.attach([...event.clipboardData.files]); } });
    const area = $("app");
    area.addEventListener("dragover", (event) => event.preventDefault());
    area.addEventListener("drop", (event) => { event.preventDefault(); this.attach([...event.dataTransfer.files]); });
    onDraft((conversation) => { if (conversation === (this.conversation || "new")) this.load(); });
  }

  get text() { return this.field.value; }

  // Shows the draft of a conversation.
  open(conversation) {
    this.conversation = conversation;
    this.load();
  }

  load() {
    const draft = loadDraft(this.conversation);
    this.field.value = draft?.text ?? "";
    this.files = draft?.files ?? [];
    this.key = draft?.key ?? "";
    this.draw();
  }

  changed() {
    this.key = newKey();
    this.keep();
    this.draw();
  }

  keep() {
    saveDraft(this.conversation, { text: this.text, files: this.files, key: this.key });
  }

  set(text, files = []) {
    this.field.value = text;
    this.files = files;
    this.changed();
    this.field.focus();
  }

  // The conversation was made: what was typed for it goes along.
  rename(conversation) {
    for (const place of [(id) => id, outbox]) {
      const held = loadDraft(place(this.conversation));
      if (held && !loadDraft(place(conversation))) saveDraft(place(conversation), held);
      removeDraft(place(this.conversation));
    }
    this.conversation = conversation;
  }

  // A message that was under way when the page went away: the server has it, or it is in the field again.
  recover(lastQuestion) {
    const held = loadDraft(outbox(this.conversation));
    if (!held) return;
    removeDraft(outbox(this.conversation));
    if (pack(held.text.trim(), held.files) !== lastQuestion) this.restore(held);
  }

  async attach(chosen) {
    const conversation = this.conversation;
    for (const file of chosen) {
      this.reading += 1;
      this.draw();
      try {
        checkRoom(this.files);
        const read = await readText(file);
        if (this.conversation === conversation) this.files.push(read);
      } catch (error) {
        this.hooks.problem(error.message);
      } finally {
        this.reading -= 1;
        this.changed();
      }
    }
  }

  submit() {
    if (this.reading || !$("send").offsetParent) return;
    const text = this.text.trim();
    const content = pack(text, this.files);
    if (!content) return;
    if (content.length > LONGEST) return this.hooks.problem(word("too_long"));
    this.key ||= newKey();
    const draft = { text: this.text, files: this.files, key: this.key };
    saveDraft(outbox(this.conversation), draft);
    removeDraft(this.conversation);
    this.clear();
    this.hooks.send({ content, key: draft.key, draft });
  }

  // The field is free for the next message; what was sent stays stored until it is acknowledged.
  clear() {
    this.field.value = "";
    this.files = [];
    this.key = "";
    this.draw();
  }

  // A message was refused: its text is in the field again, before what was typed meanwhile.
  restore(draft) {
    if (this.text.trim() && this.text !== draft.text) this.set(`${draft.text}\n\n${this.text}`, [...draft.files, ...this.files]);
    else {
      this.field.value = draft.text;
      this.files = draft.files;
      this.key = draft.key;
      this.keep();
      this.draw();
    }
  }

  draw() {
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
    $("files").replaceChildren(...this.files.map((file, at) => {
      const chip = node("span", "chip", `📄 ${file.name}`);
      const remove = button("✕", () => { this.files.splice(at, 1); this.changed(); this.field.focus(); }, "bare");
      remove.setAttribute("aria-label", `${word("remove_file")}: ${file.name}`);
      chip.append(remove);
      return chip;
    }), ...(this.reading ? [node("span", "chip", word("reading"))] : []));
    $("send").disabled = this.reading > 0;
  }
}
