// SPDX-License-Identifier: Apache-2.0
//
// The far end of a WebSocket: answers requests by a table of handlers, and can break the line.

/** A refusal as the server sends it. */
export const refusal = (reason, code = -5000) => ({ code, message: `refused: ${reason}`, data: { reason } });

export class FakeServer {
  /** Open and former sockets, newest last. */
  sockets = [];
  /** Requests as {method, params}. */
  requests = [];
  isDown = false;
  /** method → (params) => result; throws a refusal; returns SILENT to leave it unanswered */
  handlers;

  constructor(handlers = {}) {
    this.handlers = { ping: () => ({ time: 0 }), leave: () => ({}), trickle: () => ({}), mute: () => ({}), ...handlers };
    const server = this;
    this.WebSocket = class {
      isOpen = false;
      constructor(url, protocol) {
        Object.assign(this, { url, protocol });
        server.sockets.push(this);
        queueMicrotask(() => {
          if (server.isDown) return this.onclose?.({ code: 1006, reason: "" });
          this.isOpen = true;
          this.onopen?.();
        });
      }
      send(text) {
        void server.answer(this, JSON.parse(text));
      }
      close(code) {
        this.isOpen = false;
        this.closeCode = code;
      }
    };
  }

  get socket() {
    return this.sockets[this.sockets.length - 1];
  }

  /** The methods asked for so far, pings left out. */
  get methods() {
    return this.requests.map(({ method }) => method).filter((method) => method !== "ping");
  }

  async answer(socket, { id, method, params }) {
    this.requests.push({ method, params });
    try {
      const result = await this.handlers[method](params);
      if (result !== SILENT) this.push(socket, { jsonrpc: "2.0", id, result });
    } catch (error) {
      if (error instanceof Error) throw error;
      this.push(socket, { jsonrpc: "2.0", id, error });
    }
  }

  push(socket, message) {
    if (socket.isOpen) socket.onmessage?.({ data: JSON.stringify(message) });
  }

  notify(method, params) {
    this.push(this.socket, { jsonrpc: "2.0", method, params });
  }

  /** Break the line without a word. */
  cut() {
    this.socket.isOpen = false;
    this.socket.onclose?.({ code: 1006, reason: "" });
  }
}

export const SILENT = Symbol("no answer");

/** What a join gives. */
export const joinResult = (changes = {}) => ({
  room: { name: "r", metadata: null },
  participant: { id: "PA_me", identity: "me", name: "Me", tracks: [] },
  participants: [],
  sessionId: "SE_1",
  resumeToken: "token-1",
  graceMs: 15000,
  iceServers: [],
  limits: { maxSlots: 20 },
  ...changes,
});
