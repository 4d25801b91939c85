// The one handler of Enter and Escape for every field of the page. The Enter that ends a composition of Chinese, Japanese or Korean is the
// input method's: browsers say so by `isComposing`, Safari (after the composition has ended) by the key code 229.
export const composing = (event) => event.isComposing || event.keyCode === 229;

// `lines`: Shift+Enter makes a new line instead.
export function onKeys(field, { enter, escape, lines = false }) {
  field.addEventListener("keydown", (event) => {
    if (composing(event)) return;
    if (event.key === "Enter" && enter && !(lines && event.shiftKey)) { event.preventDefault(); enter(event); }
    if (event.key === "Escape" && escape) { event.preventDefault(); event.stopPropagation(); escape(event); }
  });
}
