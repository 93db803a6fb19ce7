// SPDX-License-Identifier: Apache-2.0
//
// Functions that run inside a page and speak the WebSocket's JSON-RPC with nothing but WebSocket and RTCPeerConnection: each
// stands alone, because only its text travels. A page keeps its members in `window.members`, by name.

/**
 * Join, publish, offer slots.
 * @param {{name: string, room?: string, params?: object, tone?: number, color?: string, red?: boolean, slots?: string[]}} options
 *   tone: publish one of so many hertz, silent at first; color: publish a picture of it; red: true puts redundant audio first,
 *   false leaves it out; slots: kinds of sections to receive on
 */
export async function join({ name, room = "hall", params = {}, tone, color, red, slots = [] }) {
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws`, "parley.v1");
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const member = { pc, socket, offers: 0, slots: new Map(), speakers: null, notes: [], id: null, waiting: new Map(), lastId: 0 };
  (window.members ??= {})[name] = member;
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  const take = (list) => list.forEach((slot) => member.slots.set(slot.mid, slot));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.id) {
      const { resolve, reject } = member.waiting.get(message.id);
      return message.error ? reject(new Error(JSON.stringify(message.error))) : resolve(message.result);
    }
    member.notes.push(message.method);
    if (message.method === "slots") take(message.params.slots);
    if (message.method === "speakers") member.speakers = message.params;
  };
  member.request = (method, params) => new Promise((resolve, reject) => {
    const id = ++member.lastId;
    member.waiting.set(id, { resolve, reject });
    socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
  });
  const prefer = (transceiver) => {
    if (red === undefined) return;
    const { codecs } = RTCRtpReceiver.getCapabilities("audio");
    const isRed = ({ mimeType }) => mimeType === "audio/red";
    const opus = codecs.filter(({ mimeType }) => mimeType === "audio/opus");
    transceiver.setCodecPreferences(red ? [...codecs.filter(isRed), ...opus] : opus);
  };
  if (tone) {
    const audio = new AudioContext();
    const out = audio.createMediaStreamDestination();
    const oscillator = Object.assign(audio.createOscillator());
    member.gain = audio.createGain();
    member.gain.gain.value = 0;
    oscillator.frequency.value = tone;
    oscillator.connect(member.gain).connect(out);
    oscillator.start();
    prefer(pc.addTransceiver(out.stream.getAudioTracks()[0], { direction: "sendonly" }));
  }
  if (color) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 160, height: 120 });
    const paint = canvas.getContext("2d");
    setInterval(() => {
      paint.fillStyle = color;
      paint.fillRect(0, 0, 160, 120);
      paint.fillStyle = "black";
      paint.fillRect(Math.random() * 150, 0, 4, 4);
    }, 100);
    pc.addTransceiver(canvas.captureStream(10).getVideoTracks()[0], { direction: "sendonly" });
  }
  for (const kind of slots) {
    const transceiver = pc.addTransceiver(kind, { direction: "recvonly" });
    if (kind === "audio") prefer(transceiver);
    const element = Object.assign(document.createElement(kind), { autoplay: true, srcObject: new MediaStream([transceiver.receiver.track]) });
    document.body.append(element);
    if (kind === "video") member.video = element;
    if (kind !== "audio" || member.analyser) continue;
    const audio = new AudioContext();
    member.analyser = Object.assign(audio.createAnalyser(), { fftSize: 8192 });
    audio.createMediaStreamSource(element.srcObject).connect(member.analyser);
  }
  const joined = await member.request("join", { room, identity: name, ...params });
  member.id = joined.participant.id;
  await pc.setLocalDescription(await pc.createOffer());
  const answer = await member.request("offer", { sdp: pc.localDescription.sdp });
  member.offers++;
  await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  take(answer.slots);
  return { id: member.id, answer: answer.sdp };
}

/** @param {{name: string, method: string, params: object}} what */
export function request({ name, method, params }) {
  return window.members[name].request(method, params);
}

/** How loud its tone is, 0 to 1. @param {{name: string, volume: number}} what */
export function setVolume({ name, volume }) {
  const { gain } = window.members[name];
  gain.gain.value = volume;
  return gain.context.state;
}

/** What it is told, sees and hears. @param {string} name */
export async function perceive(name) {
  const member = window.members[name];
  const rows = [...(await member.pc.getStats()).values()];
  const inbound = (kind) => rows.filter((row) => row.type === "inbound-rtp" && row.kind === kind);
  const of = (row) => ({ codec: rows.find(({ id }) => id === row?.codecId)?.mimeType ?? null, packets: row?.packetsReceived ?? 0, lost: row?.packetsLost ?? 0, bytes: row?.bytesReceived ?? 0, energy: row?.totalAudioEnergy ?? 0, ssrc: row?.ssrc ?? null });
  const seen = { state: member.pc.connectionState, offers: member.offers, speakers: member.speakers, slots: [...member.slots.values()], notes: member.notes.slice(-12), color: null, tone: null, audio: of(inbound("audio")[0]), video: of(inbound("video")[0]) };
  if (member.video?.videoWidth) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 4, height: 4 });
    const paint = canvas.getContext("2d");
    paint.drawImage(member.video, 0, 0, 4, 4);
    const [r, g, b] = paint.getImageData(2, 2, 1, 1).data;
    seen.color = r > g + 80 && r > b + 80 ? "red" : g > r + 80 && g > b + 80 ? "lime" : b > r + 80 && b > g + 80 ? "blue" : `${r} ${g} ${b}`;
  }
  if (member.analyser) {
    const bins = new Float32Array(member.analyser.frequencyBinCount);
    member.analyser.getFloatFrequencyData(bins);
    const loudest = bins.reduce((best, value, i) => (value > bins[best] ? i : best), 0);
    if (bins[loudest] > -60) seen.tone = Math.round((loudest * member.analyser.context.sampleRate) / member.analyser.fftSize);
  }
  return seen;
}
