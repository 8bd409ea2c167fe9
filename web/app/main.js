// @ts-check
// The page begins here: a language, somebody remembered or the sign-in screen.

import { preferred, speak } from "./i18n.js";
import { html, render } from "./lib.js";
import { remembered, signIn } from "./session.js";
import { me } from "./store.js";
import { Chat } from "./screens/chat.js";
import { SignIn } from "./screens/signin.js";

function Page() {
  return me.value ? html`<${Chat} />` : html`<${SignIn} />`;
}

const known = remembered();
if (known?.name) signIn(known);
await speak(preferred());
render(html`<${Page} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
