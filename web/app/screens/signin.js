// @ts-check
// The first of the two screens (S003-13): log in, register, or come in as a guest.

import { language, t, toggleLanguage } from "../i18n.js";
import { html, useSignal } from "../lib.js";
import { toggleTheme } from "../look.js";
import { comingIn, giveUp, signIn } from "../session.js";
import { status } from "../connection.js";
import { signInProblem } from "../store.js";

const MAX_NAME = 32;
const MIN_PASSWORD = 8;
// As the server has it: one word, and none of what means something in a command.
const NOT_IN_NAMES = /[\s\p{Cc}",/:<>@]/u;

const ways = () => [
  { id: "login", label: t("Log in") },
  { id: "register", label: t("Register") },
  { id: "guest", label: t("Guest") },
];

/** What is wrong with what was typed; "" where nothing is (S003-14). @param {string} way @param {any} typed */
function problemOf(way, { name, password, again }) {
  if (!name) return t("Enter a name.");
  if ([...name].length > MAX_NAME) return t("A name has at most {limit} characters.", { limit: MAX_NAME });
  if (NOT_IN_NAMES.test(name)) return t("A name is one word, without any of {signs}", { signs: '" , / : < > @' });
  if (way === "guest") return "";
  if (!password) return t("Enter the password.");
  if (way === "login") return "";
  if (password.length < MIN_PASSWORD) return t("A password has at least {number} characters.", { number: MIN_PASSWORD });
  if (password !== again) return t("The two passwords are not the same.");
  return "";
}

export function SignIn() {
  const way = useSignal("login");
  const problem = useSignal("");

  /** @param {any} event */
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const typed = {
      name: String(form.get("name") ?? "").trim(),
      password: String(form.get("password") ?? ""),
      again: String(form.get("again") ?? ""),
    };
    problem.value = problemOf(way.value, typed);
    if (problem.value) return;
    const stay = form.get("stay") !== null;
    if (way.value === "login") signIn({ name: typed.name, password: typed.password, stay });
    else signIn({ name: typed.name, stay }, way.value === "register" ? typed.password : undefined);
  };

  const wrong = problem.value || signInProblem.value;
  const waiting = comingIn.value && status.value.name !== "online";
  return html`
    <main class="signin">
      <div class="corner">
        <button class="quiet" onClick=${toggleLanguage} lang=${language.value === "en" ? "ru" : "en"}>
          ${language.value === "en" ? "Русский" : "English"}
        </button>
        <button class="quiet" onClick=${toggleTheme}>${t("Light or dark")}</button>
      </div>
      <form class="card" onSubmit=${submit} noValidate aria-labelledby="title">
        <h1 id="title"><span class="logo" aria-hidden="true"></span>mymessenger</h1>
        <div class="tabs" role="group" aria-label=${t("How to come in")}>
          ${ways().map(({ id, label }) => html`
            <button type="button" key=${id} aria-pressed=${way.value === id}
              onClick=${() => { way.value = id; problem.value = ""; signInProblem.value = ""; }}>${label}</button>`)}
        </div>
        <label>${t("Name")}
          <input name="name" autocomplete="username" autocapitalize="off" spellcheck=${false} autofocus
            aria-describedby="wrong" />
        </label>
        ${way.value !== "guest" && html`
          <label>${t("Password")}
            <input name="password" type="password" aria-describedby="wrong"
              autocomplete=${way.value === "login" ? "current-password" : "new-password"} />
          </label>`}
        ${way.value === "register" && html`
          <label>${t("Password once more")}
            <input name="again" type="password" autocomplete="new-password" aria-describedby="wrong" />
          </label>`}
        ${way.value === "guest"
          ? html`<p class="hint">${t("A guest's name has no password: anybody can use it.")}</p>`
          : html`<label class="check"><input type="checkbox" name="stay" />${t("Stay signed in on this device")}</label>`}
        <p id="wrong" class="wrong" role="alert">${wrong}</p>
        <button class="main" disabled=${comingIn.value}>${ways().find(({ id }) => id === way.value)?.label}</button>
        ${waiting && html`
          <p class="hint" role="status">${status.value.name === "waiting"
            ? t("The server does not answer; it is tried again.") : t("Connecting …")}
            <button type="button" class="quiet" onClick=${giveUp}>${t("Cancel")}</button></p>`}
      </form>
    </main>`;
}
