// Alerts and alarms: what fires, with acknowledge and snooze; the alarms on device values, made, changed and deleted.
import { call, json, mayWrite, post, scopes, userId } from "./api.js";
import { number } from "./chart.js";
import { element, fill, told } from "./dashboard-panels.js";

const $ = (id) => document.getElementById(id);
const SNOOZE_SECONDS = 3600;
// An alarm is changed by who made it and by administrators.
const mayChange = ({ user_id: maker }) => mayWrite() && (maker === userId() || scopes().some((scope) => scope === "admin" || scope === "operator"));
// It is snoozed by them, too; what is no alarm by whom it is shown.
const maySnooze = ({ rule_id: rule }, alarms) => alarms.every((alarm) => alarm.id !== rule || mayChange(alarm));

// Which fields of the form a kind of alarm has.
const PARTS = { above: ["field", "limit"], below: ["field", "limit"], outside: ["field", "band"], no_data: [], anomaly: ["field", "limit", "baseline"] };
const LINK = "#alarm=";
let edited = null;

const moment = (text) => (text ? new Date(text).toLocaleString() : "–");
const say = (text) => { $("alarm-status").textContent = text; };

function condition(alarm) {
  const held = alarm.seconds ? ` for ${number(alarm.seconds)} s` : "";
  switch (alarm.watch) {
    case "above": return `${alarm.field} > ${alarm.limit}${held}`;
    case "below": return `${alarm.field} < ${alarm.limit}${held}`;
    case "outside": return `${alarm.field} outside ${alarm.lower} to ${alarm.upper}${held}`;
    case "no_data": return `no data for ${number(alarm.seconds)} s`;
    default: return `anomaly score > ${alarm.limit || "the detector's threshold"}${held}`;
  }
}

function button(text, label, act) {
  const made = element("button", { type: "button", className: "quiet small", textContent: text, ariaLabel: label });
  made.onclick = () => act(made).catch((error) => say(`Not done: ${told(error)}`));
  return made;
}

const cell = (...children) => element("td", {}, ...children);
const long = (text) => element("td", { className: "long", textContent: text, title: text });

function alertRow(alert, alarms) {
  const fires = alert.status === "firing" || alert.status === "no_data";
  const subject = alert.labels.device_code ?? alert.labels.service ?? alert.labels.provider ?? alert.labels.budget ?? "";
  const name = [alert.rule, subject].filter(Boolean).join(" · ");
  const snoozed = alert.snoozed_until && Date.parse(alert.snoozed_until) > Date.now();
  const path = `/api/v1/alerts/${encodeURIComponent(alert.fingerprint)}`;
  const act = async (what, body, done) => { await post(`${path}/${what}`, body); say(`${name}: ${done}`); await refreshAlarms(true); };
  const acknowledge = alert.acknowledged_by
    ? element("span", { className: "muted", textContent: `seen by ${alert.acknowledged_by}` })
    : button("Acknowledge", `Acknowledge ${name}`, () => act("acknowledge", {}, "acknowledged"));
  const snooze = snoozed
    ? button("Wake", `Wake ${name}`, () => act("snooze", { seconds: 0 }, "no longer snoozed"))
    : button("Snooze 1 h", `Snooze 1 h: ${name}`, () => act("snooze", { seconds: SNOOZE_SECONDS }, "snoozed for an hour"));
  return [
    element("td", { className: fires ? "bad" : "muted", textContent: alert.status.replace("_", " ") }),
    long(name),
    alert.severity,
    element("td", { className: "num", textContent: alert.value === null ? "–" : number(alert.value) }),
    moment(alert.fired_time ?? alert.since),
    mayWrite() && fires ? cell(acknowledge, ...(maySnooze(alert, alarms) ? [" ", snooze] : [])) : cell(snoozed ? `snoozed until ${moment(alert.snoozed_until)}` : ""),
  ];
}

function alarmRow(alarm) {
  // The first press asks, and asks until the focus goes elsewhere.
  const remove = button("Delete", `Delete ${alarm.name}`, async (pressed) => {
    if (pressed.textContent === "Delete") {
      pressed.textContent = pressed.ariaLabel = "Really delete?";
      pressed.focus();
      return;
    }
    await call(`/api/v1/alarms/${encodeURIComponent(alarm.id)}`, { method: "DELETE" });
    say(`${alarm.name} is deleted`);
    await refreshAlarms(true);
  });
  remove.onblur = () => { remove.textContent = "Delete"; remove.ariaLabel = `Delete ${alarm.name}`; };
  const edit = button("Edit", `Edit ${alarm.name}`, async () => open(alarm));
  const where = alarm.device_codes.length ? alarm.device_codes.join(", ") : `all of ${alarm.model_code}`;
  return [long(alarm.name), long(where), condition(alarm), alarm.severity, alarm.active ? "on" : "off", mayChange(alarm) ? cell(edit, " ", remove) : cell()];
}

