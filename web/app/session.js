// @ts-check
// Being signed in: from the login to what the server tells, until the sign-out.

import { Connection, Disconnected, Refusal, status } from "./connection.js";
import { loadOnline, onEvent } from "./events.js";
import { t, language } from "./i18n.js";
import { forLong, forTab } from "./keep.js";
import { effect, signal } from "./lib.js";
import { closeOutbox, openOutbox } from "./outbox.js";
import { sendAll } from "./sending.js";
import { conversations, forget, me, signInProblem, takeAll, tell } from "./store.js";

/** @typedef {import("./protocol.js").Frame} Frame */
/** @typedef {{ name: string, password?: string, token?: string, stay: boolean }} Credentials */

const KEY = "mm.session";

/** Refusals that another attempt with what we have would meet again. */
const FINAL = new Set([
  "bad_credentials", "password_needed", "session_ended", "bad_name", "name_taken", "unsupported_version",
]);

/** @type {Connection | null} */
let connection = null;
/** @type {Credentials} */
let credentials = { name: "", stay: false };

/** True while it is tried to come in. */
export const comingIn = signal(false);

function device() {
  const system = /\(([^;)]+)/.exec(navigator.userAgent)?.[1] ?? "";
  return `${t("browser")} (${system})`.slice(0, 100);
}

function remember() {
  const { name, token, stay } = credentials;
  const kept = JSON.stringify({ name, token, stay });
  forTab.set(KEY, kept); // until the tab is closed, so that a reload asks for no password
  if (stay && token) forLong.set(KEY, kept);
}

function forgetDevice() {
  forTab.remove(KEY);
  forLong.remove(KEY);
}

/** What this browser knows from before. @returns {Credentials | null} */
export function remembered() {
  try {
    return JSON.parse(forTab.get(KEY) ?? forLong.get(KEY) ?? "null");
  } catch {
    return null;
  }
}

/** Send a request and return the answer; rejects with Refusal or Disconnected. @param {Frame} frame @param {import("./connection.js").OnPart} [onPart] */
export function ask(frame, onPart) {
  return connection ? connection.ask(frame, onPart) : Promise.reject(new Disconnected());
}

/** Send a frame that is not answered. @param {Frame} frame @param {Uint8Array} [payload] */
export function send(frame, payload) {
  connection?.send(frame, payload);
}

/** How much of what was sent is still in this machine. */
export const buffered = () => connection?.socket?.bufferedAmount ?? 0;

/** Do something that may fail, and show why it did. @template T @param {Promise<T>} work @returns {Promise<T | undefined>} */
export async function told(work) {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Disconnected) tell(t("There is no connection now; try again when it is back."), "error");
    else tell(error instanceof Error ? error.message : String(error), "error");
    return undefined;
  }
}

function loginFrame() {
  const resume = Object.fromEntries(
    [...conversations.value.values()].filter((one) => one.position !== null).map((one) => [one.id, one.position]));
  return {
    type: "login",
    name: credentials.name,
    password: credentials.token ? undefined : credentials.password,
    token: credentials.token,
    remember: credentials.password !== undefined && !credentials.token,
    device: device(),
    language: language.value,
    zone: Intl.DateTimeFormat().resolvedOptions().timeZone ?? "",
    resume: Object.keys(resume).length ? resume : undefined,
  };
}

/** @param {Frame} answer @param {string} [newPassword] */
async function loggedIn(answer, newPassword) {
  if (answer.token) credentials.token = answer.token;
  credentials.name = answer.name;
  let { guest } = answer;
  if (newPassword !== undefined && guest) {
    const registered = await ask({ type: "register", password: newPassword, remember: true, device: device() });
    credentials.token = registered.token;
    guest = false;
  }
  delete credentials.password;
  remember();
  signInProblem.value = "";
  if (!me.value) openOutbox(answer.name);
  me.value = { name: answer.name, guest, admin: answer.admin ?? false };
  takeAll(answer.conversations);
  comingIn.value = false;
  sendAll();
  loadOnline();
}

/**
 * Come in; with a `newPassword` the name becomes an account by it.
 * @param {Credentials} who @param {string} [newPassword]
 */
export function signIn(who, newPassword) {
  credentials = { ...who };
  comingIn.value = true;
  signInProblem.value = "";
  const made = new Connection({
    login: loginFrame,
    onLogin: (answer) => {
      const wanted = me.value ? undefined : newPassword;
      loggedIn(answer, wanted).catch((error) => {
        if (error instanceof Refusal) refused(error);
      });
    },
    isFinal: ({ code }) => (me.value ? FINAL.has(code) : code !== "storage_unavailable"),
    onRefused: refused,
    onEvent: (event) => {
      if (event.type === "goodbye" && me.value) tell(event.reason, "error");
      onEvent(event);
    },
  });
  connection = made;
  made.connect();
}

/** @param {Refusal} refusal */
function refused(refusal) {
  connection?.close();
  connection = null;
  comingIn.value = false;
  forgetDevice();
  closeOutbox();
  forget();
  signInProblem.value = refusal.message;
}

/** Leave; what was not sent stays in the outbox of this browser. */
export async function signOut() {
  if (credentials.token && connection?.online) {
    try { // so that what this device was remembered by is worth nothing any more
      const { sessions } = await ask({ type: "list_sessions" });
      const own = sessions.find((/** @type {any} */ one) => one.own);
      forgetDevice();
      if (own) send({ type: "end_session", session: own.id });
    } catch {
      // The server will forget it in time.
    }
  }
  forgetDevice();
  connection?.send({ type: "quit" });
  connection?.close();
  connection = null;
  closeOutbox();
  forget();
}

/** Do not wait for the next attempt. */
export const connectNow = () => connection?.connectNow();

/** Stop trying to come in. */
export function giveUp() {
  connection?.close();
  connection = null;
  comingIn.value = false;
}

// The server speaks the page's language.
effect(() => {
  const wanted = language.value;
  if (status.peek().name === "online") ask({ type: "language", language: wanted }).catch(() => {});
});
