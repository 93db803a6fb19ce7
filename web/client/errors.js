// SPDX-License-Identifier: Apache-2.0
//
// One error class with a short code that programs can switch on. The server's refusals, the
// browser's capture errors and the SDK's own conditions all end here.

/** Codes of the server by JSON-RPC number, for answers that carry no `data.reason`. */
const CODE_BY_NUMBER = new Map([
  [-32700, "E_MALFORMED"],
  [-32600, "E_MALFORMED"],
  [-32601, "E_UNSUPPORTED"],
  [-32602, "E_MALFORMED"],
  [-32603, "E_INTERNAL"],
  [-5000, "E_MALFORMED"],
  [-5001, "E_STATE"],
  [-5002, "E_LIMIT"],
  [-5003, "E_NOT_FOUND"],
  [-5004, "E_DENIED"],
  [-5005, "E_UNSUPPORTED"],
  [-5006, "E_CONFLICT"],
  [-5007, "E_AUTH"],
  [-5010, "E_INVALID"],
]);

/** What the browser throws from getUserMedia, by `name`. */
const CODE_BY_CAPTURE_NAME = new Map([
  ["NotAllowedError", "E_PERMISSION_DENIED"],
  ["PermissionDeniedError", "E_PERMISSION_DENIED"],
  ["SecurityError", "E_PERMISSION_DENIED"],
  ["NotFoundError", "E_DEVICE_NOT_FOUND"],
  ["DevicesNotFoundError", "E_DEVICE_NOT_FOUND"],
  ["OverconstrainedError", "E_DEVICE_NOT_FOUND"],
  ["ConstraintNotSatisfiedError", "E_DEVICE_NOT_FOUND"],
  ["NotReadableError", "E_DEVICE_BUSY"],
  ["TrackStartError", "E_DEVICE_BUSY"],
  ["AbortError", "E_DEVICE_BUSY"],
  ["TypeError", "E_INSECURE_CONTEXT"],
]);

export class ParleyError extends Error {
  /**
   * @param {string} code     one of the codes listed in README.md
   * @param {string} message  a full sentence for a developer
   * @param {{cause?: unknown, field?: string, line?: number, kind?: string}} [detail]
   */
  constructor(code, message, detail = {}) {
    super(message, { cause: detail.cause });
    this.name = "ParleyError";
    /** @type {string} */
    this.code = code;
    /** The request's field the server objects to. @type {string | undefined} */
    this.field = detail.field;
    /** The line of the SDP the server objects to. @type {number | undefined} */
    this.line = detail.line;
    /** "audio", "video" or "screen" for capture errors. @type {string | undefined} */
    this.kind = detail.kind;
  }
}

/**
 * Turn the error object of a JSON-RPC answer into a ParleyError.
 * @param {{code?: number, message?: string, data?: {reason?: string, field?: string, line?: number}}} error
 * @returns {ParleyError}
 */
export function fromRpcError(error) {
  const code = error.data?.reason ?? CODE_BY_NUMBER.get(error.code ?? 0) ?? "E_INTERNAL";
  return new ParleyError(code, error.message ?? "The server refused the request.", {
    field: error.data?.field,
    line: error.data?.line,
  });
}

/**
 * Turn what getUserMedia or getDisplayMedia threw into a ParleyError.
 * @param {any} error
 * @param {"audio" | "video" | "screen"} kind
 * @returns {ParleyError}
 */
export function fromCaptureError(error, kind) {
  if (error instanceof ParleyError) return error;
  let code = CODE_BY_CAPTURE_NAME.get(error?.name) ?? "E_CAPTURE";
  if (kind === "screen" && error?.name === "NotAllowedError") {
    code = /system/i.test(error.message ?? "") ? "E_PERMISSION_DENIED" : "E_CANCELLED";
  }
  return new ParleyError(code, error?.message || `Capturing ${kind} failed.`, { cause: error, kind });
}

/**
 * Whether the connection failed rather than the request: such a request may be made again.
 * @param {any} error
 */
export function isConnectionError(error) {
  return ["E_UNREACHABLE", "E_SIGNAL_LOST", "E_TIMEOUT"].includes(error?.code);
}
