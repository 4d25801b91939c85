// Files that the browser keeps: a blob under a name, a table as CSV.
export function saveAs(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// A label as a file's name; letters and digits of every script stay.
export function nameOf(label, kind) {
  const name = label.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, "-").replaceAll(/^-|-$/g, "");
  return `${name || "chart"}.${kind}`;
}

// A spreadsheet takes a text that begins like this for a formula and carries it out; numbers stay numbers.
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
const harmless = (cell) => (typeof cell === "string" && FORMULA.test(cell) && !Number.isFinite(Number(cell)) ? `'${cell}` : String(cell ?? ""));

const quoted = (cell) => {
  const text = harmless(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

export const csvOf = (heads, rows) => [heads, ...rows].map((cells) => `${cells.map(quoted).join(",")}\n`).join("");
export const csvBlob = (heads, rows) => new Blob([csvOf(heads, rows)], { type: "text/csv" });
