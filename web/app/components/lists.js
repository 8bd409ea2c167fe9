// @ts-check
// The lists that the server answers with, as rows of text and what can be done with each.

import { acceptInvitation } from "../events.js";
import { joinRoom, open, openDirect, request } from "../acts.js";
import { moment, oneLine, size, unreadText } from "../format.js";
import { t, tn } from "../i18n.js";
import { linkTo } from "../links.js";
import { ask, told } from "../session.js";
import { conversations, me, panel, tell } from "../store.js";
import { fetchFile, save } from "../transfers.js";

/** @typedef {{ label: string, run: () => void, about?: string }} Action */
/** @typedef {{ title: string, detail?: string, actions?: Action[], key?: string | number }} Row */
/** @typedef {{ title: string, rows: Row[], empty: string }} List */

/** Do something, tell what came of it, and show the list anew. @param {any} frame @param {any} again */
const act = (frame, again) => () => void told(ask(frame).then((answer) => {
  if (answer.type === "notice") tell(answer.message);
  return request(again);
}));

/** @param {string} text */
const copy = (text) => () => void told(
  navigator.clipboard ? navigator.clipboard.writeText(text).then(() => tell(t("Copied."))) : Promise.reject(new Error(text)));

/** @param {string} role */
const roleName = (role) => ({ owner: t("owner"), moderator: t("moderator"), member: t("member") })[role] ?? role;

/** @param {string[]} facts */
const facts = (...facts) => facts.filter(Boolean).join(", ");

/** @param {any} one @param {any} list @returns {Action[]} */
function memberActions(one, { conversation }) {
  const mine = conversations.value.get(conversation)?.info.value.role ?? "member";
  if (one.name === me.value?.name) return [];
  const again = { type: "list_members", conversation };
  const role = (/** @type {string} */ wanted) => act({ type: "set_role", conversation, user: one.name, role: wanted }, again);
  return [
    { label: t("Write"), run: () => void openDirect(one.name) },
    ...(mine === "owner" && one.role === "member" ? [{ label: t("Make a moderator"), run: role("moderator") }] : []),
    ...(mine === "owner" && one.role === "moderator" ? [{ label: t("Make a member"), run: role("member") }] : []),
    ...(mine !== "member" && one.role === "member"
      ? [{ label: t("Put out"), run: act({ type: "kick", conversation, user: one.name }, again) }] : []),
  ];
}

/** @param {any} message @returns {Row} */
const messageRow = (message) => ({
  key: message.id,
  title: `${message.sender}, ${moment(message.time)}`,
  detail: message.file ? message.file.name : oneLine(message.text, 400) || t("(deleted)"),
});

/** @param {any} file */
const saveShared = (file) => () =>
  void told(fetchFile({ id: file.id, file }, 0).then((blob) => save(blob, file.name)));

