// @ts-check
// Pictures in the conversation. What a file is, its first bytes tell, never its name; and only kinds
// that can do nothing but be looked at are shown. SVG is a document that can run scripts: never here.

import { signal } from "./lib.js";
import { fetchFile } from "./transfers.js";

const LARGEST = 4 * 1024 * 1024; // bytes of a file that is fetched without being asked for
const KEPT = 40; // pictures kept in memory
const LOOKS_LIKE_ONE = /\.(png|jpe?g|gif|webp)$/i; // only decides whether it is fetched at all

/** @type {[string, number[], number][]} the kind, its bytes, and where they stand */
const SIGNATURES = [
  ["image/png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], 0],
  ["image/jpeg", [0xff, 0xd8, 0xff], 0],
  ["image/gif", [0x47, 0x49, 0x46, 0x38], 0],
  ["image/webp", [0x57, 0x45, 0x42, 0x50], 8],
];

/** The kind of a picture, by its first bytes; null where it is none. @param {Uint8Array} head */
export function sniff(head) {
  for (const [kind, bytes, at] of SIGNATURES) {
    if (bytes.every((byte, index) => head[at + index] === byte)) return kind;
  }
  return null;
}

/** Addresses of pictures by message number; "" for what is none. @type {Map<number, { value: string | null }>} */
const known = new Map();

/** The `blob:` address of a message's picture, null until it is here, "" if it is none. @param {any} message @param {number} conversation */
export function pictureOf(message, conversation) {
  const found = known.get(message.id);
  if (found) return found;
  const url = signal(/** @type {string | null} */ (null));
  known.set(message.id, url);
  const { name, size } = message.file;
  if (size > LARGEST || !LOOKS_LIKE_ONE.test(name)) url.value = "";
  else void load(message, conversation, url);
  return url;
}

/** @param {any} message @param {number} conversation @param {{ value: string | null }} url */
async function load(message, conversation, url) {
  try {
    const blob = await fetchFile(message, conversation);
    const kind = sniff(new Uint8Array(await blob.slice(0, 16).arrayBuffer()));
    url.value = kind ? URL.createObjectURL(new Blob([blob], { type: kind })) : "";
  } catch {
    known.delete(message.id); // it may be tried again
    url.value = "";
  }
  forgetOldest();
}

function forgetOldest() {
  const shown = [...known].filter(([, url]) => url.value);
  for (const [id, url] of shown.slice(0, Math.max(0, shown.length - KEPT))) {
    URL.revokeObjectURL(url.value ?? "");
    known.delete(id);
  }
}
