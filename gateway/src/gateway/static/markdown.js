// GitHub Markdown as DOM nodes. The library finds the tokens; the nodes are made here, so that nothing a model writes becomes HTML, a script
// or a request: raw HTML is shown as text, a picture as a link, and only http, https and mailto are links, which say where they lead,
// beside those to the form of an alarm.
import { copyButton } from "./copy.js";
import { highlight } from "./highlight.js";
import { extensions, formula } from "./maths.js";
import { Marked } from "./vendor/marked.js";

const marked = new Marked({ gfm: true, breaks: true });
marked.use({ extensions });

function element(name, ...children) {
  const node = document.createElement(name);
  node.append(...children);
  return node;
}

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", deg: "°", micro: "µ", times: "×", middot: "·", mdash: "—", ndash: "–", hellip: "…", copy: "©", plusmn: "±", rarr: "→", le: "≤", ge: "≥" };

const plain = (text) => text.replace(/&(?:#(\d{1,6})|#x([\da-f]{1,5})|(\w{2,8}));/gi, (whole, decimal, hex, name) => {
  if (name) return ENTITIES[name] ?? whole;
  const point = decimal ? Number(decimal) : parseInt(hex, 16);
  return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : whole;
});

// The form of an alarm, on this host: the one place of ours that answers lead to.
const ALARM = "/dashboard#alarm=";

function link(token) {
  let target;
  if (token.type === "link" && token.href.startsWith(ALARM)) {
    const node = element("a", ...inlines(token.tokens));
    Object.assign(node, { href: token.href, target: "_blank", rel: "noopener" });
    return node;
  }
  try { target = new URL(token.href); } catch { target = null; }
  const inside = token.type === "image" ? [`🖼 ${token.text || token.href}`] : inlines(token.tokens);
  if (!target || !["http:", "https:", "mailto:"].includes(target.protocol)) return element("span", ...inside, ` (${token.href})`);
  const node = element("a", ...inside);
  node.href = target.href;
  node.rel = "noopener noreferrer nofollow";
  node.target = "_blank";
  node.title = target.href;
  const shown = node.textContent;
  const host = target.host || target.pathname;
  // The text may claim another place than the link leads to: its host stands beside it.
  if (!shown.includes(host)) { const place = element("span", ` (${host})`); place.className = "target"; return element("span", node, place); }
  return node;
}

function inlines(tokens) {
  return (tokens ?? []).flatMap((token) => {
    switch (token.type) {
      case "strong": return element("strong", ...inlines(token.tokens));
      case "em": return element("em", ...inlines(token.tokens));
      case "del": return element("del", ...inlines(token.tokens));
      case "codespan": return element("code", token.text);
      case "br": return element("br");
      case "formula": return formula(token.tex, token.display);
      case "link": case "image": return link(token);
      case "html": return token.raw.match(/^<br\s*\/?>$/i) ? element("br") : token.raw;
      case "escape": return token.text;
      case "checkbox": return checkbox(token.checked);
      case "text": return token.tokens ? inlines(token.tokens) : plain(token.raw);
      default: return token.raw;
    }
  });
}

function checkbox(checked) {
  const box = document.createElement("input");
  box.type = "checkbox";
  box.disabled = true;
  box.checked = checked;
  box.setAttribute("aria-label", checked ? "✓" : "–");
  return box;
}

function table(token) {
  const cell = (name, { tokens, align }) => { const node = element(name, ...inlines(tokens)); if (align) node.className = `align-${align}`; return node; };
  const head = element("thead", element("tr", ...token.header.map((each) => cell("th", each))));
  const body = element("tbody", ...token.rows.map((row) => element("tr", ...row.map((each) => cell("td", each)))));
  const box = element("div", element("table", head, body));
  box.className = "table";
  box.tabIndex = 0;
  box.setAttribute("role", "group");
  return box;
}

function list(token) {
  const node = element(token.ordered ? "ol" : "ul", ...token.items.map((item) => {
    const children = blocks(item.tokens, !item.loose);
    const entry = element("li", ...children);
    if (item.task) {
      entry.className = "task";
      if (!entry.querySelector("input")) entry.prepend(checkbox(item.checked), " ");
    }
    return entry;
  }));
  if (token.ordered && token.start !== 1) node.start = Number(token.start) || 1;
  return node;
}

