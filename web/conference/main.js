// SPDX-License-Identifier: Apache-2.0
//
// The conference page: from the lobby into a call and out again.

import { Room, onDevicesChanged } from "../client/index.js";
import { playTestSound } from "./audio_outputs.js";
import { openDialog, watchDialogs, watchShortcuts } from "./controls.js";
import { DeviceForm } from "./device_form.js";
import { byId } from "./dom.js";
import { fillIcons } from "./icons.js";
import { Lobby, devicesInUse } from "./lobby.js";
import { LocalMedia } from "./local_media.js";
import { Meeting } from "./meeting.js";
import { describeClosed, describeJoinError } from "./messages.js";
import { copyLink } from "./notices.js";
import { showEnded, showState } from "./screens.js";
import { inviteLink, readSettings, recallDevices, recallView, rememberDevices, rememberName, suggestRoom } from "./settings.js";

const settings = readSettings(location.search);
const devices = recallDevices();
const media = new LocalMedia(settings, devices);
const meeting = new Meeting(media, recallView(location.search), {
  onInvite: copyInvite,
  isRationed: settings.lastN !== undefined,
  hasToken: settings.token !== "",
});
const lobby = new Lobby({ media, devices, onChooseDevice: chooseDevice, onJoin: join });
const deviceDialog = new DeviceForm(byId("settings-devices"), chooseDevice);
/** What was on when the last call ended. */
let wanted = { audio: settings.audio, video: settings.video };

/** For tests and for looking into a call from the browser's console. @type {{room: Room | null}} */
const parley = { room: null };
/** @type {any} */ (window).parley = parley;

/**
 * @param {string} roomName
 * @param {string} name
 */
async function join(roomName, name) {
  rememberName(name);
  showState("joining");
  lobby.setBusy(true);
  const room = new Room({
    ...(settings.relay && { iceTransportPolicy: "relay" }),
    videoCodec: settings.videoCodec || undefined,
    audioCodec: settings.audioCodec || undefined,
  });
  parley.room = room;
  meeting.watch(room);
  room.on("closed", (reason, message, error) => onClosed(reason, error));
  try {
    await room.connect({
      room: roomName,
      name,
      identity: settings.identity || undefined,
      token: settings.token || undefined,
      lastN: settings.lastN,
      speakerAudio: settings.speakerAudio,
      tracks: media.tracksToPublish,
    });
  } catch (/** @type {any} */ error) {
    meeting.close();
    if (error.code !== "E_CLOSED") showEnded("error", describeJoinError(error), "Try again");
    return;
  }
  lobby.close();
  media.setRoom(room);
  meeting.setSpeaker(devices.speaker);
  keepInAddress(roomName);
  meeting.open();
}

/**
 * @param {string} reason
 * @param {import("../client/errors.js").ParleyError} [error]
 */
function onClosed(reason, error) {
  wanted = { audio: media.isOn("audio"), video: media.isOn("video") };
  meeting.close();
  media.clear();
  showEnded(reason === "left" ? "left" : "error", describeClosed(reason, error), "Rejoin");
}

async function rejoin() {
  if (media.tracksToPublish.length === 0 && (wanted.audio || wanted.video)) await media.start(wanted);
  await join(lobby.room, lobby.name);
}

async function toLobby() {
  showState("lobby");
  await lobby.open(wanted);
}

/**
 * @param {import("./device_form.js").DeviceRole} role
 * @param {string} deviceId
 */
async function chooseDevice(role, deviceId) {
  if (role === "speaker") meeting.setSpeaker(deviceId);
  else await media.setDevice(role === "microphone" ? "audio" : "video", deviceId);
  devices[role] = deviceId;
  rememberDevices(devices);
}

function copyInvite() {
  return copyLink(inviteLink(parley.room?.name || lobby.room), "Invite link copied");
}

async function openDevices() {
  await deviceDialog.refresh(devicesInUse(media, devices));
  openDialog("settings-dialog");
}

/**
 * A reload leads back to this room.
 * @param {string} roomName
 */
function keepInAddress(roomName) {
  const url = new URL(location.href);
  url.searchParams.set("room", roomName);
  history.replaceState(null, "", url);
  document.title = `${roomName} · Parley`;
}

async function start() {
  fillIcons();
  watchDialogs();
  const canToggle = () => meeting.isOn || document.body.dataset.state === "lobby";
  watchShortcuts({
    m: () => void (canToggle() && media.toggle("audio")),
    v: () => void (canToggle() && media.toggle("video")),
    s: () => void media.toggleScreen(),
    g: () => meeting.toggleLayout(),
    i: () => meeting.toggleStatistics(),
    p: () => meeting.togglePin(),
    x: () => meeting.toggleMix(),
    l: () => meeting.leave(),
    "?": () => openDialog("help-dialog"),
  });
  byId("settings").addEventListener("click", openDevices);
  byId("invite").addEventListener("click", copyInvite);
  byId("lobby-invite").addEventListener("click", copyInvite);
  byId("test-sound").addEventListener("click", () => playTestSound(devices.speaker));
  byId("rejoin").addEventListener("click", rejoin);
  byId("to-lobby").addEventListener("click", toLobby);
  onDevicesChanged(() => deviceDialog.refresh(devicesInUse(media, devices)));

  lobby.fill(settings.room || suggestRoom(), settings.name);
  showState("lobby");
  const isReady = settings.joinAtOnce && lobby.name;
  const opened = lobby.open(wanted);
  if (!isReady) {
    lobby.focusMissing();
    return;
  }
  await opened;
  await join(lobby.room, lobby.name);
}

void start();
