// @ts-check
// The messages of a conversation. Only those in sight are in the document, so that ten thousand of
// them scroll as ten do; older ones are loaded before the upper end comes into sight.

import { seen } from "../acts.js";
import { loadOlder } from "../events.js";
import { dayName } from "../format.js";
import { language, t } from "../i18n.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useSignal } from "../lib.js";
import { letters } from "../outbox.js";
import { composing, me } from "../store.js";
import { linesOf } from "./lines.js";
import { Letter, Message } from "./message.js";
import { ListWindow } from "./window.js";

const NEAR = 80; // pixels from the end that count as being there
const LOAD_BEFORE = 1200; // pixels from the upper end at which older messages are asked for

/** @param {{ line: import("./lines.js").Line, conversation: import("../conversation.js").Conversation, active: boolean, jump: (id: number) => void }} props */
function Line({ line, conversation, active, jump }) {
  switch (line.kind) {
    case "day": return html`<div class="day"><span>${dayName(line.time ?? 0)}</span></div>`;
    case "unread": return html`<div class="day unread"><span>${t("Unread")}</span></div>`;
    case "begin": return html`<div class="day"><span>${t("Nothing is older than this.")}</span></div>`;
    case "letter": return html`<${Letter} letter=${line.letter} />`;
    default: return html`<${Message} message=${line.message} follows=${line.follows} conversation=${conversation}
      active=${active} jump=${jump} />`;
  }
}

/**
 * Rows that have been drawn, by their keys: one that is the same as before is handed over as the same
 * element, and nothing of it is looked at again.
 */
class Rows {
  constructor() {
    /** @type {Map<string, { line: import("./lines.js").Line, active: boolean, row: any }>} */
    this.drawn = new Map();
  }

  /** @param {import("./lines.js").Line[]} lines @param {string} activeKey @param {(line: import("./lines.js").Line, active: boolean) => any} draw */
  of(lines, activeKey, draw) {
    const before = this.drawn;
    this.drawn = new Map();
    return lines.map((line) => {
      const active = line.key === activeKey;
      const known = before.get(line.key);
      const same = known && known.active === active && isSame(known.line, line);
      const row = same ? known.row : draw(line, active);
      this.drawn.set(line.key, { line, active, row });
      return row;
    });
  }
}

/** @param {import("./lines.js").Line} one @param {import("./lines.js").Line} other */
const isSame = (one, other) => one.message === other.message && one.letter === other.letter
  && one.follows === other.follows && one.kind === other.kind && one.time === other.time;

