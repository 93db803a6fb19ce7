// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import test from "node:test";
import { answers, choose } from "../../../bench/peers/janus/translate.mjs";
import { codecs, directionOf, extensions, parse, transportValue, values } from "../../../bench/peers/lib/sdp.mjs";
import { Rooms } from "../../../bench/peers/mediasoup/rooms.mjs";
import { alignRtx, answer, capabilities, dtlsOf, producers, routerCodecs, wishes } from "../../../bench/peers/mediasoup/sdp_ortc.mjs";

const PEERS = new URL("../../../bench/peers/", import.meta.url);
const lines = (...all) => all.flat().map((line) => `${line}\r\n`).join("");
const SESSION = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0"];
const TWCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
const MID = "urn:ietf:params:rtp-hdrext:sdes:mid";

/** @param {{direction: string, setup?: string, mids?: string[], kinds?: string[], vp8?: string, source?: string[]}} options */
function clientOffer({ direction, setup = "actpass", mids = ["0", "1"], kinds = ["audio", "video"], vp8 = "96", source = [] }) {
  const shared = (mid) => [
    "c=IN IP4 0.0.0.0", "a=ice-ufrag:CLUF", "a=ice-pwd:client-password", "a=fingerprint:sha-256 AA:BB", `a=setup:${setup}`, `a=mid:${mid}`, `a=${direction}`,
    "a=rtcp-mux", "a=candidate:1 1 udp 2122194687 127.0.0.1 34954 typ host", "a=candidate:2 1 udp 2122194686 a-name.local 34955 typ host",
    "a=candidate:3 1 tcp 1518214911 127.0.0.1 9 typ host tcptype active",
  ];
  const media = {
    audio: (mid) => ["m=audio 9 UDP/TLS/RTP/SAVPF 111 0", ...shared(mid), "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level", `a=extmap:4 ${MID}`,
      "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1", "a=rtcp-fb:111 transport-cc", "a=rtpmap:0 PCMU/8000"],
    video: (mid) => [`m=video 9 UDP/TLS/RTP/SAVPF ${vp8} 97 102`, ...shared(mid), `a=extmap:4 ${MID}`, `a=extmap:5 ${TWCC}`,
      `a=rtpmap:${vp8} VP8/90000`, `a=rtcp-fb:${vp8} nack`, `a=rtcp-fb:${vp8} nack pli`, `a=rtcp-fb:${vp8} transport-cc`, "a=rtpmap:97 rtx/90000", `a=fmtp:97 apt=${vp8}`,
      "a=rtpmap:102 H264/90000", "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f", ...source],
  };
  return lines(SESSION, `a=group:BUNDLE ${mids.join(" ")}`, kinds.flatMap((kind, index) => media[kind](mids[index])));
}

