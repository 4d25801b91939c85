// The tables and lists beside the charts, each from the API route that answers it anyway.
import { json } from "./api.js";
import { number } from "./chart.js";

const $ = (id) => document.getElementById(id);

export function element(name, options = {}, ...children) {
  const made = Object.assign(document.createElement(name), options);
  made.append(...children);
  return made;
}

export function fill(table, heads, rows) {
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col", textContent: text })));
  const body = rows.map((cells) =>
    element("tr", {}, ...cells.map((cell) => (cell instanceof Node ? cell : element("td", { textContent: cell ?? "–" })))),
  );
  const empty = element("tr", {}, element("td", { colSpan: heads.length, textContent: "nothing yet", className: "muted" }));
  table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...(body.length ? body : [empty])));
}

function define(list, entries) {
  const pairs = entries.flatMap(([name, value]) => [
    element("dt", { textContent: name }),
    element("dd", { textContent: value ?? "–" }),
  ]);
  list.replaceChildren(...pairs);
}

// What went wrong, as a sentence: the service's own, or that nobody answered.
export const told = (error) => (error instanceof TypeError ? "The gateway is not reached." : error.message);
// A figure as it is, to six digits.
export const figure = (value) => (typeof value === "number" && Number.isFinite(value) ? String(Number(value.toPrecision(6))) : "–");
export function lasting(seconds) {
  const [size, name] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([each]) => seconds >= 2 * each) ?? [1, "s"];
  return `${number(seconds / size)} ${name}`;
}
export const moment = (seconds) => new Date(seconds * 1000).toLocaleString();

// A small button in a list that chooses the entry of a number.
export const chooser = (kind, text, onclick) =>
  element("button", { type: "button", className: "quiet small", textContent: text, ariaLabel: `${kind} ${text}`, onclick });

const verdict = (text, good) => element("td", { textContent: text, className: good ? "good" : "bad" });
const share = (value) => (value === null || value === undefined ? "–" : `${(value * 100).toFixed(1)} %`);
const time = (text) => (text ? new Date(text).toLocaleTimeString() : "–");

// The names of a chart's series with their colours.
export function legendOf(series) {
  const legend = element("span", { className: "legend" });
  for (const { name, color } of series) {
    const swatch = element("span", { className: "swatch" });
    swatch.style.setProperty("--swatch", `var(${color})`);
    legend.append(element("span", {}, swatch, name));
  }
  return legend;
}

export function showRecent(requests) {
  const rows = requests.map((each) => [
    time(each.time),
    each.method,
    element("td", { className: "long", textContent: each.endpoint, title: `${each.endpoint} · ${each.request_id}` }),
    verdict(String(each.status), each.status < 400),
    element("td", { className: "num", textContent: each.duration }),
  ]);
  fill($("recent"), ["Time", "Method", "Route", "Status", "Took"], rows);
}

export function showMachine({ memory_usage: memory, cpu_usage: cpu }, { streams }) {
  define($("machine"), [
    ["Memory used", memory === null ? null : `${memory.toFixed(1)} %`],
    ["Processors used", cpu === null ? null : `${cpu.toFixed(1)} %`],
    ["Open streams", String(streams.active)],
  ]);
}

async function showProviders() {
  const { providers } = await json("/api/v1/monitoring/providers");
  const rows = Object.entries(providers).map(([name, each]) => {
    const rested = each.keys.filter((key) => key.state !== "ok" && key.state !== "active");
    const rest = each.cooldown_until && Date.parse(each.cooldown_until) > Date.now() ? `until ${time(each.cooldown_until)}` : "–";
    return [
      name,
      verdict(each.breaker_state || "–", !each.breaker_state || each.breaker_state === "closed"),
      each.keys.length ? `${each.keys.length - rested.length} of ${each.keys.length}` : "–",
      rest,
      element("td", { className: "num", textContent: each.latency_p95_ms === null ? "–" : `${number(each.latency_p95_ms)} ms` }),
      element("td", { className: "num", textContent: `${each.failures} of ${each.requests}` }),
      each.last_error_kind ?? "–",
    ];
  });
  fill($("providers"), ["Provider", "Breaker", "Keys", "Rests", "P95", "Failures", "Last error"], rows);
}

async function showCache() {
  const stats = await json("/api/v1/cache/stats");
  define($("cache"), [
    ["Backend", stats.backend],
    ["Hit rate, ten minutes", share(stats.hit_rate)],
    ["Entries", number(stats.entries)],
    ["Size", `${number(stats.bytes)}B`],
    ["Evictions", number(stats.evictions)],
    ["Breaker", stats.breaker_state || "–"],
  ]);
}

async function showBudgets() {
  const { budgets } = await json("/api/v1/budgets");
  const shown = budgets.map((budget) => {
    const limit = Number(budget.limit.amount);
    const spent = Number(budget.spent?.amount ?? 0);
    const name = [budget.scope, budget.subject].filter(Boolean).join(" ");
    const meter = element("meter", { min: 0, max: limit || 1, value: Math.min(spent, limit || 1), high: limit * 0.9, ariaLabel: `Spent of ${name}` });
    const text = element("div", {}, element("span", { textContent: `${name}, ${budget.period}` }), element("span", { textContent: `$${number(spent)} of $${number(limit)}` }));
    return element("div", { className: "budget" }, text, meter);
  });
  $("budgets").replaceChildren(...(shown.length ? shown : [element("p", { className: "muted", textContent: "There is no budget." })]));
}

// Asks what is not in the frames; one that fails leaves its panel as it is.
export async function refreshPanels(isOperator) {
  for (const panel of document.querySelectorAll(".operator")) panel.hidden = !isOperator;
  const asked = [showBudgets(), ...(isOperator ? [showProviders(), showCache()] : [])];
  await Promise.allSettled(asked);
}

// Says which span of a layer is chosen, and from which side of it one can step on; `one` is its word in the ids, `ids` are
// those of what is shown with it. Returns whether one is chosen.
export function showChosen(one, layer, heading, ids) {
  const some = layer !== null && layer.chosen !== null;
  for (const id of ids) $(id).hidden = !some;
  $(`${one}-chosen`).textContent = some ? heading(layer.chosen) : "";
  if (!some) return false;
  $(`${one}-previous`).disabled = layer.chosen === 0;
  $(`${one}-next`).disabled = layer.chosen === layer.spans.length - 1;
  return true;
}
