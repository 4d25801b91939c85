// Calls to the gateway: credentials, refresh, JSON, and event streams that are taken up again where they broke.
const STORE = "penstock.credentials";

export class ApiError extends Error {
  constructor(problem, status) {
    super(problem.detail ?? problem.error?.message ?? `HTTP ${status}`);
    this.status = status;
    this.reason = problem.reason ?? "";
    this.stream = problem.running_stream_id ?? "";
  }
}

// All tabs of the browser are signed in together, and signed out together.
const load = () => JSON.parse(localStorage.getItem(STORE) ?? "null");
const save = (value) => (value ? localStorage.setItem(STORE, JSON.stringify(value)) : localStorage.removeItem(STORE));

export const known = () => Boolean(load()?.bearer);
export const forget = () => save(null);
// The session is over, but whose page it is stays known: what is typed belongs to that user.
export const expire = () => load() && save({ ...load(), bearer: "", refresh: "" });
export const userId = () => load()?.user ?? "";
export const scopes = () => load()?.scopes ?? [];
const WRITES = ["admin", "operator", "telemetry:write"];
// Whether readings, and alarms on them, may be written.
export const mayWrite = () => scopes().some((scope) => WRITES.includes(scope));

const signedIn = (stored) => Boolean(JSON.parse(stored ?? "null")?.bearer);

// Calls `listener` when another tab has signed in (true) or out (false).
export const onSignIn = (listener) => addEventListener("storage", ({ key, newValue, oldValue }) => {
  if (key === STORE && signedIn(newValue) !== signedIn(oldValue)) listener(signedIn(newValue));
});

async function failure(response) {
  return new ApiError(await response.json().catch(() => ({})), response.status);
}

export async function loginWithPassword(username, password) {
  const response = await fetch("/api/v2/auth/login", {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ username, password }),
  });
  if (!response.ok) throw await failure(response);
  const { data } = await response.json();
  await enter({ bearer: data.access_token, refresh: data.refresh_token });
}

// How one may sign in here, and where the issuer is if there is one.
export async function signInMethods() {
  const response = await fetch("/api/v2/auth/methods");
  if (!response.ok) throw await failure(response);
  return (await response.json()).data;
}

// Takes up a sign-in through the issuer, of which this browser has a cookie that counts once.
export async function loginFromIssuer() {
  const response = await fetch("/api/v2/auth/oidc/session", { method: "POST" });
  if (!response.ok) throw await failure(response);
  const { data } = await response.json();
  await enter({ bearer: data.access_token, refresh: data.refresh_token });
}

async function enter(credentials) {
  const response = await fetch("/api/v2/auth/me", { headers: { authorization: `Bearer ${credentials.bearer}` } });
  if (!response.ok) throw await failure(response);
  const { data } = await response.json();
  save({ ...credentials, user: data.user_id, scopes: data.scopes });
}

export const loginWithKey = (key) => enter({ bearer: key });

// Ends the session at the server too; a key lives on.
export async function signOut() {
  const { refresh: token } = load() ?? {};
  forget();
  if (!token) return;
  await fetch("/api/v2/auth/logout", {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ refresh_token: token }), keepalive: true,
  }).catch(() => {});
}

let refreshing = null;
// A refresh token works once, over all tabs: one tab renews, the others take what it got.
const alone = (work) => (navigator.locks ? navigator.locks.request("penstock.refresh", work) : work());

function refresh(stale) {
  refreshing ??= alone(async () => {
    const held = load() ?? {};
    if (held.bearer !== stale) return Boolean(held.bearer);
    if (!held.refresh) return false;
    const response = await fetch("/api/v2/auth/refresh", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ refresh_token: held.refresh }),
    });
    if (!response.ok) return false;
    const { data } = await response.json();
    save({ ...held, bearer: data.access_token, refresh: data.refresh_token });
    return true;
  }).finally(() => { refreshing = null; });
  return refreshing;
}

export async function call(path, options = {}) {
  let bearer = "";
  const send = () => fetch(path, {
    ...options,
    headers: {
      authorization: `Bearer ${(bearer = load()?.bearer ?? "")}`,
      ...(options.body ? { "content-type": "application/json" } : {}),
      ...options.headers,
    },
  });
  let response = await send();
  if (response.status === 401 && (await refresh(bearer))) response = await send();
  if (!response.ok) throw await failure(response);
  return response;
}

// A token that was good a moment ago, for a body that is too long to be sent twice.
export async function freshBearer(signal) {
  await call("/api/v2/auth/me", { signal });
  return load()?.bearer ?? "";
}

export const json = async (path, options) => (await call(path, options)).json();
export const post = (path, body, headers) => json(path, { method: "POST", body: JSON.stringify(body ?? {}), headers });

// All entries of a list that comes in pages, at most `most`.
export async function all(path, name, most = 1000) {
  const found = [];
  for (let token = ""; ;) {
    const page = await json(`${path}${path.includes("?") ? "&" : "?"}page_token=${encodeURIComponent(token)}`);
    found.push(...page[name]);
    token = page.next_page_token;
    if (!token || found.length >= most) return found;
  }
}

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

export const terminal = (event) => event.type === "error" || (event.type === "complete_state" && event.status !== "running");
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Follows one answer to its end. `first` opens it; after a break it is read on from the last sequence that came.
export async function follow(first, { streamId = "", after = 0, signal, onOpen, onEvent, onBreak }) {
  let open = first;
  let misses = 0;
  while (true) {
    try {
      const response = await open();
      onOpen?.();
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
    await pause(Math.min(250 * 2 ** misses, 4000) * (0.5 + Math.random() / 2));
    const next = after;
    open = () => call(`/api/v1/streams/${streamId}/events?after=${next}`, { signal });
  }
}
