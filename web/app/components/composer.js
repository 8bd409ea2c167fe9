// @ts-check
// Where one writes: messages, commands with their completion, files.

import { say } from "../acts.js";
import { titleOf } from "./header.js";
import { oneLine } from "../format.js";
import { t } from "../i18n.js";
import { html, useEffect, useRef, useSignal } from "../lib.js";
import { commands, composing, currentId, me } from "../store.js";
import { upload } from "../transfers.js";

const OFFERED = 8; // commands at most
const LINES = 8; // of text before it scrolls

/** What has been typed and not sent, by conversation. @type {Map<number, string>} */
const drafts = new Map();

/** Commands that begin with what is typed. @param {string} text */
function offersFor(text) {
  const found = /^\/(\S*)$/.exec(text);
  if (!found) return [];
  const begun = found[1].toLowerCase();
  return commands.value
    .filter(({ words }) => words.some((word) => word.startsWith(begun)))
    .slice(0, OFFERED);
}

/** @param {{ conversation: import("../conversation.js").Conversation }} props */
export function Composer({ conversation }) {
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const picker = useRef(/** @type {HTMLInputElement | null} */ (null));
  const text = useSignal("");
  const chosen = useSignal(0);
  const doing = composing.value;
  const offers = offersFor(text.value);
  const picked = Math.min(chosen.value, offers.length - 1);

  const type = (/** @type {string} */ typed) => {
    text.value = typed;
    chosen.value = 0;
    if (composing.peek()?.kind !== "edit") drafts.set(conversation.id, typed);
  };
  useEffect(() => {
    if (doing?.kind === "edit") text.value = doing.message.text;
    else text.value = drafts.get(conversation.id) ?? "";
    field.current?.focus();
  }, [conversation.id, doing]);
  useEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = "auto";
    const line = parseFloat(getComputedStyle(element).lineHeight);
    element.style.height = `${Math.min(element.scrollHeight + 2, line * LINES)}px`;
  }, [text.value]);

  const submit = () => {
    const typed = text.value.trim();
    if (!typed) return;
    type("");
    drafts.delete(conversation.id);
    say(typed);
  };

  const complete = () => {
    const word = offers[picked]?.words[0];
    if (word) type(`/${word} `);
  };

  const editLast = () => {
    const own = conversation.entries.findLast((one) =>
      one.sender === me.value?.name && (one.kind === "text" || one.kind === undefined));
    if (own) composing.value = { kind: "edit", message: own };
  };

  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (event.isComposing || event.altKey) return;
    if (offers.length && event.key === "ArrowDown") chosen.value = (picked + 1) % offers.length;
    else if (offers.length && event.key === "ArrowUp") chosen.value = (picked + offers.length - 1) % offers.length;
    else if (offers.length && event.key === "Tab" && !event.shiftKey) complete();
    else if (event.key === "Enter" && !event.shiftKey) {
      const whole = offers.some(({ words }) => words.includes(text.value.slice(1).toLowerCase()));
      if (offers.length && !whole) complete();
      else submit();
    } else if (event.key === "ArrowUp" && !text.value) editLast();
    else return;
    event.preventDefault();
  };

  /** @param {ClipboardEvent} event */
  const onPaste = (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    for (const file of files) void upload(file, currentId.value);
  };

  const onPick = () => {
    for (const file of picker.current?.files ?? []) void upload(file, currentId.value);
    if (picker.current) picker.current.value = "";
  };

  return html`<form class="composer" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); submit(); }}>
    ${offers.length > 0 && html`<ul id="offers" class="commands" role="listbox" aria-label=${t("Commands")}>
      ${offers.map((command, index) => html`
        <li key=${command.words[0]} id=${`offer${index}`} role="option" aria-selected=${index === picked}
          onMouseDown=${(/** @type {Event} */ event) => { event.preventDefault(); chosen.value = index; type(`/${command.words[0]} `); }}>
          <b>/${command.words[0]}</b> <span class="usage">${command.usage}</span> <span class="help">${command.help}</span>
        </li>`)}
    </ul>`}
    ${doing && html`<div class="doing">
      <span>${doing.kind === "edit" ? t("Changing your message") : t("Answer to {name}", { name: doing.message.sender })}:
        ${" "}${oneLine(doing.message.text || doing.message.file?.name || "", 80)}</span>
      <button type="button" class="quiet" onClick=${() => (composing.value = null)}>${t("Cancel")}</button>
    </div>`}
    <div class="line">
      <button type="button" class="quiet" id="file-button" aria-label=${t("Send files")}
        onClick=${() => picker.current?.click()}>+</button>
      <input type="file" ref=${picker} class="unseen" multiple onChange=${onPick} tabindex=${-1} aria-hidden="true" aria-label=${t("Send files")} />
      <textarea id="composer" ref=${field} rows="1" value=${text.value} enterkeyhint="send"
        aria-autocomplete="list" aria-haspopup="listbox" aria-controls=${offers.length ? "offers" : undefined}
        aria-activedescendant=${offers.length ? `offer${picked}` : undefined}
        aria-label=${t("Message to {place}", { place: titleOf(conversation.info.value) })}
        placeholder=${t("Message, or / for commands")}
        onInput=${(/** @type {any} */ event) => type(event.target.value)} onKeyDown=${onKey} onPaste=${onPaste}></textarea>
      <button class="main" aria-label=${t("Send")}>➤</button>
    </div>
  </form>`;
}
