// @ts-check
// Invitation links: this page's address with `#join=CODE`.

import { t } from "./i18n.js";
import { ask, told } from "./session.js";
import { tell } from "./store.js";

/** The address that stands for a code. @param {string} code */
export const linkTo = (code) => `${location.origin}/#join=${encodeURIComponent(code)}`;

/** Ask to be let in where the page was opened by a link. */
export function joinByLink() {
  const code = new URLSearchParams(location.hash.slice(1)).get("join");
  if (!code) return;
  history.replaceState(null, "", location.pathname); // a reload must not ask again
  tell(t("You were given a link into a private room. Ask to be let in?"), "question", [
    { label: t("Ask"), run: () => void told(ask({ type: "ask_admission", code }).then((notice) => tell(notice.message))) },
    { label: t("No"), run: () => {} },
  ]);
}
