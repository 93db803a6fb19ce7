// SPDX-License-Identifier: Apache-2.0

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
/** Reports and logs. */
export const OUTPUT = path.join(ROOT, "tests/net/output");
/** Another build may be tested: NET_SERVER=build/asan/parley; the end-to-end tests name it E2E_SERVER */
export const SERVER = path.resolve(ROOT, process.env.NET_SERVER ?? process.env.E2E_SERVER ?? "build/parley");
export const WIRE = path.resolve(ROOT, process.env.NET_WIRE ?? "build/wire");

let output = OUTPUT;

/** @param {string} folder  where files go from now on */
export function useOutput(folder) {
  output = folder;
  return outputFile;
}

/**
 * @param {string} name
 * @returns {string} the path of a file in the output folder
 */
export function outputFile(name) {
  fs.mkdirSync(output, { recursive: true });
  return path.join(output, name);
}
