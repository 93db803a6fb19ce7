// SPDX-License-Identifier: Apache-2.0
//
// A TCP forwarder in front of the server that can break what goes through it and refuse what comes.

import { once } from "node:events";
import net from "node:net";

export class CuttableProxy {
  url = "";
  #target;
  #isOpen = true;
  /** @type {Set<net.Socket>} */
  #sockets = new Set();
  #server = net.createServer((socket) => this.#accept(socket));

  /** @param {string} target  http://host:port */
  constructor(target) {
    this.#target = new URL(target);
  }

  async start() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const { port } = /** @type {net.AddressInfo} */ (this.#server.address());
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Break all connections; no new one gets through until open(). */
  cut() {
    this.#isOpen = false;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  open() {
    this.#isOpen = true;
  }

  async stop() {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** @param {net.Socket} socket */
  #accept(socket) {
    if (!this.#isOpen) {
      socket.resetAndDestroy();
      return;
    }
    const upstream = net.connect(Number(this.#target.port), this.#target.hostname);
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ]) {
      this.#sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}
