// Shows /openapi.json: operations by tag, with parameters, body and a curl line.
import { render } from "./markdown.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

function node(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

const description = await (await fetch("/openapi.json")).json();

function resolved(schema) {
  return schema?.$ref ? description.components.schemas[schema.$ref.split("/").pop()] : schema;
}

function kind(schema) {
  const plain = resolved(schema);
  if (!plain) return "any";
  const options = plain.anyOf ?? plain.oneOf;
  if (options) return options.map(kind).filter((name) => name !== "null").join(" | ");
  if (plain.enum) return plain.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (plain.type === "array") return `${kind(plain.items)}[]`;
  return plain.format ?? plain.type ?? "any";
}

function rows(entries) {
  const table = node("table");
  for (const { name, schema, required, text } of entries) {
    const row = node("tr");
    const first = node("td");
    first.append(node("code", "", name + (required ? " *" : "")));
    const more = [text, schema?.default !== undefined && schema.default !== "" && `Default: ${JSON.stringify(schema.default)}.`];
    row.append(first, node("td", "muted", kind(schema)), node("td", "", more.filter(Boolean).join(" ")));
    table.append(row);
  }
  return table;
}

function example(schema) {
  const plain = resolved(schema) ?? {};
  const first = (plain.anyOf ?? []).map(resolved).find((option) => option?.type === "object");
  const made = {};
  for (const [name, property] of Object.entries((first ?? plain).properties ?? {})) {
    if (!((first ?? plain).required ?? []).includes(name)) continue;
    made[name] = kind(property).endsWith("[]") ? [] : kind(property) === "integer" || kind(property) === "number" ? 1 : "…";
  }
  return made;
}

function curl(method, path, body) {
  const lines = [`curl -X ${method.toUpperCase()} ${location.origin}${path}`, `-H "Authorization: Bearer $(cat var/admin.key)"`];
  if (body) lines.push(`-H "Content-Type: application/json"`, `-d '${JSON.stringify(body)}'`);
  return lines.join(" \\\n  ");
}

function operation(method, path, about) {
  const made = node("details", "operation");
  made.dataset.path = `${method} ${path} ${about.summary ?? ""}`.toLowerCase();
  const head = node("summary");
  head.append(node("span", `method ${method}`, method.toUpperCase()), node("code", "", path), node("span", "what", about.summary ?? ""));
  made.append(head);
  made.addEventListener("toggle", () => { if (made.open && made.children.length === 1) made.append(inside(method, path, about)); });
  return made;
}

function inside(method, path, about) {
  const box = node("div", "inside");
  box.append(...render(about.description ?? ""));
  if (about.parameters?.length) {
    box.append(node("h3", "", "Parameters"), rows(about.parameters.map((p) => ({ name: `${p.name} (${p.in})`, schema: p.schema, required: p.required, text: p.description }))));
  }
  const content = about.requestBody?.content ?? {};
  const media = content["application/json"];
  if (Object.keys(content).length) box.append(node("h3", "", `Body: ${Object.keys(content).join(", ")}`));
  const schema = resolved(media?.schema?.anyOf?.[0] ?? media?.schema);
  if (schema?.properties) {
    box.append(rows(Object.entries(schema.properties).map(([name, property]) => ({ name, schema: property, required: schema.required?.includes(name), text: property.description }))));
  }
  box.append(node("h3", "", "Answers"), rows(Object.entries(about.responses ?? {}).map(([name, answer]) => ({ name, schema: { type: Object.keys(answer.content ?? {}).join(", ") || "–" }, text: answer.description }))));
  box.append(node("h3", "", "Try"), node("pre", "", curl(method, path, media && (media.example ?? example(media.schema)))));
  return box;
}

const theme = localStorage.getItem("penstock.theme");
if (theme) document.documentElement.dataset.theme = theme;
document.getElementById("about").append(...render(description.info.description));
const byTag = new Map();
for (const [path, methods] of Object.entries(description.paths)) {
  for (const method of METHODS.filter((name) => methods[name])) {
    const tag = methods[method].tags?.[0] ?? "other";
    byTag.set(tag, [...(byTag.get(tag) ?? []), operation(method, path, methods[method])]);
  }
}
for (const [tag, nodes] of byTag) {
  const section = node("section");
  section.append(node("h2", "", tag), ...nodes);
  document.getElementById("operations").append(section);
}
document.getElementById("filter").oninput = ({ target }) => {
  const wanted = target.value.toLowerCase();
  for (const made of document.querySelectorAll(".operation")) made.hidden = !made.dataset.path.includes(wanted);
  for (const section of document.querySelectorAll("section")) section.hidden = ![...section.querySelectorAll(".operation")].some((made) => !made.hidden);
};
