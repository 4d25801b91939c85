// The chat page: who is signed in, which conversation is shown, and what passes between the list, the field and the conversations.
import { expire, known, loginWithKey, loginWithPassword, onSignIn, scopes, signOut } from "./api.js";
import { chosen, loadChoices } from "./choices.js";
import { Composer } from "./composer.js";
import { forgetDrafts, newKey, outbox, removeDraft } from "./drafts.js";
import { otherLanguage, switchLanguage, translate, word } from "./i18n.js";
import { onKeys } from "./keys.js";
import { List } from "./list.js";
import { Live } from "./live.js";
import { asChosen, forgetPictures } from "./pictures.js";
import { unpack } from "./question.js";
import { bottom, goTo, place } from "./scroll.js";
import { openSettings } from "./settings.js";
import { offerSingleSignOn, takeUpSignIn, whyNot } from "./sign-in.js";
import { Thread, explain } from "./thread.js";
import { toast } from "./toast.js";

const $ = (id) => document.getElementById(id);
const MOST_THREADS = 12;
const empty = $("empty");
const suggestions = $("suggestions");
const threads = new Map();
let current = null;
let opened = 0;

function say(text, bad = false) {
  $("state").textContent = text;
  $("state").classList.toggle("bad", bad);
}

const problem = (error) => toast(typeof error === "string" ? error : explain(error), { milliseconds: 8000 });

// --- conversations ------------------------------------------------------------------------------------------------
const hooks = {
  options: () => ({ ...chosen(), ...(live.id && { client_id: live.id }) }),
  changed: (thread) => { if (thread === current) drawState(); drawList(); },
  created: (thread) => {
    threads.set(thread.id, thread);
    if (thread === current) { history.replaceState(null, "", `/c/${thread.id}`); composer.rename(thread.id); }
  },
  acknowledged: (thread, draft, key) => {
    for (const id of ["", thread.id]) { removeDraft(outbox(id), key); removeDraft(id, key); }
    list.load().catch(() => {});
  },
  refused: (thread, draft, error) => {
    if (error.status !== 401) problem(error);
    if (thread === current) { removeDraft(outbox(thread.id)); composer.restore(draft); if (thread.empty) showEmpty(); }
  },
  signedOut: () => showLogin(word("expired")),
  edit: (content, pictures) => withPictures(pictures, (chosen) => { const { text, files } = unpack(content); composer.set(text, files, chosen); }),
  again: (thread, content, pictures) => withPictures(pictures, (chosen) => {
    if (thread === current) send({ content, pictures: chosen, key: newKey(), draft: { ...unpack(content), pictures: chosen, key: newKey() } });
  }),
};

// Does something with the pictures of a question, which may have to be fetched first; without any at once.
function withPictures(pictures, use) {
  if (!pictures.length) return use([]);
  return asChosen(pictures).then(use).catch(problem);
}

const list = new List({
  current: () => current?.id ?? "",
  deleted: (id) => { if (id === current?.id) newConversation(); },
  restored: (id) => openConversation(id),
  renamed: () => drawState(),
  gone: (id) => { threads.get(id)?.close(); threads.delete(id); },
  problem,
});
list.marks = (id) => (threads.get(id)?.busy ? word("writing") : "");

const composer = new Composer({ send, problem });
const live = new Live({
  event: (event) => {
    if (event.sequence === 1 && !list.conversations.some(({ id }) => id === event.conversation_id)) list.load().catch(() => {});
    threads.get(event.conversation_id)?.observe(event);
  },
  lost: () => { for (const thread of threads.values()) if (thread.id) thread.lost(); list.load().catch(() => {}); },
  signedOut: () => showLogin(word("expired")),
});

let drawing = false;
// What is marked in the list changes with every answer that begins or ends, not with every word.
let marked = "";
function drawList() {
  const now = [...threads.values()].filter((each) => each.busy).map(({ id }) => id).join();
  if (now === marked || drawing) return;
  drawing = true;
  // The title of a first question is known when its answer is.
  queueMicrotask(() => { drawing = false; marked = now; list.draw(); list.load().catch(() => {}); });
}

let wasBusy = false;
function drawState() {
  const busy = current?.busy ?? false;
  $("send").hidden = busy;
  $("stop").hidden = !busy;
  say(current?.note ?? "", true);
  document.title = current?.id ? `${list.conversations.find(({ id }) => id === current.id)?.title || current.title || word("untitled")} · Penstock` : "Penstock";
  if (wasBusy && !busy) $("told").textContent = `${word("ready")}. ${[...current.answers.values()].at(-1)?.content.slice(0, 600) ?? ""}`;
  if (!wasBusy && busy) $("told").textContent = word("writing");
  wasBusy = busy;
}

function show(thread) {
  if (current) current.top = place();
  current = thread;
  wasBusy = thread.busy;
  opened += 1;
  $("side").classList.remove("open");
  $("shade").hidden = true;
  $("messages").replaceChildren(thread.node);
  composer.open(thread.id);
  drawState();
  list.draw();
  goTo(thread.top);
}

function showEmpty() {
  $("messages").replaceChildren(empty);
  suggest();
}

function newConversation(push = true) {
  if (push && location.pathname !== "/") history.pushState(null, "", "/");
  show(new Thread("", hooks));
  showEmpty();
  composer.recover(null);
  $("question").focus();
}

