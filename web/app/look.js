// @ts-check
// Light or dark: the system's, until one is chosen.

import { forLong } from "./keep.js";

const KEY = "mm.theme";

/** Take the other one, and remember that. */
export function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  forLong.set(KEY, root.dataset.theme);
}
