// The `eventsource` package, which can't set headers: single-use tickets open the stream, and open it again.
import { EventSource } from "eventsource";
import { conversation, KINDS, leaves, print, ticket } from "./reading.mjs";

const id = await conversation();
const started = await fetch(`${process.argv[2]}/api/v1/conversations/${id}/stream`, {
  method: "POST",
  headers: { authorization: `Bearer ${process.argv[3]}`, "content-type": "application/json" },
  body: JSON.stringify({ content: "Hi there!" }),
});
const reader = started.body.getReader();
const text = new TextDecoder().decode((await reader.read()).value);
const stream = JSON.parse(text.match(/^data: (.*)$/m)[1]).stream_id;
await reader.cancel();

function read(after, enough) {
  return new Promise(async (done, failed) => {
    const query = new URLSearchParams({ ticket: await ticket(stream), after });
    const source = new EventSource(`${process.argv[2]}/api/v1/streams/${stream}/events?${query}`);
    const events = [];
    source.onerror = (error) => { source.close(); failed(error); };
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        if (source.readyState === EventSource.CLOSED) return;
        if (event.lastEventId !== String(JSON.parse(event.data).sequence)) failed(new Error("id is not the sequence"));
        events.push(JSON.parse(event.data));
        if (kind === "complete_state" || kind === "error" || enough(events)) { source.close(); done(events); }
      });
    }
  });
}

const before = await read(0, leaves);
const after = await read(before.at(-1).sequence, () => false);
print({ before, after });
