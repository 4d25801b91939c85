// Settings: the user's API keys and password; for administrators also users and budgets, for operators prices.
import { button, node } from "./answer.js";
import { all, call, json, post, scopes } from "./api.js";
import { copyButton } from "./copy.js";
import { word } from "./i18n.js";
import { onKeys } from "./keys.js";
import { explain } from "./thread.js";

const isAdmin = () => ["admin", "operator"].some((scope) => scopes().includes(scope));
const dialog = document.getElementById("settings");

function section(title) {
  const made = node("section", "");
  made.append(node("h2", "", word(title)));
  return made;
}

function field(label, { options, ...attributes }) {
  const box = node("label", "");
  const made = Object.assign(document.createElement(options ? "select" : "input"), attributes);
  for (const option of options ?? []) made.append(new Option(option));
  box.append(node("span", "", word(label)), made);
  box.field = made;
  return box;
}

// A form of fields with a button; what goes wrong stands below it, and the fields keep what was typed.
function form(fields, label, submit) {
  const made = node("form", "row");
  const told = node("p", "told", "");
  told.setAttribute("role", "status");
  const go = node("button", "primary", word(label));
  made.append(...fields, go, told);
  for (const { field: input } of fields) if (input.tagName === "INPUT") onKeys(input, { enter: () => made.requestSubmit() });
  made.onsubmit = async (event) => {
    event.preventDefault();
    if (go.disabled) return;
    go.disabled = true;
    told.className = "told";
    try {
      told.textContent = (await submit(...fields.map(({ field: input }) => input.value))) ?? "";
      for (const { field: input } of fields) if (input.tagName === "INPUT") input.value = "";
    } catch (error) {
      told.textContent = explain(error);
      told.className = "told bad";
    } finally { go.disabled = false; }
  };
  return made;
}

// Entries with a button that removes one, after a second press on it.
function entries(found, text, remove, redraw) {
  const list = node("ul", "entries");
  list.append(...found.map((each) => {
    const row = node("li", "");
    let sure = false;
    const gone = button(word("remove_entry"), async () => {
      if (!sure) { sure = true; gone.textContent = word("sure"); return; }
      try { await remove(each); await redraw(); } catch (error) { gone.textContent = explain(error); }
    });
    gone.setAttribute("aria-label", `${word("remove_entry")}: ${text(each)}`);
    row.append(node("span", "", text(each)), gone);
    return row;
  }));
  return list;
}

async function keys() {
  const made = section("api_keys");
  const fresh = node("p", "fresh", "");
  const place = node("div", "");
  const redraw = async () => {
    const { keys: found } = await json("/api/v1/keys");
    place.replaceChildren(entries(found, (key) => `${key.name} · ${key.prefix}…`, (key) => call(`/api/v1/keys/${key.id}`, { method: "DELETE" }), redraw));
  };
  made.append(place, form([field("name", { required: true, maxLength: 128 })], "make_key", async (name) => {
    const { key } = await post("/api/v1/keys", { name });
    fresh.replaceChildren(node("code", "", key), copyButton(() => key), node("span", "", word("shown_once")));
    await redraw();
  }), fresh);
  await redraw();
  return made;
}

function password() {
  const made = section("password");
  const fields = [field("current_password", { type: "password", required: true, autocomplete: "current-password" }), field("new_password", { type: "password", required: true, autocomplete: "new-password" })];
  made.append(form(fields, "change", async (current, next) => {
    await post("/api/v2/auth/password", { current_password: current, new_password: next });
    return word("changed");
  }));
  return made;
}

async function users() {
  const made = section("users");
  const place = node("div", "");
  const redraw = async () => {
    const { users: found } = await json("/api/v1/users");
    place.replaceChildren(entries(found, (user) => `${user.username} · ${user.scopes.join(", ")}`, (user) => call(`/api/v1/users/${user.id}`, { method: "DELETE" }), redraw));
  };
  const fields = [field("username", { required: true, maxLength: 128, autocomplete: "off" }), field("password", { type: "password", required: true, autocomplete: "new-password" })];
  made.append(place, form(fields, "make_user", async (username, secret) => {
    await post("/api/v1/users", { username, password: secret });
    await redraw();
  }));
  await redraw();
  return made;
}

async function budgets() {
  const made = section("budgets");
  const place = node("div", "");
  const redraw = async () => {
    const found = await all("/api/v1/budgets?page_size=200", "budgets");
    const text = ({ scope, subject, period, limit }) => `${scope}${subject ? ` ${subject}` : ""} · ${period} · ${typeof limit === "object" ? limit?.amount : limit} USD`;
    place.replaceChildren(entries(found, text, ({ id }) => call(`/api/v1/budgets/${id}`, { method: "DELETE" }), redraw));
  };
  const fields = [field("scope", { options: ["total", "user", "key"] }), field("subject", { maxLength: 64 }), field("period", { options: ["month", "day", "total"] }), field("limit", { required: true, inputMode: "decimal", pattern: "[0-9]{1,12}(\\.[0-9]{1,12})?" })];
  made.append(place, form(fields, "make_budget", async (scope, subject, period, limit) => {
    await post("/api/v1/budgets", { scope, subject, period, limit });
    await redraw();
  }));
  await redraw();
  return made;
}

// The operator's own prices; a price that is set again replaces the one before, for every tenant.
async function prices() {
  const made = section("prices");
  const place = node("div", "");
  const amount = { inputMode: "decimal", pattern: "[0-9]{1,12}(\\.[0-9]{1,12})?" };
  const redraw = async () => {
    const found = (await all("/api/v1/prices?page_size=1000", "prices", 10_000)).filter(({ source }) => source === "operator");
    const list = node("ul", "entries");
    list.append(...found.map(({ provider, model, input, output }) => {
      const row = node("li", "");
      row.append(node("span", "", `${provider}/${model} · ${input} USD → ${output === null ? "–" : `${output} USD`}`));
      return row;
    }));
    place.replaceChildren(list);
  };
  const fields = [
    field("provider", { required: true, maxLength: 64, autocomplete: "off" }), field("model", { required: true, maxLength: 200, autocomplete: "off" }),
    field("input_price", { required: true, ...amount }), field("output_price", amount),
    field("cache_read_price", amount), field("cache_write_price", amount),
  ];
  made.append(place, node("p", "", word("prices_hint")), form(fields, "set_price", async (provider, model, input, output, read, write) => {
    await json("/api/v1/prices", { method: "PUT", body: JSON.stringify({ provider, model, input, output, cache_read: read, cache_write: write }) });
    await redraw();
  }));
  await redraw();
  return made;
}

export async function openSettings() {
  const close = button("✕", () => dialog.close(), "bare close");
  close.setAttribute("aria-label", word("close"));
  const head = node("header", "");
  const title = node("h1", "", word("settings"));
  title.id = "settings-title";
  head.append(title, close);
  dialog.replaceChildren(head);
  dialog.showModal();
  const parts = [keys, password, ...(isAdmin() ? [users, budgets] : []), ...(scopes().includes("operator") ? [prices] : [])];
  const made = await Promise.all(parts.map((part) => Promise.resolve(part()).catch((error) => node("p", "bad", explain(error)))));
  dialog.append(...made);
}
