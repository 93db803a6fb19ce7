// SPDX-License-Identifier: Apache-2.0
//
// Network tests with real browsers: README.md tells how. `./dev net` builds what they need first.
//
//   node tests/net/run.mjs [profile...] [--seconds N] [--size 1280x720] [--peer NAME] [--codec NAME] [--seed N] [--setting=…]
//     [--output FOLDER] [--list]

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { endWithOuter, isInside, runInside, whyNotPossible } from "./lib/isolation.mjs";
import { OUTPUT, useOutput } from "./lib/paths.mjs";
import { PROFILES } from "./profiles.mjs";

const SIZE = "1280x720"; // a profile may have another one

const OPTIONS = /** @type {const} */ ({
  seconds: { type: "string", default: "60" },
  size: { type: "string" },
  peer: { type: "string" },
  codec: { type: "string", default: "VP8" },
  seed: { type: "string", default: "1" },
  setting: { type: "string", multiple: true, default: [] },
  output: { type: "string", default: OUTPUT },
  list: { type: "boolean", default: false },
});

/** @param {string} problem @returns {never} */
function refuse(problem) {
  console.error(`net: ${problem}`);
  process.exit(2);
}

function readArguments() {
  const { values, positionals } = (() => {
    try {
      return parseArgs({ options: OPTIONS, allowPositionals: true });
    } catch (error) {
      return refuse(error instanceof Error ? error.message : String(error));
    }
  })();
  const unknown = positionals.filter((name) => !PROFILES.some((profile) => profile.name === name));
  if (unknown.length > 0) refuse(`no profile ${unknown.join(", ")}; there are ${PROFILES.map(({ name }) => name).join(", ")}`);
  const [, width, height] = ((values.size ?? SIZE).match(/^(\d+)x(\d+)$/) ?? []).map(Number);
  if (!width || width % 64 !== 0 || height % 8 !== 0) refuse("--size wants WIDTHxHEIGHT, as 1280x720 or 640x360; the width a multiple of 64");
  const seconds = Number(values.seconds);
  if (!(seconds >= 2 && seconds <= 3600)) refuse("--seconds wants 2 to 3600");
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed) || seed < 0) refuse("--seed wants a whole number");
  const profiles = PROFILES.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  return { ...values, profiles, seconds, width, height, seed };
}

const wanted = readArguments();
if (wanted.list) {
  for (const { name, sentence } of PROFILES) console.log(`${name.padEnd(16)}${sentence}`);
  process.exit(0);
}
if (!isInside()) {
  const reason = whyNotPossible();
  if (reason) refuse(reason);
  process.exit(await runInside([fileURLToPath(import.meta.url), ...process.argv.slice(2)]));
}

endWithOuter();
const outputFile = useOutput(path.resolve(wanted.output));
const { runProfile } = await import("./lib/run_profile.mjs");
const { printTable } = await import("./lib/table.mjs");
const { writeReport } = await import("./lib/report.mjs");

const options = {
  seconds: wanted.seconds, width: wanted.width, height: wanted.height, peer: wanted.peer ?? null, codec: wanted.codec, seed: wanted.seed,
  settings: wanted.setting, say: (/** @type {string} */ line) => console.log(line),
};
const runs = [];
const broken = [];
for (const profile of wanted.profiles) {
  console.log(`\n${profile.name}: ${profile.sentence}`);
  try {
    const run = await runProfile(profile, { ...options, ...(wanted.size ? {} : profile.size) });
    runs.push(run);
    const file = `${wanted.peer ? `${wanted.peer}-` : ""}${profile.name}.json`;
    fs.writeFileSync(outputFile(file), JSON.stringify(run));
    for (const { ok, text, value } of run.verdicts) console.log(`  ${ok ? "pass" : "FAIL"}  ${text}: ${value}`);
    console.log(`  load average ${run.machine.load}`);
    for (const doubt of run.doubts) console.log(`  note  ${doubt}`);
  } catch (error) {
    broken.push(profile.name);
    console.log(`  BROKEN ${error instanceof Error ? error.stack : error}`);
  }
}
printTable(runs);
const report = outputFile(`${wanted.peer ? `${wanted.peer}-` : ""}report.html`);
writeReport(report, runs, { seed: wanted.seed, codec: wanted.codec });
const verdicts = runs.flatMap((run) => run.verdicts);
const failed = verdicts.filter(({ ok }) => !ok).length;
console.log(`\nreport: ${path.relative(process.cwd(), report)}`);
if (broken.length > 0) console.log(`did not run to their end: ${broken.join(", ")}`);
console.log(`${verdicts.length - failed} aims reached, ${failed + broken.length} missed`);
process.exit(failed + broken.length > 0 ? 1 : 0);
