// The chat page: log in, pick a conversation, ask, watch the answer, stop it, and go on after a reload.
import { Answer, question } from "./answer.js";
import { ApiError, call, follow, forget, json, known, loginWithKey, loginWithPassword, post } from "./api.js";
import { otherLanguage, switchLanguage, translate, word } from "./i18n.js";

const $ = (id) => document.getElementById(id);
const RUNNING = "penstock.running";
// Both leave the page while a conversation is open.
const empty = $("empty");
const suggestions = $("suggestions");
let current = "";
let running = null;
// A conversation is being made for the first question: a second click must not make another.
let starting = false;

function say(text, bad = false) {
  $("state").textContent = text;
  $("state").classList.toggle("bad", bad);
}

const explain = (error) => (error instanceof ApiError && error.message ? error.message : error instanceof TypeError ? word("offline") : word("lost"));

// --- logging in ---------------------------------------------------------------------------------------------------
function choose(withKey) {
  $("with-key").hidden = !withKey;
  $("with-password").hidden = withKey;
  $("tab-key").ariaSelected = String(withKey);
  $("tab-password").ariaSelected = String(!withKey);
}

function showLogin() {
  forget();
  leave();
  $("login").hidden = false;
  $("app").hidden = $("logout").hidden = $("menu").hidden = true;
  say("");
}

async function showApp() {
  $("login").hidden = true;
  $("app").hidden = $("logout").hidden = $("menu").hidden = false;
  await listConversations();
  const kept = JSON.parse(sessionStorage.getItem(RUNNING) ?? "null");
  if (kept) await openConversation(kept.conversation);
  else newConversation();
}

$("tab-password").onclick = () => choose(false);
$("tab-key").onclick = () => choose(true);
$("logout").onclick = () => { sessionStorage.removeItem(RUNNING); showLogin(); };
$("login-form").onsubmit = async (event) => {
  event.preventDefault();
  $("login-error").hidden = true;
  try {
    if ($("with-key").hidden) await loginWithPassword($("username").value.trim(), $("password").value);
    else await loginWithKey($("key").value.trim());
    $("password").value = $("key").value = "";
    await showApp();
  } catch (error) {
    $("login-error").textContent = explain(error);
    $("login-error").hidden = false;
  }
};

// --- conversations ------------------------------------------------------------------------------------------------
async function listConversations() {
  const { conversations } = await json("/api/v1/conversations?page_size=100");
  $("conversations").replaceChildren(...conversations.map(entry));
}

function entry(conversation) {
  const row = document.createElement("li");
  row.classList.toggle("current", conversation.id === current);
  const open = document.createElement("button");
  open.className = "open";
  open.textContent = open.title = conversation.title || word("untitled");
  open.onclick = () => openConversation(conversation.id);
  const remove = document.createElement("button");
  remove.className = "remove";
  remove.textContent = "✕";
  remove.title = word("remove");
  remove.setAttribute("aria-label", remove.title);
  remove.onclick = () => removeConversation(conversation.id, open.title).catch((error) => say(explain(error), true));
  row.append(open, remove);
  return row;
}

async function removeConversation(id, title) {
  if (!confirm(word("remove_sure").replace("%", title))) return;
  await call(`/api/v1/conversations/${id}`, { method: "DELETE" });
  if (id === current) newConversation();
  await listConversations();
}

function newConversation() {
  leave();
  current = "";
  $("messages").replaceChildren(empty);
  suggest();
  $("side").classList.remove("open");
  for (const row of document.querySelectorAll("#conversations .current")) row.classList.remove("current");
  $("question").focus();
}

async function openConversation(id) {
  leave();
  let found;
  try {
    found = await json(`/api/v1/conversations/${id}`);
  } catch (error) {
    sessionStorage.removeItem(RUNNING);
    if (error.status === 404) return newConversation();
    throw error;
  }
  current = id;
  $("side").classList.remove("open");
  $("messages").replaceChildren(...history(found.messages));
  await listConversations();
  bottom();
  const kept = JSON.parse(sessionStorage.getItem(RUNNING) ?? "null");
  const stream = kept?.conversation === id ? kept.stream : found.active_stream_id;
  if (stream && !found.messages.some((message) => message.stream_id === stream && message.role === "assistant" && message.status)) resume(stream);
  else sessionStorage.removeItem(RUNNING);
}

function history(messages) {
  const nodes = [];
  let answer = null;
  for (const message of messages) {
    if (message.role === "user") { nodes.push(question(message.content)); answer = null; continue; }
    if (message.role !== "assistant" && message.role !== "tool") continue;
    if (!answer) { answer = new Answer(); nodes.push(answer.node); }
    replay(answer, message);
  }
  return nodes;
}

