// SPDX-License-Identifier: Apache-2.0
//
// Janus' HTTP API: one session, its events fetched by a long poll, answers found by their transaction.

import http from "node:http";

const PLUGIN = "janus.plugin.videoroom";
const EVENT_MS = 20_000;
/** Its HTTP server takes a thousand connections; a storm of viewers waits for its turn here. */
const MAX_CONNECTIONS = 64;
const agent = new http.Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS });

/**
 * @param {string} url @param {string} [body]  which makes it a POST
 * @param {http.Agent} [by]
 * @returns {Promise<any>} what it answers
 */
function call(url, body, by = agent) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { agent: by, method: body === undefined ? "GET" : "POST" }, async (response) => {
      try {
        let text = "";
        for await (const chunk of response.setEncoding("utf8")) text += chunk;
        resolve(JSON.parse(text));
      } catch (error) {
        reject(error);
      }
    });
    request.on("error", reject).end(body);
  });
}

/** @typedef {{plugindata?: {data: any}, jsep?: {type: string, sdp: string}, sender?: number, janus: string}} Event */

export class JanusSession {
  /** @type {Map<string, {resolve: (event: Event) => void, reject: (reason: Error) => void}>} */
  #waiting = new Map();
  /** What to do when a handle's PeerConnection is up. @type {Map<number, () => void>} */
  #onUp = new Map();
  #base;
  #id = 0;
  #count = 0;
  #isOpen = true;

  /** @param {string} base  address of the API */
  constructor(base) {
    this.#base = base;
  }

  /** @param {string} base */
  static async open(base) {
    const session = new JanusSession(base);
    session.#id = (await session.#post("", { janus: "create" })).data.id;
    session.#poll();
    return session;
  }

  close() {
    this.#isOpen = false;
  }

  /** @returns {Promise<number>} a handle on the VideoRoom plugin */
  async attach() {
    return (await this.#post(`/${this.#id}`, { janus: "attach", plugin: PLUGIN })).data.id;
  }

  /** @param {number} handle @param {() => void} then */
  whenUp(handle, then) {
    this.#onUp.set(handle, then);
  }

  /** @param {number} handle */
  async detach(handle) {
    this.#onUp.delete(handle);
    await this.#post(`/${this.#id}/${handle}`, { janus: "detach" });
  }

  /**
   * A request that the plugin answers at once.
   * @param {number} handle @param {object} body
   */
  async ask(handle, body) {
    const { plugindata } = await this.#post(`/${this.#id}/${handle}`, { janus: "message", body });
    return plugindata.data;
  }

  /**
   * A request that is answered by an event.
   * @param {number} handle @param {object} body @param {{type: string, sdp: string}} [jsep]
   * @returns {Promise<Event>}
   */
  async request(handle, body, jsep) {
    const transaction = `t${++this.#count}`;
    /** @type {any} */
    let timer;
    const event = new Promise((resolve, reject) => {
      this.#waiting.set(transaction, { resolve, reject });
      timer = setTimeout(() => reject(new Error(`Janus did not answer ${JSON.stringify(body)}`)), EVENT_MS);
    });
    try {
      const [answer] = await Promise.all([event, this.#post(`/${this.#id}/${handle}`, { janus: "message", body, ...(jsep && { jsep }) }, transaction)]);
      const { error } = answer.plugindata?.data ?? {};
      if (error) throw new Error(`Janus: ${error}`);
      return answer;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(transaction);
    }
  }

  async #poll() {
    const apart = new http.Agent({ keepAlive: true }); // never behind other requests
    while (this.#isOpen) {
      const events = await call(`${this.#base}/${this.#id}?maxev=100`, undefined, apart).catch(() => null);
      if (events === null || events.janus === "error") return void (this.#isOpen = false); // Janus or the session has ended
      for (const event of [events].flat()) {
        if (event.janus === "webrtcup") this.#onUp.get(event.sender)?.();
        else this.#waiting.get(event.transaction)?.resolve(event);
      }
    }
  }

  /**
   * @param {string} path @param {object} message
   * @returns {Promise<any>}
   */
  async #post(path, message, transaction = `t${++this.#count}`) {
    const answer = await call(this.#base + path, JSON.stringify({ ...message, transaction }));
    if (answer.janus === "error") throw new Error(`Janus: ${answer.error.reason}`);
    return answer;
  }
}
