// The little of Markdown that answers use, built as DOM nodes: nothing a model writes becomes HTML.
const INLINE = /(`[^`\n]+`)|\*\*([^*\n]+)\*\*|\*([^*\n]+)\*|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)/g;

function element(name, ...children) {
  const node = document.createElement(name);
  node.append(...children);
  return node;
}

function inline(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    if (found.index > from) nodes.push(text.slice(from, found.index));
    if (found[1]) nodes.push(element("code", found[1].slice(1, -1)));
    else if (found[2]) nodes.push(element("strong", found[2]));
    else if (found[3]) nodes.push(element("em", found[3]));
    else {
      const link = element("a", found[4]);
      link.href = found[5];
      link.rel = "noopener noreferrer";
      link.target = "_blank";
      nodes.push(link);
    }
    from = found.index + found[0].length;
  }
  nodes.push(text.slice(from));
  return nodes;
}

const cells = (line) => line.replace(/^\s*\||\|\s*$/g, "").split("|").map((cell) => cell.trim());

function table(lines) {
  const row = (line, kind) => element("tr", ...cells(line).map((cell) => element(kind, ...inline(cell))));
  return element("table", element("thead", row(lines[0], "th")), element("tbody", ...lines.slice(2).map((line) => row(line, "td"))));
}

function list(lines, name, mark) {
  return element(name, ...lines.map((line) => element("li", ...inline(line.replace(mark, "")))));
}

function block(lines) {
  const heading = /^(#{1,4})\s+(.*)$/.exec(lines[0]);
  if (heading) {
    const rest = lines.slice(1);
    const node = element(`h${Math.min(heading[1].length + 2, 6)}`, ...inline(heading[2]));
    return rest.length ? [node, ...block(rest)] : [node];
  }
  if (lines.length > 1 && lines[0].includes("|") && /^[\s|:-]+$/.test(lines[1])) return [table(lines)];
  const bullet = /^\s*[-*•]\s+/, number = /^\s*\d+[.)]\s+/;
  const start = lines.findIndex((line) => bullet.test(line) || number.test(line));
  if (start >= 0) {
    const mark = bullet.test(lines[start]) ? bullet : number;
    let end = start;
    while (end < lines.length && mark.test(lines[end])) end += 1;
    return [
      ...(start ? block(lines.slice(0, start)) : []),
      list(lines.slice(start, end), mark === bullet ? "ul" : "ol", mark),
      ...(end < lines.length ? block(lines.slice(end)) : []),
    ];
  }
  const paragraph = element("p");
  lines.forEach((line, index) => paragraph.append(...(index ? [element("br")] : []), ...inline(line)));
  return [paragraph];
}

export function render(text) {
  const nodes = [];
  text.split(/^```[^\n]*\n?/m).forEach((part, index) => {
    if (index % 2) nodes.push(element("pre", element("code", part)));
    else for (const lines of part.split(/\n\s*\n/)) if (lines.trim()) nodes.push(...block(lines.replace(/^\n+|\n+$/g, "").split("\n")));
  });
  return nodes;
}
