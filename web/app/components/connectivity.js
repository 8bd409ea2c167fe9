// @ts-check
// What everybody should see of the connection: that it is gone, when it is tried again, what waits.

import { connectNow } from "../session.js";
import { status } from "../connection.js";
import { moment } from "../format.js";
import { t, tn } from "../i18n.js";
import { html, useEffect, useSignal } from "../lib.js";
import { letters } from "../outbox.js";
import { blocked, storageAvailable } from "../store.js";

function sentence() {
  const { name, retryAt, reason } = status.value;
  if (name === "online") return "";
  if (name === "connecting") return t("Connecting …");
  const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  const why = reason || (navigator.onLine ? t("The connection is lost.") : t("This device is offline."));
  return `${why} ${tn("Next attempt in {number} second.", "Next attempt in {number} seconds.", seconds)}`;
}

export function Connectivity() {
  const tick = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => status.value.name === "waiting" && (tick.value += 1), 500);
    return () => clearInterval(timer);
  }, []);
  void tick.value;

  const said = sentence();
  const queued = letters.value.filter((letter) => !letter.failure).length;
  return html`<div class="notices">
    ${said && html`
      <div class="notice offline" role="status">
        <span>${said} ${queued > 0 && tn("{number} message waits.", "{number} messages wait.", queued)}</span>
        ${status.value.name === "waiting" && html`<button class="quiet" onClick=${connectNow}>${t("Try now")}</button>`}
      </div>`}
    ${!storageAvailable.value && html`
      <div class="notice" role="status">${t("The database does not answer; what you write now is stored later.")}</div>`}
    ${blocked.value && html`
      <div class="notice" role="status">
        ${t("You can write nothing until {time}.", { time: moment(blocked.value.until) })} ${blocked.value.reason}
      </div>`}
  </div>`;
}
