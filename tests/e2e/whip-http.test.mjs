// SPDX-License-Identifier: Apache-2.0
//
// WHIP and WHEP as HTTP: every status, every header, without media. And docs/openapi.yaml, where it tells of them.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { parse } from "yaml";
import { ROOT } from "./lib/paths.mjs";
import { until } from "./lib/poll.mjs";
import { resolve, violations } from "./lib/schema.mjs";
import { Server, runServerProgram } from "./lib/server.mjs";

const SDP = "application/sdp";
const FRAG = "application/trickle-ice-sdpfrag";
const KEYS = "operator:a secret that has more than 32 bytes in it";
const FINGERPRINT = `sha-256 ${Array(32).fill("AB").join(":")}`;

/** @param {string} direction @param {string} [change] */
function offer(direction, change = "") {
  const section = (kind, mid, codec) =>
    `m=${kind} 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:${mid}\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n` +
    `a=fingerprint:${FINGERPRINT}\r\na=setup:actpass\r\na=rtcp-mux\r\na=rtpmap:96 ${codec}\r\na=${direction}\r\n`;
  return `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n${section("audio", 0, "opus/48000/2")}${section("video", 1, change || "VP8/90000")}`;
}

const RESTART = "a=ice-ufrag:ysXw\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n";
const TRICKLE =
  "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n" +
  "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\n" +
  "a=candidate:2 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\na=candidate:3 1 sctp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n";

const file = parse(fs.readFileSync(path.join(ROOT, "docs/openapi.yaml"), "utf8"));
/** "POST /whip/{room} 201" of everything that was provoked. */
const provoked = new Set();
const server = new Server("whip-http");
const guarded = new Server("whip-http-tokens");

before(async () => {
  await server.start(["--dev", "--ice-servers", "stun:stun.example.net:3478,turn:turn.example.net?transport=udp", "--ice-turn-secret", "not known to many"]);
  await guarded.start(["--auth-keys", KEYS]);
});
after(async () => {
  await server.stop();
  await guarded.stop();
});

/**
 * @param {string} method
 * @param {string} path
 * @param {number} status
 * @param {{type?: string, body?: string, headers?: Record<string, string>, at?: Server}} [options]
 */
async function ask(method, path, status, { type = SDP, body, headers = {}, at = server } = {}) {
  const answer = await fetch(new URL(path, at.url), { method, body, headers: { ...(body !== undefined && { "content-type": type }), ...headers } });
  const text = await answer.text();
  assert.equal(answer.status, status, `${method} ${path}: ${text}`);
  compare(method, path, answer, text);
  if (status >= 400) {
    assert.equal(answer.headers.get("content-type"), "application/problem+json");
    assert.equal(JSON.parse(text).status, status);
  }
  return { headers: answer.headers, text, problem: status >= 400 ? JSON.parse(text) : null };
}

/** Hold an answer against the file. @param {string} method @param {string} path @param {Response} answer @param {string} text */
function compare(method, path, { status, headers }, text) {
  const [, kind, room, target, more] = new URL(path, server.url).pathname.split("/");
  if (!room || more || method === "HEAD") return;
  const template = `/${kind}/{room}${target ? "/{session}" : ""}`;
  const name = `${method} ${template} ${status}`;
  const response = resolve(file, file.paths[template][method.toLowerCase()]?.responses[status]);
  // What only some addresses refuse is said once, with PUT.
  if (!response && [403, 404, 405].includes(status)) return;
  assert.ok(response, `${name} is not in the file`);
  provoked.add(name);
  for (const [header, { required }] of Object.entries(response.headers ?? {})) if (required) assert.ok(headers.get(header), `${name}: ${header}`);
  if (!response.content) assert.equal(text, "", name);
  else assert.ok(response.content[headers.get("content-type")], `${name}: ${headers.get("content-type")}`);
  if (status >= 400) assert.deepEqual(violations(file, file.components.schemas.Problem, JSON.parse(text)), [], name);
}

const publish = (room = "hall", options = {}) => ask("POST", `/whip/${room}`, 201, { body: offer("sendonly"), ...options });

test("POST makes a session: Location, ETag, Accept-Patch, Link, and the answer", async () => {
  const { headers, text } = await publish("a%20room%20with%20%C3%A9");
  assert.match(headers.get("location"), /^\/whip\/a%20room%20with%20%C3%A9\/[A-Za-z0-9]{32}$/);
  assert.match(headers.get("etag"), /^"[A-Za-z0-9]{12}"$/);
  assert.equal(headers.get("accept-patch"), FRAG);
  assert.equal(headers.get("content-type"), SDP);
  assert.match(headers.get("link"), /^<stun:stun\.example\.net:3478>; rel="ice-server", <turn:turn\.example\.net\?transport=udp>; rel="ice-server"; username="\d+:PA_\w+"; credential="[A-Za-z0-9+/=]+"; credential-type="password"$/);
  assert.match(text, /^v=0\r\n/);
  await ask("DELETE", headers.get("location"), 200);
});