function code(token, finished) {
  const label = (token.lang ?? "").trim().split(/\s/)[0].toLowerCase();
  const inside = element("code", ...(finished ? highlight(token.text, label) : [token.text]));
  const head = element("div", element("span", label), copyButton(() => token.text));
  head.className = "code-head";
  const pre = element("pre", inside);
  pre.tabIndex = 0;
  const box = element("div", head, pre);
  box.className = "code";
  return box;
}

// `tight`: paragraphs of a list's entries stand without one.
function blocks(tokens, tight = false, finished = true) {
  return tokens.flatMap((token) => {
    switch (token.type) {
      case "space": case "def": return [];
      case "heading": return element(`h${Math.min(token.depth + 2, 6)}`, ...inlines(token.tokens));
      case "hr": return element("hr");
      case "code": return code(token, finished);
      case "blockquote": return element("blockquote", ...blocks(token.tokens));
      case "list": return list(token);
      case "table": return table(token);
      case "formula": return formula(token.tex, true);
      case "html": return element("p", token.raw.trimEnd());
      case "paragraph": return tight ? inlines(token.tokens) : element("p", ...inlines(token.tokens));
      case "text": return tight || !token.tokens ? inlines([token]) : element("p", ...inlines(token.tokens));
      case "checkbox": return checkbox(token.checked);
      default: return element("p", token.raw);
    }
  });
}

// How many of the tokens can't change any more, whatever follows: those before the last one, once its first line is complete
// (a lone "2" may yet become "2. ", the next entry of the list before it).
function settled(tokens) {
  let last = tokens.length - 1;
  while (last > 0 && tokens[last].type === "space") last -= 1;
  return last > 0 && tokens[last].raw.trimStart().includes("\n") ? last : 0;
}

// Text that grows in an element. Blocks that are finished are made once and never touched again; only the last one is made anew.
export class Rendering {
  constructor(node) {
    this.node = node;
    this.finished = "";
    this.last = [];
    this.open = null;
  }

  // Shows `content`; `ended` when nothing will follow.
  update(content, ended = false) {
    if (content.includes("\r")) content = content.replace(/\r\n?/g, "\n");
    const definitions = ended && /^ {0,3}\[[^\]\n]+\]:\s/m.test(content);
    if (definitions || !content.startsWith(this.finished)) this.reset();
    const rest = content.slice(this.finished.length);
    if (!ended && this.grow(rest)) return;
    const tokens = marked.lexer(rest);
    for (const node of this.last) node.remove();
    this.last = [];
    this.open = null;
    const count = ended ? tokens.length : settled(tokens);
    this.node.append(...blocks(tokens.slice(0, count)));
    this.finished += rest.slice(0, tokens.slice(0, count).reduce((sum, token) => sum + token.raw.length, 0));
    if (ended) this.finished = content;
    else this.show(tokens.slice(count));
  }

  show(tokens) {
    this.last = blocks(tokens, false, false);
    this.node.append(...this.last);
    const fence = tokens.length === 1 && tokens[0].type === "code" && /^ {0,3}(`{3,}|~{3,})/.exec(tokens[0].raw);
    if (fence) this.open = { raw: tokens[0].raw, fence: fence[1] };
  }

  // A block of code that is still open only gets the text that is new.
  grow(rest) {
    if (!this.open || !rest.startsWith(this.open.raw) || !this.open.raw.includes("\n")) return false;
    const more = rest.slice(this.open.raw.length);
    const since = this.open.raw.slice(this.open.raw.lastIndexOf("\n")) + more;
    if (since.includes(`\n${this.open.fence}`) || /\n {1,3}[`~]/.test(since)) return false;
    const inside = this.last[0].querySelector("pre code");
    inside.append(more);
    inside.normalize();
    this.open.raw = rest;
    return true;
  }

  reset() {
    this.node.replaceChildren();
    this.finished = "";
    this.last = [];
    this.open = null;
  }
}

export function render(text) {
  const box = document.createElement("div");
  new Rendering(box).update(text, true);
  return [...box.childNodes];
}
