// SPDX-License-Identifier: Apache-2.0
//
// WHIP (RFC 9725) and WHEP over HTTP, as much as a load generator and a browser need: POST an offer, DELETE the resource.

import http from "node:http";

const MAX_OFFER_BYTES = 256 * 1024;

/**
 * @typedef {object} Resource
 * @property {string} answer
 * @property {() => Promise<void>} end
 */

/**
 * @typedef {object} Resources
 * @property {(room: string, offer: string) => Promise<Resource>} publish
 * @property {(room: string, offer: string) => Promise<Resource>} view
 */

/** An error with an HTTP status. */
export class Refusal extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {Resources} resources
 * @param {string} address
 * @returns {Promise<{url: string, close: () => Promise<void>}>}
 */
export async function listen(resources, address) {
  /** @type {Map<string, Resource>} */
  const open = new Map();
  let count = 0;
  const server = http.createServer(async (request, response) => {
    const reply = (/** @type {number} */ status, body = "", headers = {}) => response.writeHead(status, { ...CORS, ...headers }).end(body);
    try {
      const path = new URL(request.url ?? "/", "http://localhost").pathname;
      const [, verb, room, id] = path.match(/^\/(whip|whep)\/([\w-]+)(?:\/(\d+))?$/) ?? [];
      if (request.method === "OPTIONS") return reply(204);
      if (!verb) return reply(404, "no such resource");
      if (request.method === "POST" && !id) {
        const resource = await (verb === "whip" ? resources.publish : resources.view)(room, await bodyOf(request));
        const location = `/${verb}/${room}/${++count}`;
        open.set(location, resource);
        return reply(201, resource.answer, { "content-type": "application/sdp", location });
      }
      const resource = open.get(path);
      if (!id || !resource) return reply(404, "no such resource");
      if (request.method !== "DELETE") return reply(405, "a resource is only deleted", { allow: "DELETE" });
      open.delete(path);
      await resource.end();
      return reply(200);
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      return reply(error instanceof Refusal ? error.status : 500, error instanceof Error ? error.message : String(error));
    }
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, address, () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://${address}:${port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Pages of other addresses may use it. */
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "*",
  "access-control-allow-methods": "POST, DELETE, OPTIONS",
  "access-control-expose-headers": "location",
};

/** @param {http.IncomingMessage} request */
async function bodyOf(request) {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > MAX_OFFER_BYTES) throw new Refusal(413, "the offer is too long");
  }
  return text;
}
