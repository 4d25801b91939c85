// A note at the edge of the page for a while, with something to do about it.
import { button, node } from "./answer.js";

// Returns {close()}; `onEnd` is called when the time is over and nothing was done.
export function toast(text, { label = "", action, milliseconds = 6000, onEnd } = {}) {
  const made = node("div", "toast");
  made.append(node("span", "", text));
  let timer = 0;
  const close = () => { clearTimeout(timer); made.remove(); };
  if (label) made.append(button(label, () => { close(); action(); }, "undo"));
  const end = () => { close(); onEnd?.(); };
  timer = setTimeout(end, milliseconds);
  document.getElementById("toasts").append(made);
  return { close };
}
