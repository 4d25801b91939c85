// @microsoft/fetch-event-source: asks by POST, is cut off, and reads on by GET with Last-Event-ID.
import { conversation, leaves, print } from "./reading.mjs";

// It is made for pages: it looks at whether one is hidden.
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
const { fetchEventSource } = await import("@microsoft/fetch-event-source");

const [, , url, key] = process.argv;
const headers = { authorization: `Bearer ${key}` };
const before = [];
const after = [];
let last = "";
const fail = (error) => { throw error; };

const leaving = new AbortController();
await fetchEventSource(`${url}/api/v1/conversations/${await conversation()}/stream`, {
  method: "POST",
  headers: { ...headers, "content-type": "application/json" },
  body: JSON.stringify({ content: "Hi there!" }),
  signal: leaving.signal,
  openWhenHidden: true,
  onmessage(message) {
    if (!message.data || leaving.signal.aborted) return;
    before.push(JSON.parse(message.data));
    last = message.id;
    if (leaves(before)) leaving.abort();
  },
  onerror: fail,
});
await fetchEventSource(`${url}/api/v1/streams/${before[0].stream_id}/events`, {
  headers: { ...headers, "last-event-id": last },
  openWhenHidden: true,
  onmessage(message) { if (message.data) after.push(JSON.parse(message.data)); },
  onerror: fail,
});
print({ before, after });
