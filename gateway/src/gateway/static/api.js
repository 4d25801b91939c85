// Calls to the gateway: credentials, refresh, JSON, and event streams that are taken up again where they broke.
const STORE = "penstock.credentials";

export class ApiError extends Error {
  constructor(problem, status) {
    super(problem.detail ?? problem.error?.message ?? `HTTP ${status}`);
    this.status = status;
    this.reason = problem.reason ?? "";
  }
}

const load = () => JSON.parse(sessionStorage.getItem(STORE) ?? "null");
const save = (value) => (value ? sessionStorage.setItem(STORE, JSON.stringify(value)) : sessionStorage.removeItem(STORE));

export const known = () => load() !== null;
export const forget = () => save(null);

async function failure(response) {
  return new ApiError(await response.json().catch(() => ({})), response.status);
}

export async function loginWithPassword(username, password) {
  const response = await fetch("/api/v2/auth/login", {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ username, password }),
  });
  if (!response.ok) throw await failure(response);
  const { data } = await response.json();
  save({ bearer: data.access_token, refresh: data.refresh_token });
}

export async function loginWithKey(key) {
  const response = await fetch("/api/v2/auth/me", { headers: { authorization: `Bearer ${key}` } });
  if (!response.ok) throw await failure(response);
  save({ bearer: key });
}

let refreshing = null;

function refresh() {
  refreshing ??= (async () => {
    const { refresh: token } = load() ?? {};
    if (!token) return false;
    const response = await fetch("/api/v2/auth/refresh", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ refresh_token: token }),
    });
    if (!response.ok) return false;
    const { data } = await response.json();
    save({ bearer: data.access_token, refresh: data.refresh_token });
    return true;
  })().finally(() => { refreshing = null; });
  return refreshing;
}

export async function call(path, options = {}) {
  const send = () => fetch(path, {
    ...options,
    headers: {
      authorization: `Bearer ${load()?.bearer ?? ""}`,
      ...(options.body ? { "content-type": "application/json" } : {}),
      ...options.headers,
    },
  });
  let response = await send();
  if (response.status === 401 && (await refresh())) response = await send();
  if (!response.ok) throw await failure(response);
  return response;
}

export const json = async (path, options) => (await call(path, options)).json();
export const post = (path, body) => json(path, { method: "POST", body: JSON.stringify(body ?? {}) });

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    while (true) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += value;
      for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
        const lines = rest.slice(0, end).split("\n");
        rest = rest.slice(end + 2);
        const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n");
        if (data) yield JSON.parse(data);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

const terminal = (event) => event.type === "error" || (event.type === "complete_state" && event.status !== "running");
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Follows one answer to its end. `first` opens it; after a break it is read on from the last sequence that came.
export async function follow(first, { streamId = "", after = 0, signal, onEvent, onBreak }) {
  let open = first;
  let misses = 0;
  while (true) {
    try {
      const response = await open();
      if (response.status === 204) return;
      for await (const event of events(response)) {
        if (event.sequence <= after) continue;
        misses = 0;
        streamId = event.stream_id || streamId;
        after = event.sequence;
        onEvent(event);
        if (terminal(event)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!streamId || (error instanceof ApiError && error.status < 500)) throw error;
    }
    if (signal.aborted) return;
    misses += 1;
    if (!streamId || misses > 8) throw new ApiError({ detail: "" }, 0);
    onBreak();
    await pause(Math.min(250 * 2 ** misses, 4000));
    const next = after;
    open = () => call(`/api/v1/streams/${streamId}/events?after=${next}`, { signal });
  }
}
