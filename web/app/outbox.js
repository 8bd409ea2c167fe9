// @ts-check
// What is written and not yet acknowledged. It survives a reload: each message is kept under its uuid
// until the server says that it is stored, and is sent again under the same uuid until then.

import { newUuid } from "./format.js";
import { forLong } from "./keep.js";
import { signal } from "./lib.js";

/**
 * @typedef {{ uuid: string, at: number, text: string, conversation: number, to?: string, replyTo?: number,
 *   quote?: { id: number, sender: string, text: string }, failure?: string }} Letter
 */

/** @type {{ value: Letter[] }} in the order in which they were written */
export const letters = signal([]);

let owner = "";
const prefix = () => `mm.out.${owner}.`;

/** Take up what this user left unsent, also in tabs that have been closed. @param {string} name */
export function openOutbox(name) {
  owner = name;
  const found = [];
  for (const key of forLong.keys(prefix())) {
    try {
      found.push(JSON.parse(forLong.get(key) ?? ""));
    } catch {
      forLong.remove(key);
    }
  }
  letters.value = found.sort((one, other) => one.at - other.at);
}

/** @param {Omit<Letter, "uuid" | "at">} content @returns {Letter} */
export function write(content) {
  const letter = { ...content, uuid: newUuid(), at: Date.now() };
  forLong.set(prefix() + letter.uuid, JSON.stringify(letter));
  letters.value = [...letters.value, letter];
  return letter;
}

/** It is stored, or nobody wants it any more. @param {string} uuid */
export function done(uuid) {
  forLong.remove(prefix() + uuid);
  letters.value = letters.value.filter((letter) => letter.uuid !== uuid);
}

/** Note that the server does not take it, or with "" that it is to be tried again. @param {string} uuid @param {string} failure */
export function fail(uuid, failure) {
  letters.value = letters.value.map((letter) => {
    if (letter.uuid !== uuid) return letter;
    const failed = { ...letter, failure: failure || undefined };
    forLong.set(prefix() + uuid, JSON.stringify(failed));
    return failed;
  });
}

export function closeOutbox() {
  letters.value = [];
}
