// @ts-check
// What the server tells, and what has to be asked for once it is there.

import { announce } from "./notify.js";
import { t } from "./i18n.js";
import { joinByLink } from "./links.js";
import { ask, send, told } from "./session.js";
import {
  blocked, commands, conversations, currentId, drop, here, me, storageAvailable, take, takeAll, tell,
} from "./store.js";

/** @typedef {import("./protocol.js").Frame} Frame */

const PAGE = 100;
const FRESH = 60_000_000; // microseconds in which who has written is taken for being here
const HOLE_PAGE = 200;
const TELL_DELIVERED = 1000; // milliseconds
const ASK_PRESENCE = 30_000;
const PREVIEWS = 50; // conversations whose last line is asked for

/** @type {Record<string, (event: any) => void>} */
const TAKES = {
  message: (event) => receive(event),
  conversation: (event) => take(event.conversation),
  conversation_left: (event) => {
    drop(event.conversation);
    if (event.message) tell(event.message);
  },
  storage: (event) => (storageAvailable.value = event.available),
  marked: (event) => conversations.value.get(event.conversation)?.mark(event),
  synced: (event) => takeAll(event.conversations),
  notice: (event) => tell(event.message),
  error: (event) => tell(event.message, "error"),
  blocked: (event) => (blocked.value = event),
  block_lifted: () => (blocked.value = null),
  invited: ({ invitation }) => invited(invitation),
  admission_asked: (event) => admissionAsked(event),
  admission_answered: ({ room, admitted }) =>
    tell(admitted ? t("You have been let into {room}.", { room }) : t("You have not been let into {room}.", { room })),
  scheduled_refused: ({ item }) => tell(t("A scheduled message could not be sent: {text}", { text: item.text }), "error"),
  new_complaint: ({ complaint }) =>
    tell(t("{reporter} complains about {name}: {reason}", { ...complaint })),
};

/** @param {Frame} event */
export function onEvent(event) {
  TAKES[event.type]?.(event);
}

/** @param {Frame} message */
function receive(message) {
  const id = message.conversation ?? 1;
  const conversation = conversations.value.get(id) ?? take({ id, kind: "room", name: "", last_seq: 0 });
  conversation.heardOf = Math.max(conversation.heardOf, message.seq);
  notePresence(message);
  // Who comes back to the page sees where the new ones begin.
  if (id === currentId.value && !document.hasFocus()) conversation.dividerSeq ??= conversation.readSeq;
  if (conversation.mending) return; // it comes in a page
  if (!conversation.accept(message)) void mend(conversation);
  else announce(conversation, message);
}

/** @param {Frame} message */
function notePresence({ sender, time }) {
  const left = Date.now() * 1000 - time > FRESH;
  if (!left && !here.value.has(sender)) here.value = new Set(here.value).add(sender);
}

/** Page in what is missing. @param {import("./conversation.js").Conversation} conversation */
async function mend(conversation) {
  conversation.mending = true;
  try {
    for (let more = true; more || conversation.heardOf > (conversation.position ?? 0);) {
      const page = await ask({
        type: "history", conversation: conversation.id, after: conversation.position, limit: HOLE_PAGE,
      });
      for (const message of page.messages) {
        conversation.position = Math.max(conversation.position ?? 0, message.seq - 1); // the page is dense
        conversation.accept(message);
      }
      more = page.more;
    }
  } catch {
    // After the break the login resumes behind what is here.
  } finally {
    conversation.mending = false;
  }
}

/** Load what is older than what is here. @param {import("./conversation.js").Conversation} conversation */
export async function loadOlder(conversation) {
  if (conversation.loading || conversation.complete) return;
  conversation.loading = true;
  try {
    const first = conversation.entries[0]?.seq;
    conversation.acceptPage(await ask({
      type: "history", conversation: conversation.id, limit: PAGE, ...(first === undefined ? {} : { before: first }),
    }));
  } catch {
    // It is asked for again when the list is scrolled, or the connection is back.
  } finally {
    conversation.loading = false;
  }
}

/** @param {any} one */
function invited(one) {
  tell(t("{name} invites you to {room}.", { name: one.by, room: one.room }), "question", [
    { label: t("Accept"), run: () => void told(acceptInvitation(one)) },
    { label: t("Decline"), run: () => void told(ask({ type: "decline_invitation", room: `#${one.conversation}` })) },
  ]);
}

/** @param {any} one */
export async function acceptInvitation(one) {
  const opened = await ask({ type: "accept_invitation", room: `#${one.conversation}` });
  take(opened.conversation);
  currentId.value = opened.conversation.id;
}

/** @param {any} event */
function admissionAsked({ conversation, room, request }) {
  const answer = (/** @type {string} */ type) => () =>
    void told(ask({ type, conversation, user: request.user }).then((notice) => tell(notice.message)));
  tell(t("{name} asks to be let into {room}.", { name: request.user, room }), "question", [
    { label: t("Let in"), run: answer("approve") },
    { label: t("Turn away"), run: answer("deny") },
  ]);
}

/** What is asked for after each login. */
export function loadOnline() {
  void askPresence();
  ask({ type: "list_commands" }).then((answer) => (commands.value = answer.commands), () => {});
  for (const one of [...conversations.value.values()].slice(0, PREVIEWS)) {
    if (one.id === currentId.value) {
      if (!one.entries.length) void loadOlder(one);
    } else if (!one.entries.length && one.info.value.last_seq) {
      ask({ type: "history", conversation: one.id, limit: 1, spoken: true }).then((page) => {
        one.preview.value ??= page.messages[0] ?? null;
      }, () => {});
    }
  }
  joinByLink();
}

export async function askPresence() {
  try {
    here.value = new Set((await ask({ type: "status" })).users);
  } catch {
    // Asked again soon.
  }
}

setInterval(() => {
  for (const one of conversations.value.values()) {
    if (one.position !== null && one.position > one.deliveredSeq) {
      one.deliveredSeq = one.position;
      send({ type: "delivered", conversation: one.id, seq: one.position });
    }
  }
}, TELL_DELIVERED);

setInterval(() => {
  if (me.value && !document.hidden) void askPresence();
}, ASK_PRESENCE);
