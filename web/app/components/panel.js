// @ts-check
// What stands beside the conversation: a list the server gave, a form, the keys, the help.

import { html, useEffect, useRef } from "../lib.js";
import { t } from "../i18n.js";
import { panel } from "../store.js";
import { Account, Complain, RoomForm, ScheduleForm } from "./forms.js";
import { Help, Keys } from "./help.js";
import { listOf } from "./lists.js";

/** @param {{ rows: import("./lists.js").Row[], empty: string }} props */
function Rows({ rows, empty }) {
  if (!rows.length) return html`<p class="hint">${empty}</p>`;
  return html`<ul class="panel-rows">${rows.map((row, index) => html`
    <li key=${row.key ?? index}>
      <div class="panel-text"><span class="name">${row.title}</span>
        ${row.detail && html`<span class="detail">${row.detail}</span>`}</div>
      ${row.actions && html`<div class="panel-actions">${row.actions.map(({ label, run, about }) => html`
        <button class="quiet" key=${label} aria-label=${`${label}: ${about ?? row.title}`} onClick=${run}>${label}</button>`)}</div>`}
    </li>`)}</ul>`;
}

/** What is in the panel, under which title. @param {any} shown @returns {{ title: string, body: any }} */
function contentOf(shown) {
  switch (shown.kind) {
    case "keys": return { title: t("Keys"), body: html`<${Keys} />` };
    case "help": return { title: t("Commands"), body: html`<${Help} topic=${shown.topic} />` };
    case "account": return { title: t("Your account"), body: html`<${Account} />` };
    case "complain": return { title: t("Complain about {name}", { name: shown.name }), body: html`<${Complain} name=${shown.name} />` };
    case "room": return { title: t("This room"), body: html`<${RoomForm} />` };
    default: {
      const { title, rows, empty } = listOf(shown.answer);
      const form = shown.kind === "scheduled_list" && html`<${ScheduleForm} />`;
      return { title, body: html`${form}<${Rows} rows=${rows} empty=${empty} />` };
    }
  }
}

export function Panel() {
  const shown = panel.value;
  const heading = useRef(/** @type {HTMLElement | null} */ (null));
  const before = useRef(/** @type {Element | null} */ (null));
  useEffect(() => {
    before.current = document.activeElement;
    return () => {
      const back = /** @type {HTMLElement | null} */ (before.current);
      if (back?.isConnected) back.focus();
      else document.getElementById("composer")?.focus();
    };
  }, []);
  useEffect(() => heading.current?.focus(), [shown?.kind]);
  if (!shown) return null;
  const { title, body } = contentOf(shown);
  return html`<section class="panel" aria-labelledby="panel-title">
    <div class="panel-head">
      <h2 id="panel-title" tabindex="-1" ref=${heading}>${title}</h2>
      <button class="quiet" onClick=${() => (panel.value = null)}>${t("Close")}</button>
    </div>
    <div class="panel-body" tabindex="0">${body}</div>
  </section>`;
}
