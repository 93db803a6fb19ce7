// SPDX-License-Identifier: Apache-2.0
//
// mediasoup speaks parameters, WHIP and WHEP speak SDP: one into the other, values in and values out.
//
// A router has payload types and header extension ids of its own and sends with them. The payload types are therefore made those
// of the publisher's offer, one codec a kind; of the header extensions those are used whose ids the player shares.

import { Refusal } from "../lib/wish_server.mjs";
import { codecLines, codecs, directionOf, extensions, parse, textOf, transportValue, values } from "../lib/sdp.mjs";

/** @typedef {import("../lib/sdp.mjs").Section} Section */
/** @typedef {import("../lib/sdp.mjs").Codec} Codec */
/** @typedef {{kind: string, mimeType: string, payloadType: number, clockRate: number, channels?: number, parameters: any,
 *    rtcpFeedback: {type: string, parameter: string}[]}} OrtcCodec */
/** @typedef {{codecs: OrtcCodec[], headerExtensions: {uri: string, id: number}[], encodings: any[], rtcp: any, mid?: string}} RtpParameters */

/** In the order of preference among what an offer puts first. */
const SUPPORTED = { audio: ["opus"], video: ["vp8", "vp9", "h264", "av1"] };

/** @param {string} [fmtp]  @returns {Record<string, string | number>} */
function parametersOf(fmtp = "") {
  const pairs = fmtp.split(";").map((part) => part.trim().split("=")).filter(([name, value]) => name && value !== undefined);
  // apt, packetization-mode and the like are numbers there; profile-level-id is not, though it may look like one.
  return Object.fromEntries(pairs.map(([name, value]) => [name, /^\d+$/.test(value) && name !== "profile-level-id" ? Number(value) : value]));
}

/** @param {string} kind @param {Codec} codec  @returns {OrtcCodec} */
function toOrtc(kind, { pt, name, fmtp, feedback }) {
  const [subtype, clockRate, channels] = name.split("/");
  return {
    kind,
    mimeType: `${kind}/${subtype}`,
    payloadType: Number(pt),
    clockRate: Number(clockRate),
    ...(channels && { channels: Number(channels) }),
    parameters: parametersOf(fmtp),
    rtcpFeedback: feedback.map((what) => what.split(" ")).map(([type, parameter = ""]) => ({ type, parameter })),
  };
}

/** @param {OrtcCodec} codec  @returns {Codec} */
const fromOrtc = ({ mimeType, payloadType, clockRate, channels, parameters, rtcpFeedback }) => ({
  pt: String(payloadType),
  name: [mimeType.split("/")[1], clockRate, ...(channels && channels > 1 ? [channels] : [])].join("/"),
  fmtp: Object.entries(parameters ?? {}).map(([name, value]) => `${name}=${value}`).join(";"),
  feedback: (rtcpFeedback ?? []).map(({ type, parameter }) => [type, parameter].filter(Boolean).join(" ")),
});

/**
 * The one codec of a publisher's section that is used, and its retransmission if it has one.
 * @param {Section} section
 * @returns {OrtcCodec[]}
 */
function chosenCodecs(section) {
  const all = codecs(section).map((codec) => toOrtc(section.kind, codec));
  const names = SUPPORTED[/** @type {"audio" | "video"} */ (section.kind)] ?? [];
  const media = all.find(({ mimeType }) => names.includes(mimeType.split("/")[1].toLowerCase()));
  if (!media) throw new Refusal(406, `no usable ${section.kind} codec`);
  const rtx = all.find(({ mimeType, parameters }) => /\/rtx$/i.test(mimeType) && parameters.apt === media.payloadType);
  return [media, ...(rtx ? [rtx] : [])];
}

/** @param {Section} section */
const isMedia = (section) => section.kind in SUPPORTED && (section.port !== "0" || section.lines.includes("a=bundle-only"));

/** Sections of an offer that publish. @param {string} offer */
const publishing = (offer) => parse(offer).media.filter((section) => isMedia(section) && ["sendonly", "sendrecv"].includes(directionOf(section)));

