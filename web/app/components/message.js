// @ts-check
// One message, and one that has not been acknowledged yet.

import { download, openDirect, remove } from "../acts.js";
import { isSpoken } from "../conversation.js";
import { clock, moment, oneLine, size } from "../format.js";
import { t } from "../i18n.js";
import { html, useSignal } from "../lib.js";
import { done } from "../outbox.js";
import { pictureOf } from "../pictures.js";
import { retry } from "../sending.js";
import { told } from "../session.js";
import { composing, conversations, me, panel } from "../store.js";
import { downloads, fetchText } from "../transfers.js";

const FOLDED = 4000; // characters of a text that are shown before somebody asks for more
const LINK = /https?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}]/g;

/** What is told of an entry that nobody said. @param {any} message */
function happening({ kind, sender: name, text }) {
  const [role, who] = text.split(" ");
  switch (kind) {
    case "join": return t("{name} has come into the room.", { name });
    case "leave": return text ? t("{name} has put {text} out of the room.", { name, text }) : t("{name} has left the room.", { name });
    case "topic": return text ? t("{name} set the topic: {text}", { name, text }) : t("{name} took the topic away.", { name });
    case "role":
      if (role === "owner") return t("{name} made {who} an owner of the room.", { name, who });
      if (role === "moderator") return t("{name} made {who} a moderator.", { name, who });
      return t("{name} made {who} a plain member.", { name, who });
    default: return t("{name} made a change: {text}", { name, text });
  }
}

/** A text with its addresses as links; all of it is text nodes. @param {{ text: string }} props */
function Text({ text }) {
  const pieces = [];
  let end = 0;
  for (const found of text.matchAll(LINK)) {
    pieces.push(text.slice(end, found.index));
    pieces.push(html`<a href=${found[0]} target="_blank" rel="noopener noreferrer nofollow">${found[0]}</a>`);
    end = found.index + found[0].length;
  }
  return html`<p class="text">${pieces}${text.slice(end)}</p>`;
}

/** @param {{ message: any }} props */
function Body({ message }) {
  const whole = useSignal("");
  if (message.kind === "deleted") return html`<p class="text gone">${t("(deleted)")}</p>`;
  const all = whole.value || message.text;
  const cut = !whole.value && (message.size !== undefined || all.length > FOLDED);
  const showAll = async () => {
    whole.value = message.size === undefined ? message.text : (await told(fetchText(message))) ?? "";
  };
  return html`
    <${Text} text=${cut ? `${all.slice(0, FOLDED)} …` : all} />
    ${cut && html`<button class="quiet" onClick=${showAll}>
      ${message.size === undefined ? t("Show all") : t("Show all ({size})", { size: size(message.size) })}</button>`}`;
}

/** @param {{ message: any, conversation: number }} props */
function File({ message, conversation }) {
  const url = pictureOf(message, conversation).value;
  const moving = downloads.value.get(message.id);
  const { name, size: bytes } = message.file;
  return html`<div class="file">
    ${url && html`<img src=${url} alt=${name} />`}
    <button class="save" onClick=${() => void download(message)}
      aria-label=${t("Save {name}, {size}", { name, size: size(bytes) })}>
      <span aria-hidden="true">⤓</span> <span class="name">${name}</span> <span class="bytes">${size(bytes)}</span>
    </button>
    ${moving && html`<progress max=${Math.max(bytes, 1)} value=${moving.done.value} aria-label=${name}></progress>`}
  </div>`;
}

/** @param {{ message: any, own: boolean, conversation: import("../conversation.js").Conversation, tabIndex: number }} props */
function Actions({ message, own, conversation, tabIndex }) {
  const { kind, role } = conversation.info.value;
  const mayDelete = own || (kind === "room" && role !== "member") || (kind !== "direct" && me.value?.admin);
  const text = message.kind === "text" || message.kind === undefined;
  return html`<div class="actions">
    <button tabindex=${tabIndex} onClick=${() => (composing.value = { kind: "reply", message })}>${t("Reply")}</button>
    ${own && text && html`
      <button tabindex=${tabIndex} onClick=${() => (composing.value = { kind: "edit", message })}>${t("Edit")}</button>`}
    ${mayDelete && html`<button tabindex=${tabIndex} onClick=${() => void remove(message)}>${t("Delete")}</button>`}
    ${!own && html`<button tabindex=${tabIndex}
      onClick=${() => (panel.value = { kind: "complain", name: message.sender })}>${t("Complain")}</button>`}
  </div>`;
}

/**
 * @param {{ message: any, follows?: boolean, conversation: import("../conversation.js").Conversation, active: boolean,
 *   jump: (id: number) => void }} props
 */
export function Message({ message, follows, conversation, active, jump }) {
  if (!isSpoken(message) && message.kind !== "deleted") {
    return html`<div class="message happening" tabindex=${active ? 0 : -1}>
      <time>${clock(message.time)}</time> ${happening(message)}</div>`;
  }
  const own = message.sender === me.value?.name;
  const { quote } = message;
  const deleted = message.kind === "deleted";
  return html`<div class=${`message ${own ? "own" : ""} ${follows ? "follows" : ""}`} tabindex=${active ? 0 : -1}
    data-message=${message.id}>
    <div class="who">
      ${own ? html`<span class="sender">${t("Me")}</span>`
        : html`<button class="sender" tabindex=${active ? 0 : -1} onClick=${() => void openDirect(message.sender)}
            title=${t("Write to {name}", { name: message.sender })}>${message.sender}</button>`}
      <time title=${moment(message.time)}>${clock(message.time)}</time>
      ${message.edited !== undefined && !deleted && html`<span class="edited">${t("(edited)")}</span>`}
      ${message.due !== undefined && html`<span class="edited">${t("(was due at {time})", { time: moment(message.due) })}</span>`}
    </div>
    ${quote && html`<button class="quote" tabindex=${active ? 0 : -1} onClick=${() => jump(quote.id)}>
      <b>${quote.sender}</b> ${oneLine(quote.text) || t("(deleted)")}</button>`}
    ${message.file && !deleted ? html`<${File} message=${message} conversation=${conversation.id} />`
      : html`<${Body} message=${message} />`}
    ${!deleted && html`<${Actions} message=${message} own=${own} conversation=${conversation} tabIndex=${active ? 0 : -1} />`}
  </div>`;
}

/** @param {{ letter: import("../outbox.js").Letter }} props */
export function Letter({ letter }) {
  const { quote } = letter;
  const again = () => {
    if (conversations.value.has(letter.conversation)) retry(letter);
  };
  return html`<div class=${`message own letter ${letter.failure ? "failed" : ""}`}>
    <div class="who"><span class="sender">${t("Me")}</span>
      <span class="edited">${letter.failure ? t("not sent") : t("is being sent …")}</span></div>
    ${quote && html`<p class="quote"><b>${quote.sender}</b> ${oneLine(quote.text)}</p>`}
    <${Text} text=${letter.text.slice(0, FOLDED)} />
    ${letter.failure && html`<p class="wrong">${letter.failure}
      <button class="quiet" onClick=${again}>${t("Try again")}</button>
      <button class="quiet" onClick=${() => done(letter.uuid)}>${t("Discard")}</button></p>`}
  </div>`;
}
