// What was typed and the server has not acknowledged: kept per user and conversation, seen by all tabs of the browser, gone after sign-out.
// A draft is {text, files: [{name, text}], key}; `key` is the idempotency key of the message it becomes, so that the same draft sent from two
// tabs, or again after a reload, is one message.
import { userId } from "./api.js";

const PREFIX = "penstock.draft.";
const unstored = new Map();
const nameOf = (conversation) => `${PREFIX}${userId()}.${conversation || "new"}`;

export const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export function loadDraft(conversation) {
  const name = nameOf(conversation);
  try { return unstored.get(name) ?? JSON.parse(localStorage.getItem(name) ?? "null"); } catch { return null; }
}

export function saveDraft(conversation, draft) {
  const name = nameOf(conversation);
  if (!draft.text && !draft.files.length) return removeDraft(conversation);
  try {
    localStorage.setItem(name, JSON.stringify(draft));
    unstored.delete(name);
  } catch { unstored.set(name, draft); } // The browser's storage is full: this tab still holds it.
}

// Removes the draft, unless it has become another message meanwhile.
export function removeDraft(conversation, key = "") {
  if (key && loadDraft(conversation)?.key !== key) return;
  unstored.delete(nameOf(conversation));
  localStorage.removeItem(nameOf(conversation));
}

// A message that is under way: no draft any more, and not yet acknowledged.
export const outbox = (conversation) => `${conversation || "new"}#sent`;

export function forgetDrafts() {
  const mine = `${PREFIX}${userId()}.`;
  for (const name of Object.keys(localStorage)) if (name.startsWith(mine)) localStorage.removeItem(name);
  unstored.clear();
}

// Calls `listener` with the conversation ("new" for none yet) whose draft another tab has changed.
export function onDraft(listener) {
  addEventListener("storage", ({ key }) => {
    const mine = `${PREFIX}${userId()}.`;
    if (key?.startsWith(mine) && !key.endsWith("#sent")) listener(key.slice(mine.length));
  });
}