// Returns whether it asked.
export async function refreshAlarms(always = false) {
  // What somebody is about to press is not taken away from under the pointer.
  if (!always && ($("alarm-dialog").open || document.activeElement?.closest?.("#alerts, #alarms"))) return false;
  const [{ alerts }, { alarms }] = await Promise.all([json("/api/v1/alerts?page_size=200"), json("/api/v1/alarms")]);
  const order = ["firing", "no_data", "pending", "ok"];
  const shown = alerts.filter((each) => each.status !== "ok" || each.fired_time).sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status)).slice(0, 50);
  fill($("alerts"), ["State", "Alert", "Severity", "Value", "Since", ""], shown.map((alert) => alertRow(alert, alarms)));
  fill($("alarms"), ["Name", "Devices", "Fires when", "Severity", "", ""], alarms.map(alarmRow));
  $("new-alarm").hidden = !mayWrite();
  return true;
}

function showParts() {
  const parts = PARTS[$("alarm-watch").value];
  for (const part of $("alarm-form").querySelectorAll("[data-part]")) part.hidden = !parts.includes(part.dataset.part);
  $("alarm-limit-name").textContent = $("alarm-watch").value === "anomaly" ? "Score (empty: the detector's)" : "Limit";
  $("alarm-seconds-name").textContent = $("alarm-watch").value === "no_data" ? "Silent for, seconds" : "Held for, seconds";
}

const local = (time) => new Date(time - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

function open(alarm = {}) {
  edited = alarm.id ? alarm : null;
  $("alarm-title").textContent = edited ? "Change the alarm" : "New alarm";
  const values = {
    name: alarm.name, watch: alarm.watch ?? "above", devices: (alarm.device_codes ?? []).join(", "), model: alarm.model_code, field: alarm.field,
    limit: alarm.watch === "anomaly" ? alarm.limit || "" : alarm.limit, lower: alarm.lower, upper: alarm.upper, hysteresis: alarm.hysteresis ?? 0,
    seconds: alarm.seconds ?? 60, severity: alarm.severity ?? "warning",
    from: local(new Date(Date.now() - 7 * 86_400_000)), to: local(new Date(Date.now() - 86_400_000)),
  };
  for (const [name, value] of Object.entries(values)) $(`alarm-${name}`).value = value ?? "";
  $("alarm-active").checked = alarm.active ?? true;
  $("alarm-error").hidden = true;
  showParts();
  $("alarm-dialog").showModal();
}

// Opens the form for a field of a device.
export const openFor = (device, field) => open({ name: `${device.device_code} ${field}`, device_codes: [device.device_code], field });

// A link of the assistant, `#alarm=…` with JSON, fills the form in. It is stored by who reads it, or not at all.
export function openFromLink() {
  if (!location.hash.startsWith(LINK)) return;
  let given = null;
  try { given = JSON.parse(decodeURIComponent(location.hash.slice(LINK.length))); } catch { /* told below */ }
  history.replaceState(null, "", location.pathname);
  if (given === null || typeof given !== "object") return say("The alarm of this link can't be read.");
  if (!mayWrite()) return say("Alarms are made by who may write telemetry.");
  const codes = Array.isArray(given.device_codes) ? given.device_codes.map(String) : [];
  open({ ...given, id: null, device_codes: codes, watch: Object.hasOwn(PARTS, given.watch) ? given.watch : "above" });
}

function body() {
  const value = (name) => $(`alarm-${name}`).value.trim();
  const figure = (name) => (value(name) === "" ? null : Number(value(name)));
  const watch = value("watch");
  const parts = PARTS[watch];
  const made = {
    name: value("name"), watch, device_codes: value("devices").split(",").map((code) => code.trim()).filter(Boolean), model_code: value("model"),
    field: parts.includes("field") ? value("field") : "", hysteresis: figure("hysteresis") ?? 0, seconds: figure("seconds") ?? 0,
    severity: value("severity"), active: $("alarm-active").checked,
  };
  if (parts.includes("limit")) made.limit = figure("limit");
  if (parts.includes("band")) Object.assign(made, { lower: figure("lower"), upper: figure("upper") });
  if (parts.includes("baseline")) {
    if (edited?.detector_id) made.detector_id = edited.detector_id;
    else made.baseline = { start_time: new Date(value("from")).toISOString(), end_time: new Date(value("to")).toISOString() };
  }
  if (edited) Object.assign(made, { channel_ids: edited.channel_ids, repeat_seconds: edited.repeat_seconds });
  return made;
}

async function store(event) {
  event.preventDefault();
  let doubts = [];
  try {
    const options = { method: edited ? "PUT" : "POST", body: JSON.stringify(body()) };
    const path = edited ? `/api/v1/alarms/${encodeURIComponent(edited.id)}` : "/api/v1/alarms";
    ({ doubts = [] } = await json(path, options));
  } catch (error) {
    $("alarm-error").textContent = told(error);
    $("alarm-error").hidden = false;
    return;
  }
  $("alarm-dialog").close();
  say([`${$("alarm-name").value} is stored`, ...doubts].join(". "));
  await refreshAlarms(true);
}

export function startAlarms() {
  $("new-alarm").onclick = () => open();
  $("alarm-watch").onchange = showParts;
  $("alarm-cancel").onclick = () => $("alarm-dialog").close();
  $("alarm-form").onsubmit = store;
  addEventListener("hashchange", () => { if (!$("app").hidden && !$("alarm-dialog").open) openFromLink(); });
}
