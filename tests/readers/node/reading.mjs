// What the readers under Node share: `node reader.mjs URL KEY LEAVES_AFTER` prints the events before and after leaving.
const [, , url, key, leavesAfter] = process.argv;

export const KINDS = ["message_chunk", "tool_call", "tool_result", "thinking", "complete_state", "error"];
export const leaves = (events) => events.length >= Number(leavesAfter);
export const print = (result) => console.log(JSON.stringify(result));

async function post(path) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const response = await fetch(url + path, { method: "POST", headers, body: "{}" });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

export const conversation = async () => (await post("/api/v1/conversations")).id;
export const ticket = async (stream) => (await post(`/api/v1/streams/${stream}/ticket`)).ticket;
