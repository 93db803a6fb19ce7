// SPDX-License-Identifier: Apache-2.0
//
// The tests run in mount, process and network namespaces of their own: what they make there, network namespaces, devices,
// servers, browsers, ends with their first process, however that ends. Nothing is left behind and nothing outside is changed.

import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const INSIDE = "PARLEY_NET_INSIDE";
const FOLDER = "parley-net-";
/** `ip netns` keeps its names under /run; loopback is for whoever talks to himself. */
const SETUP = `mount -t tmpfs tmpfs /run && ip link set lo up`;

export const isInside = () => process.env[INSIDE] === "1";

/** @param {string[]} command */
function isolated(command) {
  const user = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  const kinds = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--net"];
  return ["unshare", ...user, ...kinds, "sh", "-c", `${SETUP} && exec "$@"`, "sh", ...command];
}

/** @returns {string | null} why namespaces and TUN devices cannot be made here; null when they can */
export function whyNotPossible() {
  if (process.platform !== "linux") return "network namespaces are Linux'";
  const probe = `ip netns add probe && nsenter --net=/run/netns/probe ip tuntap add dev probe mode tun`;
  const [command, ...args] = isolated(["sh", "-c", probe]);
  const { status, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status === 0) return null;
  return `network namespaces with TUN devices cannot be made here: ${(error?.message ?? stderr).trim().split("\n").pop()}`;
}

/**
 * Run this program again, inside.
 * @param {string[]} args
 * @returns {Promise<number>} its exit code
 */
export async function runInside(args) {
  removeStaleFolders();
  const folder = path.join(os.tmpdir(), `${FOLDER}${process.pid}`);
  fs.mkdirSync(folder, { recursive: true });
  const [command, ...rest] = isolated([process.execPath, ...args]);
  // It ends when its standard input does: also when this process is killed.
  const child = spawn(command, rest, { stdio: ["pipe", "inherit", "inherit"], env: { ...process.env, [INSIDE]: "1", TMPDIR: folder } });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.stdin.destroy());
  const code = await new Promise((resolve) => child.on("close", resolve).on("error", () => resolve(1)));
  fs.rmSync(folder, { recursive: true, force: true });
  return Number(code ?? 1);
}

/** The inner side: end with the outer process. */
export function endWithOuter() {
  process.stdin.on("end", () => process.exit(130)).on("error", () => process.exit(130)).resume();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(130));
}

/** Folders of runs that were killed. */
function removeStaleFolders() {
  for (const name of fs.readdirSync(os.tmpdir())) {
    const pid = name.startsWith(FOLDER) ? Number(name.slice(FOLDER.length)) : 0;
    if (!pid || fs.existsSync(`/proc/${pid}`)) continue;
    fs.rmSync(path.join(os.tmpdir(), name), { recursive: true, force: true });
  }
}
