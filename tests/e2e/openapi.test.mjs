// SPDX-License-Identifier: Apache-2.0
//
// Holds docs/openapi.yaml against the running server: each status of each operation is provoked, each answer fits its schema.

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { parse } from "yaml";
import { ROOT } from "./lib/paths.mjs";
import { until } from "./lib/poll.mjs";
import { resolve, violations } from "./lib/schema.mjs";
import { Server, runServerProgram } from "./lib/server.mjs";

const KEYS = "operator:a secret that has more than 32 bytes in it";
const PARTICIPANT = "/v1/rooms/{room}/participants/{identity}";
const TOO_LONG = 3 << 20;

const file = parse(fs.readFileSync(path.join(ROOT, "docs/openapi.yaml"), "utf8"));
// whip-http.test.mjs holds these.
for (const template of Object.keys(file.paths)) if (/^\/wh[ie]p\//.test(template)) delete file.paths[template];
const server = new Server("openapi");
/** "GET /v1/rooms 200" of everything that was provoked. */
const provoked = new Set();
/** What the parameters of paths stand for. */
const names = { room: "hall", identity: "ann/é", trackId: "" };
const tokens = {};

const makeToken = (...args) => runServerProgram(["token", ...args, "--auth-keys", KEYS]);

/** Fill the parameters in; a slash in a name is encoded twice. */
function fill(template, values = {}) {
  return template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent((values[name] ?? names[name]).replaceAll("/", "%2F")));
}

/**
 * Send a request, compare the answer with the file.
 * @param {string} method
 * @param {string} template  path as in the file
 * @param {number} status
 * @param {{token?: string, values?: object, body?: any, headers?: object}} [options]
 */
async function ask(method, template, status, { token = tokens.all, values, body, headers = {} } = {}) {
  const isText = typeof body === "string";
  const answer = await fetch(server.url + fill(template, values), {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    body: body === undefined || isText ? body : JSON.stringify(body),
  });
  return check(method, template, status, answer.status, answer.headers.get("content-type"), await answer.text());
}

function check(method, template, status, actual, type, text) {
  const name = `${method} ${template} ${status}`;
  assert.equal(actual, status, `${name}: ${text}`);
  const response = resolve(file, file.paths[template][method.toLowerCase()].responses[status]);
  assert.ok(response, `${name} is not in the file`);
  provoked.add(name);
  if (!response.content) {
    assert.equal(text, "", name);
    return null;
  }
  assert.ok(response.content[type], `${name}: ${type}`);
  const value = type.startsWith("text/") ? text : JSON.parse(text);
  assert.deepEqual(violations(file, response.content[type].schema, value), [], name);
  if (type === "application/problem+json") assert.equal(value.status, status);
  return value;
}

/** A body in pieces, without a length, which fetch() does not send. */
function askChunked(template, method = "POST") {
  return new Promise((done, fail) => {
    const request = http.request(server.url + fill(template), {
      method,
      headers: { authorization: `Bearer ${tokens.all}`, "transfer-encoding": "chunked" },
    });
    request.on("error", fail);
    request.on("response", (answer) => {
      let text = "";
      answer.on("data", (piece) => (text += piece));
      answer.on("end", () => done(check(method, template, 411, answer.statusCode, answer.headers["content-type"], text)));
    });
    request.end("{}");
  });
}

/** A client that joins and, when told to, offers to send audio. */
class Client {
  #socket;
  #id = 0;
  #waiting = new Map();
  closed;

