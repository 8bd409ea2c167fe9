// @ts-check
// Everything that the screens show, as signals; nothing here talks to anybody.

import { Conversation } from "./conversation.js";
import { computed, signal } from "./lib.js";
import { GENERAL } from "./protocol.js";

/** @typedef {import("./protocol.js").Frame} Frame */
/** @typedef {{ name: string, guest: boolean, admin: boolean }} Me */

/** Who is signed in; null on the sign-in screen. @type {{ value: Me | null }} */
export const me = signal(null);

/** A sentence for the sign-in screen. */
export const signInProblem = signal("");

/** @type {{ value: Map<number, Conversation> }} */
export const conversations = signal(new Map());

export const currentId = signal(GENERAL);
/** @type {{ value: Conversation | undefined }} */
export const current = computed(() => conversations.value.get(currentId.value));

/** Names of those who are connected, as far as the server has been asked. */
export const here = signal(/** @type {Set<string>} */ (new Set()));

/** False: what is written waits for the server's database. */
export const storageAvailable = signal(true);

/** Until when one may write nothing, in microseconds, and why. */
export const blocked = signal(/** @type {{ until: number, reason: string } | null} */ (null));

/** What the composer does: answer or change a message. @typedef {{ kind: "reply" | "edit", message: Frame } | null} Composing */
export const composing = signal(/** @type {Composing} */ (null));

/** What stands beside the conversation. @type {{ value: { kind: string, [detail: string]: any } | null }} */
export const panel = signal(null);

/** The list of conversations is shown instead of one, where there is no room for both. */
export const showList = signal(false);

/** @type {{ value: { words: string[], usage: string, help: string, chapter: string }[] }} */
export const commands = signal([]);

/** @typedef {{ id: number, text: string, kind: string, actions?: { label: string, run: () => void }[] }} Toast */
/** @type {{ value: Toast[] }} */
export const toasts = signal([]);

let lastToast = 0;
const TOAST_STAYS = 8000;

/** @param {string} text @param {string} [kind] @param {Toast["actions"]} [actions] */
export function tell(text, kind = "notice", actions = undefined) {
  const id = ++lastToast;
  toasts.value = [...toasts.value.slice(-4), { id, text, kind, actions }];
  if (!actions) setTimeout(() => dismiss(id), TOAST_STAYS);
}

/** @param {number} id */
export function dismiss(id) {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** The last one written in first; the general chat before all others. */
export const ordered = computed(() => {
  const all = [...conversations.value.values()];
  const key = (/** @type {Conversation} */ one) => (one.id === GENERAL ? Infinity : one.preview.value?.time ?? 0);
  return all.sort((one, other) => key(other) - key(one) || one.id - other.id);
});

export const totalUnread = computed(() =>
  [...conversations.value.values()].reduce((sum, one) => sum + one.unread.value, 0));

/** The conversation with this number, made where there is none. @param {any} info */
export function take(info) {
  const known = conversations.value.get(info.id);
  if (known) {
    known.update(info);
    return known;
  }
  const made = new Conversation(info, () => me.value?.name ?? "");
  conversations.value = new Map(conversations.value).set(info.id, made);
  return made;
}

/** Take the whole list; what is not in it has been left. @param {any[]} infos */
export function takeAll(infos) {
  const ids = new Set(infos.map((info) => info.id));
  for (const info of infos) take(info);
  for (const id of conversations.value.keys()) if (!ids.has(id)) drop(id);
}

/** @param {number} id */
export function drop(id) {
  const rest = new Map(conversations.value);
  rest.delete(id);
  conversations.value = rest;
  if (currentId.value === id) currentId.value = GENERAL;
}

/** As before anybody signed in. */
export function forget() {
  me.value = null;
  conversations.value = new Map();
  currentId.value = GENERAL;
  composing.value = null;
  panel.value = null;
  showList.value = false;
  blocked.value = null;
  toasts.value = [];
  here.value = new Set();
}
