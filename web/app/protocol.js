// @ts-check
// Frames of the protocol (docs/protocol.md): a JSON header on a line, raw bytes behind some.

import { shown } from "./shown.js";

export const VERSION = 1;
export const GENERAL = 1;
/** Bytes of UTF-8 that fit into the `text` of a frame; a longer one is a stream of chunks. */
export const MAX_TEXT = 65536;
/** Raw bytes sent behind one header, as many as may be: each chunk is a commit of the server's. */
export const CHUNK = 262144;

/** @typedef {{ type: string, ref?: number, [field: string]: any }} Frame */

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NEWLINE = 10;

/** @param {string} text */
export const utf8 = (text) => encoder.encode(text);
/** @param {Uint8Array} bytes */
export const fromUtf8 = (bytes) => decoder.decode(bytes);

/** Bytes of a frame. @param {Frame} frame @param {Uint8Array} [payload] */
export function encode(frame, payload) {
  const header = utf8(`${JSON.stringify(frame)}\n`);
  if (!payload) return header;
  const bytes = new Uint8Array(header.length + payload.length);
  bytes.set(header);
  bytes.set(payload, header.length);
  return bytes;
}

/** What is said in a frame is from strangers. @param {string} _key @param {unknown} value */
const readable = (_key, value) => typeof value === "string" ? shown(value) : value;

/** The frame in one message from the server, and the raw bytes behind it. @param {ArrayBuffer} data */
export function decode(data) {
  const bytes = new Uint8Array(data);
  const end = bytes.indexOf(NEWLINE);
  /** @type {Frame} */
  const frame = JSON.parse(fromUtf8(bytes.subarray(0, end)), readable);
  return { frame, payload: bytes.subarray(end + 1) };
}
