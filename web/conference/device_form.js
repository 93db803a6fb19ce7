// SPDX-License-Identifier: Apache-2.0
//
// The choice of camera, microphone and speaker: shown in the lobby and, during a call, in a dialog.

import { canChooseSpeaker, listDevices } from "../client/index.js";
import { make } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {"camera" | "microphone" | "speaker"} DeviceRole */

/** @type {{role: DeviceRole, label: string, icon: string, list: "cameras" | "microphones" | "speakers"}[]} */
const ROWS = [
  { role: "camera", label: "Camera", icon: "camera", list: "cameras" },
  { role: "microphone", label: "Microphone", icon: "mic", list: "microphones" },
  { role: "speaker", label: "Speaker", icon: "speaker", list: "speakers" },
];

export class DeviceForm {
  /** @type {Map<DeviceRole, HTMLSelectElement>} */
  #selects = new Map();

  /**
   * @param {HTMLElement} container
   * @param {(role: DeviceRole, deviceId: string) => void} onChoose
   */
  constructor(container, onChoose) {
    for (const row of ROWS) {
      if (row.role === "speaker" && !canChooseSpeaker()) continue;
      const select = make("select");
      select.dataset.role = row.role;
      select.addEventListener("change", () => onChoose(row.role, select.value));
      const label = make("span", { text: row.label });
      label.prepend(icon(row.icon));
      container.append(make("label", { class: "field" }, [label, select]));
      this.#selects.set(row.role, select);
    }
  }

  /**
   * List what is there now.
   * @param {Partial<Record<DeviceRole, string | undefined>>} current  device ids in use
   */
  async refresh(current) {
    const devices = await listDevices();
    for (const { role, label, list } of ROWS) {
      const select = this.#selects.get(role);
      if (!select) continue;
      const options = devices[list].map((device, i) =>
        make("option", { text: device.label || `${label} ${i + 1}`, attributes: { value: device.deviceId } }),
      );
      select.disabled = options.length === 0;
      if (options.length === 0) options.push(make("option", { text: role === "speaker" ? "System default" : "None found", attributes: { value: "" } }));
      select.replaceChildren(...options);
      const wanted = current[role];
      if (wanted && devices[list].some(({ deviceId }) => deviceId === wanted)) select.value = wanted;
    }
  }
}
