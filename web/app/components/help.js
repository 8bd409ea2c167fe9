// @ts-check
// The keys of this page, and the commands, which the server tells of.

import { t } from "../i18n.js";
import { html } from "../lib.js";
import { commands } from "../store.js";

const keys = () => [
  ["Enter", t("Send")],
  ["Shift+Enter", t("A new line")],
  ["↑", t("In the empty field: change your last message")],
  ["/", t("To the field; in it: a command")],
  ["Tab", t("Complete a command")],
  ["Ctrl+K", t("Find a conversation, a person or a room")],
  ["Alt+↑  Alt+↓", t("The conversation before, the next one")],
  ["Alt+N", t("The next one with something unread")],
  ["↑  ↓", t("On a message: the one before, the next one")],
  ["R  E", t("On a message: answer it, change it")],
  ["End", t("On a message: to the latest")],
  ["Esc", t("Close what stands beside; back to the field")],
  ["?", t("Show these keys")],
];

export function Keys() {
  return html`<dl class="keys">${keys().map(([key, what]) => html`
    <div key=${key + what}><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>`;
}

/** @param {{ topic: string }} props */
export function Help({ topic }) {
  const wanted = (topic ?? "").toLowerCase();
  const found = commands.value.filter(({ words, help, usage }) =>
    `${words.join(" ")} ${usage} ${help}`.toLowerCase().includes(wanted));
  const chapters = [...new Set(found.map(({ chapter }) => chapter))];
  return html`${chapters.map((chapter) => html`
    <h3 key=${chapter}>${chapter}</h3>
    <dl class="keys">${found.filter((one) => one.chapter === chapter).map((one) => html`
      <div key=${one.words[0]}><dt><code>${one.words.map((word) => `/${word}`).join(", ")} ${one.usage}</code></dt><dd>${one.help}</dd></div>`)}</dl>`)}`;
}
