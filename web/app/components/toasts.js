// @ts-check
// Short news in a corner; questions stay until they are answered.

import { t } from "../i18n.js";
import { html } from "../lib.js";
import { dismiss, toasts } from "../store.js";

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map((toast) => html`
      <div key=${toast.id} class=${`toast ${toast.kind}`}>
        <span>${toast.text}</span>
        ${toast.actions?.map(({ label, run }) => html`
          <button key=${label} onClick=${() => { dismiss(toast.id); run(); }}>${label}</button>`)}
        ${!toast.actions && html`
          <button class="quiet" aria-label=${t("Dismiss")} onClick=${() => dismiss(toast.id)}>×</button>`}
      </div>`)}
  </div>`;
}
