// @ts-check
// What the page says, in English or Russian. The sentences are English here; `make locale` collects
// them from calls of t() and tn() and writes web/locale/ru.json out of the one catalogue.

import { forLong } from "./keep.js";
import { signal } from "./lib.js";

const LANGUAGES = ["en", "ru"];

const catalogue = signal(/** @type {Record<string, string | string[]>} */ ({}));

/** The language that is spoken. */
export const language = signal("en");

/** The language of a choice made here before, else of the browser. */
export function preferred() {
  const chosen = forLong.get("mm.language");
  const wanted = [chosen, ...navigator.languages].map((tag) => (tag ?? "").slice(0, 2));
  return wanted.find((tag) => LANGUAGES.includes(tag)) ?? "en";
}

/** Speak a language from now on. @param {string} wanted */
export async function speak(wanted) {
  /** @type {Record<string, string | string[]>} */
  let sentences = {};
  if (wanted !== "en") {
    const answer = await fetch(`/locale/${wanted}.json`);
    if (!answer.ok) return;
    sentences = await answer.json();
  }
  catalogue.value = sentences;
  language.value = wanted;
  document.documentElement.lang = wanted;
}

/** Speak the other language, and remember that. */
export async function toggleLanguage() {
  const wanted = language.value === "en" ? "ru" : "en";
  forLong.set("mm.language", wanted);
  await speak(wanted);
}

/** @param {string} text @param {Record<string, unknown>} values */
function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}

/** Say a sentence, with values in its {places}. @param {string} text @param {Record<string, unknown>} [values] */
export function t(text, values = {}) {
  const said = catalogue.value[text];
  return filled(typeof said === "string" ? said : text, values);
}

// The order of the forms in gettext's Russian catalogues.
const FORMS = ["one", "few", "many"];

/**
 * Say a sentence about a {number} of things.
 * @param {string} one @param {string} many @param {number} number @param {Record<string, unknown>} [values]
 */
export function tn(one, many, number, values = {}) {
  const forms = catalogue.value[one];
  let text = number === 1 ? one : many;
  if (Array.isArray(forms)) {
    const form = new Intl.PluralRules(language.value).select(number);
    text = forms[Math.max(FORMS.indexOf(form), 0)] ?? text;
  }
  return filled(text, { number, ...values });
}
