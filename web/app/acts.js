// @ts-check
// What people do on the page, as requests.

import { loadOlder } from "./events.js";
import { newUuid } from "./format.js";
import { t } from "./i18n.js";
import { sendText } from "./sending.js";
import { ask, send, told } from "./session.js";
import { fetchFile, save, uploads, downloads } from "./transfers.js";
import { blocked, composing, conversations, current, currentId, me, panel, showList, take, tell } from "./store.js";

/** @typedef {import("./protocol.js").Frame} Frame */

/** Turn to a conversation. @param {number} id */
export function open(id) {
  const conversation = conversations.value.get(id);
  if (!conversation) return;
  conversation.dividerSeq = conversation.unread.value ? conversation.readSeq : null;
  currentId.value = id;
  showList.value = false;
  composing.value = null;
  if (conversation.entries.length < 20) void loadOlder(conversation);
}

/** What is in the open conversation has been seen. */
export function seen() {
  const conversation = current.value;
  if (!conversation || document.hidden) return;
  const upTo = conversation.readAll();
  if (upTo !== null) send({ type: "read", conversation: conversation.id, seq: upTo });
}

/** Take an answer that turns to a conversation. @param {any} opened */
function turnTo(opened) {
  const conversation = take(opened.conversation);
  if (!conversation.entries.length) {
    conversation.acceptPage({ type: "history_page", messages: opened.messages ?? [], more: true });
  }
  panel.value = null;
  open(conversation.id);
}

/** Write privately to somebody. @param {string} name */
export const openDirect = (name) => told(ask({ type: "open", to: name }).then(turnTo));

/** @param {string} name @param {boolean} isPrivate */
export const joinRoom = (name, isPrivate) =>
  told(ask({ type: "join_room", name, private: isPrivate }).then(turnTo));

/** @param {number} id */
export const leaveRoom = (id) => told(ask({ type: "leave_room", conversation: id }).then(left));

/** @param {any} answer */
function left(answer) {
  const rest = new Map(conversations.value);
  rest.delete(answer.conversation);
  conversations.value = rest;
  if (currentId.value === answer.conversation) open(1);
  panel.value = null;
}

/** Change a message of one's own. @param {any} message @param {string} text */
export async function edit(message, text) {
  const sent = await told(ask({ type: "edit", id: message.id, text, uuid: newUuid() }));
  if (sent) changeDone(sent, text);
}

/** @param {any} message */
export async function remove(message) {
  const sent = await told(ask({ type: "delete", id: message.id, uuid: newUuid() }));
  if (sent?.type === "sent") changeDone(sent, "");
}

/** @param {any} sent @param {string} text */
function changeDone(sent, text) {
  if (sent.kind === "void") tell(t("The message had just been deleted; your change came too late."));
  if (sent.duplicate) return;
  const { id, seq, time, kind, target } = sent;
  conversations.value.get(sent.conversation ?? 1)?.accept({
    type: "message", id, seq, time, sender: me.value?.name, text, kind, target,
  });
}

/** @param {any} message */
export async function download(message) {
  const blob = await told(fetchFile(message, currentId.value));
  if (blob) save(blob, message.file.name);
}

/** Replies that are shown in the panel, under the names of what is shown there. */
const IN_PANEL = new Set([
  "room_list", "member_list", "contact_list", "file_list", "scheduled_list", "session_list", "link_made", "link_list",
  "admission_list", "invitation_list", "complaint_list", "status_report", "thread", "history_page",
]);

/** @type {Record<string, (answer: any) => void>} */
const TAKES = {
  opened: turnTo,
  conversation_left: left,
  notice: (answer) => tell(answer.message),
  goodbye: () => {},
  marked_read: (answer) => conversations.value.get(answer.conversation)?.mark({
    ...answer, delivered: answer.read, last_seq: answer.read, unread: 0,
  }),
  room_topic: (answer) => tell(answer.topic
    ? t("Topic of {room}: {topic}", { room: answer.name, topic: answer.topic })
    : t("{room} has no topic.", { room: answer.name })),
  contact_added: ({ name }) => tell(t("{name} is one of your contacts.", { name })),
  contact_removed: ({ name }) => tell(t("{name} is no longer one of your contacts.", { name })),
  scheduled: () => tell(t("It will be sent at its time.")),
  zone: ({ name }) => tell(name ? t("Your time zone is {name}.", { name }) : t("You have set no time zone.")),
  registered: ({ name }) => {
    me.value = me.value && { ...me.value, guest: false };
    tell(t("The name {name} is yours now.", { name }));
  },
};

/** Show an answer to a command. @param {Frame} answer */
export function show(answer) {
  if (IN_PANEL.has(answer.type)) panel.value = { kind: answer.type, answer };
  else TAKES[answer.type]?.(answer);
}

/** Ask for something and show the answer. @param {Frame} frame */
export const request = (frame) => told(ask(frame).then(show));

/** Commands that are for the page and not for the server. @type {Record<string, (rest: string) => void>} */
const LOCAL = {
  help: (rest) => (panel.value = { kind: "help", topic: rest }),
  file: () => document.getElementById("file-button")?.click(),
  get: (rest) => {
    const message = current.value?.entries.find((one) => one.id === Number(rest.replace("#", "")));
    if (message?.file) void download(message);
    else tell(t("There is no such file here; scroll to it, or look under Files."), "error");
  },
  stop: () => {
    for (const one of uploads.value) one.cancel();
    for (const one of downloads.value.values()) one.cancel();
  },
  register: (rest) => (rest ? void request({ type: "register", password: rest }) : (panel.value = { kind: "account" })),
  password: () => (panel.value = { kind: "account" }),
  text: () => tell(t("Press “Show all” under the message.")),
};

/** Send what was typed. @param {string} typed */
export function say(typed) {
  const doing = composing.value;
  composing.value = null;
  if (doing?.kind === "edit") return void edit(doing.message, typed);
  if (typed.startsWith("/") && !typed.startsWith("//")) return command(typed);
  const text = typed.startsWith("//") ? typed.slice(1) : typed;
  const answered = doing?.message;
  return sendText({
    text,
    conversation: currentId.value,
    replyTo: answered?.id,
    quote: answered && { id: answered.id, sender: answered.sender, text: answered.text.slice(0, 200) },
  });
}

/** @param {string} line */
function command(line) {
  const [word, ...rest] = line.slice(1).split(" ");
  const local = LOCAL[word.toLowerCase()];
  if (local) return local(rest.join(" ").trim());
  return void typeLine(line);
}

/** @param {string} line */
async function typeLine(line) {
  const answer = await told(ask({ type: "type_line", line, conversation: currentId.value, uuid: newUuid() }));
  if (!answer) return;
  if (answer.type === "sent") sentByCommand(line, answer);
  else show(answer);
}

/** What a command wrote takes its place; its text is known best by the server. @param {string} line @param {any} sent */
async function sentByCommand(line, sent) {
  const conversation = conversations.value.get(sent.conversation ?? 1);
  if (!conversation || sent.duplicate) return;
  const page = await told(ask({
    type: "history", conversation: conversation.id, after: sent.seq - 1, limit: 1,
  }));
  const message = page?.messages.find((/** @type {any} */ one) => one.seq === sent.seq);
  if (message) conversation.accept(message);
}

// A block ends by itself.
setInterval(() => {
  if (blocked.value && blocked.value.until < Date.now() * 1000) blocked.value = null;
}, 10_000);