/** @type {Record<string, (answer: any) => List>} */
const LISTS = {
  room_list: ({ rooms }) => ({
    title: t("Rooms"),
    empty: t("There are no rooms yet. Type a name above the conversations to make one."),
    rows: rooms.map((/** @type {any} */ room) => ({
      key: room.id,
      title: room.name,
      detail: facts(
        tn("{number} member", "{number} members", room.members), room.private ? t("a private room") : "",
        room.unread ? tn("{number} unread", "{number} unread", room.unread) : "", room.topic ?? ""),
      actions: [room.mine
        ? { label: t("Open"), run: () => { panel.value = null; open(room.id); } }
        : { label: t("Join"), run: () => void joinRoom(`#${room.id}`, false) }],
    })),
  }),
  member_list: (list) => ({
    title: t("Members of {room}", { room: list.name }),
    empty: "",
    rows: list.members.map((/** @type {any} */ one) => ({
      key: one.name,
      title: one.name,
      detail: facts(one.role && one.role !== "member" ? roleName(one.role) : "", one.here ? t("here now") : ""),
      actions: memberActions({ role: "member", ...one }, list),
    })),
  }),
  status_report: ({ users }) => ({
    title: t("Who is here"),
    empty: "",
    rows: users.map((/** @type {string} */ name) => ({
      key: name,
      title: name,
      actions: name === me.value?.name ? [] : [{ label: t("Write"), run: () => void openDirect(name) }],
    })),
  }),
  contact_list: ({ contacts }) => ({
    title: t("Contacts"),
    empty: t("You have no contacts yet."),
    rows: contacts.map((/** @type {any} */ one) => ({
      key: one.name,
      title: one.name,
      detail: `[${unreadText(one.unread ?? 0)}]`,
      actions: [
        { label: t("Write"), run: () => void openDirect(one.name) },
        one.added === false
          ? { label: t("Add"), run: act({ type: "add_contact", name: one.name }, { type: "contacts" }) }
          : { label: t("Remove"), run: act({ type: "remove_contact", name: one.name }, { type: "contacts" }) },
      ],
    })),
  }),
  file_list: ({ files }) => ({
    title: t("Files"),
    empty: t("There are no files here."),
    rows: files.toReversed().map((/** @type {any} */ file) => ({
      key: file.id,
      title: file.name,
      detail: facts(size(file.size), file.sender, moment(file.time)),
      actions: [{ label: t("Save"), run: saveShared(file) }],
    })),
  }),
  scheduled_list: ({ items }) => ({
    title: t("Scheduled messages"),
    empty: t("Nothing is waiting for its time."),
    rows: items.map((/** @type {any} */ item) => ({
      key: item.id,
      title: `${moment(item.due)} → ${item.kind === "general" ? t("General chat") : item.name}`,
      detail: facts(item.text, item.failure ? t("could not be sent") : ""),
      actions: [{ label: t("Cancel"), about: item.text, run: act({ type: "cancel", id: item.id }, { type: "list_scheduled" }) }],
    })),
  }),
  session_list: ({ sessions }) => ({
    title: t("Devices"),
    empty: "",
    rows: sessions.map((/** @type {any} */ one) => ({
      key: one.id,
      title: one.device || t("telnet"),
      detail: facts(one.address, moment(one.since), one.here ? t("here now") : "", one.own ? t("this one") : ""),
      actions: one.own ? [] : [{ label: t("End"), run: act({ type: "end_session", session: one.id }, { type: "list_sessions" }) }],
    })),
  }),
  invitation_list: ({ invitations }) => ({
    title: t("Invitations"),
    empty: t("Nobody has invited you."),
    rows: invitations.map((/** @type {any} */ one) => ({
      key: one.conversation,
      title: one.room,
      detail: t("by {name}, {time}", { name: one.by, time: moment(one.time) }),
      actions: [
        { label: t("Accept"), run: () => void told(acceptInvitation(one).then(() => (panel.value = null))) },
        { label: t("Decline"), run: act({ type: "decline_invitation", room: `#${one.conversation}` }, { type: "list_invitations" }) },
      ],
    })),
  }),
  link_made: (made) => ({
    title: t("A link into {room}", { room: made.room }),
    empty: "",
    rows: [{
      title: linkTo(made.code),
      detail: t("Who opens it can ask to be let in, until {time}. It is shown only now.", { time: moment(made.expires_at) }),
      actions: [{ label: t("Copy"), run: copy(linkTo(made.code)) }],
    }],
  }),
  link_list: ({ room, conversation, links }) => ({
    title: t("Links into {room}", { room }),
    empty: t("There are none."),
    rows: links.map((/** @type {any} */ link) => ({
      key: link.id,
      title: t("by {name}, {time}", { name: link.by, time: moment(link.time) }),
      detail: t("holds until {time}", { time: moment(link.expires_at) }),
      actions: [{ label: t("Revoke"), run: act({ type: "revoke_link", conversation, link: link.id }, { type: "list_links", conversation }) }],
    })),
  }),
  admission_list: ({ room, conversation, requests }) => ({
    title: t("Who asks to be let into {room}", { room }),
    empty: t("Nobody."),
    rows: requests.map((/** @type {any} */ one) => ({
      key: one.user,
      title: one.user,
      detail: moment(one.time),
      actions: [
        { label: t("Let in"), run: act({ type: "approve", conversation, user: one.user }, { type: "list_admissions", conversation }) },
        { label: t("Turn away"), run: act({ type: "deny", conversation, user: one.user }, { type: "list_admissions", conversation }) },
      ],
    })),
  }),
  complaint_list: ({ complaints, blocked }) => ({
    title: t("Complaints"),
    empty: t("There are none."),
    rows: [
      ...blocked.map((/** @type {any} */ one) => ({
        title: one.name,
        detail: facts(t("blocked until {time}", { time: moment(one.until) }), one.reason ?? ""),
        actions: [{ label: t("Lift"), run: act({ type: "lift_block", name: one.name }, { type: "list_complaints" }) }],
      })),
      ...complaints.map((/** @type {any} */ one) => ({
        title: t("{reporter} about {name}", one),
        detail: facts(one.reason, `${moment(one.time)}`),
        actions: [{ label: t("Block"), run: act({ type: "block_user", name: one.name }, { type: "list_complaints" }) }],
      })),
    ],
  }),
  thread: ({ message, comments }) => ({
    title: t("Comments"), empty: "", rows: [messageRow(message), ...comments.map(messageRow)],
  }),
  history_page: ({ messages }) => ({
    title: t("Messages"), empty: t("There are no messages there."), rows: messages.map(messageRow),
  }),
};

/** @param {any} answer @returns {List} */
export const listOf = (answer) => LISTS[answer.type](answer);