  static async open(token) {
    const client = new Client();
    const socket = (client.#socket = new WebSocket(`${server.wsUrl}?access_token=${token}`));
    client.closed = new Promise((done) => socket.on("close", done));
    socket.on("message", (data) => {
      const message = JSON.parse(String(data));
      client.#waiting.get(message.id)?.(message);
    });
    await new Promise((done, fail) => socket.on("open", done).on("error", fail));
    return client;
  }

  async request(method, params) {
    const id = ++this.#id;
    const answer = await new Promise((done) => {
      this.#waiting.set(id, done);
      this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
    assert.equal(answer.error, undefined, JSON.stringify(answer.error));
    return answer.result;
  }

  offerAudio() {
    const fingerprint = Array.from({ length: 32 }, (_, i) => (i + 16).toString(16).toUpperCase()).join(":");
    const lines = [
      ...["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0", "m=audio 9 UDP/TLS/RTP/SAVPF 111"],
      ...["c=IN IP4 0.0.0.0", "a=mid:0", "a=sendonly", "a=rtcp-mux", "a=setup:actpass", "a=ice-ufrag:abcd"],
      ...["a=ice-pwd:0123456789abcdef01234567", `a=fingerprint:sha-256 ${fingerprint}`, "a=rtpmap:111 opus/48000/2", ""],
    ];
    return this.request("offer", { sdp: lines.join("\r\n") });
  }
}

before(async () => {
  await server.start(["--auth-keys", KEYS]);
  const grants = ["roomCreate", "roomList", "roomAdmin"].flatMap((grant) => ["--grant", grant]);
  tokens.all = await makeToken("--room", names.room, "--identity", "boss", ...grants);
  tokens.none = await makeToken("--room", names.room, "--identity", "nobody");
  tokens.elsewhere = await makeToken("--room", "elsewhere", "--identity", "boss", ...grants.slice(4));
  tokens.join = await makeToken("--room", names.room, "--identity", names.identity, "--name", "Ann");
});

after(() => server.stop());

test("the file itself is sound", () => {
  for (const [template, item] of Object.entries(file.paths)) {
    const wanted = [...template.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const described = (item.parameters ?? []).map((parameter) => resolve(file, parameter).name);
    assert.deepEqual(described, wanted, template);
  }
});

test("rooms are made, shown, listed", async () => {
  await ask("GET", "/healthz", 200, { token: "" });
  const wanted = { name: names.room, maxParticipants: 5, emptyTimeoutMs: 60000, metadata: { subject: ["é", null] } };
  const made = await ask("POST", "/v1/rooms", 201, { body: wanted });
  assert.deepEqual({ ...made, ...wanted }, made);
  assert.deepEqual(await ask("POST", "/v1/rooms", 200, { body: wanted }), made);
  await ask("POST", "/v1/rooms", 409, { body: { ...wanted, maxParticipants: 6 } });
  assert.deepEqual(await ask("GET", "/v1/rooms/{room}", 200), made);
  assert.deepEqual((await ask("GET", "/v1/rooms", 200)).rooms, [made]);
});

test("metrics are shown to this machine, and not past a proxy", async () => {
  const text = await ask("GET", "/metrics", 200, { token: "" });
  assert.match(text, /^parley_rooms 1$/m);
  assert.match(text, /^parley_transports\{worker="1",state="open"\} 0$/m);
  await ask("GET", "/metrics", 403, { token: "", headers: { "x-forwarded-for": "192.0.2.1" } });
});

test("bodies that are wrong are told what is wrong", async () => {
  const field = async (body) => (await ask("POST", "/v1/rooms", 400, { body })).field;
  assert.equal(await field({}), "name");
  assert.equal(await field({ name: "x", maxParticipants: 0 }), "maxParticipants");
  assert.equal(await field({ name: "x", emptyTimeoutMs: "1" }), "emptyTimeoutMs");
  assert.equal(await field({ name: "x", metadata: "x".repeat(5000) }), "metadata");
  assert.equal(await field({ name: "x", colour: 1 }), "colour");
  assert.equal(await field({ name: "a/b" }), "name");
  assert.equal(await field("{"), undefined);
  assert.equal(await field('{"name":"x","name":"y"}'), undefined);
  assert.equal(await field(`{"name":"x","metadata":${"[".repeat(40)}${"]".repeat(40)}}`), undefined);
  await ask("POST", "/v1/rooms", 415, { body: "name=x", headers: { "content-type": "application/x-www-form-urlencoded" } });
  await ask("POST", "/v1/rooms", 413, { body: "x".repeat(TOO_LONG) });
  await askChunked("/v1/rooms");
});

test("a room is mixed, otherwise mixed, measured, and not mixed any more", async () => {
  const mix = "/v1/rooms/{room}/mix";
  await ask("GET", mix, 404);
  await ask("PATCH", mix, 404, { body: {} });
  await ask("DELETE", mix, 404);
  await ask("GET", `${mix}/stats`, 404);
  const made = await ask("POST", mix, 201, { body: { width: 640, height: 360, layout: "speaker" } });
  assert.deepEqual(made.tracks.map(({ kind, source }) => [kind, source]), [["video", "mix"], ["audio", "mix"]]);
  assert.deepEqual(made.actual, { level: 0, fps: 30, width: 640, height: 360 });
  assert.deepEqual(await ask("GET", mix, 200), made);
  assert.deepEqual((await ask("GET", "/v1/rooms/{room}", 200)).mix, made);
  await ask("POST", mix, 409, { body: {} });
  const change = { fps: 15, background: "#ff8800", who: "listed", members: [{ identity: "ann" }], rectangles: [{ x: 0, y: 0, width: 320, height: 180 }], layout: "custom" };
  const changed = await ask("PATCH", mix, 200, { body: change });
  assert.deepEqual(changed, { ...made, ...change, rectangles: [{ ...change.rectangles[0], z: 0, place: 0, letterbox: false }], actual: { ...made.actual, fps: 15 } });
  const field = async (body, method = "PATCH") => (await ask(method, mix, 400, { body })).field;
  assert.equal(await field({ width: 63 }), "width");
  assert.equal(await field({ audioBitrate: 5999 }), "audioBitrate");
  assert.equal(await field({ mixMinusBitrate: 256001 }, "POST"), "mixMinusBitrate");
  assert.equal(await field({ voices: { ann: { gainDb: -41 } } }), "voices.ann.gainDb");
  assert.equal(await field({ voices: { ann: { gainDb: 13 } } }), "voices.ann.gainDb");
  assert.equal(await field({ voices: { ann: { muted: 1 } } }), "voices.ann.muted");
  assert.equal(await field({ voices: { "": { gainDb: 1 } } }), "voices");
  assert.equal(await field({ voices: { ["a".repeat(129)]: { gainDb: 1 } } }), "voices");
  assert.equal(await field({ fps: 0 }, "POST"), "fps");
  assert.equal(await field({ codec: "av1" }), "codec");
  assert.equal(await field({ layout: "circle" }), "layout");
  assert.equal(await field({ background: "#12345g" }), "background");
  assert.equal(await field({ who: "some" }), "who");
  assert.equal(await field({ members: [{}] }), "members.0.identity");
  assert.equal(await field({ rectangles: [{ x: 0 }] }), "rectangles.0.y");
  assert.equal(await field({ width: 641 }), undefined);
  assert.equal(await field({ rectangles: [] }), undefined);
  assert.deepEqual(await ask("GET", mix, 200), changed);
  const voices = async (body) => (await ask("PATCH", mix, 200, { body: { voices: body } })).voices;
  assert.deepEqual(made.voices, {});
  assert.deepEqual(await voices({ "ann/é": { gainDb: -6 }, bob: { muted: true } }), {
    "ann/é": { gainDb: -6, muted: false },
    bob: { gainDb: 0, muted: true },
  });
  assert.deepEqual(await voices({ "ann/é": { muted: true } }), { "ann/é": { gainDb: -6, muted: true }, bob: { gainDb: 0, muted: true } });
  assert.deepEqual(await voices({ "ann/é": { gainDb: 0, muted: false }, bob: { muted: false } }), {});
  const many = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`p${i}`, { gainDb: 12 }]));
  assert.equal(Object.keys(await voices(many)).length, 64);
  assert.equal(await field({ voices: { one: { muted: true } } }), "voices"); // one more than there is room for
  assert.deepEqual(await voices(Object.fromEntries(Object.keys(many).map((name) => [name, { gainDb: 0 }]))), {});
  const rates = { audioBitrate: 96000, mixMinusBitrate: 32000 };
  assert.deepEqual(await ask("PATCH", mix, 200, { body: { ...rates, who: "flagged" } }), { ...changed, ...rates, who: "flagged" });
  assert.equal((await ask("GET", `${mix}/stats`, 200)).fps, 15);
  const other = await ask("PATCH", mix, 200, { body: { codec: "h264", encodings: 2 } });
  assert.notEqual(other.tracks[0].id, made.tracks[0].id);
  for (const method of ["POST", "PATCH"]) {
    await ask(method, mix, 415, { body: "x", headers: { "content-type": "text/plain" } });
    await ask(method, mix, 413, { body: "x".repeat(TOO_LONG) });
    await askChunked(mix, method);
  }
  await ask("DELETE", mix, 204);
  await ask("GET", mix, 404);
  assert.equal((await ask("GET", "/v1/rooms/{room}", 200)).mix, null);
  assert.equal((await ask("POST", "/v1/rooms", 400, { body: { name: "x", mix: { layout: "circle" } } })).field, "layout");
  const born = await ask("POST", "/v1/rooms", 201, { body: { name: "mixed", mix: { layout: "pip" } } });
  assert.equal(born.mix.layout, "pip");
  await ask("DELETE", "/v1/rooms/{room}", 204, { values: { room: "mixed" } });
});

test("participants are shown, muted, measured", async () => {
  const client = await Client.open(tokens.join);
  const joined = await client.request("join", { room: names.room });
  const shown = await ask("GET", PARTICIPANT, 200);
  assert.deepEqual(shown, joined.participant);
  assert.deepEqual((await ask("GET", "/v1/rooms/{room}/participants", 200)).participants, [shown]);
  await ask("GET", `${PARTICIPANT}/stats`, 409);

  const told = await client.request("update", { inMix: true });
  assert.deepEqual(told.participant, { ...shown, inMix: true });
  assert.deepEqual(await ask("PATCH", PARTICIPANT, 200, { body: { inMix: false } }), shown);
  assert.equal((await ask("PATCH", PARTICIPANT, 400, { body: {} })).field, "inMix");
  assert.equal((await ask("PATCH", PARTICIPANT, 400, { body: { inMix: true, name: "Bob" } })).field, "name");
  await ask("PATCH", PARTICIPANT, 415, { body: "inMix", headers: { "content-type": "text/plain" } });
  await ask("PATCH", PARTICIPANT, 413, { body: "x".repeat(TOO_LONG) });
  await askChunked(PARTICIPANT, "PATCH");

  const { tracks } = await client.offerAudio();
  names.trackId = tracks[0].id;
  const mute = `${PARTICIPANT}/tracks/{trackId}/mute`;
  assert.equal((await ask("POST", mute, 200, { body: { muted: true } })).mutedBy, "server");
  assert.equal((await ask("POST", mute, 200, { body: { muted: false } })).mutedBy, null);
  assert.equal((await ask("POST", mute, 400, { body: { muted: "yes" } })).field, "muted");
  await ask("POST", mute, 404, { body: { muted: true }, values: { trackId: "TR_none" } });
  await ask("POST", mute, 415, { body: "muted", headers: { "content-type": "text/plain" } });
  await ask("POST", mute, 413, { body: "x".repeat(TOO_LONG) });
  await askChunked(mute);
  const { stats } = await ask("GET", `${PARTICIPANT}/stats`, 200);
  assert.ok(stats.some((row) => row.type === "transport"));

  for (const [method, template] of operationsWith("401")) {
    const body = bodyOf(method, template);
    await ask(method, template, 401, { token: "", body });
    await ask(method, template, 401, { token: `${tokens.all.slice(0, -4)}AAAA`, body });
    await ask(method, template, 403, { token: tokens.none, body });
  }
  await ask("GET", PARTICIPANT, 403, { token: tokens.elsewhere });

  await ask("DELETE", PARTICIPANT, 204);
  assert.equal(await client.closed, 4002);
});

test("a server without mixers says so, and makes no room that it cannot mix", async () => {
  const plain = new Server("openapi-no-mixers");
  await plain.start(["--auth-keys", KEYS, "--mixer-threads", "0"]);
  try {
    const send = async (method, template, status, body) => {
      const answer = await fetch(plain.url + fill(template), {
        method,
        headers: { authorization: `Bearer ${tokens.all}`, "content-type": "application/json" },
        body: body && JSON.stringify(body),
      });
      return check(method, template, status, answer.status, answer.headers.get("content-type"), await answer.text());
    };
    await send("POST", "/v1/rooms", 501, { name: names.room, mix: {} });
    await send("GET", "/v1/rooms/{room}", 404);
    await send("POST", "/v1/rooms", 201, { name: names.room });
    const problem = await send("POST", "/v1/rooms/{room}/mix", 501, {});
    assert.match(problem.detail, /mixer\.threads/);
    await send("POST", "/v1/rooms/{room}/mix", 400, { fps: 0 }); // what is wrong anyway is told first
    await send("PATCH", "/v1/rooms/{room}/mix", 404, {});
    await send("GET", "/v1/rooms/{room}/mix", 404);
  } finally {
    await plain.stop();
  }
});

test("what is not there is not found", async () => {
  for (const [method, template] of operationsWith("404")) {
    const body = bodyOf(method, template);
    const values = { identity: "nobody", ...(!template.includes("identity") && { room: "nowhere" }) };
    // The permission is looked at first: an administrator of one room learns nothing of others.
    if (template.endsWith("/participants") || template.includes("/mix")) await ask(method, template, 403, { values, body });
    else await ask(method, template, 404, { values, body });
  }
  await ask("DELETE", "/v1/rooms/{room}", 204);
  await ask("DELETE", "/v1/rooms/{room}", 404);
  await ask("GET", "/v1/rooms/{room}/participants", 404);
  await ask("POST", "/v1/rooms/{room}/mix", 404, { body: {} });
  for (const at of ["/v1", "/v1/", "/v1/nothing", "/v1/rooms/a/b", "/v2/rooms", "/healthz/x"]) {
    const answer = await fetch(server.url + at);
    assert.equal(answer.status, 404, at);
    assert.equal(answer.headers.get("content-type"), "application/problem+json", at);
    assert.deepEqual(violations(file, file.components.schemas.Problem, await answer.json()), [], at);
  }
  const answer = await fetch(`${server.url}/v1/rooms`, { method: "PATCH", body: "" });
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.get("allow"), "POST, GET");
});

