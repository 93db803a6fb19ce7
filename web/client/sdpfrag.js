// SPDX-License-Identifier: Apache-2.0
//
// Texts that WHIP and WHEP exchange beside offer and answer: fragments of SDP (RFC 8840) and Link headers that name STUN and
// TURN servers (RFC 9725, section 4.6).

/**
 * @typedef {object} Fragment
 * @property {string} mediaLine        "m=audio 9 UDP/TLS/RTP/SAVPF 111"; "" without
 * @property {string} mid
 * @property {string} ufrag
 * @property {string} pwd
 * @property {string[]} candidates     "candidate:…"
 * @property {boolean} ended           there will be no more
 */

/**
 * What an SDP, whole or a fragment, says of ICE in its first section.
 * @param {string} sdp
 * @returns {Fragment}
 */
export function readFragment(sdp) {
  const find = (/** @type {RegExp} */ pattern) => sdp.match(pattern)?.[1] ?? "";
  return {
    mediaLine: find(/^(m=.*?)\r?$/m),
    mid: find(/^a=mid:(.*?)\r?$/m),
    ufrag: find(/^a=ice-ufrag:(.*?)\r?$/m),
    pwd: find(/^a=ice-pwd:(.*?)\r?$/m),
    candidates: [...sdp.matchAll(/^a=(candidate:.*?)\r?$/gm)].map(([, line]) => line),
    ended: /^a=end-of-candidates\r?$/m.test(sdp),
  };
}

/**
 * @param {Fragment} fragment
 * @returns {string}
 */
export function writeFragment({ mediaLine, mid, ufrag, pwd, candidates, ended }) {
  const lines = [
    mediaLine,
    mid && `a=mid:${mid}`,
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${pwd}`,
    ...candidates.map((candidate) => `a=${candidate}`),
    ended && "a=end-of-candidates",
  ];
  return lines.filter(Boolean).map((line) => `${line}\r\n`).join("");
}

/**
 * The same answer with other credentials and, when the fragment has any, other candidates.
 * @param {string} sdp
 * @param {Fragment} fragment
 * @returns {string}
 */
export function replaceIce(sdp, { ufrag, pwd, candidates }) {
  const text = sdp.replace(/^a=ice-ufrag:.*$/gm, `a=ice-ufrag:${ufrag}`).replace(/^a=ice-pwd:.*$/gm, `a=ice-pwd:${pwd}`);
  if (candidates.length === 0) return text;
  const kept = text.replace(/^a=(?:candidate:.*|end-of-candidates)\r?\n/gm, "");
  const added = [...candidates, "end-of-candidates"].map((line) => `a=${line}\r\n`).join("");
  return kept.replace(/^a=ice-pwd:.*\r?\n/m, (line) => line + added);
}

/**
 * @param {string} header  of a Link: `<turn:…>; rel="ice-server"; username="…"; credential="…", <stun:…>; …`
 * @returns {RTCIceServer[]}
 */
export function parseLinks(header) {
  const servers = [];
  for (const [, url, rest] of header.matchAll(/<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))*)/g)) {
    const attributes = new Map();
    for (const [, name, quoted, plain] of rest.matchAll(/;\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))/g)) {
      attributes.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? plain);
    }
    if (attributes.get("rel") !== "ice-server") continue;
    const username = attributes.get("username");
    servers.push(username === undefined ? { urls: url } : { urls: url, username, credential: attributes.get("credential") ?? "" });
  }
  return servers;
}
