// Colours of code: comments, strings, numbers, keywords and names, by one small scanner for all languages. Makes text nodes, never HTML.
const KEYWORDS = {
  python: "and as assert async await break case class continue def del elif else except False finally for from global if import in is lambda match None nonlocal not or pass raise return True try while with yield self",
  javascript: "async await break case catch class const continue default delete do else export extends false finally for from function if import in instanceof let new null of return static super switch this throw true try typeof undefined var void while yield interface type enum implements private public readonly",
  c: "auto bool break case char class const constexpr continue default delete do double else enum explicit export extern false float for friend goto if include inline int long namespace new nullptr operator override private protected public return short signed sizeof static std string struct switch template this throw true try typedef typename union unsigned using virtual void volatile while using var foreach string object null async await",
  java: "abstract boolean break byte case catch char class const continue default do double else enum extends false final finally float for if implements import instanceof int interface long native new null package private protected public return short static super switch synchronized this throw throws true try var void volatile while fun val when object",
  go: "break case chan const continue default defer else fallthrough false for func go goto if import interface map nil package range return select string struct switch true type var int error bool",
  rust: "as async await break const continue crate else enum extern false fn for if impl in let loop match mod move mut pub ref return self Self static struct super trait true type unsafe use where while",
  sql: "select from where group by order having insert into values update set delete create table alter drop index view join left right inner outer full on as and or not null is in like between union all distinct limit offset case when then else end primary key references with count sum avg min max",
  shell: "if then else elif fi for while do done case esac in function return export local set unset echo cd exit sudo source",
  yaml: "true false null yes no on off", json: "true false null", css: "", html: "",
};
const ALIASES = {
  py: "python", py3: "python", js: "javascript", jsx: "javascript", ts: "javascript", tsx: "javascript", typescript: "javascript", node: "javascript",
  cpp: "c", "c++": "c", h: "c", hpp: "c", cs: "c", csharp: "c", kotlin: "java", scala: "java", golang: "go", rs: "rust", bash: "shell", sh: "shell", zsh: "shell",
  console: "shell", yml: "yaml", toml: "yaml", ini: "yaml", dockerfile: "shell", jsonc: "json", xml: "html", svg: "html", postgresql: "sql", mysql: "sql", sqlite: "sql",
};
const HASH = ["python", "shell", "yaml"];
const SLASHES = ["javascript", "c", "java", "go", "rust", "css"];
const STRINGS = String.raw`"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|` + "`(?:\\\\.|[^`\\\\])*`";
const NUMBERS = String.raw`\b(?:0[xX][\da-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)\b`;
const scanners = new Map();

function scanner(language) {
  const comments = [];
  if (HASH.includes(language)) comments.push("(?<![\\w$&])#[^\\n]*");
  if (SLASHES.includes(language)) comments.push("/\\*[\\s\\S]*?\\*/", ...(language === "css" ? [] : ["//[^\\n]*"]));
  if (language === "sql") comments.push("--[^\\n]*", "/\\*[\\s\\S]*?\\*/");
  if (language === "html") comments.push("<!--[\\s\\S]*?-->");
  const words = language === "html" ? "</?[A-Za-z][\\w:-]*|/?>" : "[A-Za-z_][\\w]*";
  return new RegExp(`(?<comment>${comments.join("|") || "(?!)"})|(?<string>${STRINGS})|(?<number>${NUMBERS})|(?<word>${words})`, "g");
}

function kindOf(groups, language, words, followed) {
  if (groups.comment !== undefined) return "comment";
  if (groups.string !== undefined) return /^(json|yaml)$/.test(language) && followed === ":" ? "name" : "string";
  if (groups.number !== undefined) return "number";
  if (language === "html") return "keyword";
  if (words.has(language === "sql" ? groups.word.toLowerCase() : groups.word)) return "keyword";
  return followed === "(" ? "name" : /^(yaml|css)$/.test(language) && followed === ":" ? "name" : "";
}

// Returns the nodes of `code`; plain text for a language that is not known.
export function highlight(code, label) {
  const language = ALIASES[label] ?? label;
  if (!(language in KEYWORDS) || code.length > 200_000) return [code];
  if (!scanners.has(language)) scanners.set(language, { pattern: scanner(language), words: new Set(KEYWORDS[language].split(" ")) });
  const { pattern, words } = scanners.get(language);
  const nodes = [];
  let from = 0;
  for (const found of code.matchAll(pattern)) {
    const end = found.index + found[0].length;
    const kind = kindOf(found.groups, language, words, code[end]);
    if (!kind) continue;
    const node = document.createElement("span");
    node.className = `hl-${kind}`;
    node.textContent = found[0];
    nodes.push(code.slice(from, found.index), node);
    from = end;
  }
  nodes.push(code.slice(from));
  return nodes;
}
