// SPDX-License-Identifier: Apache-2.0
//
// What Parley itself says of each connection, by its REST API, which is asked past the wires.

import { within } from "../../e2e/lib/poll.mjs";

const ANSWER_MS = 2000;

/**
 * @typedef {object} View  of one connection
 * @property {number | null} estimateBps   what the server believes may be sent
 * @property {number} sentBps              what it sends, retransmissions and probes not counted
 * @property {number} retransmitted @property {number} dropped   packets
 * @property {string | null} rid           of the encoding that is forwarded, if it says so
 * @property {number} height               of its picture, if it says so
 */

/** @param {any[]} rows  of W3C statistics @returns {View} */
export function viewOf(rows) {
  const outbound = rows.filter(({ type, kind }) => type === "outbound-rtp" && kind === "video");
  const sum = (/** @type {string} */ key) => outbound.reduce((total, row) => total + (row[key] ?? 0), 0);
  return {
    estimateBps: rows.find(({ availableOutgoingBitrate }) => availableOutgoingBitrate !== undefined)?.availableOutgoingBitrate ?? null,
    sentBps: sum("parleyBitrate"),
    retransmitted: sum("retransmittedPacketsSent"),
    dropped: sum("parleyPacketsDropped"),
    rid: outbound.find(({ rid }) => rid)?.rid ?? null,
    height: Math.max(0, ...outbound.map(({ frameHeight }) => frameHeight ?? 0)),
  };
}

/**
 * Look once.
 * @param {string} room                          address of the room in the REST API
 * @param {(address: string) => string | null} nameOf  whose address that is
 * @returns {Promise<Record<string, View>>}      by name; empty when the server does not answer in time
 */
export async function look(room, nameOf) {
  const read = async (/** @type {string} */ url) => (await fetch(url)).json();
  const all = async () => {
    const { participants = [] } = await read(`${room}/participants`);
    const reports = await Promise.all(participants.map((/** @type {any} */ one) => read(`${room}/participants/${encodeURIComponent(one.identity)}/stats`)));
    return reports.flatMap(({ stats: rows }) => {
      const name = nameOf(rows?.find((/** @type {any} */ row) => row.type === "remote-candidate")?.address ?? "");
      return name ? [[name, viewOf(rows)]] : [];
    });
  };
  return Object.fromEntries(await within("the server's statistics", all(), ANSWER_MS).catch(() => []));
}