test("a page of another origin is not shown anything", async () => {
  const headers = { origin: "https://evil.example", authorization: `Bearer ${tokens.all}` };
  const answer = await fetch(`${server.url}/v1/rooms`, { headers });
  assert.equal(answer.headers.get("access-control-allow-origin"), null);
  const preflight = await fetch(`${server.url}/v1/rooms`, { method: "OPTIONS", headers: { origin: headers.origin } });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-origin"), null);
});

test("a server that shuts down says so", async () => {
  server.signal("SIGTERM");
  await until("the drain", async () => (await fetch(`${server.url}/healthz`)).status === 503, { deadlineMs: 2000, intervalMs: 5 });
  const health = await ask("GET", "/healthz", 503, { token: "" });
  assert.equal(health.status, "draining");
  await ask("POST", "/v1/rooms", 503, { body: { name: "late" } });
});

test("everything in the file was provoked", () => {
  const all = Object.entries(file.paths).flatMap(([template, item]) =>
    operations(item).flatMap(([method, operation]) =>
      Object.keys(operation.responses).map((status) => `${method} ${template} ${status}`),
    ),
  );
  assert.deepEqual(all.filter((name) => !provoked.has(name)), []);
});

/** What an operation with one parameter wants, for tests that it never comes to. */
function bodyOf(method, template) {
  if (method === "PATCH" && template === PARTICIPANT) return { inMix: true };
  return method === "POST" ? { muted: true } : undefined;
}

function operations(item) {
  return Object.entries(item)
    .filter(([key]) => key !== "parameters")
    .map(([key, operation]) => /** @type {[string, any]} */ ([key.toUpperCase(), operation]));
}

/** @param {string} status  @returns {[string, string][]} */
function operationsWith(status) {
  return Object.entries(file.paths).flatMap(([template, item]) =>
    operations(item)
      .filter(([, operation]) => status in operation.responses)
      .map(([method]) => /** @type {[string, string]} */ ([method, template])),
  );
}