test("a session ends with DELETE, whatever the entity tag", async () => {
  const { headers } = await publish();
  await ask("DELETE", headers.get("location"), 200, { headers: { "if-match": '"other"' } });
  await ask("DELETE", headers.get("location"), 404);
  await ask("PATCH", headers.get("location"), 404, { type: FRAG, body: TRICKLE });
});

test("PATCH: candidates with the entity tag, ICE restart with *", async () => {
  const { headers } = await publish();
  const at = headers.get("location");
  const etag = headers.get("etag");
  await ask("PATCH", at, 428, { type: FRAG, body: TRICKLE });
  await ask("PATCH", at, 412, { type: FRAG, body: TRICKLE, headers: { "if-match": '"other"' } });
  const trickled = await ask("PATCH", at, 204, { type: FRAG, body: TRICKLE, headers: { "if-match": etag } });
  assert.equal(trickled.headers.get("etag"), null);
  await ask("PATCH", at, 415, { type: SDP, body: TRICKLE, headers: { "if-match": etag } });
  const { problem } = await ask("PATCH", at, 400, { type: FRAG, body: "a=mid:0\r\nwhat is this\r\n", headers: { "if-match": etag } });
  assert.equal(problem.line, 2);
  await ask("PATCH", at, 400, { type: FRAG, body: "a=ice-ufrag:onlyhalf\r\n", headers: { "if-match": "*" } });
  await ask("PATCH", at, 400, { type: FRAG, body: "a=candidate:broken\r\n", headers: { "if-match": etag } });
  const restarted = await ask("PATCH", at, 200, { type: FRAG, body: RESTART, headers: { "if-match": "*" } });
  assert.equal(restarted.headers.get("content-type"), FRAG);
  assert.notEqual(restarted.headers.get("etag"), etag);
  assert.match(restarted.text, /^a=group:BUNDLE 0 1\r\na=ice-lite\r\nm=audio .*\r\na=mid:0\r\na=ice-ufrag:\S+\r\na=ice-pwd:\S+\r\na=candidate:/);
  await ask("PATCH", at, 412, { type: FRAG, body: TRICKLE, headers: { "if-match": etag } });
  // What was there before, once more: a restart that was lost on the way back is not done twice.
  await ask("PATCH", at, 204, { type: FRAG, body: RESTART, headers: { "if-match": restarted.headers.get("etag") } });
  await ask("DELETE", at, 200);
});

test("an encoder that says nothing of its H.264 is taken in packetization mode 0", async () => {
  const { text, headers } = await ask("POST", "/whip/encoder", 201, { body: offer("sendonly", "H264/90000") });
  assert.match(text, /^a=fmtp:96 packetization-mode=0;profile-level-id=42000a\r$/m);
  await ask("DELETE", headers.get("location"), 200);
});

test("offers that are refused change nothing", async () => {
  const { headers } = await publish("steady");
  const { problem } = await ask("POST", "/whip/steady", 400, { body: "v=0\r\nnonsense\r\n" });
  assert.equal(problem.line, 2);
  await ask("POST", "/whip/steady", 415, { body: offer("sendonly"), type: "text/plain" });
  await ask("POST", "/whip/steady", 406, { body: offer("sendonly"), headers: { accept: "text/html, image/*;q=0.5" } });
  await ask("POST", "/whip/steady", 422, { body: "" });
  await ask("POST", "/whip/steady", 406, { body: offer("recvonly") });
  await ask("POST", "/whip/steady", 406, { body: offer("inactive") });
  await ask("POST", "/whip/steady", 406, { body: offer("sendonly", "theora/90000") });
  await ask("POST", "/whep/steady", 406, { body: offer("sendonly") });
  await ask("POST", "/whep/steady", 422, { body: "" });
  const { participants } = await (await fetch(`${server.url}/v1/rooms/steady/participants`)).json();
  assert.deepEqual(participants.map(({ identity, tracks }) => [identity, tracks.length]), [["broadcaster", 2]]);
  await ask("DELETE", headers.get("location"), 200);
});

