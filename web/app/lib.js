// @ts-check
// All that the page uses of its libraries, in one place.

import { h, render, Fragment } from "../vendor/preact.js";
import { useEffect, useLayoutEffect, useMemo, useRef } from "../vendor/hooks.js";
import { batch, computed, effect, signal, useSignal, useSignalEffect } from "../vendor/signals.js";
import htm from "../vendor/htm.js";

/** Templates that become elements; every value in them is a text node or a property, never markup. */
const html = htm.bind(h);

export {
  batch, computed, effect, Fragment, html, render, signal, useEffect, useLayoutEffect, useMemo,
  useRef, useSignal, useSignalEffect,
};
