// @ts-check
// Times, sizes and names as people read them.

import { language, t, tn } from "./i18n.js";

/** @param {number} micros @returns {Date} */
const date = (micros) => new Date(micros / 1000);

/** @param {number} micros */
export function clock(micros) {
  return date(micros).toLocaleTimeString(language.value, { hour: "2-digit", minute: "2-digit", hour12: false });
}

/** @param {number} micros */
export function moment(micros) {
  return date(micros).toLocaleString(language.value, {
    day: "2-digit", month: "2-digit", year: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false,
  });
}

/** A number that is the same for all of one day. @param {number} micros */
export function dayNumber(micros) {
  const day = date(micros);
  return (day.getFullYear() * 12 + day.getMonth()) * 31 + day.getDate();
}

/** @param {number} micros */
export function dayName(micros) {
  const number = dayNumber(micros);
  const now = Date.now() * 1000;
  if (number === dayNumber(now)) return t("Today");
  if (number === dayNumber(now - 86_400_000_000)) return t("Yesterday");
  return date(micros).toLocaleDateString(language.value, { day: "numeric", month: "long", year: "numeric" });
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1024) return tn("{number} byte", "{number} bytes", bytes);
  const kib = bytes / 1024;
  const number = (/** @type {number} */ value) =>
    value.toLocaleString(language.value, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  if (kib < 1024) return t("{size} KiB", { size: number(kib) });
  if (kib < 1024 * 1024) return t("{size} MiB", { size: number(kib / 1024) });
  return t("{size} GiB", { size: number(kib / 1024 / 1024) });
}

/** What the server counts at most. */
const MAX_UNREAD = 1000;

/** @param {number} count */
export const unreadText = (count) => (count >= MAX_UNREAD ? `${MAX_UNREAD}+` : String(count));

/** One line of a text that may have many. @param {string} text @param {number} [length] */
export function oneLine(text, length = 120) {
  const line = text.slice(0, length * 4).replace(/\s+/g, " ").trim();
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}

/** A UUID of version 4; `crypto.randomUUID` is there only on secure origins. */
export function newUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
