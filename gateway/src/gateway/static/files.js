// Files that are attached to a message: text files, read in the browser and sent as text.
import { word } from "./i18n.js";

const MOST_FILES = 10;
const MOST_CHARACTERS = 150_000;

// Returns {name, text}; raises Error that says why the file can't be attached.
export async function readText(file) {
  if (/^(video|audio)\//.test(file.type)) throw new Error(word("no_sound").replace("%", file.name));
  if (file.size > MOST_CHARACTERS * 4) throw new Error(word("file_too_large").replace("%", file.name));
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text;
  try { text = new TextDecoder("utf-8", { fatal: true }).decode(bytes); } catch { throw new Error(word("no_text").replace("%", file.name)); }
  if (text.includes("\0")) throw new Error(word("no_text").replace("%", file.name));
  if (text.length > MOST_CHARACTERS) throw new Error(word("file_too_large").replace("%", file.name));
  return { name: file.name, text: text.replace(/\r\n?/g, "\n").replace(/\n$/, "") };
}

export function checkRoom(files) {
  if (files.length >= MOST_FILES) throw new Error(word("too_many_files"));
}
