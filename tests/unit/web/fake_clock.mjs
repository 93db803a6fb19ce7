// SPDX-License-Identifier: Apache-2.0
//
// A clock that the test moves. Replaces the global timers until it is restored.

/** Let everything run that is ready to run. */
export async function settle() {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => realSetImmediate(resolve));
}

const realSetImmediate = setImmediate;
const NAMES = ["setTimeout", "clearTimeout", "setInterval", "clearInterval"];

export class FakeClock {
  nowMs = 1_000_000;
  #timers = new Map();
  #nextId = 1;
  #real = Object.fromEntries(NAMES.map((name) => [name, globalThis[name]]));
  #realNow = Date.now;

  constructor() {
    const add = (run, ms, everyMs) => {
      this.#timers.set(this.#nextId, { run, atMs: this.nowMs + (ms ?? 0), everyMs });
      return this.#nextId++;
    };
    globalThis.setTimeout = (run, ms) => add(run, ms);
    globalThis.setInterval = (run, ms) => add(run, ms, ms);
    globalThis.clearTimeout = globalThis.clearInterval = (id) => this.#timers.delete(id);
    Date.now = () => this.nowMs;
  }

  get pendingTimers() {
    return this.#timers.size;
  }

  /** Move on, running what falls due in order and letting promises settle in between. */
  async advance(ms) {
    const endMs = this.nowMs + ms;
    await settle();
    for (;;) {
      const [id, timer] = [...this.#timers].sort((a, b) => a[1].atMs - b[1].atMs)[0] ?? [];
      if (!timer || timer.atMs > endMs) break;
      this.nowMs = timer.atMs;
      if (timer.everyMs) timer.atMs += timer.everyMs;
      else this.#timers.delete(id);
      timer.run();
      await settle();
    }
    this.nowMs = endMs;
  }

  restore() {
    Object.assign(globalThis, this.#real);
    Date.now = this.#realNow;
  }
}
