// The audit log: who did what, newest first, with earlier pages on demand, and as CSV.
import { call, json } from "./api.js";
import { element, fill, told } from "./dashboard-panels.js";
import { saveAs } from "./save.js";

const $ = (id) => document.getElementById(id);
const PAGE = 20;
let older = [];
let token = "";

const detailsOf = (entry) => Object.entries(entry.details).filter(([name]) => name !== "id").map(([name, value]) => `${name} ${value}`).join(", ");

function row(entry) {
  const what = element("td", { className: entry.outcome === "done" ? "" : "bad", textContent: entry.outcome === "done" ? entry.action : `${entry.action} (refused)` });
  const target = [entry.target ?? entry.details.id, detailsOf(entry)].filter(Boolean).join(" · ");
  return [
    new Date(entry.time).toLocaleString(),
    entry.username ?? entry.user_id ?? "nobody",
    what,
    element("td", { className: "long", textContent: target || "–", title: target }),
    entry.address,
  ];
}

const show = (entries) => fill($("audit"), ["Time", "Who", "What", "On", "From"], entries.map(row));

// The newest page, unless somebody reads earlier ones.
export async function refreshAudit() {
  if (older.length) return;
  const page = await json(`/api/v1/audit?page_size=${PAGE}`);
  show(page.entries);
  token = page.next_page_token ?? "";
  $("more-audit").hidden = !token;
}

async function showEarlier() {
  const newest = older.length ? [] : (await json(`/api/v1/audit?page_size=${PAGE}`)).entries;
  const page = await json(`/api/v1/audit?page_size=${PAGE}&page_token=${encodeURIComponent(token)}`);
  older.push(...newest, ...page.entries);
  token = page.next_page_token ?? "";
  $("more-audit").hidden = !token;
  show(older);
}

async function save() {
  saveAs(await (await call("/api/v1/audit?format=csv&page_size=1000")).blob(), "audit.csv");
}

export function startAudit() {
  const tell = (work) => async () => {
    $("audit-status").textContent = await work().then(() => "", (error) => `Not done: ${told(error)}`);
  };
  $("more-audit").onclick = tell(showEarlier);
  $("audit-csv").onclick = tell(save);
}
