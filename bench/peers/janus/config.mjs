// SPDX-License-Identifier: Apache-2.0
//
// Janus' files: the VideoRoom plugin and the HTTP API, nothing else. Settings are those that its documentation advises for load:
// as many event loops as it has processors instead of a thread for each PeerConnection, no event handlers, no admin API.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const PLACES = ["/usr/lib/x86_64-linux-gnu/janus", "/usr/lib/aarch64-linux-gnu/janus", "/usr/lib/janus", "/opt/janus/lib/janus"];

/** @returns {string | undefined} where Janus keeps its plugins */
export const findLibraries = () => PLACES.find((place) => fs.existsSync(`${place}/plugins/libjanus_videoroom.so`));

/**
 * @param {{libraries: string, port: number, address: string, loops: number}} options  address: that media uses
 * @returns {{folder: string, remove: () => void}}
 */
export function writeConfig({ libraries, port, address, loops }) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-janus-"));
  for (const name of ["plugins", "transports", "none"]) fs.mkdirSync(path.join(folder, name));
  // It loads whatever is in its folders.
  for (const file of ["plugins/libjanus_videoroom.so", "transports/libjanus_http.so"]) fs.symlinkSync(path.join(libraries, file), path.join(folder, file));
  const files = {
    "janus.jcfg": `general: {
  configs_folder = "${folder}"
  plugins_folder = "${folder}/plugins"
  transports_folder = "${folder}/transports"
  events_folder = "${folder}/none"
  loggers_folder = "${folder}/none"
  debug_level = 2
  debug_colors = false
  event_loops = ${loops}
}
media: {
  ipv6 = false
  no_media_timer = 0
}
nat: {
  ice_lite = true
  ice_enforce_list = "${address}"
}
`,
    "janus.transport.http.jcfg": `general: {
  json = "compact"
  base_path = "/janus"
  http = true
  port = ${port}
  ip = "127.0.0.1"
}
admin: {
  admin_http = false
}
`,
    "janus.plugin.videoroom.jcfg": `general: {
  string_ids = true
  events = false
}
`,
  };
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), text);
  return { folder, remove: () => fs.rmSync(folder, { recursive: true, force: true }) };
}

/** A room for one broadcaster: no limit on its bitrate, no keyframes by the clock. */
export const ROOM = {
  publishers: 100, bitrate: 0, fir_freq: 0, audiocodec: "opus", videocodec: "vp8,h264,vp9,av1", notify_joining: false, audiolevel_event: false,
};