test("the same identity again replaces the session; another identity does not", async () => {
  const first = await publish("shared");
  const other = await publish("shared?identity=Eve%20%26%20Adam");
  const second = await publish("shared");
  await ask("DELETE", first.headers.get("location"), 404);
  const { participants } = await (await fetch(`${server.url}/v1/rooms/shared/participants`)).json();
  assert.deepEqual(participants.map(({ identity }) => identity).sort(), ["Eve & Adam", "broadcaster"]);
  await ask("DELETE", other.headers.get("location"), 200);
  await ask("DELETE", second.headers.get("location"), 200);
  await ask("POST", `/whip/shared?identity=${"x".repeat(300)}`, 400, { body: offer("sendonly") });
});

test("methods: 405 with Allow, nothing to see with GET, OPTIONS for browsers", async () => {
  const { headers } = await publish();
  const at = headers.get("location");
  for (const method of ["PUT", "PATCH", "DELETE"]) {
    const refused = await ask(method, "/whip/hall", 405, method === "DELETE" ? {} : { body: "x" });
    assert.equal(refused.headers.get("allow"), "POST, GET, HEAD, OPTIONS");
  }
  for (const method of ["PUT", "POST"]) {
    const refused = await ask(method, at, 405, { body: offer("sendonly") });
    assert.equal(refused.headers.get("allow"), "PATCH, DELETE, GET, HEAD, OPTIONS");
  }
  for (const path of ["/whip/hall", "/whep/hall", "/whep/hall/somebody", at]) {
    await ask("GET", path, 204);
    await ask("HEAD", path, 204);
    const options = await ask("OPTIONS", path, 200, { headers: { origin: server.url } });
    assert.equal(options.headers.get("accept-post"), SDP);
    assert.match(options.headers.get("access-control-allow-methods"), /PATCH/);
    assert.match(options.headers.get("access-control-allow-headers"), /if-match/);
    assert.equal(options.headers.get("access-control-allow-origin"), server.url);
    assert.equal(options.headers.get("link"), null, "a preflight shows no credentials");
  }
  for (const path of ["/whip/", "/whip/hall/nothing", "/whip/hall/x/y", `/whep${at.slice(5)}`]) await ask("DELETE", path, 404);
  await ask("GET", "/whip/hall/nothing", 404);
  await ask("DELETE", at, 200);
});

test("answers to pages of other origins say what they may read", async () => {
  const own = await publish("hall", { headers: { origin: server.url } });
  for (const name of ["Location", "ETag", "Link", "Accept-Patch"]) assert.ok(own.headers.get("access-control-expose-headers").includes(name));
  await ask("POST", "/whip/hall", 403, { body: offer("sendonly"), headers: { origin: "https://elsewhere.example" } });
  await ask("DELETE", own.headers.get("location"), 200);
});

test("WHEP: the room's broadcast or a participant's, to hidden viewers with identities of their own", async () => {
  const one = await ask("POST", "/whep/cinema", 201, { body: offer("recvonly") });
  const two = await ask("POST", "/whep/cinema/somebody%20later", 201, { body: offer("sendrecv") });
  for (const { text } of [one, two]) assert.equal([...text.matchAll(/^a=sendonly\r$/gm)].length, 2);
  const { participants } = await (await fetch(`${server.url}/v1/rooms/cinema/participants`)).json();
  assert.equal(new Set(participants.map(({ identity }) => identity)).size, 2);
  for (const { permissions } of participants) assert.deepEqual([permissions.hidden, permissions.publish], [true, false]);
  for (const { headers } of [one, two]) await ask("DELETE", headers.get("location"), 200);
});

test("tokens: 401 and 403 with WWW-Authenticate; one for many viewers", async () => {
  const token = (...args) => runServerProgram(["token", "--room", "hall", "--identity", "ann", ...args, "--auth-keys", KEYS]);
  const bearer = (text) => ({ at: guarded, headers: { authorization: `Bearer ${text}` } });
  const [all, listen, talk, mute] = await Promise.all([
    token("--grant", "roomJoin"),
    token("--grant", "roomJoin", "--grant", "canPublish=false"),
    token("--grant", "roomJoin", "--grant", "canSubscribe=false"),
    token("--grant", "roomJoin", "--grant", "canPublishSources=microphone"),
  ]);
  const none = await ask("POST", "/whip/hall", 401, { at: guarded, body: offer("sendonly") });
  assert.equal(none.headers.get("www-authenticate"), "Bearer");
  const bad = await ask("POST", "/whip/hall", 401, { ...bearer("nonsense"), body: offer("sendonly") });
  assert.equal(bad.headers.get("www-authenticate"), 'Bearer error="invalid_token"');
  for (const [path, text, direction] of [
    ["/whip/hall", listen, "sendonly"],
    ["/whip/hall", mute, "sendonly"],
    ["/whip/other", all, "sendonly"],
    ["/whip/hall?identity=bob", all, "sendonly"],
    ["/whep/hall", talk, "recvonly"],
  ]) {
    const denied = await ask("POST", path, 403, { ...bearer(text), body: offer(direction) });
    assert.equal(denied.headers.get("www-authenticate"), 'Bearer error="insufficient_scope"');
  }
  const cast = await ask("POST", "/whip/hall", 201, { ...bearer(all), body: offer("sendonly") });
  const views = await Promise.all([1, 2, 3].map(() => ask("POST", "/whep/hall", 201, { ...bearer(all), body: offer("recvonly") })));
  for (const { headers } of [cast, ...views]) await ask("DELETE", headers.get("location"), 200, { at: guarded });
});

