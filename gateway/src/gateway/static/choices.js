// Model, engine and personality of the next messages, remembered in this browser per user.
import { all, json, userId } from "./api.js";
import { word } from "./i18n.js";

const NAMES = ["model", "engine", "personality"];
const $ = (id) => document.getElementById(id);
const store = () => `penstock.choices.${userId()}`;
const kept = () => JSON.parse(localStorage.getItem(store()) ?? "{}");

function fill(name, entries) {
  const first = new Option(word(`default_${name}`), "");
  $(name).replaceChildren(first, ...entries.map(({ value, label }) => new Option(label, value)));
  const wanted = kept()[name] ?? "";
  $(name).value = entries.some(({ value }) => value === wanted) ? wanted : "";
  $(name).hidden = entries.length === 0;
}

// Embedding models are in the list too, and answer no question.
const answers = ({ capabilities }) => !capabilities?.length || capabilities.includes("chat");

export async function loadChoices() {
  const [models, engines, personalities] = await Promise.all([
    json("/v1/models?limit=1000").then(({ data }) => data, () => []),
    json("/api/v1/engines").then(({ engines: found }) => found, () => []),
    all("/api/v1/personalities?page_size=200", "personalities").catch(() => []),
  ]);
  fill("model", models.filter(answers).map(({ id }) => ({ value: id, label: id })));
  fill("engine", engines.map(({ name, healthy }) => ({ value: name, label: healthy ? name : `${name} ⚠` })));
  fill("personality", personalities.map(({ id, name }) => ({ value: id, label: name })));
}

// The fields of a question that name what was chosen.
export function chosen() {
  const { model, engine, personality } = kept();
  return { ...(model && { model }), ...(engine && { engine }), ...(personality && { personality_id: personality }) };
}

for (const name of NAMES) {
  $(name).onchange = () => localStorage.setItem(store(), JSON.stringify({ ...kept(), [name]: $(name).value }));
}
