// SPDX-License-Identifier: Apache-2.0
//
// One network namespace for the server and one for each browser, each of these joined to the server's by a link of its own:
//
//     server 10.77.0.1 --- 10.77.1.1 === wire "publisher" === 10.77.1.2 publisher
//                      --- 10.77.2.1 === wire "viewer1"   === 10.77.2.2 viewer1
//
// Of a link, "down" leads from the server to the browser and "up" back. The tests themselves reach the server over a cable of their own.

import { execFileSync } from "node:child_process";
import { Wire } from "./wire.mjs";

export const SERVER_ADDRESS = "10.77.0.1";
const SERVER = "server";

/** @param {string} text  a command line without quotes */
const run = (text) => execFileSync("sh", ["-ec", text], { stdio: ["ignore", "ignore", "inherit"] });

export class Network {
  #names;
  #wire;

  /** @param {string[]} names @param {Wire} wire */
  constructor(names, wire) {
    this.#names = names;
    this.#wire = wire;
  }

  /** @param {string[]} names  of the browsers */
  static async open(names) {
    for (const name of [SERVER, ...names]) run(`ip netns add ${name}; ip -n ${name} link set lo up`);
    run(`ip -n ${SERVER} address add ${SERVER_ADDRESS}/32 dev lo`);
    run(`ip link add control type veth peer name control netns ${SERVER}
      ip address add 10.77.255.1/30 dev control; ip link set control up
      ip -n ${SERVER} address add 10.77.255.2/30 dev control; ip -n ${SERVER} link set control up
      ip route add ${SERVER_ADDRESS} via 10.77.255.2`);
    const wire = await Wire.open(names.map((name) => `${name}=${SERVER}/${name},${name}/uplink`));
    names.forEach((name, i) => {
      const subnet = `10.77.${i + 1}`;
      run(`ip -n ${SERVER} address add ${subnet}.1 peer ${subnet}.2 dev ${name}; ip -n ${SERVER} link set ${name} up
        ip -n ${name} address add ${subnet}.2 peer ${subnet}.1 dev uplink; ip -n ${name} link set uplink up
        ip -n ${name} route add default dev uplink`);
    });
    return new Network(names, wire);
  }

  /** Whose address it is; null: nobody's. @param {string} address */
  nameOf(address) {
    return this.#names.find((_, i) => address === `10.77.${i + 1}.2`) ?? null;
  }

  get wire() {
    return this.#wire;
  }

  async close() {
    await this.#wire.close();
    for (const name of [SERVER, ...this.#names]) run(`ip netns delete ${name}`);
  }
}

/**
 * @param {string} name  of a namespace
 * @param {string[]} command
 * @returns {[string, string[]]} what runs the command in it
 */
export function commandIn(name, command) {
  return ["nsenter", [`--net=/run/netns/${name}`, ...command]];
}
