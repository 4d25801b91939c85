// Copying to the clipboard, on pages that are not served over TLS too.
import { word } from "./i18n.js";

export async function copy(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "off-screen";
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

// A button that copies what `text()` returns and says so.
export function copyButton(text, className = "small") {
  const button = document.createElement("button");
  button.type = "button";
  button.className = className;
  button.textContent = word("copy");
  button.onclick = async () => {
    await copy(text()).then(() => { button.textContent = word("copied"); }, () => { button.textContent = word("copy_failed"); });
    setTimeout(() => { button.textContent = word("copy"); }, 1500);
  };
  return button;
}