/** @param {{ conversation: import("../conversation.js").Conversation }} props */
export function Messages({ conversation }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const place = useRef({ atEnd: true, anchor: "", within: 0, moving: false });
  const sight = useSignal({ top: 0, height: 800 });
  const measured = useSignal(0);
  const activeKey = useSignal("");
  const windowed = useMemo(() => new ListWindow(), []);
  const rows = useMemo(() => new Rows(), []);

  const version = conversation.version.value;
  const waiting = letters.value;
  const lines = useMemo(
    () => linesOf(conversation, waiting.filter((one) => one.conversation === conversation.id), me.value?.name ?? ""),
    [version, waiting, language.value]);
  useMemo(() => windowed.lay(lines.map((line) => line.key)), [lines, measured.value]);
  const { first, end, offset } = windowed.range(sight.value.top, sight.value.height);

  /** Keep what the reader looks at where it is, or stay at the end. */
  const settle = () => {
    const element = box.current;
    if (!element) return;
    const { atEnd, anchor, within } = place.current;
    let top = windowed.height - element.clientHeight;
    if (!atEnd) {
      const index = windowed.keys.indexOf(anchor);
      if (index < 0) return;
      top = windowed.offsets[index] + within;
    }
    const before = element.scrollTop;
    if (Math.abs(before - top) > 1) {
      element.scrollTop = top;
      place.current.moving = element.scrollTop !== before; // else no event comes of it
    }
    look();
  };

  /** Note what is in sight. */
  const look = () => {
    const element = box.current;
    if (!element) return;
    const { scrollTop, clientHeight } = element;
    if (sight.value.top !== scrollTop || sight.value.height !== clientHeight) {
      sight.value = { top: scrollTop, height: clientHeight };
    }
    if (scrollTop < LOAD_BEFORE && conversation.entries.length) void loadOlder(conversation);
  };

  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    if (place.current.moving) place.current.moving = false;
    else {
      const index = windowed.at(element.scrollTop);
      place.current.anchor = windowed.keys[index] ?? "";
      place.current.within = element.scrollTop - windowed.offsets[index];
      place.current.atEnd = windowed.height - element.scrollTop - element.clientHeight < NEAR;
    }
    look();
  };

  /** Measure the lines that are drawn. */
  const measure = () => {
    let news = false;
    for (const row of list.current?.children ?? []) {
      const key = /** @type {HTMLElement} */ (row).dataset.key ?? "";
      news = windowed.measured(key, row.getBoundingClientRect().height) || news;
    }
    if (news) measured.value += 1;
  };

  useLayoutEffect(() => {
    measure();
    settle();
  });
  useEffect(() => {
    if (place.current.atEnd && document.hasFocus()) seen();
  });
  useEffect(() => {
    const observer = new ResizeObserver(() => { measure(); settle(); });
    if (list.current) observer.observe(list.current);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  const toEnd = () => {
    place.current.atEnd = true;
    settle();
    seen();
  };

  /** Show a message that is quoted, if it is here. @param {number} id */
  const jump = (id) => {
    const index = windowed.keys.indexOf(String(id));
    if (index < 0) return void loadOlder(conversation).then(() => undefined);
    place.current = { atEnd: false, anchor: String(id), within: -60, moving: false };
    activeKey.value = String(id);
    settle();
  };

  const messages = useMemo(() => lines.filter((line) => line.kind === "message"), [lines]);
  const active = useMemo(
    () => messages.some((line) => line.key === activeKey.value) ? activeKey.value : messages.at(-1)?.key ?? "",
    [messages, activeKey.value]);

  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.altKey || event.ctrlKey || event.metaKey || !target.matches(".message")) return;
    const index = messages.findIndex((line) => line.key === active);
    const message = messages[index]?.message;
    if (event.key === "ArrowUp") move(messages[Math.max(0, index - 1)]?.key);
    else if (event.key === "ArrowDown") move(messages[Math.min(messages.length - 1, index + 1)]?.key);
    else if (event.key === "End") toEnd();
    else if (event.key === "r") composing.value = { kind: "reply", message };
    else if (event.key === "e" && message.sender === me.value?.name) composing.value = { kind: "edit", message };
    else return;
    event.preventDefault();
  };

  /** Move the keyboard's place to another message. @param {string | undefined} key */
  const move = (key) => {
    if (key === undefined) return;
    activeKey.value = key;
    const index = windowed.keys.indexOf(key);
    const element = box.current;
    if (!element) return;
    const top = windowed.offsets[index];
    const bottom = windowed.offsets[index + 1];
    if (top < element.scrollTop) element.scrollTop = top;
    else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
    requestAnimationFrame(() =>
      /** @type {HTMLElement | null} */ (list.current?.querySelector(`[data-key="${CSS.escape(key)}"] .message`))?.focus());
  };

  const away = windowed.height - sight.value.top - sight.value.height > NEAR * 2;
  return html`<div class="scroller-frame">
    <div class="scroller" ref=${box} onScroll=${onScroll} tabindex=${messages.length ? undefined : 0}>
      <div class="whole" style=${{ height: `${windowed.height}px` }}>
        <div class="lines" role="list" aria-label=${t("Messages")} ref=${list} onKeyDown=${onKey}
          style=${{ transform: `translateY(${offset}px)` }}>
          ${rows.of(lines.slice(first, end), active, (line, isActive) => html`
            <div role="listitem" key=${line.key} data-key=${line.key}>
              <${Line} line=${line} conversation=${conversation} active=${isActive} jump=${jump} />
            </div>`)}
        </div>
      </div>
      ${!lines.length && html`<p class="empty">${t("Nothing has been written here yet.")}</p>`}
    </div>
    ${away && html`<button class="to-end" onClick=${toEnd}>
      ↓ ${t("To the latest")}${conversation.unread.value > 0 && ` (${conversation.unread.value})`}</button>`}
  </div>`;
}
