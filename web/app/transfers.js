// @ts-check
// Files on their way, in parts, beside everything else; what breaks off goes on where it was.

import { Disconnected, status } from "./connection.js";
import { newUuid } from "./format.js";
import { t } from "./i18n.js";
import { effect, signal } from "./lib.js";
import { CHUNK } from "./protocol.js";
import { newStream } from "./sending.js";
import { ask, buffered, send } from "./session.js";
import { shown } from "./shown.js";
import { conversations, me } from "./store.js";
import { hashOf, Sha256 } from "./sha256.js";

/**
 * @typedef {object} Transfer
 * @property {string} key
 * @property {string} name
 * @property {number} size
 * @property {number} conversation
 * @property {{ value: number }} done bytes of it
 * @property {{ value: "hashing" | "moving" | "waiting" | "failed" }} state
 * @property {{ value: string }} problem
 * @property {() => void} cancel
 * @property {() => void} retry
 */

/** Files being sent. @type {{ value: Transfer[] }} */
export const uploads = signal([]);
/** Files being fetched, by the number of the message. @type {{ value: Map<number, Transfer> }} */
export const downloads = signal(new Map());

const AHEAD = 512 * 1024; // bytes sent beyond what is stored: so much may wait before what one says
const PART = 1 << 20; // bytes asked for at once

/** Wait until there is a connection. */
function whenOnline() {
  return new Promise((resolve) => {
    const stop = effect(() => {
      if (status.value.name === "online" || !me.value) setTimeout(() => { stop(); resolve(undefined); });
    });
  });
}

/** Do a piece of work again after each break, until it is done or refused. @param {Transfer} transfer @param {() => Promise<void>} work */
async function persist(transfer, work) {
  for (;;) {
    try {
      transfer.state.value = "moving";
      await work();
      return;
    } catch (error) {
      if (!(error instanceof Disconnected) || !me.value) throw error;
      transfer.state.value = "waiting";
      await whenOnline();
    }
  }
}

/** @param {string} key @param {string} name @param {number} size @param {number} conversation @returns {Transfer} */
function transfer(key, name, size, conversation) {
  return {
    key, name, size, conversation, done: signal(0), state: signal(/** @type {any} */ ("moving")),
    problem: signal(""), cancel: () => {}, retry: () => {},
  };
}

/** Send a file into a conversation. @param {File} file @param {number} conversation */
export async function upload(file, conversation) {
  const uuid = newUuid();
  const one = transfer(uuid, file.name, file.size, conversation);
  let cancelled = false;
  one.cancel = () => {
    cancelled = true;
    uploads.value = uploads.value.filter((other) => other !== one);
    ask({ type: "withdraw", uuid }).catch(() => {});
  };
  one.retry = () => {
    uploads.value = uploads.value.filter((other) => other !== one);
    void upload(file, conversation);
  };
  uploads.value = [...uploads.value, one];
  try {
    one.state.value = "hashing";
    const sha256 = await hashOf(file, (done) => (one.done.value = done));
    one.done.value = 0;
    await persist(one, () => offer(file, { uuid, sha256, conversation }, one, () => cancelled));
    uploads.value = uploads.value.filter((other) => other !== one);
  } catch (error) {
    if (cancelled) return;
    one.state.value = "failed";
    one.problem.value = error instanceof Error ? error.message : String(error);
  }
}

/**
 * @param {File} file @param {{ uuid: string, sha256: string, conversation: number }} what
 * @param {Transfer} one @param {() => boolean} isCancelled
 */
async function offer(file, what, one, isCancelled) {
  const stream = newStream();
  let stored = 0;
  let wake = () => {};
  let begin = (/** @type {number} */ _offset) => {};
  const begun = new Promise((resolve) => (begin = resolve));
  let ended = false;
  const sent = ask({ type: "offer", name: file.name, size: file.size, stream, ...what }, (_, frame) => {
    stored = frame.offset;
    one.done.value = stored;
    if (frame.type === "offered") begin(stored);
    wake();
  });
  const end = sent.then(() => { ended = true; }, (error) => { ended = true; wake(); throw error; });
  const pump = async () => {
    for (let at = /** @type {number} */ (await begun); at < file.size && !ended && !isCancelled();) {
      if (at - stored > AHEAD || buffered() > AHEAD) {
        await new Promise((resolve) => { wake = () => resolve(undefined); setTimeout(resolve, 200); });
        continue;
      }
      const piece = new Uint8Array(await file.slice(at, at + CHUNK).arrayBuffer());
      if (ended) return;
      send({ type: "chunk", stream, size: piece.length }, piece);
      at += piece.length;
    }
  };
  void pump().catch(() => {});
  await end;
  placeFile(file, one, await sent);
}

/** Put one's own file where its acknowledgement stands. @param {File} file @param {Transfer} one @param {any} sent */
function placeFile(file, one, sent) {
  if (sent.duplicate) return;
  conversations.value.get(sent.conversation ?? 1)?.accept({
    type: "message", id: sent.id, seq: sent.seq, time: sent.time, sender: me.value?.name, text: "",
    kind: "file", file: { id: 0, name: one.name, size: file.size },
  });
}

/**
 * Fetch a message's file whole and compare its hash. @param {any} message @param {number} conversation
 * @returns {Promise<Blob>}
 */
export async function fetchFile(message, conversation) {
  const { id, file } = message;
  const one = transfer(String(id), file.name, file.size, conversation);
  let cancelled = false;
  one.cancel = () => { cancelled = true; };
  downloads.value = new Map(downloads.value).set(id, one);
  /** @type {Blob[]} */
  let pieces = [];
  const hash = new Sha256();
  try {
    const details = await detailsOf(id, one);
    await persist(one, async () => {
      while (one.done.value < file.size) {
        if (cancelled) throw new Error(t("Cancelled."));
        await ask({ type: "download", id, offset: one.done.value, limit: PART }, (payload) => {
          hash.update(payload);
          pieces.push(new Blob([/** @type {BlobPart} */ (payload)]));
          one.done.value += payload.length;
        });
        pieces = [new Blob(pieces)]; // so that the browser may keep it on the disk
      }
    });
    if (hash.hex() !== details.sha256) throw new Error(t("The file arrived damaged. Try again."));
    return new Blob(pieces, { type: "application/octet-stream" });
  } finally {
    const rest = new Map(downloads.value);
    rest.delete(id);
    downloads.value = rest;
  }
}

/** @param {number} id @param {Transfer} one */
async function detailsOf(id, one) {
  let details = { sha256: "" };
  await persist(one, async () => {
    details = /** @type {any} */ (await ask({ type: "describe_file", id }));
  });
  return details;
}

/** Let the browser save a file under its name; it is never shown as a page. @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The whole of a long text. @param {any} message */
export async function fetchText(message) {
  /** @type {BlobPart[]} */
  const pieces = [];
  await ask({ type: "fetch", id: message.id }, (payload) => pieces.push(/** @type {BlobPart} */ (payload)));
  return shown(await new Blob(pieces).text());
}

addEventListener("beforeunload", (event) => {
  if (uploads.value.some((one) => one.state.value !== "failed")) event.preventDefault();
});

