// SPDX-License-Identifier: Apache-2.0
//
// Serialises offers: one in flight at a time, and whatever is asked meanwhile shares the next one.

import { ParleyError } from "./errors.js";

/** @typedef {{resolve: () => void, reject: (error: any) => void}} Waiter */

export class NegotiationQueue {
  #run;
  #isRunning = false;
  #isClosed = false;
  /** Wait for a round that starts after they asked. @type {Waiter[]} */
  #waiters = [];

  /** @param {() => Promise<void>} run  one round of offer and answer */
  constructor(run) {
    this.#run = run;
  }

  /** Whether a round is running or asked for. */
  get isBusy() {
    return this.#isRunning || this.#waiters.length > 0;
  }

  /**
   * Ask for a round. Calls made in the same turn, or while a round runs, share one.
   * @returns {Promise<void>} settles with the round that covers this call
   */
  request() {
    if (this.#isClosed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      void this.#start();
    });
  }

  /**
   * Do something between two rounds; rounds that are asked for meanwhile wait.
   * @param {() => Promise<void>} task
   * @returns {Promise<boolean>} whether it was done: not while a round runs or is asked for
   */
  async between(task) {
    if (this.isBusy || this.#isClosed) return false;
    this.#isRunning = true;
    try {
      await task();
    } finally {
      this.#isRunning = false;
      if (this.#waiters.length > 0) void this.#start();
    }
    return true;
  }

  /** Refuse everything from now on, including who waits. */
  close() {
    this.#isClosed = true;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(closedError());
  }

  async #start() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    await undefined; // the rest of this turn still gets into this round
    while (this.#waiters.length > 0 && !this.#isClosed) {
      const served = this.#waiters.splice(0);
      try {
        await this.#run();
        for (const waiter of served) waiter.resolve();
      } catch (error) {
        for (const waiter of served) waiter.reject(error);
      }
    }
    this.#isRunning = false;
  }
}

function closedError() {
  return new ParleyError("E_CLOSED", "The connection is closed.");
}