function replay(answer, message) {
  if (message.role === "tool") return answer.result({ tool_call_id: message.tool_call_id, name: "", content: message.content, is_error: message.is_error });
  if (message.thinking) answer.think(message.thinking);
  for (const made of message.tool_calls ?? []) answer.call(made);
  answer.say(message.content ?? "");
  if (message.tool_calls) return answer.draw();
  answer.take({ type: "complete_state", status: message.status ?? "completed", content: answer.content, model: message.model, usage: message.usage });
}

// --- asking -------------------------------------------------------------------------------------------------------
function suggest() {
  suggestions.replaceChildren(...word("suggestions").map((text) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.onclick = () => ask(text);
    return button;
  }));
}

async function ask(text) {
  if (running || starting || !text.trim()) return;
  const asked = question(text);
  starting = true;
  try {
    if (!current) {
      current = (await post("/api/v1/conversations")).id;
      $("messages").replaceChildren();
    }
  } catch (error) {
    $("question").value ||= text;
    return say(explain(error), true);
  } finally { starting = false; }
  $("messages").append(asked);
  const body = JSON.stringify({ content: text, role: "user" });
  const conversation = current;
  await watch((signal) => () => call(`/api/v1/conversations/${conversation}/stream`, { method: "POST", body, signal }), {});
  await listConversations().catch(() => {});
}

const resume = (stream) => watch((signal) => () => call(`/api/v1/streams/${stream}/events?after=0`, { signal }), { streamId: stream });

async function watch(opener, options) {
  const answer = new Answer();
  const leaving = new AbortController();
  running = { leaving, conversation: current, stream: options.streamId ?? "" };
  const mine = running;
  $("messages").append(answer.node);
  bottom();
  busy(true);
  try {
    await follow(opener(leaving.signal), {
      ...options,
      signal: leaving.signal,
      onEvent: (event) => {
        say("");
        mine.stream = event.stream_id;
        sessionStorage.setItem(RUNNING, JSON.stringify({ conversation: current, stream: event.stream_id }));
        answer.take(event);
      },
      onBreak: () => say(word("reconnecting"), true),
    });
  } catch (error) {
    if (error.status === 401) return showLogin();
    answer.fail(explain(error));
  } finally {
    answer.text.classList.remove("live");
    if (running === mine) { running = null; sessionStorage.removeItem(RUNNING); busy(false); say(""); }
  }
}

function leave() {
  running?.leaving.abort();
  running = null;
  busy(false);
}

function busy(yes) {
  $("send").hidden = yes;
  $("stop").hidden = !yes;
}

// Until its first event names the stream, the conversation knows which one runs; the question itself may still be on its way.
async function streamOf(mine) {
  while (running === mine && !mine.stream) {
    const { active_stream_id: stream } = await json(`/api/v1/conversations/${mine.conversation}`);
    if (stream) return stream;
    await new Promise((done) => setTimeout(done, 200));
  }
  return running === mine ? mine.stream : "";
}

$("stop").onclick = async () => {
  const mine = running;
  if (!mine || mine.stopping) return;
  mine.stopping = true;
  try {
    const stream = await streamOf(mine);
    if (stream) await post(`/api/v1/streams/${stream}/stop`);
  } catch (error) { say(explain(error), true); } finally { mine.stopping = false; }
};

// --- the page itself ----------------------------------------------------------------------------------------------
function bottom() {
  const box = $("messages");
  box.scrollTop = box.scrollHeight;
}

$("messages").addEventListener("grown", () => {
  const box = $("messages");
  if (box.scrollHeight - box.scrollTop - box.clientHeight < 160) bottom();
});
$("question").oninput = ({ target }) => { target.style.height = "auto"; target.style.height = `${target.scrollHeight}px`; };
$("question").onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("ask").requestSubmit(); }
};
$("ask").onsubmit = (event) => {
  event.preventDefault();
  const text = $("question").value;
  if (running || starting) return;
  $("question").value = "";
  $("question").style.height = "auto";
  ask(text);
};
$("new").onclick = newConversation;
$("menu").onclick = () => $("side").classList.toggle("open");
$("language").onclick = () => { switchLanguage(); $("language").textContent = otherLanguage(); translate(empty); suggest(); };
$("theme").onclick = () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("penstock.theme", root.dataset.theme);
};

const theme = localStorage.getItem("penstock.theme");
if (theme) document.documentElement.dataset.theme = theme;
$("language").textContent = otherLanguage();
translate();
suggest();
if (known()) showApp().catch((error) => (error.status === 401 ? showLogin() : (showLogin(), say(explain(error), true))));
else showLogin();
