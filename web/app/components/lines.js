// @ts-check
// What stands in the list of a conversation: messages, days, the border before the unread ones.

import { isShown, isSpoken } from "../conversation.js";
import { dayNumber } from "../format.js";

/** @typedef {{ key: string, kind: "day" | "unread" | "message" | "letter" | "begin", message?: any, follows?: boolean, letter?: any, time?: number }} Line */

const TOGETHER = 300_000_000; // microseconds within which messages of one person stand under one name

/**
 * @param {import("../conversation.js").Conversation} conversation
 * @param {import("../outbox.js").Letter[]} letters that wait
 * @param {string} me
 * @returns {Line[]}
 */
export function linesOf(conversation, letters, me) {
  /** @type {Line[]} */
  const lines = conversation.complete ? [{ key: "begin", kind: "begin" }] : [];
  let day = 0;
  let divided = conversation.dividerSeq === null;
  /** @type {any} */
  let before = null;
  for (const message of conversation.entries) {
    if (!isShown(message)) continue;
    const today = dayNumber(message.time);
    if (today !== day) {
      day = today;
      before = null;
      lines.push({ key: `day${day}`, kind: "day", time: message.time });
    }
    if (!divided && message.seq > (conversation.dividerSeq ?? 0) && message.sender !== me) {
      divided = true;
      before = null;
      lines.push({ key: "unread", kind: "unread" });
    }
    const follows = before !== null && isSpoken(message) && isSpoken(before) && !message.quote
      && before.sender === message.sender && message.time - before.time < TOGETHER;
    lines.push({ key: String(message.id), kind: "message", message, follows });
    before = message;
  }
  for (const letter of letters) lines.push({ key: letter.uuid, kind: "letter", letter });
  return lines;
}
