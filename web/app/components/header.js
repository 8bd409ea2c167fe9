// @ts-check
// The line above a conversation: what it is, and what can be looked at.

import { request } from "../acts.js";
import { t, tn } from "../i18n.js";
import { html } from "../lib.js";
import { here, panel, showList } from "../store.js";

/** What a conversation is called. @param {any} info */
export const titleOf = (info) => (info.kind === "general" ? t("General chat") : info.name);

/** @param {any} info */
function subtitleOf(info) {
  if (info.kind === "direct") return here.value.has(info.name) ? t("here now") : t("not here");
  if (info.kind === "general") return tn("{number} here now", "{number} here now", here.value.size);
  return info.topic || (info.private ? t("a private room") : t("a room"));
}

/** @param {{ conversation: import("../conversation.js").Conversation }} props */
export function Header({ conversation }) {
  const info = conversation.info.value;
  const room = info.kind === "room";
  const see = (/** @type {string} */ type) => () => request({ type, conversation: conversation.id });
  return html`<header>
    <button class="quiet back" aria-label=${t("Conversations")} onClick=${() => (showList.value = true)}>☰</button>
    <div class="titles">
      <h1>${titleOf(info)}</h1>
      <p>${subtitleOf(info)}</p>
    </div>
    <nav aria-label=${t("This conversation")}>
      ${room && html`<button class="quiet" onClick=${see("list_members")}>${t("Members")}</button>`}
      ${info.kind === "general" && html`
        <button class="quiet" onClick=${() => request({ type: "status" })}>${t("Who is here")}</button>`}
      <button class="quiet" onClick=${see("list_files")}>${t("Files")}</button>
      ${room && html`<button class="quiet" onClick=${() => (panel.value = { kind: "room" })}>${t("Room")}</button>`}
    </nav>
  </header>`;
}