async function openConversation(id, push = true) {
  if (push && location.pathname !== `/c/${id}`) history.pushState(null, "", `/c/${id}`);
  const known = threads.get(id);
  const thread = known ?? new Thread(id, hooks);
  threads.delete(id);
  threads.set(id, thread);
  evict();
  show(thread);
  if (known) return;
  const mine = opened;
  try {
    await thread.load();
    if (mine !== opened) return;
    composer.recover([...thread.node.querySelectorAll(".message.user")].at(-1) ?? null);
    bottom();
  } catch (error) {
    if (error.status === 401) return showLogin(word("expired"));
    threads.delete(id);
    if (mine !== opened) return;
    if (error.status === 404) { problem(word("missing")); history.replaceState(null, "", "/"); newConversation(false); }
    else problem(error);
  }
}

// The page keeps what was opened last; one that is being written is never let go.
function evict() {
  for (const [id, thread] of threads) {
    if (threads.size <= MOST_THREADS) return;
    if (!thread.busy && thread !== current) { thread.close(); threads.delete(id); }
  }
}

function route(push = false) {
  const id = /^\/c\/([\w-]+)$/.exec(location.pathname)?.[1];
  return id ? openConversation(id, push) : newConversation(push);
}

// --- asking -------------------------------------------------------------------------------------------------------
function send(message) {
  const thread = current;
  if (!thread || thread.busy) return composer.restore(message.draft);
  if (thread.empty) $("messages").replaceChildren(thread.node);
  thread.send(message);
  bottom();
}

function suggest() {
  suggestions.replaceChildren(...word("suggestions").map((text) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.onclick = () => { const key = newKey(); if (!current.busy) send({ content: text, key, draft: { text, files: [], key } }); };
    return button;
  }));
}

$("stop").onclick = () => current?.stop().catch(problem);
onKeys($("messages"), { escape: () => current?.busy && current.stop().catch(problem) });
$("new").onclick = () => newConversation();
$("conversations").onclick = (event) => {
  const link = event.target.closest("a.open");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openConversation(link.closest("li").dataset.id);
};
document.querySelector(".brand").onclick = (event) => { if (known()) { event.preventDefault(); newConversation(); } };
addEventListener("popstate", () => known() && route());

// --- signing in ---------------------------------------------------------------------------------------------------
function choose(withKey) {
  $("with-key").hidden = !withKey;
  $("with-password").hidden = withKey;
  $("tab-key").ariaSelected = String(withKey);
  $("tab-password").ariaSelected = String(!withKey);
}

function showLogin(reason = "") {
  expire();
  live.stop();
  for (const thread of threads.values()) thread.close();
  threads.clear();
  forgetPictures();
  current = null;
  composer.clear();
  $("login").hidden = false;
  $("app").hidden = $("logout").hidden = $("menu").hidden = $("open-settings").hidden = $("dashboard").hidden = true;
  $("settings").close();
  say("");
  $("login-error").textContent = reason;
  $("login-error").hidden = !reason;
  offer();
}

const withoutPassword = () => {
  $("login-hint").dataset.i18n = "key_hint";
  $("login-hint").textContent = word("key_hint");
  $("tab-password").hidden = true;
  choose(true);
};
const offer = () => offerSingleSignOn($("single-sign-on"), word, withoutPassword);

async function showApp() {
  const opening = route();
  $("login").hidden = true;
  $("app").hidden = $("logout").hidden = $("menu").hidden = $("open-settings").hidden = false;
  $("dashboard").hidden = !["admin", "operator", "telemetry:read"].some((scope) => scopes().includes(scope));
  $("question").focus();
  live.start();
  loadChoices();
  await Promise.all([opening, list.load()]);
  drawState();
}

const enter = () => showApp().catch((error) => { if (error.status === 401) showLogin(word("expired")); else problem(error); });

$("tab-password").onclick = () => choose(false);
$("tab-key").onclick = () => choose(true);
$("logout").onclick = () => {
  forgetDrafts();
  live.stop();
  signOut();
  showLogin();
  history.replaceState(null, "", "/");
};
onSignIn((yes) => (yes ? enter() : showLogin()));
$("login-form").onsubmit = async (event) => {
  event.preventDefault();
  $("login-error").hidden = true;
  try {
    if ($("with-key").hidden) await loginWithPassword($("username").value.trim(), $("password").value);
    else await loginWithKey($("key").value.trim());
    $("password").value = $("key").value = "";
    await enter();
  } catch (error) {
    $("login-error").textContent = explain(error);
    $("login-error").hidden = false;
  }
};

// --- the page itself ----------------------------------------------------------------------------------------------
const toggle = (open) => { $("side").classList.toggle("open", open); $("shade").hidden = !open; if (open) $("search").focus(); };
$("menu").onclick = () => toggle(!$("side").classList.contains("open"));
$("open-settings").onclick = () => openSettings();
$("shade").onclick = () => toggle(false);
onKeys($("side"), { escape: () => { toggle(false); $("menu").focus(); } });
addEventListener("visibilitychange", () => { if (!document.hidden && known()) list.load().catch(() => {}); });
$("language").onclick = () => { switchLanguage(); $("language").textContent = otherLanguage(); translate(empty); suggest(); if (!known()) offer(); list.draw(); loadChoices(); };
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
const failed = await takeUpSignIn();
// Only who is not signed in is told: an address must not sign anybody out.
if (known()) enter();
else showLogin(whyNot(failed, word));
