// SPDX-License-Identifier: Apache-2.0
//
// Functions that run inside a page: a publisher with a colour and a tone of its own, and a viewer who tells colours and tones
// apart. Each stands alone, because only its text travels.

/**
 * Publish a coloured picture and a tone over WHIP. The picture moves a little, so that it is sent.
 * @param {{endpoint: string, color: string, hz: number, width?: number, height?: number, simulcast?: boolean}} options
 */
export async function publishColor({ endpoint, color, hz, width = 640, height = 360, simulcast = false }) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const draw = canvas.getContext("2d");
  let count = 0;
  const paint = () => {
    draw.fillStyle = color;
    draw.fillRect(0, 0, width, height);
    draw.fillStyle = "white";
    draw.fillRect((count += 8) % width, height / 2 - 5, 10, 10);
  };
  paint();
  const timer = setInterval(paint, 66);
  const audio = new AudioContext();
  const oscillator = new OscillatorNode(audio, { frequency: hz });
  const gain = new GainNode(audio, { gain: 0.2 });
  const out = new MediaStreamAudioDestinationNode(audio);
  oscillator.connect(gain).connect(out);
  oscillator.start();
  await audio.resume();
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const stream = new MediaStream([...canvas.captureStream(15).getTracks(), ...out.stream.getTracks()]);
  for (const track of stream.getTracks()) {
    const isLayered = simulcast && track.kind === "video";
    pc.addTransceiver(track, {
      direction: "sendonly",
      streams: [stream],
      ...(isLayered && { sendEncodings: [{ rid: "q", scaleResolutionDownBy: 2, maxBitrate: 150000 }, { rid: "f", maxBitrate: 500000 }] }),
    });
  }
  await pc.setLocalDescription(await pc.createOffer());
  const headers = { "content-type": "application/sdp" };
  const response = await fetch(endpoint, { method: "POST", headers, body: pc.localDescription.sdp });
  const text = await response.text();
  if (response.status !== 201) return { status: response.status, text };
  await pc.setRemoteDescription({ type: "answer", sdp: text });
  window.publisher = { pc, timer, audio, oscillator, resource: new URL(response.headers.get("location"), response.url).href };
  return { status: 201, text };
}

/** End what publishColor() began. */
export async function unpublish() {
  const { pc, timer, audio, resource } = window.publisher;
  clearInterval(timer);
  await audio.close();
  await fetch(resource, { method: "DELETE" });
  pc.close();
}

/**
 * Play a WHEP stream, ready for its colours and tones to be told.
 * @param {{endpoint: string, token?: string}} options
 */
