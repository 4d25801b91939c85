// Formulas in Markdown: which dollars are formulas is decided while parsing, and what is one becomes MathML.
//
// A dollar opens a formula unless a letter or digit stands before it or a space after it, and closes one unless a space stands before it or
// a digit after it; "$2bn to $4bn", "US$5", "$100-$200" and "$AAPL" stay text. Words without any sign of TeX between two dollars are prose.
const INLINE = /^\$(?![\s$])((?:\\[\s\S]|[^\\$`\n]|\n(?!\s*\n))*?[^\s\\$]|\\[^\s])\$(?![\d$])/;
// No formula goes over an empty line.
const PAREN = /^\\\(((?:(?!\n\s*\n)[\s\S]){1,4000}?)\\\)/;
const DISPLAY = /^(?:\$\$((?:(?!\n\s*\n)[\s\S]){1,8000}?)\$\$|\\\[((?:(?!\n\s*\n)[\s\S]){1,8000}?)\\\])/;
const BLOCK = new RegExp(String.raw`^ {0,3}${DISPLAY.source.slice(1)}[ \t]*(?:\n|$)`);

const prose = (text) => /[-+/=,(]$/.test(text) || (!/[\\^_{}=+*/<>|]/.test(text) && /[A-Za-z]{2,}/.test(text) && (/\s/.test(text) || /^[\d.,]+[A-Za-z]/.test(text)));

const money = {
  name: "money",
  level: "inline",
  start: (text) => { const at = text.search(/[A-Za-z0-9]\$/); return at < 0 ? undefined : at; },
  tokenizer(text) {
    const found = /^[A-Za-z0-9]\$+/.exec(text);
    return found ? { type: "text", raw: found[0], text: found[0] } : undefined;
  },
};

const inline = {
  name: "formula",
  level: "inline",
  start: (text) => { const at = text.search(/\$|\\[([]/); return at < 0 ? undefined : at; },
  tokenizer(text) {
    const display = DISPLAY.exec(text);
    if (display) return { type: "formula", raw: display[0], tex: (display[1] ?? display[2]).trim(), display: true };
    const found = PAREN.exec(text) ?? INLINE.exec(text);
    if (found && !(found[0][0] === "$" && prose(found[1]))) return { type: "formula", raw: found[0], tex: found[1].trim(), display: false };
    // A dollar that opens nothing is text, so that it is not looked at again.
    const dollars = /^\$+/.exec(text);
    return dollars ? { type: "text", raw: dollars[0], text: dollars[0] } : undefined;
  },
};

const block = {
  name: "formulas",
  level: "block",
  start: (text) => { const at = text.search(/(?:^|\n) {0,3}(?:\$\$|\\\[)/); return at < 0 ? undefined : at; },
  tokenizer(text) {
    const found = BLOCK.exec(text);
    return found ? { type: "formula", raw: found[0], tex: (found[1] ?? found[2]).trim(), display: true } : undefined;
  },
};

export const extensions = [money, inline, block];

let temml = null;
const loading = () => (temml ??= import("./vendor/temml.js").then((module) => module.default));

// Returns the element of a formula: its TeX at first, MathML as soon as the library is there.
export function formula(tex, display) {
  const node = document.createElement(display ? "div" : "span");
  node.className = display ? "formula display" : "formula";
  node.textContent = tex;
  loading().then((library) => {
    const made = document.createElement("span");
    library.render(tex, made, { displayMode: display, throwOnError: true, trust: false, maxSize: [25, 500], maxExpand: 200 });
    node.replaceChildren(...made.childNodes);
    node.title = tex;
  }).catch(() => node.classList.add("broken"));
  return node;
}
