// SPDX-License-Identifier: Apache-2.0
//
// The list of everybody in the room.

import { paintAvatar } from "./avatar.js";
import { byId, make } from "./dom.js";
import { icon } from "./icons.js";

/** @param {import("../client/participant.js").Participant[]} participants */
export function showPeople(participants) {
  byId("people-count").textContent = String(participants.length);
  byId("people").setAttribute("aria-label", `${participants.length} in the room: show the list`);
  byId("people-list").replaceChildren(
    ...participants.map((participant) => {
      const avatar = make("span", { class: "avatar", attributes: { "aria-hidden": "true" } });
      paintAvatar(avatar, participant.name);
      const name = participant.isLocal ? `${participant.name} (you)` : participant.name;
      return make("li", {}, [
        avatar,
        make("span", { class: "person-name", text: name }),
        stateIcon(participant, "microphone", "mic"),
        stateIcon(participant, "camera", "camera"),
      ]);
    }),
  );
}

/**
 * @param {import("../client/participant.js").Participant} participant
 * @param {"microphone" | "camera"} source
 * @param {string} name  of the icon
 */
function stateIcon(participant, source, name) {
  const track = participant.trackOf(source);
  const isOn = Boolean(track && !track.muted);
  const state = make("span", { class: isOn ? "" : "is-off" }, [
    make("span", { class: "visually-hidden", text: `${source} ${isOn ? "on" : "off"}` }),
  ]);
  state.append(icon(isOn ? name : `${name}-off`));
  return state;
}
