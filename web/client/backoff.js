// SPDX-License-Identifier: Apache-2.0
//
// How long to wait before the n-th attempt: exponential, capped, with jitter, so that the clients
// of a server that restarts do not all come back in the same instant.

/**
 * @typedef {object} BackoffOptions
 * @property {number} [firstMs]
 * @property {number} [maxMs]
 * @property {number} [factor]
 */

/**
 * @param {number} attempt  from 0
 * @param {BackoffOptions} [options]
 * @param {() => number} [random]  0..1
 * @returns {number} milliseconds, between half of and the full exponential value
 */
export function backoffMs(attempt, { firstMs = 250, maxMs = 8000, factor = 2 } = {}, random = Math.random) {
  const full = Math.min(maxMs, firstMs * factor ** attempt);
  return Math.round(full * (0.5 + 0.5 * random()));
}
