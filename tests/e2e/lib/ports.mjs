// SPDX-License-Identifier: Apache-2.0
//
// Ports that nobody uses: found by binding them, UDP and TCP. The ranges lie below those that the
// system gives to outgoing connections, so that none of these takes one away in between.

import dgram from "node:dgram";
import net from "node:net";

const FIRST = 20_000;
const LAST = 31_000;

/**
 * @param {number} [count]  of consecutive ports
 * @returns {Promise<number>} the first of them
 */
export async function freePorts(count = 1) {
  for (let attempt = 0; attempt < 200; attempt++) {
    const first = FIRST + Math.floor(Math.random() * (LAST - FIRST - count));
    const ports = Array.from({ length: count }, (_, i) => first + i);
    const free = await Promise.all(ports.flatMap((port) => [isUdpFree(port), isTcpFree(port)]));
    if (free.every(Boolean)) return first;
  }
  throw new Error("no free ports");
}

/** @param {number} port */
function isUdpFree(port) {
  return new Promise((resolve) => {
    const socket = dgram.createSocket("udp4");
    socket.once("error", () => resolve(false));
    socket.bind(port, "127.0.0.1", () => socket.close(() => resolve(true)));
  });
}

/** @param {number} port */
function isTcpFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
