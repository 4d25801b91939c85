// The reader's place: at the bottom it follows the answer; scrolled up, by however little, it stays.
const box = document.getElementById("messages");
const latest = document.getElementById("latest");
const NEAR = 8;
let following = true;
let top = 0;

const distance = () => box.scrollHeight - box.scrollTop - box.clientHeight;

export function bottom() {
  following = true;
  box.scrollTop = box.scrollHeight;
  top = box.scrollTop;
  latest.hidden = true;
}

export const place = () => (following ? null : box.scrollTop);

export function goTo(wanted) {
  if (wanted === null) return bottom();
  following = false;
  box.scrollTop = top = wanted;
}

box.addEventListener("scroll", () => {
  if (box.scrollTop < top - 1) following = distance() < 1;
  else if (distance() < NEAR) following = true;
  top = box.scrollTop;
  latest.hidden = following;
}, { passive: true });
box.addEventListener("grown", () => (following ? bottom() : (latest.hidden = distance() < NEAR)));
new ResizeObserver(() => following && bottom()).observe(box);
latest.onclick = bottom;