/** Endpoints, with the direction of offers that they take. */
const ENDPOINTS = [["/whip/hall", "sendonly"], ["/whep/hall", "recvonly"], ["/whep/hall/somebody", "recvonly"]];

test("every endpoint refuses what the file says", async () => {
  const token = await runServerProgram(["token", "--room", "elsewhere", "--identity", "ann", "--grant", "roomJoin", "--auth-keys", KEYS]);
  for (const [at, direction] of ENDPOINTS) {
    const body = offer(direction);
    await ask("POST", at, 400, { body: "nonsense" });
    await ask("POST", at, 401, { at: guarded, body });
    await ask("POST", at, 403, { at: guarded, body, headers: { authorization: `Bearer ${token}` } });
    await ask("POST", at, 406, { body: offer("inactive") });
    await ask("POST", at, 415, { body, type: "text/plain" });
    await ask("POST", at, 422, { body: "" });
    await ask("PUT", at, 405, { body });
    await ask("GET", at, 204);
    await ask("OPTIONS", at, 200);
  }
});

test("every session does and refuses what the file says", async () => {
  for (const [endpoint, direction] of ENDPOINTS) {
    const { headers } = await ask("POST", endpoint, 201, { body: offer(direction) });
    const at = headers.get("location");
    const match = { "if-match": headers.get("etag") };
    const many = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n".repeat(65);
    await ask("GET", at, 204);
    await ask("OPTIONS", at, 200);
    await ask("PUT", at, 405, { body: "x" });
    await ask("PATCH", at, 204, { type: FRAG, body: TRICKLE, headers: match });
    await ask("PATCH", at, 400, { type: FRAG, body: "nonsense", headers: match });
    await ask("PATCH", at, 412, { type: FRAG, body: TRICKLE, headers: { "if-match": '"other"' } });
    await ask("PATCH", at, 415, { body: TRICKLE, headers: match });
    await ask("PATCH", at, 422, { type: FRAG, body: many, headers: match });
    await ask("PATCH", at, 428, { type: FRAG, body: TRICKLE });
    await ask("PATCH", at, 200, { type: FRAG, body: RESTART, headers: { "if-match": "*" } });
    let answer;
    for (let i = 0; i < 60 && answer?.status !== 429; i++) {
      answer = await fetch(new URL(at, server.url), { method: "PATCH", body: TRICKLE, headers: { "content-type": FRAG, "if-match": "*" } });
    }
    assert.ok(answer.headers.get("retry-after"));
    compare("PATCH", at, answer, await answer.text());
    await ask("DELETE", at, 200);
    await ask("DELETE", at, 404);
    await ask("PATCH", at, 404, { type: FRAG, body: TRICKLE });
  }
});

test("a server that shuts down takes no more sessions", async () => {
  server.signal("SIGTERM");
  await until("the drain", async () => (await fetch(`${server.url}/healthz`)).status === 503, { deadlineMs: 2000, intervalMs: 5 });
  for (const [at, direction] of ENDPOINTS) {
    const { headers } = await ask("POST", at, 503, { body: offer(direction) });
    assert.ok(headers.get("retry-after"));
  }
});

test("everything that the file tells was provoked", () => {
  const all = Object.entries(file.paths).flatMap(([template, item]) =>
    Object.entries(/^\/wh[ie]p\//.test(template) ? item : {}).flatMap(([method, operation]) =>
      Object.keys(operation.responses ?? {}).map((status) => `${method.toUpperCase()} ${template} ${status}`)));
  assert.deepEqual(all.filter((name) => !provoked.has(name)), []);
});
