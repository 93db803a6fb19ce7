// SPDX-License-Identifier: Apache-2.0
//
// Waiting for a condition, with a deadline and a reason: no test here sleeps for luck.

export const DEADLINE_MS = Number(process.env.E2E_DEADLINE ?? 25_000);
const INTERVAL_MS = 150;

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Ask until the answer is truthy.
 * @template T
 * @param {string} what  completes "waited for …" when it never is
 * @param {() => T | Promise<T>} ask
 * @param {{deadlineMs?: number, intervalMs?: number, describe?: () => unknown}} [options]
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, ask, { deadlineMs = DEADLINE_MS, intervalMs = INTERVAL_MS, describe } = {}) {
  const end = Date.now() + deadlineMs;
  let answer;
  for (;;) {
    answer = await ask();
    if (answer) return answer;
    if (Date.now() >= end) break;
    await pause(intervalMs);
  }
  const last = describe ? await describe() : answer;
  throw new Error(`waited ${deadlineMs / 1000} s for ${what}; last seen: ${JSON.stringify(last)}`);
}

/**
 * Bound something that has no deadline of its own.
 * @template T
 * @param {string} what
 * @param {Promise<T>} promise
 * @param {number} [ms]
 * @returns {Promise<T>}
 */
export function within(what, promise, ms = DEADLINE_MS) {
  /** @type {any} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
