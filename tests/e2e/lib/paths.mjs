// SPDX-License-Identifier: Apache-2.0

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));

export const ROOT = path.resolve(here, "../../..");
/** Screenshots, server logs and what failed tests saw. */
export const OUTPUT = path.resolve(here, "../output");
/** Another build may be tested: E2E_SERVER=build/asan/parley */
export const SERVER = path.resolve(ROOT, process.env.E2E_SERVER ?? "build/parley");

/** @param {string} text */
export const slugOf = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");

/**
 * @param {string} name
 * @returns {string} the path of a file in the output folder
 */
export function outputFile(name) {
  fs.mkdirSync(OUTPUT, { recursive: true });
  return path.join(OUTPUT, name);
}
