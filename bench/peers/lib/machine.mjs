// SPDX-License-Identifier: Apache-2.0
//
// Processors and ports.

import net from "node:net";

/**
 * How many a list names, as in "0" or "0,2-3".
 * @param {string} cpus
 */
export function cpuCount(cpus) {
  const ranges = cpus.split(",").map((range) => range.split("-").map(Number));
  return ranges.reduce((sum, [first, last = first]) => sum + last - first + 1, 0);
}

/** @returns {Promise<number>} a TCP port of loopback that nobody uses */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = /** @type {net.AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}
