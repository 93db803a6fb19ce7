// SPDX-License-Identifier: Apache-2.0
//
// JSON-RPC 2.0 on one WebSocket: requests matched to answers by id, each with a timeout, and
// notifications handed up. Knows nothing of rooms and does not reconnect; signal.js does.

import { Emitter } from "./emitter.js";
import { ParleyError, fromRpcError } from "./errors.js";

const SUBPROTOCOL = "parley.v1";
const NORMAL_CLOSURE = 1000;

/**
 * @typedef {object} Pending
 * @property {(result: any) => void} resolve
 * @property {(error: ParleyError) => void} reject
 * @property {any} timer
 */

/** @extends {Emitter<{notification: [string, any], closed: [number, string]}>} */
export class RpcSocket extends Emitter {
  #socket;
  #nextId = 1;
  #isClosed = false;
  /** @type {Map<number, Pending>} */
  #pending = new Map();

  /** @param {WebSocket} socket  already open */
  constructor(socket) {
    super();
    this.#socket = socket;
    socket.onmessage = (event) => this.#onMessage(event.data);
    socket.onclose = (event) => this.#onClosed(event.code, event.reason);
    socket.onerror = () => {}; // a close event follows
  }

  /**
   * Open a connection.
   * @param {string} url
   * @param {{WebSocket?: any, timeoutMs?: number}} [options]
   * @returns {Promise<RpcSocket>} rejects with E_UNREACHABLE
   */
  static open(url, { WebSocket = globalThis.WebSocket, timeoutMs = 8000 } = {}) {
    return new Promise((resolve, reject) => {
      /** @type {WebSocket} */
      let socket;
      const fail = () => {
        clearTimeout(timer);
        socket.onopen = socket.onclose = socket.onerror = null;
        socket.close();
        reject(new ParleyError("E_UNREACHABLE", `No connection to ${url}.`));
      };
      const timer = setTimeout(fail, timeoutMs);
      try {
        socket = new WebSocket(url, SUBPROTOCOL);
      } catch (cause) {
        clearTimeout(timer);
        reject(new ParleyError("E_UNREACHABLE", `${url} cannot be opened.`, { cause }));
        return;
      }
      socket.onopen = () => {
        clearTimeout(timer);
        resolve(new RpcSocket(socket));
      };
      socket.onclose = socket.onerror = fail;
    });
  }

  /**
   * Send a request and wait for its answer.
   * @param {string} method
   * @param {object} [params]
   * @param {number} [timeoutMs]
   * @returns {Promise<any>} rejects with the server's code, E_TIMEOUT or E_SIGNAL_LOST
   */
  request(method, params = {}, timeoutMs = 10000) {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(new ParleyError("E_SIGNAL_LOST", `${method}: the connection is closed.`));
        return;
      }
      const id = this.#nextId++;
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new ParleyError("E_TIMEOUT", `${method}: no answer within ${timeoutMs} ms.`));
      }, timeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  /**
   * Send a last request without waiting, then close: for a page that is going away.
   * @param {string} method
   */
  sendAndClose(method) {
    if (this.#isClosed) return;
    this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id: this.#nextId++, method, params: {} }));
    this.close();
  }

  /** Close; open requests fail with E_SIGNAL_LOST and no `closed` event follows. */
  close() {
    if (this.#isClosed) return;
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close(NORMAL_CLOSURE);
    this.#fail();
  }

  /** @param {string} text */
  #onMessage(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return; // not ours; the server's own tests look after its JSON
    }
    if (typeof message.method === "string") {
      this.emit("notification", message.method, message.params ?? {});
      return;
    }
    const pending = this.#pending.get(message.id);
    if (!pending) return; // answered after its timeout
    this.#pending.delete(message.id);
    clearTimeout(pending.timer);
    if (message.error) pending.reject(fromRpcError(message.error));
    else pending.resolve(message.result);
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #onClosed(code, reason) {
    this.#fail();
    this.emit("closed", code, reason);
  }

  #fail() {
    this.#isClosed = true;
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new ParleyError("E_SIGNAL_LOST", "The connection to the server was lost."));
    }
    this.#pending.clear();
  }
}
