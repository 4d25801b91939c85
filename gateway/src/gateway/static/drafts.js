// What was typed and the server has not acknowledged: kept per user and conversation, seen by all tabs of the browser, gone after sign-out.
// A draft is {text, files: [{name, text}], pictures, key}; pictures are large and stored apart, when they change. `key` is the idempotency key of the message it becomes, so that the same draft sent from two
// tabs, or again after a reload, is one message.
import { userId } from "./api.js";

const PREFIX = "penstock.draft.";
const PICTURES = "#pictures";
const unstored = new Map();
const written = new Map();
const nameOf = (conversation) => `${PREFIX}${userId()}.${conversation || "new"}`;

export const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export function loadDraft(conversation) {
  const name = nameOf(conversation);
  try { return unstored.get(name) ?? read(name); } catch { return null; }
}

function read(name) {
  const draft = JSON.parse(localStorage.getItem(name) ?? "null");
  return draft && { ...draft, pictures: JSON.parse(localStorage.getItem(name + PICTURES) ?? "[]") };
}

export function saveDraft(conversation, draft) {
  const name = nameOf(conversation);
  const { pictures = [], ...rest } = draft;
  if (!draft.text && !draft.files.length && !pictures.length) return removeDraft(conversation);
  try {
    if (written.get(name) !== pictures) writePictures(name, pictures);
    localStorage.setItem(name, JSON.stringify(rest));
    unstored.delete(name);
  } catch { // The browser's storage is full: this tab still holds it, and another one what fits.
    unstored.set(name, draft);
    dropPictures(name);
    try { localStorage.setItem(name, JSON.stringify(rest)); } catch { /* nothing fits */ }
  }
}

// Pictures are never changed, but exchanged: the same array is the same pictures.
function writePictures(name, pictures) {
  if (!pictures.length) return dropPictures(name);
  written.delete(name);
  localStorage.setItem(name + PICTURES, JSON.stringify(pictures));
  written.set(name, pictures);
}

function dropPictures(name) {
  written.delete(name);
  localStorage.removeItem(name + PICTURES);
}

// Removes the draft, unless it has become another message meanwhile.
export function removeDraft(conversation, key = "") {
  if (key && loadDraft(conversation)?.key !== key) return;
  unstored.delete(nameOf(conversation));
  localStorage.removeItem(nameOf(conversation));
  dropPictures(nameOf(conversation));
}

// A message that is under way: no draft any more, and not yet acknowledged.
export const outbox = (conversation) => `${conversation || "new"}#sent`;

export function forgetDrafts() {
  const mine = `${PREFIX}${userId()}.`;
  for (const name of Object.keys(localStorage)) if (name.startsWith(mine)) localStorage.removeItem(name);
  unstored.clear();
  written.clear();
}

// Calls `listener` with the conversation ("new" for none yet) whose draft another tab has changed.
export function onDraft(listener) {
  addEventListener("storage", ({ key }) => {
    const mine = `${PREFIX}${userId()}.`;
    if (!key?.startsWith(mine) || key.includes("#sent") || key.endsWith(PICTURES)) return;
    written.delete(key);
    listener(key.slice(mine.length));
  });
}
