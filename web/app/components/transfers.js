// @ts-check
// Files that are on their way, both ways.

import { size } from "../format.js";
import { t } from "../i18n.js";
import { html } from "../lib.js";
import { downloads, uploads } from "../transfers.js";

/** @param {import("../transfers.js").Transfer} one */
function stateOf(one) {
  switch (one.state.value) {
    case "hashing": return t("being read");
    case "waiting": return t("waits for the connection");
    case "failed": return one.problem.value;
    default: return t("{done} of {size}", { done: size(one.done.value), size: size(one.size) });
  }
}

/** @param {{ one: import("../transfers.js").Transfer, sent: boolean }} props */
function Row({ one, sent }) {
  return html`<li>
    <span class="arrow" aria-hidden="true">${sent ? "↑" : "↓"}</span>
    <span class="name">${one.name}</span>
    <progress max=${Math.max(one.size, 1)} value=${one.done.value} aria-label=${one.name}></progress>
    <span class="state">${stateOf(one)}</span>
    ${one.state.value === "failed" && html`<button class="quiet" onClick=${() => one.retry()}>${t("Try again")}</button>`}
    <button class="quiet" onClick=${() => one.cancel()}>${t("Cancel")}</button>
  </li>`;
}

/** @param {{ conversation: number }} props */
export function Transfers({ conversation }) {
  const up = uploads.value.filter((one) => one.conversation === conversation);
  const down = [...downloads.value.values()].filter((one) => one.conversation === conversation);
  if (!up.length && !down.length) return null;
  return html`<ul class="transfers" aria-label=${t("Files on their way")}>
    ${up.map((one) => html`<${Row} key=${`up${one.key}`} one=${one} sent=${true} />`)}
    ${down.map((one) => html`<${Row} key=${`down${one.key}`} one=${one} sent=${false} />`)}
  </ul>`;
}
