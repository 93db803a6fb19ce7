// SPDX-License-Identifier: Apache-2.0
//
// Prints a line a test, and at the end what run.mjs adds up.

/** @param {AsyncIterable<{type: string, data: any}>} source */
export default async function* report(source) {
  let passed = 0;
  let failed = 0;
  for await (const { type, data } of source) {
    if (type === "test:stdout" || type === "test:stderr") yield data.message;
    if (type !== "test:pass" && type !== "test:fail") continue;
    const seconds = (data.details.duration_ms / 1000).toFixed(1).padStart(6);
    if (data.skip !== undefined) {
      yield `  skipped ${data.name}: ${data.skip}\n`;
    } else if (type === "test:pass") {
      passed++;
      yield `  ok   ${seconds} s  ${data.name}\n`;
    } else {
      failed++;
      const { error } = data.details;
      yield `  FAIL ${seconds} s  ${data.name}\n${indent(error?.cause?.stack ?? error?.stack ?? String(error))}\n`;
    }
  }
  yield `${passed} tests passed, ${failed} tests failed in this file\n`;
}

/** @param {string} text */
function indent(text) {
  return text.split("\n").map((line) => `         ${line}`).join("\n");
}
