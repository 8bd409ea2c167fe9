// @ts-check
// What strangers wrote, as it may be shown: nothing hidden, nothing turned round.

// As in protocol/text.py: controls, marks of direction, invisible letters, tags. Newline and tab stay,
// and the joiners that emoji, Persian and Indic scripts need.
const UNSAFE = new RegExp(
  "[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180e\\u200b\\u200e\\u200f"
  + "\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff0-\\ufffb\\u{1bca0}-\\u{1bca3}"
  + "\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e00ff}\\u{e01f0}-\\u{e0fff}\\ud800-\\udfff]", "gu");
const PILE = /(\p{M}{6})\p{M}+/gu; // more marks on one letter than any script has

/** @param {string} text */
export const shown = (text) => text.replace(UNSAFE, "\ufffd").replace(PILE, "$1");
