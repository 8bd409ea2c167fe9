// @ts-check
// All that the page uses of its libraries, in one place, with their types.

import { h, render } from "../vendor/preact.js";
import * as hooks from "../vendor/hooks.js";
import * as signals from "../vendor/signals.js";
import htm from "../vendor/htm.js";

/** @template T @typedef {{ value: T, peek: () => T }} Signal */

/** Templates that become elements; every value in them is a text node or a property, never markup. */
const html = htm.bind(h);

/** @type {<T>(value: T) => Signal<T>} */
const signal = signals.signal;
/** @type {<T>(compute: () => T) => Signal<T>} */
const computed = /** @type {any} */ (signals.computed);
/** @type {(work: () => void) => (() => void)} */
const effect = signals.effect;
/** @type {<T>(value: T) => Signal<T>} */
const useSignal = signals.useSignal;
/** @type {<T>(make: () => T, inputs: unknown[]) => T} */
const useMemo = hooks.useMemo;
/** @type {<T>(value: T) => { current: T }} */
const useRef = hooks.useRef;
/** @type {(work: () => void | (() => void), inputs?: unknown[]) => void} */
const useEffect = hooks.useEffect;
/** @type {(work: () => void | (() => void), inputs?: unknown[]) => void} */
const useLayoutEffect = hooks.useLayoutEffect;

export {
  computed, effect, html, render, signal, useEffect, useLayoutEffect, useMemo, useRef, useSignal,
};
