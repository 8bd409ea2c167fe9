// @ts-check
// The count in the title, and notifications of the browser's.

import { isSpoken } from "./conversation.js";
import { oneLine } from "./format.js";
import { t } from "./i18n.js";
import { forLong } from "./keep.js";
import { effect, signal } from "./lib.js";
import { currentId, me, showList, totalUnread } from "./store.js";

const KEY = "mm.notify";
const NAME = "mymessenger";

/** Whether the user wants notifications, and the browser lets us show them. */
export const notifying = signal(forLong.get(KEY) === "yes" && globalThis.Notification?.permission === "granted");

/** The latest news for those who hear the page instead of seeing it. */
export const spokenNews = signal("");

export async function toggleNotifications() {
  if (notifying.value) {
    notifying.value = false;
    forLong.remove(KEY);
    return;
  }
  if (!globalThis.Notification) return;
  notifying.value = (await Notification.requestPermission()) === "granted";
  if (notifying.value) forLong.set(KEY, "yes");
}

/** Nobody looks at this conversation now. @param {number} id */
const unseen = (id) => document.hidden || !document.hasFocus() || currentId.value !== id;

/** @param {import("./conversation.js").Conversation} conversation @param {any} message */
export function announce(conversation, message) {
  if (!isSpoken(message) || message.sender === me.value?.name || message.seq <= conversation.readSeq) return;
  const text = message.file ? message.file.name : oneLine(message.text);
  spokenNews.value = `${message.sender}: ${text}`;
  if (!notifying.value || !unseen(conversation.id)) return;
  const where = conversation.info.value.kind === "direct" ? "" : ` (${conversation.info.value.name})`;
  const tag = `mm-${conversation.id}`; // one a conversation; several tabs replace each other's
  const note = new Notification(message.sender + where, { body: text, tag });
  note.onclick = () => {
    window.focus();
    currentId.value = conversation.id;
    showList.value = false;
  };
}

effect(() => {
  const unread = totalUnread.value;
  document.title = me.value && unread ? t("({number}) {name}", { number: unread, name: NAME }) : NAME;
});
