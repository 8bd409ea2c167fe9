// @ts-check
// One conversation: its messages as far as they are here, and what of it is unread.

import { signal } from "./lib.js";

/** @typedef {import("./protocol.js").Frame} Message */
/** @typedef {{ id: number, kind: string, name: string, last_seq: number, delivered_seq: number, read_seq: number,
 *   unread: number, role: string, private: boolean, topic: string }} Info */

/** What people said, and not what happened. @param {Message} message */
export const isSpoken = (message) => ["text", "file", undefined].includes(message.kind);

/** What stands in the list as a line of its own. @param {Message} message */
export const isShown = (message) => !["edit", "delete", "void"].includes(message.kind ?? "text");

const QUOTED = 200; // characters of a message that are shown where it is answered

export class Conversation {
  /** @param {Partial<Info> & { id: number }} info @param {() => string} me */
  constructor(info, me) {
    this.id = info.id;
    this.me = me;
    /** @type {{ value: any }} */
    this.info = signal(info);
    this.unread = signal(info.unread ?? 0);
    /** Rises with every change of the entries. */
    this.version = signal(0);
    /** @type {Message[]} by rising seq, none missing in between */
    this.entries = [];
    /** @type {{ value: Message | null }} the last thing said */
    this.preview = signal(null);
    /** The number up to which the stream of this conversation has arrived; null before its first. */
    this.position = /** @type {number | null} */ (null);
    this.complete = false; // nothing is older than the first entry
    this.loading = false;
    this.readSeq = info.read_seq ?? 0;
    this.deliveredSeq = info.delivered_seq ?? 0;
    this.countedTo = info.last_seq ?? 0; // messages up to here are in the server's count
    this.dividerSeq = /** @type {number | null} */ (null);
    this.mending = false; // a hole is being paged in
    this.heardOf = 0; // the highest number that has come
  }

  /** Take what a login, or a snapshot, says of it. @param {any} info */
  update(info) {
    this.info.value = info;
    this.readSeq = Math.max(this.readSeq, info.read_seq ?? 0);
    this.deliveredSeq = Math.max(this.deliveredSeq, info.delivered_seq ?? 0);
    this.countAnew(info.unread ?? 0, info.last_seq ?? 0);
    if (this.position !== null && this.position > info.last_seq) this.position = info.last_seq;
  }

  /** Another device has read or had more. @param {Message} mark */
  mark(mark) {
    this.readSeq = Math.max(this.readSeq, mark.read);
    this.deliveredSeq = Math.max(this.deliveredSeq, mark.delivered);
    this.countAnew(mark.unread, mark.last_seq);
  }

  /** @param {number} unread @param {number} upTo */
  countAnew(unread, upTo) {
    const since = this.entries.filter((one) => one.seq > Math.max(upTo, this.readSeq) && this.counts(one));
    this.unread.value = unread + since.length;
    this.countedTo = Math.max(upTo, this.position ?? 0);
  }

  /** @param {Message} message */
  counts(message) {
    return isSpoken(message) && message.sender !== this.me();
  }

  /**
   * Take the next message of the stream; false where something before it is missing.
   * @param {Message} message
   */
  accept(message) {
    if (this.position !== null) {
      if (message.seq <= this.position) return true;
      if ((message.prev ?? message.seq - 1) > this.position) return false;
    }
    this.position = message.seq;
    const last = this.entries.at(-1);
    if (!last || message.seq > last.seq) this.entries.push(message);
    this.applyChange(message);
    if (message.seq > this.countedTo && message.seq > this.readSeq && this.counts(message)) {
      this.unread.value += 1;
    }
    this.countedTo = Math.max(this.countedTo, message.seq);
    this.changed();
    return true;
  }

  /** Take an older page, or the end of a conversation of which nothing is here. @param {Message} page */
  acceptPage(page) {
    const first = this.entries[0]?.seq ?? Infinity;
    const older = page.messages.filter((/** @type {Message} */ one) => one.seq < first);
    this.entries = [...older, ...this.entries];
    this.complete = !page.more;
    const last = this.entries.at(-1);
    if (last && (this.position === null || last.seq > this.position)) this.position = last.seq;
    this.changed();
  }

  /** Let an edit or a deletion do its work on what is here. @param {Message} change */
  applyChange(change) {
    if (change.kind === "edit" && change.text) {
      const { text, size, time } = change;
      this.replace(change.target, (one) => ({ ...one, text, size, edited: time }), text);
    } else if (change.kind === "delete") {
      this.replace(change.target, (one) => ({ ...one, kind: "deleted", text: "", file: undefined, size: undefined }), "");
    }
  }

  /** @param {number} id @param {(one: Message) => Message} make @param {string} quoted */
  replace(id, make, quoted) {
    this.entries = this.entries.map((one) => {
      if (one.id === id && isShown(one) && one.kind !== "deleted") return make(one);
      if (one.quote?.id === id) return { ...one, quote: { ...one.quote, text: quoted.slice(0, QUOTED) } };
      return one;
    });
  }

  changed() {
    for (let index = this.entries.length - 1; index >= 0; index -= 1) {
      const one = this.entries[index];
      if (isSpoken(one) || one.kind === "deleted") {
        this.preview.value = one;
        break;
      }
    }
    this.version.value += 1;
  }

  /** All that is here has been read. Returns the number to tell the server, or null. */
  readAll() {
    const upTo = Math.max(this.position ?? 0, this.info.value.last_seq ?? 0);
    this.unread.value = 0;
    if (upTo <= this.readSeq) return null;
    this.readSeq = upTo;
    this.deliveredSeq = Math.max(this.deliveredSeq, upTo);
    return upTo;
  }
}
