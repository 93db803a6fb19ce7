// SPDX-License-Identifier: Apache-2.0
//
// Runs the end-to-end tests, file by file: browsers want the processor for themselves.
//
//   node tests/e2e/run.mjs [pattern...]     files whose name contains one of the patterns

import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { OUTPUT } from "./lib/paths.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const FILE_MS = 240_000;

/**
 * Firefox finds no path on a machine without a network. There the tests run in a network namespace
 * with an interface that leads nowhere.
 */
const NAMESPACE = `ip link set lo up && ip link add out type veth peer name end &&
  ip address add 198.51.100.1/24 dev out && ip link set out up && ip link set end up &&
  ip route add default via 198.51.100.2 && exec "$@"`;

/** @param {string[]} command */
function onNetwork(command) {
  const addresses = Object.values(os.networkInterfaces()).flatMap((list) => list ?? []);
  if (addresses.some(({ family, internal }) => family === "IPv4" && !internal)) return command;
  return ["unshare", "--map-root-user", "--net", "sh", "-c", NAMESPACE, "sh", ...command];
}

/**
 * @param {string} file
 * @returns {Promise<{passed: number, failed: number}>}
 */
function run(file) {
  return new Promise((resolve) => {
    const node = [process.execPath, "--test-reporter", path.join(HERE, "lib/reporter.mjs"), path.join(HERE, file)];
    const [command, ...args] = onNetwork(node);
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      process.stdout.write(chunk);
    });
    const timer = setTimeout(() => {
      console.log(`  FAIL ${file} takes longer than ${FILE_MS / 1000} s`);
      child.kill("SIGKILL");
    }, FILE_MS);
    child.on("close", (code) => {
      clearTimeout(timer);
      const counts = text.match(/^(\d+) tests passed, (\d+) tests failed in this file$/m);
      const passed = Number(counts?.[1] ?? 0);
      const failed = Number(counts?.[2] ?? 0);
      // A file that ends badly without a failed test has one failure.
      resolve({ passed, failed: failed || (code === 0 && counts ? 0 : 1) });
    });
  });
}

const patterns = process.argv.slice(2);
const files = fs
  .readdirSync(HERE)
  .filter((name) => name.endsWith(".test.mjs") && (patterns.length === 0 || patterns.some((pattern) => name.includes(pattern))))
  .sort();
if (files.length === 0) {
  console.log(`no test file matches ${patterns.join(" ")}`);
  process.exit(2);
}
if (patterns.length === 0) fs.rmSync(OUTPUT, { recursive: true, force: true });

const total = { passed: 0, failed: 0 };
const times = [];
for (const file of files) {
  const start = Date.now();
  console.log(`\n${file}`);
  const { passed, failed } = await run(file);
  total.passed += passed;
  total.failed += failed;
  times.push(`${String(Math.round((Date.now() - start) / 1000)).padStart(5)} s  ${file}${failed ? "  FAILED" : ""}`);
}
console.log(`\n${times.join("\n")}`);
console.log(`screenshots and server logs: ${path.relative(process.cwd(), OUTPUT) || "."}\n`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed > 0 ? 1 : 0);
