// @ts-check
// One connection to the server for as long as somebody is signed in: it comes back by itself.

import { signal } from "./lib.js";
import { decode, encode, VERSION } from "./protocol.js";

/** @typedef {import("./protocol.js").Frame} Frame */
/** @typedef {(payload: Uint8Array, frame: Frame) => void} OnPart */
/** @typedef {{ resolve: (frame: Frame) => void, reject: (error: Error) => void, onPart?: OnPart }} Waiting */
/**
 * @typedef {object} Owner
 * @property {() => Frame} login the request to log in with, as things stand
 * @property {(answer: Frame) => void} onLogin
 * @property {(refusal: Refusal) => boolean} isFinal there is no coming back after this refusal
 * @property {(refusal: Refusal) => void} onRefused
 * @property {(event: Frame) => void} onEvent
 */

const FIRST_WAIT = 500; // milliseconds before the second attempt; then twice as long each time
const LONGEST_WAIT = 30_000;
const LOOK = 1000; // milliseconds between looks whether the other end is still there

/** The server said no. */
export class Refusal extends Error {
  /** @param {Frame} frame */
  constructor(frame) {
    super(frame.message);
    this.code = frame.code;
  }
}

/** The connection broke before the answer came. */
export class Disconnected extends Error {}

/**
 * How the connection is: `offline` (not yet tried), `connecting`, `online`, `waiting` until `retryAt`,
 * or `closed` for good; `reason` is a sentence of the server's.
 */
export const status = signal({ name: "offline", retryAt: 0, reason: "" });

export class Connection {
  /** @param {Owner} owner */
  constructor(owner) {
    this.owner = owner;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {Map<number, Waiting>} */
    this.waiting = new Map();
    this.lastRef = 0;
    this.failures = 0;
    this.heardAt = 0;
    this.pinged = false;
    this.pingInterval = 30_000;
    this.reason = "";
    this.closed = false;
    this.timer = 0;
    this.look = setInterval(() => this.checkHealth(), LOOK);
    this.onOnline = () => this.connectNow();
    this.onOffline = () => this.drop();
    addEventListener("online", this.onOnline);
    addEventListener("offline", this.onOffline);
    document.addEventListener("visibilitychange", this.onOnline); // a laptop that wakes up
  }

  get online() {
    return status.value.name === "online";
  }

  connect() {
    clearTimeout(this.timer);
    status.value = { name: "connecting", retryAt: 0, reason: "" };
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.heardAt = Date.now();
    this.pinged = false;
    socket.onopen = () => void this.begin();
    socket.onmessage = (message) => this.take(message.data);
    socket.onclose = () => this.lost(socket);
  }

  /** Do not wait any longer for the next attempt. */
  connectNow() {
    if (!this.closed && status.value.name === "waiting") this.connect();
  }

  async begin() {
    try {
      const welcome = await this.ask({ type: "hello", protocol: VERSION, client: "page" });
      this.pingInterval = welcome.ping_interval * 1000;
      const answer = await this.ask(this.owner.login());
      this.failures = 0;
      this.reason = "";
      status.value = { name: "online", retryAt: 0, reason: "" };
      this.owner.onLogin(answer);
    } catch (error) {
      if (error instanceof Refusal) {
        this.reason = error.message;
        if (this.owner.isFinal(error)) {
          this.close();
          this.owner.onRefused(error);
          return;
        }
      }
      this.drop();
    }
  }

  /** Take the connection for lost; its close event may be long in coming where nobody answers. */
  drop() {
    const { socket } = this;
    socket?.close();
    if (socket) this.lost(socket);
  }

  /** @param {ArrayBuffer} data */
  take(data) {
    this.heardAt = Date.now();
    this.pinged = false;
    const { frame, payload } = decode(data);
    if (frame.type === "ping") return this.send({ type: "pong" });
    if (frame.type === "goodbye" || frame.type === "shutdown") this.reason = frame.reason;
    const waiting = frame.ref === undefined ? undefined : this.waiting.get(frame.ref);
    if (frame.ref === undefined || !waiting) return this.owner.onEvent(frame);
    if (waiting.onPart && (frame.type === "part" || frame.type === "received" || frame.type === "offered")) {
      waiting.onPart(payload, frame);
      if (!frame.last) return undefined;
    }
    this.waiting.delete(frame.ref);
    if (frame.type === "error") waiting.reject(new Refusal(frame));
    else waiting.resolve(frame);
    return undefined;
  }

  /** @param {Frame} frame @param {Uint8Array} [payload] */
  send(frame, payload) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(encode(frame, payload));
  }

  /**
   * Send a request and return its answer; `onPart` is called for what comes before that.
   * Rejects with Refusal, or with Disconnected, also while the login is not through.
   * @param {Frame} frame @param {OnPart} [onPart] @returns {Promise<Frame>}
   */
  ask(frame, onPart) {
    const early = !this.online && frame.type !== "hello" && frame.type !== "login";
    if (early || this.socket?.readyState !== WebSocket.OPEN) return Promise.reject(new Disconnected());
    const ref = ++this.lastRef;
    return new Promise((resolve, reject) => {
      this.waiting.set(ref, { resolve, reject, onPart });
      this.send({ ...frame, ref });
    });
  }

  /** @param {WebSocket} socket */
  lost(socket) {
    if (socket !== this.socket) return;
    this.socket = null;
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const one of waiting) one.reject(new Disconnected());
    if (this.closed) return;
    const longest = Math.min(FIRST_WAIT * 2 ** this.failures, LONGEST_WAIT);
    const wait = longest * (0.5 + Math.random() / 2); // so that not all come back in one moment
    this.failures += 1;
    status.value = { name: "waiting", retryAt: Date.now() + wait, reason: this.reason };
    this.timer = setTimeout(() => this.connect(), wait);
  }

  checkHealth() {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const silent = Date.now() - this.heardAt;
    if (silent > this.pingInterval * 2) {
      this.drop();
    } else if (silent > this.pingInterval && !this.pinged) {
      this.pinged = true;
      this.ask({ type: "ping" }).catch(() => {});
    }
  }

  /** End for good. */
  close() {
    this.closed = true;
    clearTimeout(this.timer);
    clearInterval(this.look);
    removeEventListener("online", this.onOnline);
    removeEventListener("offline", this.onOffline);
    document.removeEventListener("visibilitychange", this.onOnline);
    this.socket?.close(1000);
    status.value = { name: "closed", retryAt: 0, reason: this.reason };
  }
}
