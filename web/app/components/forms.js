// @ts-check
// Forms of the panel: the account, a complaint, a room, a message for later.

import { leaveRoom, request } from "../acts.js";
import { newUuid } from "../format.js";
import { t } from "../i18n.js";
import { html, useSignal } from "../lib.js";
import { ask, told } from "../session.js";
import { current, me, panel, tell } from "../store.js";
import { titleOf } from "./header.js";

/** @param {(fields: Record<string, string>) => void} use */
const onSubmit = (use) => (/** @type {any} */ event) => {
  event.preventDefault();
  const fields = Object.fromEntries([...new FormData(event.target)].map(([key, value]) => [key, String(value)]));
  use(fields);
};

export function Account() {
  const problem = useSignal("");
  const guest = me.value?.guest;
  const change = async (/** @type {Record<string, string>} */ { old, password, again }) => {
    problem.value = password === again ? "" : t("The two passwords are not the same.");
    if (problem.value) return;
    const answer = await told(ask(guest
      ? { type: "register", password } : { type: "change_password", old, new: password }));
    if (!answer) return;
    if (guest && me.value) me.value = { ...me.value, guest: false };
    tell(guest ? t("The name {name} is yours now.", { name: me.value?.name }) : answer.message);
    panel.value = null;
  };
  return html`<form class="form" onSubmit=${onSubmit(change)}>
    <p class="hint">${guest
      ? t("With a password the name {name} is yours: nobody else can use it.", { name: me.value?.name })
      : t("After a change all other devices have to log in anew.")}</p>
    ${!guest && html`<label>${t("Present password")}<input name="old" type="password" autocomplete="current-password" required /></label>`}
    <label>${t("New password")}<input name="password" type="password" autocomplete="new-password" required minlength="8" /></label>
    <label>${t("Password once more")}<input name="again" type="password" autocomplete="new-password" required /></label>
    <p class="wrong" role="alert">${problem.value}</p>
    <button class="main">${guest ? t("Register") : t("Change the password")}</button>
  </form>`;
}

/** @param {{ name: string }} props */
export function Complain({ name }) {
  const complain = async (/** @type {Record<string, string>} */ { reason }) => {
    const notice = await told(ask({ type: "complain", name, reason }));
    if (!notice) return;
    tell(notice.message);
    panel.value = null;
  };
  return html`<form class="form" onSubmit=${onSubmit(complain)}>
    <p class="hint">${t("When enough people complain, somebody can write nothing for some hours.")}</p>
    <label>${t("Why, for the administrators")}<input name="reason" maxlength="300" /></label>
    <button class="main">${t("Complain")}</button>
  </form>`;
}

export function RoomForm() {
  const conversation = current.value;
  if (!conversation) return null;
  const { id, role, topic, private: isPrivate } = conversation.info.value;
  const leads = role !== "member";
  const see = (/** @type {string} */ type) => () => void request({ type, conversation: id });
  const invite = async (/** @type {Record<string, string>} */ { user }) => {
    const notice = await told(ask({ type: "invite", conversation: id, user }));
    if (notice) tell(notice.message);
  };
  const setTopic = async (/** @type {Record<string, string>} */ fields) => {
    const answer = await told(ask({ type: "set_topic", conversation: id, topic: fields.topic }));
    if (answer) conversation.info.value = { ...conversation.info.value, topic: fields.topic };
  };
  return html`
    <form class="form" onSubmit=${onSubmit(invite)}>
      <label>${t("Invite somebody")}<input name="user" required autocomplete="off" /></label>
      <button class="main">${t("Invite")}</button>
    </form>
    ${leads && html`<form class="form" onSubmit=${onSubmit(setTopic)}>
      <label>${t("Topic")}<input name="topic" maxlength="200" value=${topic} /></label>
      <button class="main">${t("Set the topic")}</button>
    </form>`}
    <div class="form">
      ${leads && isPrivate && html`
        <button class="quiet" onClick=${see("make_link")}>${t("Make an invitation link")}</button>
        <button class="quiet" onClick=${see("list_links")}>${t("Links that hold")}</button>
        <button class="quiet" onClick=${see("list_admissions")}>${t("Who asks to be let in")}</button>`}
      <button class="quiet" onClick=${() => void leaveRoom(id)}>${t("Leave the room")}</button>
    </div>`;
}

export function ScheduleForm() {
  const conversation = current.value;
  const schedule = async (/** @type {Record<string, string>} */ { when, text }) => {
    const answer = await told(ask({
      type: "schedule", when: when.replace("T", " "), text, conversation: conversation?.id, uuid: newUuid(),
    }));
    if (answer) await request({ type: "list_scheduled" });
  };
  return html`<form class="form" onSubmit=${onSubmit(schedule)}>
    <label>${t("When")}<input name="when" type="datetime-local" required /></label>
    <label>${t("Message to {place}", { place: titleOf(conversation?.info.value ?? {}) })}
      <textarea name="text" rows="3" required></textarea></label>
    <button class="main">${t("Send it then")}</button>
  </form>`;
}
