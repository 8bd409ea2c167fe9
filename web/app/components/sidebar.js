// @ts-check
// The conversations, with what is unread in them and the last line of each.

import { joinRoom, open, openDirect, request } from "../acts.js";
import { titleOf } from "./header.js";
import { clock, oneLine, unreadText } from "../format.js";
import { language, t, tn, toggleLanguage } from "../i18n.js";
import { html, useSignal } from "../lib.js";
import { toggleTheme } from "../look.js";
import { notifying, toggleNotifications } from "../notify.js";
import { signOut } from "../session.js";
import { currentId, here, me, ordered, panel, showList } from "../store.js";

/** @param {any} message */
function previewOf(message) {
  if (!message) return "";
  const own = message.sender === me.value?.name;
  const who = own ? t("Me") : message.sender;
  if (message.kind === "deleted") return t("(deleted)");
  return `${who}: ${message.file ? message.file.name : oneLine(message.text, 80)}`;
}

/** @param {{ conversation: import("../conversation.js").Conversation }} props */
function Row({ conversation }) {
  const info = conversation.info.value;
  const last = conversation.preview.value;
  const unread = conversation.unread.value;
  const present = info.kind === "direct" && here.value.has(info.name);
  return html`<li>
    <button class="row" aria-current=${currentId.value === conversation.id ? "true" : undefined}
      onClick=${() => open(conversation.id)}>
      <span class="sign" aria-hidden="true" data-kind=${info.kind} data-here=${present}>
        ${info.kind === "direct" ? (info.name[0] ?? "").toUpperCase() : "#"}</span>
      <span class="what">
        <span class="name">${titleOf(info)}</span>
        ${present && html`<span class="unseen">${t("here now")}</span>`}
        <span class="last">${previewOf(last)}</span>
      </span>
      <span class="when">
        ${last && html`<time>${clock(last.time)}</time>`}
        ${unread > 0 && html`<span class="count"
          aria-label=${tn("{number} unread", "{number} unread", unread)}>${unreadText(unread)}</span>`}
      </span>
    </button>
  </li>`;
}

export function Sidebar() {
  const wanted = useSignal("");
  const needle = wanted.value.trim().toLowerCase();
  const rows = ordered.value.filter((one) => titleOf(one.info.value).toLowerCase().includes(needle));
  const word = wanted.value.trim();
  const go = (/** @type {() => void} */ act) => () => { wanted.value = ""; act(); };

  return html`<aside class="sidebar" aria-label=${t("Conversations")}>
    <div class="me">
      <span class="name">${me.value?.name}</span>
      ${me.value?.guest && html`
        <button class="quiet" onClick=${() => (panel.value = { kind: "account" })}>${t("Guest: register")}</button>`}
      <button class="quiet only-narrow" onClick=${() => (showList.value = false)}>${t("Close")}</button>
    </div>
    <div class="find">
      <input id="find" type="search" aria-label=${t("Find a conversation, or name a person or a room")}
        placeholder=${t("Find, or a name")} value=${wanted.value}
        onInput=${(/** @type {any} */ event) => (wanted.value = event.target.value)}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
          if (event.key !== "Enter") return;
          if (rows[0]) go(() => open(rows[0].id))();
          else if (word) go(() => openDirect(word))();
        }} />
      ${word && html`<div class="offers">
        <button class="quiet" onClick=${go(() => openDirect(word))}>${t("Write to {name}", { name: word })}</button>
        <button class="quiet" onClick=${go(() => joinRoom(word, false))}>${t("Join or make the room {name}", { name: word })}</button>
        <button class="quiet" onClick=${go(() => joinRoom(word, true))}>${t("Make the private room {name}", { name: word })}</button>
      </div>`}
    </div>
    <ul class="rows" aria-label=${t("Conversations")}>${rows.map((one) => html`<${Row} key=${one.id} conversation=${one} />`)}</ul>
    <nav class="tools" aria-label=${t("More")}>
      <button class="quiet" onClick=${() => request({ type: "list_rooms" })}>${t("Rooms")}</button>
      <button class="quiet" onClick=${() => request({ type: "contacts" })}>${t("Contacts")}</button>
      <button class="quiet" onClick=${() => request({ type: "list_invitations" })}>${t("Invitations")}</button>
      <button class="quiet" onClick=${() => request({ type: "list_scheduled" })}>${t("Scheduled")}</button>
      <button class="quiet" onClick=${() => request({ type: "list_sessions" })}>${t("Devices")}</button>
      ${me.value?.admin && html`
        <button class="quiet" onClick=${() => request({ type: "list_complaints" })}>${t("Complaints")}</button>`}
      <button class="quiet" aria-pressed=${notifying.value} onClick=${toggleNotifications}>${t("Notifications")}</button>
      <button class="quiet" onClick=${toggleTheme}>${t("Light or dark")}</button>
      <button class="quiet" onClick=${toggleLanguage} lang=${language.value === "en" ? "ru" : "en"}>
        ${language.value === "en" ? "Русский" : "English"}</button>
      <button class="quiet" onClick=${() => (panel.value = { kind: "keys" })}>${t("Keys")}</button>
      <button class="quiet" onClick=${signOut}>${t("Sign out")}</button>
    </nav>
  </aside>`;
}
