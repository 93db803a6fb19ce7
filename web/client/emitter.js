// SPDX-License-Identifier: Apache-2.0
//
// Events with plain arguments. A handler that throws is reported to the page and never disturbs
// the SDK or the other handlers.

/**
 * @template {Record<string, any[]>} Events  event name → argument list
 */
export class Emitter {
  /** @type {Map<string, Set<Function>>} */
  #handlers = new Map();

  /**
   * Call `handler` on every event of this type.
   * @template {keyof Events & string} T
   * @param {T} type
   * @param {(...args: Events[T]) => void} handler
   * @returns {() => void} takes the handler off again
   */
  on(type, handler) {
    let set = this.#handlers.get(type);
    if (!set) this.#handlers.set(type, (set = new Set()));
    set.add(handler);
    return () => this.off(type, handler);
  }

  /**
   * Call `handler` on the next event of this type only.
   * @template {keyof Events & string} T
   * @param {T} type
   * @param {(...args: Events[T]) => void} handler
   * @returns {() => void}
   */
  once(type, handler) {
    const off = this.on(type, (...args) => {
      off();
      handler(...args);
    });
    return off;
  }

  /**
   * @template {keyof Events & string} T
   * @param {T} type
   * @param {(...args: Events[T]) => void} handler
   */
  off(type, handler) {
    this.#handlers.get(type)?.delete(handler);
  }

  /**
   * @template {keyof Events & string} T
   * @param {T} type
   * @param {Events[T]} args
   */
  emit(type, ...args) {
    for (const handler of [...(this.#handlers.get(type) ?? [])]) {
      try {
        handler(...args);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Take all handlers off. */
  removeAllListeners() {
    this.#handlers.clear();
  }
}