/**
 * What a router must know to forward a publisher's media under its own payload types.
 * @param {string} offer
 */
export function routerCodecs(offer) {
  return publishing(offer).map((section) => {
    const [{ payloadType, rtcpFeedback, ...codec }, rtx] = chosenCodecs(section);
    return { codec: { ...codec, preferredPayloadType: payloadType }, rtxPayloadType: rtx?.payloadType };
  });
}

/**
 * A router chooses payload types for retransmission itself; these are the publisher's.
 * @param {{codecs: any[]}} capabilities  of the router; changed
 * @param {ReturnType<typeof routerCodecs>} wanted
 */
export function alignRtx(capabilities, wanted) {
  const taken = new Set(wanted.flatMap(({ codec, rtxPayloadType }) => [codec.preferredPayloadType, rtxPayloadType]));
  let free = 127;
  for (const rtx of capabilities.codecs.filter(({ mimeType }) => /\/rtx$/i.test(mimeType))) {
    const row = wanted.find(({ codec }) => codec.preferredPayloadType === rtx.parameters.apt);
    while (taken.has(free)) free--;
    rtx.preferredPayloadType = row?.rtxPayloadType ?? free--;
  }
}

/**
 * A publisher's sections as what transport.produce() takes.
 * @param {string} offer
 * @param {{kind: string, uri: string}[]} known  header extensions of the router, which takes no others
 * @returns {{kind: string, rtpParameters: RtpParameters}[]}
 */
export function producers(offer, known) {
  return publishing(offer).map((section) => ({
    kind: section.kind,
    rtpParameters: {
      mid: values(section, "mid")[0],
      codecs: chosenCodecs(section).map(({ kind, ...codec }) => codec),
      headerExtensions: [...extensions(section)]
        .filter(([uri]) => known.some((one) => one.uri === uri && one.kind === section.kind))
        .map(([uri, id]) => ({ uri, id: Number(id) })),
      encodings: encodingsOf(section),
      rtcp: { cname: values(section, "ssrc")[0]?.match(/cname:(\S+)/)?.[1] ?? "publisher", reducedSize: true },
    },
  }));
}

/** By RID, by signalled SSRC, or else by whatever comes with this mid. @param {Section} section */
function encodingsOf(section) {
  const rids = values(section, "rid").map((value) => value.split(" ")).filter(([, way]) => way === "send").map(([rid]) => ({ rid }));
  if (rids.length > 0) return rids;
  const [group] = values(section, "ssrc-group").filter((value) => value.startsWith("FID ")).map((value) => value.split(" ").slice(1).map(Number));
  if (group) return [{ ssrc: group[0], rtx: { ssrc: group[1] } }];
  const [ssrc] = values(section, "ssrc").map((value) => Number(value.split(" ")[0]));
  return ssrc ? [{ ssrc }] : [{}];
}

/**
 * What a player can receive, for one kind.
 * @param {Section} section
 */
export function capabilities(section) {
  return {
    codecs: codecs(section).map((codec) => toOrtc(section.kind, codec)).map(({ payloadType, ...codec }) => ({ ...codec, preferredPayloadType: payloadType })),
    headerExtensions: [...extensions(section)].map(([uri, id]) => ({ kind: section.kind, uri, preferredId: Number(id) })),
  };
}

/**
 * Sections of a player's offer with the kind that each asks for, or null.
 * @param {string} offer
 */
export const wishes = (offer) => parse(offer).media.map((section) => ({
  section,
  kind: isMedia(section) && ["recvonly", "sendrecv"].includes(directionOf(section)) ? section.kind : null,
}));

/**
 * The remote end of DTLS; it is the client unless it says that it cannot be.
 * @param {string} offer
 */
