// @ts-check
// The second screen (S003-13): the conversations, one of them, and what stands beside it.

import { open, seen } from "../acts.js";
import { Composer } from "../components/composer.js";
import { Connectivity } from "../components/connectivity.js";
import { Header } from "../components/header.js";
import { Messages } from "../components/messages.js";
import { Panel } from "../components/panel.js";
import { Sidebar } from "../components/sidebar.js";
import { Toasts } from "../components/toasts.js";
import { Transfers } from "../components/transfers.js";
import { upload } from "../transfers.js";
import { t } from "../i18n.js";
import { html, useEffect, useSignal } from "../lib.js";
import { spokenNews } from "../notify.js";
import { composing, current, currentId, ordered, panel, showList } from "../store.js";

/** Turn to the next conversation of the list, or to the one before. @param {number} step */
function turn(step) {
  const all = ordered.value;
  const index = all.findIndex((one) => one.id === currentId.value);
  const next = all[(index + step + all.length) % all.length];
  if (next) open(next.id);
}

function toNextUnread() {
  const next = ordered.value.find((one) => one.unread.value && one.id !== currentId.value);
  if (next) open(next.id);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const typing = target.matches("input, textarea");
  if (event.key === "Escape") {
    if (panel.value) panel.value = null;
    else if (composing.value) composing.value = null;
    else document.getElementById("composer")?.focus();
  } else if (event.altKey && event.key === "ArrowDown") turn(1);
  else if (event.altKey && event.key === "ArrowUp") turn(-1);
  else if (event.altKey && event.key.toLowerCase() === "n") toNextUnread();
  else if ((event.ctrlKey || event.metaKey) && event.key === "k") {
    showList.value = true;
    requestAnimationFrame(() => document.getElementById("find")?.focus());
  } else if (event.key === "?" && !typing) panel.value = { kind: "keys" };
  else if (event.key === "/" && !typing) {
    const field = /** @type {HTMLTextAreaElement | null} */ (document.getElementById("composer"));
    field?.focus();
    if (field?.value === "") return; // the slash goes in, too: what follows it is a command, not a message
  } else return;
  if (event.key !== "Escape") event.preventDefault();
}

export function Chat() {
  const dropping = useSignal(false);

  useEffect(() => {
    const look = () => seen();
    addEventListener("keydown", onKey);
    const leave = () => {
      if (current.value && !current.value.unread.value) current.value.dividerSeq = null;
    };
    addEventListener("focus", look);
    addEventListener("blur", leave);
    document.addEventListener("visibilitychange", look);
    open(currentId.peek());
    document.getElementById("composer")?.focus();
    return () => {
      removeEventListener("keydown", onKey);
      removeEventListener("focus", look);
      removeEventListener("blur", leave);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);

  /** @param {DragEvent} event */
  const onDrop = (event) => {
    event.preventDefault();
    dropping.value = false;
    for (const file of event.dataTransfer?.files ?? []) void upload(file, currentId.value);
  };

  const conversation = current.value;
  return html`
    <div class=${`chat ${showList.value ? "listing" : ""} ${panel.value ? "with-panel" : ""}`}>
      <${Sidebar} />
      <main class="conversation"
        onDragOver=${(/** @type {DragEvent} */ event) => { event.preventDefault(); dropping.value = true; }}
        onDragLeave=${() => (dropping.value = false)} onDrop=${onDrop}>
        <${Connectivity} />
        ${conversation && html`
          <${Header} conversation=${conversation} />
          <${Messages} key=${conversation.id} conversation=${conversation} />
          <${Transfers} conversation=${conversation.id} />
          <${Composer} conversation=${conversation} />`}
        ${dropping.value && html`<div class="drop" aria-hidden="true">${t("Drop files here to send them")}</div>`}
      </main>
      ${panel.value && html`<${Panel} />`}
      <${Toasts} />
      <div class="unseen" aria-live="polite">${spokenNews.value}</div>
    </div>`;
}
