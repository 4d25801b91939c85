// A file of readings: sent, followed while it is read and stored, and what became of its rows.
import { mayWrite } from "./api.js";
import { element, told } from "./dashboard-panels.js";
import { upload } from "./upload.js";

const $ = (id) => document.getElementById(id);
const TYPES = {
  csv: "text/csv", tsv: "text/csv", json: "application/json", ndjson: "application/x-ndjson", jsonl: "application/x-ndjson",
  parquet: "application/vnd.apache.parquet", arrow: "application/vnd.apache.arrow.file",
};
const MOST_ERRORS = 10;
const CANCELLED = "Cancelled. What was stored by then stays; the same file once more changes nothing in it.";

// The upload that is under way, to be aborted.
let running = null;
let afterwards = () => {};

const count = (rows) => `${rows.toLocaleString("en")} ${rows === 1 ? "row" : "rows"}`;
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

// What a file is, by its name: headers for its body, or null.
function headersFor(name) {
  const [, ending, packed] = /\.([a-z]+)(\.gz)?$/.exec(name.toLowerCase()) ?? [];
  if (!Object.hasOwn(TYPES, ending ?? "")) return null;
  return { "content-type": TYPES[ending], ...(packed ? { "content-encoding": "gzip" } : {}) };
}

function address() {
  const query = new URLSearchParams();
  for (const [name, id] of [["device_code", "upload-device"], ["device_column", "upload-column"]])
    if ($(id).value.trim()) query.set(name, $(id).value.trim());
  if ($("upload-create").checked) query.set("create", "true");
  return `/api/v2/data/ingest?${query}`;
}

function refuse(text) {
  $("upload-error").textContent = text;
  $("upload-error").hidden = !text;
}

// Says a thing once: who listens is not told the same every second.
function say(text) {
  if ($("upload-note").textContent !== text) $("upload-note").textContent = text;
}

// How far it is. The bar has a length while the bytes go out; how many rows are to come nobody knows.
class Course {
  constructor() {
    this.began = performance.now();
    this.text = "";
    this.timer = setInterval(() => this.draw(), 1000);
    this.sent(0, 0);
  }

  sent(bytes, total) {
    say("Sending the file…");
    $("upload-bar").value = total ? bytes / total : 0;
    this.text = total ? `${megabytes(bytes)} of ${megabytes(total)} MB sent` : "";
    this.draw();
  }

  sentAll() {
    say("The file is sent.");
    $("upload-bar").removeAttribute("value");
  }

  line({ progress }) {
    if (!progress || progress.stage === "receiving") return;
    $("upload-bar").removeAttribute("value");
    say(progress.stage === "storing" ? "Storing the rows…" : "Reading the rows…");
    const rejected = progress.rows_rejected ? `, ${progress.rows_rejected.toLocaleString("en")} rejected` : "";
    this.text = `${count(progress.rows_accepted)} read${rejected}`;
    this.draw();
  }

  draw() {
    $("upload-figures").textContent = [this.text, `${this.seconds} s`].filter(Boolean).join(" · ");
  }

  get seconds() {
    return Math.floor((performance.now() - this.began) / 1000);
  }

  end() {
    clearInterval(this.timer);
  }
}

function report(result, seconds) {
  const devices = result.devices ? ` of ${result.devices.length} ${result.devices.length === 1 ? "device" : "devices"}` : ` of ${result.device_code}`;
  say(`${count(result.rows_accepted)}${devices} stored, ${result.rows_rejected.toLocaleString("en")} rejected, in ${seconds || "less than 1"} s.`);
  const lines = result.errors.slice(0, MOST_ERRORS).map(({ line, reason }) => `line ${line}: ${reason}`);
  const left = result.rows_rejected - lines.length;
  if (left > 0) lines.push(`and ${count(left)} more`);
  $("upload-errors").replaceChildren(...[...lines, ...result.notes].map((text) => element("li", { textContent: text })));
}

function show(under) {
  $("upload-run").hidden = $("upload-cancel").hidden = !under;
  $("upload-send").disabled = under;
  // The button that had the focus is gone.
  if (!under && document.activeElement === document.body) $("upload-send").focus({ preventScroll: true });
}

async function send(event) {
  event.preventDefault();
  if (running) return;
  const [file] = $("upload-file").files;
  const headers = headersFor(file.name);
  $("upload-errors").replaceChildren();
  say("");
  refuse(headers ? "" : `What ${file.name} holds is told by its ending: .csv, .tsv, .json, .ndjson, .jsonl, .parquet or .arrow, with .gz if it is packed.`);
  if (!headers) return;
  const own = running = new AbortController();
  const course = new Course();
  show(true);
  try {
    const result = await upload(address(), file, {
      headers, signal: own.signal,
      onSent: (bytes, total) => course.sent(bytes, total), onSentAll: () => course.sentAll(), onLine: (line) => course.line(line),
    });
    report(result, course.seconds);
    afterwards();
  } catch (error) {
    say(own.signal.aborted && running === own ? CANCELLED : "");
    refuse(own.signal.aborted ? "" : `Not stored: ${told(error)}`);
  } finally {
    course.end();
    if (running === own) running = null;
    show(false);
  }
}

// Shows the form to who may write.
export const offerUpload = () => { $("upload").hidden = !mayWrite(); };

// Who signs out leaves nothing under way, and nothing to be read by the next.
export function endUpload() {
  running?.abort();
  running = null;
  $("upload-form").reset();
  $("upload-errors").replaceChildren();
  refuse("");
  say("");
}

export function startUpload(then) {
  afterwards = then;
  $("upload-form").onsubmit = send;
  $("upload-cancel").onclick = () => running?.abort();
  addEventListener("beforeunload", (event) => { if (running) event.preventDefault(); });
}
