// SPDX-License-Identifier: Apache-2.0
//
// Rooms on one mediasoup worker: a router each, one publisher, any number of viewers.

import { Refusal } from "../lib/wish_server.mjs";
import { alignRtx, answer, capabilities, dtlsOf, producers, routerCodecs, wishes } from "./sdp_ortc.mjs";

/** Its estimate starts at 600 kb/s otherwise, and a viewer waits for it to grow. */
export const FIRST_ESTIMATE_BPS = 10_000_000;

export class Rooms {
  /** @type {Map<string, {router: any, producers: Map<string, any>}>} */
  #rooms = new Map();
  #worker;
  #server;

  /** @param {any} worker @param {any} server */
  constructor(worker, server) {
    this.#worker = worker;
    this.#server = server;
  }

  /** @param {any} router */
  #transport = (router) => router.createWebRtcTransport({ webRtcServer: this.#server, enableUdp: true, enableTcp: false, initialAvailableOutgoingBitrate: FIRST_ESTIMATE_BPS });

  /** @param {string} name @param {string} offer */
  publish = async (name, offer) => {
    this.#rooms.get(name)?.router.close();
    const wanted = routerCodecs(offer);
    const router = await this.#worker.createRouter({ mediaCodecs: wanted.map(({ codec }) => codec) });
    alignRtx(router.rtpCapabilities, wanted);
    const room = { router, producers: new Map() };
    try {
      const transport = await this.#transport(router);
      await transport.connect({ dtlsParameters: dtlsOf(offer) });
      for (const one of producers(offer, router.rtpCapabilities.headerExtensions)) room.producers.set(one.kind, await transport.produce(one));
      this.#rooms.set(name, room);
      const received = wishes(offer).map(({ section }) => room.producers.get(section.kind)?.rtpParameters ?? null);
      const end = async () => {
        router.close();
        if (this.#rooms.get(name) === room) this.#rooms.delete(name);
      };
      return { answer: answer(offer, transport, received, "publisher"), end };
    } catch (error) {
      router.close();
      throw error;
    }
  };

  /** @param {string} name @param {string} offer */
  view = async (name, offer) => {
    const room = this.#rooms.get(name);
    if (!room) throw new Refusal(409, "nobody broadcasts in this room");
    const transport = await this.#transport(room.router);
    try {
      await transport.connect({ dtlsParameters: dtlsOf(offer) });
      const sent = [];
      for (const { section, kind } of wishes(offer)) {
        const producer = kind && room.producers.get(kind);
        const mid = section.lines.find((line) => line.startsWith("a=mid:"))?.slice(6);
        sent.push(producer ? (await transport.consume({ producerId: producer.id, rtpCapabilities: capabilities(section), mid })).rtpParameters : null);
      }
      return { answer: answer(offer, transport, sent, "player"), end: async () => transport.close() };
    } catch (error) {
      transport.close();
      throw error;
    }
  };
}