/** What Janus offers a subscriber. @param {string[]} kinds */
function janusOffer(kinds) {
  const shared = (mid) => [
    "c=IN IP4 192.0.2.2", "a=sendonly", `a=mid:${mid}`, "a=rtcp-mux", "a=ice-ufrag:JAUF", "a=ice-pwd:janus-password", "a=setup:actpass",
    `a=msid:janus janus${mid}`, `a=ssrc:${1000 + Number(mid)} cname:janus`,
    "a=candidate:1 1 udp 2015363327 192.0.2.2 56684 typ host", "a=candidate:2 1 udp 2015363583 fd00::2 52288 typ host",
  ];
  const media = {
    audio: (mid) => ["m=audio 9 UDP/TLS/RTP/SAVPF 111", ...shared(mid), "a=rtpmap:111 opus/48000/2", "a=rtcp-fb:111 transport-cc", `a=extmap:2 ${MID}`],
    video: (mid) => ["m=video 9 UDP/TLS/RTP/SAVPF 96 97", ...shared(mid), "a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack", "a=rtcp-fb:96 goog-remb",
      `a=extmap:2 ${MID}`, `a=extmap:3 ${TWCC}`, "a=extmap:13 urn:3gpp:video-orientation", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96"],
  };
  return lines(SESSION, `a=group:BUNDLE ${kinds.map((_, index) => index).join(" ")}`, "a=fingerprint:sha-256 CC:DD", "a=ice-lite", kinds.flatMap((kind, index) => media[kind](String(index))));
}

const STREAMS = [{ type: "audio", mid: "0" }, { type: "video", mid: "1" }];

test("Janus: two offers become two answers, each with the other's transport", () => {
  const offer = clientOffer({ direction: "recvonly" });
  const result = answers(offer, janusOffer(["audio", "video"]), choose(offer, STREAMS));
  const player = parse(result.player);
  const janus = parse(result.janus);
  assert.equal(transportValue(player, "ice-ufrag"), "JAUF");
  assert.equal(transportValue(player, "fingerprint"), "sha-256 CC:DD");
  assert.equal(transportValue(janus, "ice-pwd"), "client-password");
  assert.equal(transportValue(janus, "fingerprint"), "sha-256 AA:BB");
  assert.ok(player.session.lines.includes("a=ice-lite"));
  assert.ok(!janus.session.lines.includes("a=ice-lite"));
  assert.deepEqual(player.media.map(directionOf), ["sendonly", "sendonly"]);
  assert.deepEqual(janus.media.map(directionOf), ["recvonly", "recvonly"]);
  assert.deepEqual(values(player.media[1], "candidate"), ["1 1 udp 2015363327 192.0.2.2 56684 typ host"]);
  assert.deepEqual(values(janus.media[0], "candidate"), ["1 1 udp 2122194687 127.0.0.1 34954 typ host"]);
  assert.deepEqual(values(player.media[1], "ssrc"), ["1001 cname:janus"]);
  assert.deepEqual(codecs(player.media[1]).map(({ pt, name, feedback }) => [pt, name, feedback]), [["96", "VP8/90000", ["nack"]], ["97", "rtx/90000", []]]);
  for (const sdp of [player, janus]) assert.deepEqual([...extensions(sdp.media[1])], [[MID, "4"], [TWCC, "5"]], "the player's ids");
});

test("Janus: one end of DTLS is active, the other passive", () => {
  for (const [setup, player, janus] of [["actpass", "passive", "active"], ["active", "passive", "active"], ["passive", "active", "passive"]]) {
    const offer = clientOffer({ direction: "recvonly", setup });
    const result = answers(offer, janusOffer(["audio", "video"]), choose(offer, STREAMS));
    assert.equal(transportValue(parse(result.player), "setup"), player, setup);
    assert.equal(transportValue(parse(result.janus), "setup"), janus, setup);
  }
});

test("Janus: sections keep the player's order and names; what is not there is declined", () => {
  const offer = clientOffer({ direction: "recvonly", kinds: ["video", "audio", "video"], mids: ["pic", "snd", "two"] });
  const chosen = choose(offer, STREAMS);
  assert.deepEqual(chosen.map((one) => one?.mid ?? null), ["1", "0", null]);
  const result = answers(offer, janusOffer(["video", "audio"]), chosen);
  const { session, media } = parse(result.player);
  assert.deepEqual(media.map(({ kind, port }) => [kind, port]), [["video", "9"], ["audio", "9"], ["video", "0"]]);
  assert.deepEqual(media.map((section) => values(section, "mid")[0]), ["pic", "snd", "two"]);
  assert.deepEqual(values(session, "group"), ["BUNDLE pic snd"]);
  assert.deepEqual(parse(result.janus).media.map((section) => values(section, "mid")[0]), ["0", "1"]);
  assert.ok(!extensions(media[0]).has(MID), "mids differ at both ends, so none travels in packets");
});

test("Janus: a player with other payload types is refused with a reason", () => {
  const offer = clientOffer({ direction: "recvonly", vp8: "120" });
  assert.throws(() => answers(offer, janusOffer(["audio", "video"]), choose(offer, STREAMS)), (error) => error.status === 406 && /96 VP8.*120 VP8/.test(error.message));
});

const KNOWN = [{ kind: "audio", uri: MID }, { kind: "video", uri: MID }, { kind: "video", uri: TWCC }];
const SOURCE = ["a=ssrc-group:FID 111111 222222", "a=ssrc:111111 cname:me", "a=ssrc:222222 cname:me"];
const TRANSPORT = {
  iceParameters: { usernameFragment: "MSUF", password: "mediasoup-password" },
  iceCandidates: [{ foundation: "udpcandidate", priority: 1076302079, address: "127.0.0.1", protocol: "udp", port: 40000, type: "host" }],
  dtlsParameters: { fingerprints: [{ algorithm: "sha-1", value: "11" }, { algorithm: "sha-256", value: "EE:FF" }] },
};

test("mediasoup: a publisher's offer becomes parameters of producers", () => {
  const [audio, video] = producers(clientOffer({ direction: "sendonly", source: SOURCE }), KNOWN);
  assert.deepEqual(audio.rtpParameters.encodings, [{}]);
  assert.deepEqual([audio, video].map(({ rtpParameters }) => rtpParameters.headerExtensions), [[{ uri: MID, id: 4 }], [{ uri: MID, id: 4 }, { uri: TWCC, id: 5 }]], "no others");
  assert.deepEqual(video.rtpParameters.encodings, [{ ssrc: 111111, rtx: { ssrc: 222222 } }]);
  assert.equal(video.rtpParameters.rtcp.cname, "me");
  assert.deepEqual(video.rtpParameters.codecs.map(({ mimeType, payloadType, parameters }) => [mimeType, payloadType, parameters]), [["video/VP8", 96, {}], ["video/rtx", 97, { apt: 96 }]]);
  assert.deepEqual(audio.rtpParameters.codecs[0].parameters, { minptime: 10, useinbandfec: 1 });
  const rids = producers(clientOffer({ direction: "sendonly", source: ["a=rid:l send", "a=rid:h send", "a=simulcast:send l;h"] }), KNOWN)[1].rtpParameters;
  assert.deepEqual(rids.encodings, [{ rid: "l" }, { rid: "h" }]);
  const text = answer(clientOffer({ direction: "sendonly" }), TRANSPORT, [null, rids], "publisher");
  assert.match(text, /a=rid:l recv\r\na=rid:h recv\r\na=simulcast:recv l;h\r\n/);
});

test("mediasoup: the router's payload types are the publisher's, retransmission included", () => {
  const offer = clientOffer({ direction: "sendonly" });
  const wanted = routerCodecs(offer);
  assert.deepEqual(wanted.map(({ codec, rtxPayloadType }) => [codec.mimeType, codec.preferredPayloadType, rtxPayloadType]), [["audio/opus", 111, undefined], ["video/VP8", 96, 97]]);
  const caps = { codecs: [{ mimeType: "video/VP8", preferredPayloadType: 96 }, { mimeType: "video/rtx", preferredPayloadType: 100, parameters: { apt: 96 } }] };
  alignRtx(caps, wanted);
  assert.equal(caps.codecs[1].preferredPayloadType, 97);
});

test("mediasoup: an answer to a player", () => {
  const offer = clientOffer({ direction: "recvonly" });
  assert.deepEqual(dtlsOf(offer), { role: "client", fingerprints: [{ algorithm: "sha-256", value: "AA:BB" }] });
  assert.equal(dtlsOf(clientOffer({ direction: "recvonly", setup: "passive" })).role, "server");
  const rtp = {
    mid: "1", rtcp: { cname: "me" }, encodings: [{ ssrc: 5, rtx: { ssrc: 6 } }], headerExtensions: [{ uri: MID, id: 4 }],
    codecs: [{ mimeType: "video/VP8", payloadType: 96, clockRate: 90000, parameters: {}, rtcpFeedback: [{ type: "nack", parameter: "pli" }] },
      { mimeType: "video/rtx", payloadType: 97, clockRate: 90000, parameters: { apt: 96 }, rtcpFeedback: [] }],
  };
  const text = answer(offer, TRANSPORT, [null, rtp], "player");
  const { session, media } = parse(text);
  assert.deepEqual(values(session, "group"), ["BUNDLE 1"]);
  assert.deepEqual(media.map(({ port }) => port), ["0", "9"]);
  assert.equal(transportValue({ session, media }, "fingerprint"), "sha-256 EE:FF");
  assert.equal(transportValue({ session, media }, "setup"), "passive");
  assert.deepEqual(values(media[1], "candidate"), ["udpcandidate 1 udp 1076302079 127.0.0.1 40000 typ host"]);
  assert.deepEqual(values(media[1], "ssrc-group"), ["FID 5 6"]);
  assert.deepEqual(values(media[1], "rtcp-fb"), ["96 nack pli"]);
  assert.deepEqual(values(media[1], "fmtp"), ["97 apt=96"]);
  assert.throws(() => answer(clientOffer({ direction: "recvonly", vp8: "120" }), TRANSPORT, [null, rtp], "player"), /payload type 96 is not VP8/);
});

/** A worker that keeps what it was asked for. */
function fakeWorker() {
  const calls = [];
  const note = (name, value) => (calls.push([name, value]), value);
  const transport = () => ({
    ...TRANSPORT,
    connect: async ({ dtlsParameters }) => void note("connect", dtlsParameters.role),
    produce: async ({ kind, rtpParameters }) => note("produce", { id: `producer of ${kind}`, kind, rtpParameters }),
    consume: async ({ producerId, rtpCapabilities, mid }) => {
      note("consume", producerId);
      const [media] = rtpCapabilities.codecs;
      const codec = { ...media, payloadType: media.preferredPayloadType };
      return { rtpParameters: { mid, codecs: [codec], headerExtensions: [], encodings: [{ ssrc: 77 }], rtcp: { cname: "me" } } };
    },
    close: () => note("close", "transport"),
  });
  const router = () => ({ rtpCapabilities: { codecs: [], headerExtensions: KNOWN }, createWebRtcTransport: async () => transport(), close: () => note("close", "router") });
  return { calls, createRouter: async ({ mediaCodecs }) => (note("router", mediaCodecs.map(({ mimeType }) => mimeType)), router()) };
}

test("mediasoup: a room from its first offer to its end", async () => {
  const worker = fakeWorker();
  const rooms = new Rooms(worker, {});
  const play = clientOffer({ direction: "recvonly", kinds: ["video"], mids: ["0"] });
  await assert.rejects(rooms.view("hall", play), (error) => error.status === 409);
  const cast = await rooms.publish("hall", clientOffer({ direction: "sendonly", source: SOURCE }));
  assert.deepEqual(parse(cast.answer).media.map(directionOf), ["recvonly", "recvonly"]);
  const view = await rooms.view("hall", play);
  const [video, ...none] = parse(view.answer).media;
  assert.equal(none.length, 0);
  assert.deepEqual([directionOf(video), values(video, "ssrc")[0]], ["sendonly", "77 cname:me"]);
  await view.end();
  await rooms.publish("hall", clientOffer({ direction: "sendonly", source: SOURCE })); // takes the place of the first
  await cast.end();
  await rooms.view("hall", play);
  assert.deepEqual(worker.calls.map(([name, value]) => (name === "produce" ? [name, value.kind] : [name, value])), [
    ["router", ["audio/opus", "video/VP8"]], ["connect", "client"], ["produce", "audio"], ["produce", "video"],
    ["connect", "client"], ["consume", "producer of video"], ["close", "transport"],
    ["close", "router"], ["router", ["audio/opus", "video/VP8"]], ["connect", "client"], ["produce", "audio"], ["produce", "video"],
    ["close", "router"], // the first one's, once more: that does no harm
    ["connect", "client"], ["consume", "producer of video"],
  ]);
});

const ORTC = new URL("node_modules/mediasoup/node/lib/ortc.js", PEERS);

test("mediasoup: its own rules accept what we make of SDP", { skip: !fs.existsSync(ORTC) && "npm ci --ignore-scripts in bench/peers brings the module" }, () => {
  const ortc = createRequire(import.meta.url)(ORTC.pathname);
  const publish = clientOffer({ direction: "sendonly", source: SOURCE });
  const wanted = routerCodecs(publish);
  const router = ortc.generateRouterRtpCapabilities(wanted.map(({ codec }) => codec));
  alignRtx(router, wanted);
  const play = clientOffer({ direction: "recvonly" });
  const sent = producers(publish, router.headerExtensions).map(({ kind, rtpParameters }, index) => {
    ortc.validateRtpParameters(rtpParameters);
    const mapping = ortc.getProducerRtpParametersMapping(rtpParameters, router);
    const consumable = ortc.getConsumableRtpParameters(kind, rtpParameters, router, mapping);
    const remote = capabilities(wishes(play)[index].section);
    ortc.validateRtpCapabilities(remote);
    assert.ok(ortc.canConsume(consumable, remote));
    return { ...ortc.getConsumerRtpParameters({ consumableRtpParameters: consumable, remoteRtpCapabilities: remote, pipe: false, enableRtx: kind === "video" }), mid: String(index) };
  });
  const { media } = parse(answer(play, TRANSPORT, sent, "player"));
  assert.deepEqual(media.map(({ formats }) => formats), [["111"], ["96", "97"]]);
  assert.deepEqual([...extensions(media[1])], [[TWCC, "5"]], "only ids that both have");
});
