// A message of the user: its text, the files that came with it, and what can be done with it.
import { button, node } from "./answer.js";
import { copyButton } from "./copy.js";
import { word } from "./i18n.js";
import { gallery, sizes } from "./pictures.js";

const FILE = /(?:^|\n\n)\[file: ([^\n]*)\]\n(`{3,})[^\n]*\n([\s\S]*?)\n\2(?=\n\n\[file: |$)/g;

// The content of a message: what was typed, and each file in a fence longer than any in it.
export function pack(text, files) {
  return [text, ...files.map(({ name, text: inside }) => {
    const longest = Math.max(2, ...(inside.match(/`+/g) ?? []).map((run) => run.length));
    const fence = "`".repeat(longest + 1);
    return `[file: ${name.replace(/[\n\]]/g, " ")}]\n${fence}\n${inside}\n${fence}`;
  })].filter(Boolean).join("\n\n");
}

export function unpack(content) {
  const files = [];
  const text = content.replace(FILE, (whole, name, fence, inside) => { files.push({ name, text: inside }); return ""; });
  return { text, files };
}

export function fileChip({ name, text }) {
  const made = node("details", "file");
  made.append(node("summary", "", `📄 ${name}`), node("pre", "", text));
  made.lastChild.tabIndex = 0;
  return made;
}

// Whether two questions, sent or stored, say and show the same.
export const sameQuestion = (one, other) => one?.content === other?.content && sizes(one?.pictures) === sizes(other?.pictures);

export function question(content, pictures = [], { onEdit } = {}) {
  const { text, files } = unpack(content);
  const made = node("article", "message user");
  made.setAttribute("aria-label", word("you"));
  const bubble = node("div", "text", text);
  if (pictures.length) {
    bubble.prepend(gallery(pictures));
    bubble.firstChild.classList.toggle("over", Boolean(text || files.length));
  }
  bubble.append(...files.map(fileChip));
  const actions = node("div", "actions");
  actions.append(copyButton(() => content));
  if (onEdit) actions.append(button(word("edit"), () => onEdit(content, pictures)));
  made.append(bubble, actions);
  made.content = content;
  made.pictures = pictures;
  return made;
}
