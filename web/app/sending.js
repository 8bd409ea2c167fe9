// @ts-check
// Messages on their way out, one after the other, in the order in which they were written.

import { Disconnected, Refusal } from "./connection.js";
import { t } from "./i18n.js";
import { done, fail, letters, write } from "./outbox.js";
import { CHUNK, MAX_TEXT, utf8 } from "./protocol.js";
import { ask, send } from "./session.js";
import { conversations, me, tell } from "./store.js";

/** @typedef {import("./outbox.js").Letter} Letter */

const HEAD = 4096; // characters of a long text that are shown before the rest is fetched

let lastStream = 0;
/** @returns {number} a number for chunks that none of ours has */
export const newStream = () => ++lastStream;

/** Uuids that are on their way on this connection. @type {Set<string>} */
const underWay = new Set();

/** Send everything that waits; after a break that is all of it, under the old uuids. */
export function sendAll() {
  underWay.clear();
  for (const letter of letters.value) if (!letter.failure) void post(letter);
}

/** @param {Omit<Letter, "uuid" | "at">} content */
export function sendText(content) {
  void post(write(content));
}

/** Try one again that was refused. @param {Letter} letter */
export function retry(letter) {
  fail(letter.uuid, "");
  void post({ ...letter, failure: undefined });
}

/** @param {Letter} letter */
async function post(letter) {
  if (underWay.has(letter.uuid)) return;
  underWay.add(letter.uuid);
  const bytes = utf8(letter.text);
  try {
    const sent = await ask({
      type: "send",
      ...(bytes.length > MAX_TEXT ? { stream: stream(bytes) } : { text: letter.text }),
      uuid: letter.uuid,
      ...(letter.to ? { to: letter.to } : { conversation: letter.conversation }),
      reply_to: letter.replyTo,
    });
    place(letter, sent, bytes.length);
    done(letter.uuid);
    if (sent.left !== undefined && sent.left <= 3) {
      tell(t("You can write {left} more messages here for now.", { left: sent.left }));
    }
  } catch (error) {
    underWay.delete(letter.uuid);
    if (error instanceof Refusal && error.code !== "shutting_down") fail(letter.uuid, error.message);
    else if (!(error instanceof Disconnected || error instanceof Refusal)) throw error;
  }
}

/** @param {Uint8Array} bytes @returns {number} */
function stream(bytes) {
  const number = newStream();
  for (let start = 0; start < bytes.length; start += CHUNK) {
    const piece = bytes.subarray(start, start + CHUNK);
    send({ type: "chunk", stream: number, size: piece.length }, piece);
  }
  return number;
}

/** Put a message of one's own where its acknowledgement stands. @param {Letter} letter @param {any} sent @param {number} size */
function place(letter, sent, size) {
  if (sent.duplicate) return; // it comes, or has come, as a message
  conversations.value.get(sent.conversation ?? 1)?.accept({
    type: "message",
    id: sent.id,
    seq: sent.seq,
    time: sent.time,
    sender: me.value?.name,
    text: size > MAX_TEXT ? letter.text.slice(0, HEAD) : letter.text,
    size: size > MAX_TEXT ? size : undefined,
    kind: "text",
    target: sent.target,
    quote: sent.quote,
  });
}
