// The field at the bottom: what is typed is kept as a draft at every key, per conversation, until the server has it.
import { button, node } from "./answer.js";
import { loadDraft, newKey, onDraft, outbox, removeDraft, saveDraft } from "./drafts.js";
import { checkRoom, readText } from "./files.js";
import * as shown from "./pictures.js";
import { word } from "./i18n.js";
import { onKeys } from "./keys.js";
import { pack, sameQuestion } from "./question.js";

const $ = (id) => document.getElementById(id);
export const LONGEST = 200_000;

export class Composer {
  // hooks: send(message), problem(text).
  constructor(hooks) {
    this.hooks = hooks;
    this.field = $("question");
    this.conversation = "";
    this.files = [];
    this.pictures = [];
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
    this.pictures = draft?.pictures ?? [];
    this.key = draft?.key ?? "";
    this.draw();
  }

  changed() {
    this.key = newKey();
    this.keep();
    this.draw();
  }

  keep() {
    saveDraft(this.conversation, this.draft);
  }

  get draft() { return { text: this.text, files: this.files, pictures: this.pictures, key: this.key }; }

  set(text, files = [], pictures = []) {
    this.field.value = text;
    this.files = files;
    this.pictures = pictures;
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

  // A message that was under way when the page went away: the server has it, `last` being its last question, or it is in the field again.
  recover(last) {
    const held = loadDraft(outbox(this.conversation));
    if (!held) return;
    removeDraft(outbox(this.conversation));
    if (!sameQuestion({ content: pack(held.text.trim(), held.files), pictures: held.pictures }, last)) this.restore(held);
  }

  async attach(chosen) {
    const conversation = this.conversation;
    for (const file of chosen) {
      this.reading += 1;
      this.draw();
      try {
        const add = await (shown.isPicture(file) ? this.readPicture(file) : this.readFile(file));
        if (this.conversation === conversation) add();
      } catch (error) {
        this.hooks.problem(error.message);
      } finally {
        this.reading -= 1;
        this.changed();
      }
    }
  }

  // Each returns what adds the file to the message. Room is looked for again then: several are read at a time.
  async readFile(file) {
    checkRoom(this.files);
    const read = await readText(file);
    return () => { checkRoom(this.files); this.files.push(read); };
  }

  async readPicture(file) {
    shown.checkRoom(this.pictures);
    const read = await shown.readPicture(file);
    return () => { shown.checkRoom(this.pictures); this.pictures = [...this.pictures, read]; };
  }

  submit() {
    if (this.reading || !$("send").offsetParent) return;
    const text = this.text.trim();
    const content = pack(text, this.files);
    if (!content && !this.pictures.length) return;
    if (content.length > LONGEST) return this.hooks.problem(word("too_long"));
    this.key ||= newKey();
    const { draft } = this;
    // In this order, since the browser's storage may not hold the pictures twice.
    removeDraft(this.conversation);
    saveDraft(outbox(this.conversation), draft);
    this.clear();
    this.hooks.send({ content, pictures: draft.pictures, key: draft.key, draft });
  }

  // The field is free for the next message; what was sent stays stored until it is acknowledged.
  clear() {
    this.field.value = "";
    this.files = [];
    this.pictures = [];
    this.key = "";
    this.draw();
  }

  // A message was refused: its text is in the field again, before what was typed meanwhile.
  restore(draft) {
    const pictures = draft.pictures ?? [];
    if ((this.text.trim() && this.text !== draft.text) || (this.pictures.length && this.pictures !== pictures)) {
      this.set([draft.text, this.text].filter(Boolean).join("\n\n"), [...draft.files, ...this.files], [...pictures, ...this.pictures]);
    } else {
      this.field.value = draft.text;
      this.files = draft.files;
      this.pictures = pictures;
      this.key = draft.key;
      this.keep();
      this.draw();
    }
  }

  draw() {
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
    const pictures = this.pictures.map((picture, at) => {
      const image = node("img", "");
      image.src = shown.dataUrl(picture);
      image.alt = picture.name;
      return this.chip(picture.name, [image], () => { this.pictures = this.pictures.filter((_, other) => other !== at); });
    });
    const files = this.files.map((file, at) => this.chip(file.name, [`📄 ${file.name}`], () => this.files.splice(at, 1)));
    $("files").replaceChildren(...pictures, ...files, ...(this.reading ? [node("span", "chip", word("reading"))] : []));
    $("send").disabled = this.reading > 0;
  }

  chip(name, shows, take) {
    const chip = node("span", "chip");
    const remove = button("✕", () => { take(); this.changed(); this.field.focus(); }, "bare");
    remove.setAttribute("aria-label", `${word("remove_file")}: ${name}`);
    chip.append(...shows, remove);
    return chip;
  }
}
