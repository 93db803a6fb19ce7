// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";

import { fromCaptureError, fromRpcError } from "../../../web/client/errors.js";
import { describeCallError, describeCaptureError, describeClosed, describeJoinError } from "../../../web/conference/messages.js";

const named = (name, message = "") => Object.assign(new Error(message), { name });

for (const [name, kind, code] of [
  ["NotAllowedError", "video", "E_PERMISSION_DENIED"],
  ["NotAllowedError", "screen", "E_CANCELLED"],
  ["NotFoundError", "audio", "E_DEVICE_NOT_FOUND"],
  ["OverconstrainedError", "video", "E_DEVICE_NOT_FOUND"],
  ["NotReadableError", "video", "E_DEVICE_BUSY"],
  ["SomethingNewError", "audio", "E_CAPTURE"],
]) {
  test(`${name} of ${kind} is ${code}`, () => {
    const error = fromCaptureError(named(name), kind);
    assert.equal(error.code, code);
    assert.equal(error.kind, kind);
  });
}

test("a screen that the system blocks is not a cancelled choice", () => {
  assert.equal(fromCaptureError(named("NotAllowedError", "Permission denied by system"), "screen").code, "E_PERMISSION_DENIED");
});

test("the server's reason, field and line are kept", () => {
  const error = fromRpcError({ code: -5000, message: "Line 17 is cut short.", data: { reason: "E_MALFORMED", field: "sdp", line: 17 } });
  assert.deepEqual([error.code, error.field, error.line, error.message], ["E_MALFORMED", "sdp", 17, "Line 17 is cut short."]);
});

for (const [number, code] of [[-32602, "E_MALFORMED"], [-5002, "E_LIMIT"], [-5004, "E_DENIED"], [12345, "E_INTERNAL"]]) {
  test(`without a reason, ${number} is ${code}`, () => assert.equal(fromRpcError({ code: number }).code, code));
}

test("every error has words that say what to do next", () => {
  const messages = [
    ...["E_PERMISSION_DENIED", "E_DEVICE_NOT_FOUND", "E_DEVICE_BUSY", "E_DEVICE_LOST", "E_INSECURE_CONTEXT", "E_CAPTURE", "E_NEW"].flatMap((code) =>
      ["audio", "video", "both", "screen"].map((kind) => describeCaptureError({ code, kind })),
    ),
    ...["E_UNREACHABLE", "E_TIMEOUT", "E_LIMIT", "E_DENIED", "E_AUTH", "E_NOT_FOUND", "E_MALFORMED", "E_INVALID", "E_NEW"].map((code) => describeJoinError({ code })),
    ...["left", "removed", "replaced", "resumed", "roomDeleted", "shutdown", "timeout", "unreachable", "new"].map((reason) => describeClosed(reason)),
    ...["E_DENIED", "E_LIMIT", "E_NEW"].map((code) => describeCallError({ code, message: "Why." })),
  ];
  for (const { title, advice } of messages) assert.ok(title && advice && !/undefined/.test(title + advice));
});

test("a refused comeback is described like a refused join", () => {
  assert.deepEqual(describeClosed("refused", { code: "E_LIMIT" }), describeJoinError({ code: "E_LIMIT" }));
});

test("what there is to do without a device depends on where one is", () => {
  for (const code of ["E_PERMISSION_DENIED", "E_DEVICE_NOT_FOUND"]) {
    const error = { code, kind: "video" };
    assert.match(describeCaptureError(error, "join without").advice, /join without\.$/);
    assert.match(describeCallError(error).advice, /try again\.$/); // in a call already
  }
});

test("a server that shuts down is not a full room", () => {
  assert.equal(describeJoinError({ code: "E_LIMIT" }).title, "The room is full");
  assert.equal(describeJoinError({ code: "E_STATE" }).title, "The server is going down");
});
