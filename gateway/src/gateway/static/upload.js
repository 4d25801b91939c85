// Sends a file as it lies on the disk. Not by fetch: of a body that goes out, and of an answer that comes meanwhile, fetch tells nothing.
import { ApiError, freshBearer } from "./api.js";

// What went wrong on the way: a file that changed after it was chosen is not the gateway's fault.
async function failed(file) {
  const reader = file.stream().getReader();
  try {
    await reader.read();
    return new TypeError("The gateway is not reached.");
  } catch {
    return new Error("The file can't be read: it has changed since it was chosen, or is gone.");
  } finally {
    reader.cancel().catch(() => {});
  }
}

function problem(text) {
  try { return JSON.parse(text); } catch { return {}; }
}

function transmit(request, file, { signal, onSent, onSentAll, onLine }) {
  return new Promise((resolve, reject) => {
    let last = null;
    let taken = 0;
    const take = () => {
      if (request.status !== 200) return;
      const end = request.responseText.lastIndexOf("\n") + 1;
      for (const line of request.responseText.slice(taken, end).split("\n").filter(Boolean)) onLine(last = JSON.parse(line));
      taken = end;
    };
    request.upload.onprogress = ({ loaded, total }) => onSent(loaded, total);
    request.upload.onload = onSentAll;
    request.onprogress = take;
    request.onload = () => {
      take();
      if (request.status !== 200) reject(new ApiError(problem(request.responseText), request.status));
      else if (last?.error) reject(new ApiError(last.error, last.error.status));
      else if (last?.data) resolve(last.data);
      else reject(new Error("The load ended without a result."));
    };
    request.onerror = async () => reject(await failed(file));
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

// Posts a file. `onSent` gets its bytes that are on the way, `onSentAll` is called when all are, `onLine` gets each line of
// the answer. Returns the data of the last one; raises ApiError for what is refused, and the signal's reason.
export async function upload(path, file, { headers, ...follow }) {
  const bearer = await freshBearer(follow.signal);
  follow.signal.throwIfAborted();
  const request = new XMLHttpRequest();
  request.open("POST", path);
  const all = { ...headers, accept: "application/x-ndjson", authorization: `Bearer ${bearer}` };
  for (const [name, value] of Object.entries(all)) request.setRequestHeader(name, value);
  return transmit(request, file, follow);
}