export async function watchMix({ endpoint, token }) {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const stream = new MediaStream();
  for (const kind of ["audio", "video"]) stream.addTrack(pc.addTransceiver(kind, { direction: "recvonly" }).receiver.track);
  await pc.setLocalDescription(await pc.createOffer());
  const headers = { "content-type": "application/sdp", ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(endpoint, { method: "POST", headers, body: pc.localDescription.sdp });
  const text = await response.text();
  if (response.status !== 201) return { status: response.status, text };
  await pc.setRemoteDescription({ type: "answer", sdp: text });
  const video = Object.assign(document.createElement("video"), { autoplay: true, muted: true, srcObject: stream, id: "mix" });
  video.style.cssText = "position:fixed;inset:0;width:100%;height:100%;background:black;z-index:1000";
  document.body.append(video);
  const audio = new AudioContext();
  const analyser = new AnalyserNode(audio, { fftSize: 8192, smoothingTimeConstant: 0.2 });
  new MediaStreamAudioSourceNode(audio, { mediaStream: new MediaStream([stream.getAudioTracks()[0]]) }).connect(analyser);
  await audio.resume();
  window.mix = { pc, video, audio, analyser };
  return { status: 201, text };
}

/**
 * What the mix shows at some places, which tones are in it, and who its packets say is heard: CSRCs of the last half second, with
 * their levels where the browser negotiated those (RFC 6465).
 * @param {{places: [number, number][], hz: number[]}} options  places as parts of width and height
 */
export async function readMix({ places, hz }) {
  const { pc, video, audio, analyser } = window.mix ?? {};
  if (!video) return null;
  const rows = [...(await pc.getStats()).values()];
  const inbound = (kind) => rows.find((row) => row.type === "inbound-rtp" && row.kind === kind) ?? {};
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const levelOf = (f) => {
    const at = Math.round((f / audio.sampleRate) * analyser.fftSize);
    return Math.round(Math.max(...bins.slice(at - 2, at + 3)));
  };
  const receivers = pc.getReceivers().filter(({ track }) => track.kind === "audio");
  const newest = Math.max(...receivers.flatMap((one) => one.getSynchronizationSources()).map(({ timestamp }) => timestamp));
  const sources = receivers
    .flatMap((one) => one.getContributingSources())
    .filter(({ timestamp }) => timestamp > newest - 500)
    .map(({ source, audioLevel }) => ({ source, audioLevel }));
  let colors = [];
  if (video.videoWidth > 0) {
    const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
    const draw = canvas.getContext("2d");
    draw.drawImage(video, 0, 0);
    colors = places.map(([x, y]) => [...draw.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data.slice(0, 3)]);
  }
  return {
    state: pc.connectionState,
    width: video.videoWidth,
    height: video.videoHeight,
    frames: inbound("video").framesDecoded ?? 0,
    keyFrames: inbound("video").keyFramesDecoded ?? 0,
    audioPackets: inbound("audio").packetsReceived ?? 0,
    lost: (inbound("video").packetsLost ?? 0) + (inbound("audio").packetsLost ?? 0),
    colors,
    levels: hz.map(levelOf),
    sources,
  };
}

/**
 * Join over the WebSocket, send a tone, and receive the sound of the room's mix. The mix may begin later: `startMix` is the last
 * request, when @start says so.
 * @param {{url: string, identity: string, hz: number, start?: object}} options
 */
export async function joinMix({ url, identity, hz, start }) {
  const socket = new WebSocket(url, "parley.v1");
  await new Promise((done, fail) => Object.assign(socket, { onopen: done, onerror: fail }));
  const waiting = new Map();
  const told = [];
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.id === undefined) told.push(message);
    else waiting.get(message.id)(message);
  };
  const request = async (method, params = {}) => {
    const id = waiting.size + 1;
    const answer = await new Promise((done) => {
      waiting.set(id, done);
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result;
  };
  const joined = await request("join", { room: "hall", identity, autoSubscribe: false });
  const mix = start ? (await request("startMix", start)).mix : joined.room.mix;
  const audio = new AudioContext();
  const oscillator = new OscillatorNode(audio, { frequency: hz });
  const gain = new GainNode(audio, { gain: 0.2 });
  const out = new MediaStreamAudioDestinationNode(audio);
  oscillator.connect(gain).connect(out);
  oscillator.start();
  await audio.resume();
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  pc.addTransceiver(out.stream.getAudioTracks()[0], { direction: "sendonly" });
  const { receiver } = pc.addTransceiver("audio", { direction: "recvonly" });
  await pc.setLocalDescription(await pc.createOffer());
  const { sdp } = await request("offer", { sdp: pc.localDescription.sdp });
  await pc.setRemoteDescription({ type: "answer", sdp });
  const { mid } = await request("subscribe", { trackId: mix.tracks.find(({ kind }) => kind === "audio").id });
  // A browser decodes what an element plays; the analyser then has sound.
  const player = Object.assign(document.createElement("audio"), { autoplay: true, muted: true, srcObject: new MediaStream([receiver.track]) });
  const analyser = new AnalyserNode(audio, { fftSize: 8192, smoothingTimeConstant: 0.2 });
  new MediaStreamAudioSourceNode(audio, { mediaStream: player.srcObject }).connect(analyser);
  window.mix = { pc, video: { videoWidth: 0, videoHeight: 0 }, audio, analyser, request, told, player };
  return { mid, mix };
}

/** @param {{method: string, params?: object}} what */
export async function askMix({ method, params }) {
  const result = await window.mix.request(method, params).catch((error) => ({ error: error.message }));
  return { result, told: window.mix.told.map(({ method, params }) => ({ method, params })) };
}
