// Pictures of questions: chosen ones are scaled down in the browser, stored ones are fetched with the credential and shown by blob: URLs.
import { call } from "./api.js";
import { word } from "./i18n.js";

const MOST_PICTURES = 4;
// What vendors scale a picture down to, in pixels of its longer side; and bytes of the file that is sent.
const LONGEST_SIDE = 1568;
const MOST_BYTES = 700_000;
const QUALITIES = [0.9, 0.8, 0.7, 0.55];
// Kinds whose sharp edges and see-through parts JPEG would spoil.
const SHARP = /^image\/(png|gif|webp)$/;

const problem = (name, file) => new Error(word(name).replace("%", file.name));

export const isPicture = (file) => /^image\//.test(file.type) && file.type !== "image/svg+xml";

export function checkRoom(pictures) {
  if (pictures.length >= MOST_PICTURES) throw new Error(word("too_many_pictures"));
}

// Returns {name, media_type, size_bytes, data}, `data` as base64; raises Error that says why the file can't be shown. Drawn anew, a picture
// holds nothing of where and with what it was taken.
export async function readPicture(file) {
  let bitmap;
  try { bitmap = await createImageBitmap(file); } catch { throw problem("no_picture", file); }
  try {
    const blob = await fitting(bitmap, SHARP.test(file.type));
    if (!blob) throw problem("no_picture", file);
    return { name: file.name || word("picture"), media_type: blob.type, size_bytes: blob.size, data: await base64(blob) };
  } finally {
    bitmap.close();
  }
}

// The picture as the first of PNG and ever smaller JPEGs that is small enough.
async function fitting(bitmap, sharp) {
  for (let side = LONGEST_SIDE; side > 100; side = Math.round(side * 0.75)) {
    const canvas = drawn(bitmap, side, sharp);
    const whole = sharp ? await encoded(canvas, "image/png") : null;
    if (whole && whole.size <= MOST_BYTES) return whole;
    const flat = sharp ? drawn(bitmap, side, false) : canvas;
    for (const quality of QUALITIES) {
      const blob = await encoded(flat, "image/jpeg", quality);
      if (!blob || blob.size <= MOST_BYTES) return blob;
    }
  }
  return null;
}

function drawn(bitmap, side, transparent) {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  if (!transparent) {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}

const encoded = (canvas, type, quality) => new Promise((done) => canvas.toBlob(done, type, quality));

const base64 = (blob) => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
  reader.onerror = () => failed(reader.error);
  reader.readAsDataURL(blob);
});

export const dataUrl = ({ media_type: type, data }) => `data:${type};base64,${data}`;

// What is the same for the same pictures, sent or stored.
export const sizes = (pictures) => (pictures ?? []).map((picture) => picture.size_bytes).join();

// --- pictures that are shown --------------------------------------------------------------------------------------
const MOST_KEPT = 60;
const stored = new Map();
const chosen = new WeakMap();

const addressed = (blob) => ({ blob, address: URL.createObjectURL(blob) });

// The file of a picture and its blob: address. A stored one is fetched once, and the newest are kept.
async function fileOf(picture) {
  if (picture.data) {
    if (!chosen.has(picture)) chosen.set(picture, addressed(decoded(picture)));
    return chosen.get(picture);
  }
  if (!stored.has(picture.url)) {
    stored.set(picture.url, call(picture.url).then((response) => response.blob()).then(addressed));
    stored.get(picture.url).catch(() => stored.delete(picture.url));
    if (stored.size > MOST_KEPT) drop(stored.keys().next().value);
  }
  return stored.get(picture.url);
}

function drop(url) {
  stored.get(url).then(({ address }) => URL.revokeObjectURL(address), () => {});
  stored.delete(url);
}

// The next user of the browser sees none of them.
export const forgetPictures = () => [...stored.keys()].forEach(drop);

function decoded({ media_type: type, data }) {
  const text = atob(data);
  return new Blob([Uint8Array.from(text, (letter) => letter.charCodeAt(0))], { type });
}

const nameOf = (picture, at) => picture.name || `${word("picture")} ${at + 1}`;

// Stored pictures as chosen ones, to be sent again. Raises ApiError or TypeError when one can't be fetched.
export const asChosen = (pictures) => Promise.all((pictures ?? []).map(async (picture, at) => (picture.data ? picture : {
  name: nameOf(picture, at), media_type: picture.media_type, size_bytes: picture.size_bytes, data: await base64((await fileOf(picture)).blob),
})));

// The pictures of a question, each a link to itself in its full size.
export function gallery(pictures) {
  const made = document.createElement("div");
  made.className = "pictures";
  made.append(...pictures.map((picture, at) => shown(picture, nameOf(picture, at))));
  return made;
}

function shown(picture, name) {
  const link = document.createElement("a");
  const image = document.createElement("img");
  const grow = () => { delete link.dataset.loading; link.dispatchEvent(new Event("grown", { bubbles: true })); };
  link.target = "_blank";
  link.rel = "noopener";
  link.dataset.loading = "";
  image.alt = name;
  image.decoding = "sync";
  image.onload = grow;
  link.append(image);
  fileOf(picture).then(({ address }) => { image.src = link.href = address; }).catch(() => {
    link.replaceChildren(`${name}: ${word("picture_missing")}`);
    grow();
  });
  return link;
}
