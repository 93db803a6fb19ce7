// SPDX-License-Identifier: Apache-2.0
//
// A subscriber of Janus gets an offer; a WHEP player makes one. The two offers meet here: out of both come the answer for the
// player and the answer for Janus, and media then flows between the two without us. Credentials, fingerprints and candidates
// pass through. What both ends must say alike (payload types, header extension ids) is the player's choice where Janus follows
// its answer (extensions), and checked where it does not (payload types: it forwards the publisher's).

import { Refusal } from "../lib/wish_server.mjs";
import { codecLines, codecs, directionOf, extensions, parse, textOf, transportValue, values } from "../lib/sdp.mjs";

/** @typedef {import("../lib/sdp.mjs").Section} Section */
/** @typedef {import("../lib/sdp.mjs").Codec} Codec */

const MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid";

/**
 * Which of a publisher's streams an offer asks for, in the order of its m-sections.
 * @param {string} offer @param {{type: string, mid: string}[]} streams
 * @returns {({type: string, mid: string} | null)[]} null: there is none for this section
 */
export function choose(offer, streams) {
  const left = [...streams];
  return parse(offer).media.map((section) => {
    const wants = ["recvonly", "sendrecv"].includes(directionOf(section));
    const index = wants ? left.findIndex(({ type }) => type === section.kind) : -1;
    return index < 0 ? null : left.splice(index, 1)[0];
  });
}

/**
 * @param {string} playerOffer
 * @param {string} janusOffer  its m-sections are those that choose() found, in that order
 * @param {(object | null)[]} chosen
 * @returns {{player: string, janus: string}} the two answers
 */
export function answers(playerOffer, janusOffer, chosen) {
  const player = parse(playerOffer);
  const janus = parse(janusOffer);
  const playerIsActive = transportValue(player, "setup") !== "passive";
  const toPlayer = transportLines(janus, playerIsActive ? "passive" : "active");
  const toJanus = transportLines(player, playerIsActive ? "active" : "passive");
  const theirs = [...janus.media];
  /** @type {string[]} */
  const playerLines = [];
  /** @type {string[]} */
  const janusLines = [];
  for (const [index, section] of player.media.entries()) {
    const other = chosen[index] ? theirs.shift() : null;
    if (!other) {
      playerLines.push(`m=${section.kind} 0 ${section.protocol} ${section.formats.join(" ")}`, "c=IN IP4 0.0.0.0", "a=inactive", `a=mid:${midOf(section)}`);
      continue;
    }
    const shared = sharedCodecs(section, other);
    const extmaps = sharedExtensions(section, other);
    const media = `m=${section.kind} 9 ${section.protocol} ${shared.map(({ pt }) => pt).join(" ")}`;
    const rest = ["a=rtcp-mux", "a=rtcp-rsize", ...shared.flatMap(codecLines), ...extmaps];
    const source = other.lines.filter((line) => /^a=(msid|ssrc|ssrc-group):/.test(line));
    playerLines.push(media, "c=IN IP4 0.0.0.0", `a=mid:${midOf(section)}`, "a=sendonly", ...toPlayer, ...rest, ...source);
    janusLines.push(media, "c=IN IP4 0.0.0.0", `a=mid:${midOf(other)}`, "a=recvonly", ...toJanus, ...rest);
  }
  const used = player.media.filter((_, index) => chosen[index]).map(midOf);
  return {
    player: textOf([...sessionLines(used, janus.session.lines.includes("a=ice-lite")), ...playerLines]),
    janus: textOf([...sessionLines(janus.media.map(midOf), false), ...janusLines]),
  };
}

/** @param {Section} section */
const midOf = (section) => values(section, "mid")[0] ?? "0";

/** @param {string[]} mids @param {boolean} isLite */
const sessionLines = (mids, isLite) => [
  "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", `a=group:BUNDLE ${mids.join(" ")}`,
  ...(isLite ? ["a=ice-lite"] : []), "a=msid-semantic: WMS *",
];

/**
 * How the sender of a description is reached, for the other one.
 * @param {ReturnType<typeof parse>} sdp @param {string} setup
 */
function transportLines(sdp, setup) {
  const section = sdp.media.find(({ port }) => port !== "0") ?? sdp.session;
  return [
    ...["ice-ufrag", "ice-pwd", "fingerprint"].map((name) => `a=${name}:${transportValue(sdp, name)}`),
    `a=setup:${setup}`,
    ...usableCandidates(section.lines),
    "a=end-of-candidates",
  ];
}

/**
 * IPv4 over UDP is what both ends have; a name that only multicast DNS knows would be looked up for nothing.
 * @param {string[]} lines
 */
export const usableCandidates = (lines) => lines.filter((line) => /^a=candidate:\S+ 1 udp \d+ \d+\.\d+\.\d+\.\d+ /i.test(line));

/**
 * @param {Section} wanted @param {Section} offered
 * @returns {Codec[]}
 */
function sharedCodecs(wanted, offered) {
  const known = codecs(wanted);
  const same = codecs(offered).flatMap((codec) => {
    const one = known.find(({ pt, name }) => pt === codec.pt && name.toLowerCase() === codec.name.toLowerCase());
    return one ? [{ ...codec, feedback: codec.feedback.filter((what) => one.feedback.includes(what)) }] : [];
  });
  // Retransmission of something that is not shared is nothing.
  const shared = same.filter(({ name, fmtp }) => !/^rtx\//i.test(name) || same.some(({ pt }) => fmtp === `apt=${pt}`));
  if (shared.length === 0) {
    const list = (/** @type {Section} */ section) => codecs(section).map(({ pt, name }) => `${pt} ${name}`).join(", ");
    throw new Refusal(406, `Janus forwards the publisher's payload types (${list(offered)}), the player has ${list(wanted)}`);
  }
  return shared;
}

/** The player's ids. @param {Section} wanted @param {Section} offered */
function sharedExtensions(wanted, offered) {
  const sameMid = midOf(wanted) === midOf(offered);
  const known = extensions(offered);
  return [...extensions(wanted)].filter(([uri]) => known.has(uri) && (sameMid || uri !== MID_URI)).map(([uri, id]) => `a=extmap:${id} ${uri}`);
}