export function dtlsOf(offer) {
  const sdp = parse(offer);
  const [algorithm, value] = (transportValue(sdp, "fingerprint") ?? "").split(" ");
  if (!value) throw new Refusal(400, "the offer has no fingerprint");
  return { role: transportValue(sdp, "setup") === "passive" ? "server" : "client", fingerprints: [{ algorithm: algorithm.toLowerCase(), value: value.toUpperCase() }] };
}

/**
 * The answer of a transport.
 * @param {string} offer
 * @param {{iceParameters: any, iceCandidates: any[], dtlsParameters: any}} transport
 * @param {(RtpParameters | null)[]} media  for each section; of a player what the consumer sends, of a publisher what is received
 * @param {"publisher" | "player"} who
 */
export function answer(offer, transport, media, who) {
  const sdp = parse(offer);
  const setup = transportValue(sdp, "setup") === "passive" ? "active" : "passive";
  const used = sdp.media.filter((_, index) => media[index]).map((section) => values(section, "mid")[0] ?? "0");
  const lines = [
    "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", `a=group:BUNDLE ${used.join(" ")}`, "a=ice-lite", "a=msid-semantic: WMS *",
    ...sdp.media.flatMap((section, index) => mediaLines(section, media[index], transport, setup, who)),
  ];
  return textOf(lines);
}

/**
 * @param {Section} section @param {RtpParameters | null} rtp @param {any} transport @param {string} setup @param {string} who
 */
function mediaLines(section, rtp, { iceParameters, iceCandidates, dtlsParameters }, setup, who) {
  const mid = values(section, "mid")[0] ?? "0";
  if (!rtp) return [`m=${section.kind} 0 ${section.protocol} ${section.formats.join(" ")}`, "c=IN IP4 0.0.0.0", "a=inactive", `a=mid:${mid}`];
  const list = rtp.codecs.map(fromOrtc);
  const offered = codecs(section);
  const strange = list.find(({ pt, name }) => !offered.some((one) => one.pt === pt && one.name.toLowerCase() === name.toLowerCase()));
  if (strange) throw new Refusal(406, `the publisher's payload type ${strange.pt} is not ${strange.name} in this offer`);
  const fingerprint = dtlsParameters.fingerprints.find((/** @type {any} */ { algorithm }) => algorithm === "sha-256") ?? dtlsParameters.fingerprints[0];
  return [
    `m=${section.kind} 9 ${section.protocol} ${list.map(({ pt }) => pt).join(" ")}`,
    "c=IN IP4 0.0.0.0", `a=mid:${mid}`, who === "player" ? "a=sendonly" : "a=recvonly", "a=rtcp-mux", "a=rtcp-rsize",
    `a=ice-ufrag:${iceParameters.usernameFragment}`, `a=ice-pwd:${iceParameters.password}`,
    `a=fingerprint:${fingerprint.algorithm} ${fingerprint.value}`, `a=setup:${setup}`,
    ...iceCandidates.map((one) => `a=candidate:${one.foundation} 1 ${one.protocol} ${one.priority} ${one.address ?? one.ip} ${one.port} typ host`),
    "a=end-of-candidates",
    ...list.flatMap(codecLines),
    ...rtp.headerExtensions.map(({ uri, id }) => `a=extmap:${id} ${uri}`),
    ...(who === "player" ? sourceLines(rtp) : ridLines(rtp)),
  ];
}

/** @param {RtpParameters} rtp */
function sourceLines({ encodings: [{ ssrc, rtx }], rtcp, mid }) {
  return [
    `a=msid:mediasoup track-${mid}`,
    ...(rtx ? [`a=ssrc-group:FID ${ssrc} ${rtx.ssrc}`] : []),
    ...[ssrc, rtx?.ssrc].filter(Boolean).map((one) => `a=ssrc:${one} cname:${rtcp.cname}`),
  ];
}

/** @param {RtpParameters} rtp */
function ridLines({ encodings }) {
  const rids = encodings.map(({ rid }) => rid).filter(Boolean);
  return rids.length > 0 ? [...rids.map((rid) => `a=rid:${rid} recv`), `a=simulcast:recv ${rids.join(";")}`] : [];
}
