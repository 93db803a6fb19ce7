// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLinks, readFragment, replaceIce, writeFragment } from "../../../web/client/sdpfrag.js";

const ANSWER = [
  "v=0",
  "a=group:BUNDLE 0 1",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=mid:0",
  "a=ice-ufrag:old1",
  "a=ice-pwd:old-password",
  "a=candidate:1 1 udp 1 192.0.2.1 1 typ host",
  "a=end-of-candidates",
  "a=rtcp-mux",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "a=mid:1",
  "a=ice-ufrag:old1",
  "a=ice-pwd:old-password",
  "",
].join("\r\n");

test("a fragment is what the first section says of ICE, and is written as it was read", () => {
  const fragment = readFragment(ANSWER);
  assert.deepEqual(fragment, {
    mediaLine: "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    mid: "0",
    ufrag: "old1",
    pwd: "old-password",
    candidates: ["candidate:1 1 udp 1 192.0.2.1 1 typ host"],
    ended: true,
  });
  assert.deepEqual(readFragment(writeFragment(fragment)), fragment);
  assert.equal(writeFragment({ mediaLine: "", mid: "", ufrag: "u", pwd: "p", candidates: [], ended: false }), "a=ice-ufrag:u\r\na=ice-pwd:p\r\n");
});

test("an ICE restart replaces credentials in every section, and candidates when it brings any", () => {
  const fresh = { mediaLine: "", mid: "", ufrag: "new1", pwd: "new-password", candidates: [], ended: false };
  const kept = replaceIce(ANSWER, fresh);
  assert.equal(kept, ANSWER.replaceAll("old1", "new1").replaceAll("old-password", "new-password"));
  const moved = replaceIce(ANSWER, { ...fresh, candidates: ["candidate:9 1 udp 1 198.51.100.9 9 typ host"] });
  assert.equal(
    moved,
    kept
      .replace("a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\na=end-of-candidates\r\n", "")
      .replace("a=ice-pwd:new-password\r\n", "a=ice-pwd:new-password\r\na=candidate:9 1 udp 1 198.51.100.9 9 typ host\r\na=end-of-candidates\r\n"),
  );
});

test("Link headers name STUN and TURN servers", () => {
  const rows = [
    ["", []],
    ["<stun:stun.example.net>; rel=\"ice-server\"", [{ urls: "stun:stun.example.net" }]],
    ["<https://example.net/more>; rel=\"next\", <stun:a>; rel=ice-server", [{ urls: "stun:a" }]],
    [
      '<turn:t.example?transport=udp>; rel="ice-server"; username="1:a,b"; credential="x;\\"y"; credential-type="password", <stun:b>;rel="ice-server"',
      [{ urls: "turn:t.example?transport=udp", username: "1:a,b", credential: 'x;"y' }, { urls: "stun:b" }],
    ],
  ];
  for (const [header, servers] of rows) assert.deepEqual(parseLinks(header), servers, header);
});
