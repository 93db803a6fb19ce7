// SPDX-License-Identifier: Apache-2.0
//
// Functions that run inside a conference page: each stands alone, because only its text travels.

/** What a page shows and receives, in one value. */
export async function look() {
  const room = window.parley?.room;
  const pc = room?.peerConnection;
  const tiles = [...document.querySelectorAll("#stage .tile:not(.waiting)")].map((tile) => ({
    name: tile.querySelector(".name").textContent,
    identity: tile.dataset.identity,
    source: tile.dataset.source,
    isLocal: tile.dataset.local === "true",
    hasVideo: tile.dataset.hasVideo === "true",
    isMuted: tile.dataset.mutedAudio === "true",
    isSpeaking: tile.dataset.speaking === "true",
  }));
  const streams = [];
  for (const participant of room?.participants.values() ?? []) {
    for (const track of participant.tracks.values()) {
      const stream = { from: participant.name, source: track.source, isMuted: track.muted, mid: track.transceiver?.mid ?? null };
      streams.push(stream);
      const report = [...((await track.transceiver?.receiver.getStats()) ?? new Map()).values()];
      const row = report.find(({ type }) => type === "inbound-rtp");
      if (!row) continue;
      Object.assign(stream, {
        codec: report.find(({ id }) => id === row.codecId)?.mimeType ?? null,
        packets: row.packetsReceived,
        lost: row.packetsLost,
        frames: row.framesDecoded ?? 0,
        width: row.frameWidth ?? 0,
        height: row.frameHeight ?? 0,
        energy: row.totalAudioEnergy ?? 0,
        ssrc: row.ssrc,
      });
    }
  }
  return {
    atMs: performance.now(),
    state: document.body.dataset.state,
    connection: room?.connectionState ?? null,
    pc: pc?.connectionState ?? null,
    id: room?.localParticipant?.id ?? null,
    tiles,
    streams,
  };
}

/** The candidate pair that media takes, and the ICE credentials at both ends. */
export async function readPath() {
  const pc = window.parley.room?.peerConnection;
  if (!pc) return null;
  const report = await pc.getStats();
  const rows = [...report.values()];
  const transport = rows.find(({ type, selectedCandidatePairId }) => type === "transport" && selectedCandidatePairId);
  const pair = transport ? report.get(transport.selectedCandidatePairId) : rows.find(({ type, selected }) => type === "candidate-pair" && selected);
  if (!pair) return null;
  const local = report.get(pair.localCandidateId);
  const remote = report.get(pair.remoteCandidateId);
  const ufrag = (description) => description?.sdp.match(/^a=ice-ufrag:(\S+)/m)?.[1] ?? null;
  return {
    id: pair.id,
    local: { type: local?.candidateType, protocol: local?.protocol?.toLowerCase(), relayProtocol: local?.relayProtocol, address: local?.address, port: local?.port },
    remote: { type: remote?.candidateType, protocol: remote?.protocol?.toLowerCase(), address: remote?.address, port: remote?.port },
    changes: transport?.selectedCandidatePairChanges ?? null,
    localUfrag: ufrag(pc.currentLocalDescription),
    remoteUfrag: ufrag(pc.currentRemoteDescription),
  };
}

/** Everything a failed test wants to know. */
export async function explain() {
  const room = window.parley?.room;
  const report = await room?.peerConnection?.getStats();
  const wanted = ["inbound-rtp", "outbound-rtp", "candidate-pair", "transport", "local-candidate", "remote-candidate"];
  return {
    url: location.href,
    ended: document.getElementById("ended-title")?.textContent,
    notices: [...document.querySelectorAll(".notice, .toast")].map(({ textContent }) => textContent),
    offer: room?.peerConnection?.localDescription?.sdp,
    answer: room?.peerConnection?.remoteDescription?.sdp,
    stats: [...(report?.values() ?? [])].filter(({ type }) => wanted.includes(type)),
  };
}

/**
 * Take the place of camera, microphone and screen: pictures of one colour that change all the time, and a
 * tone. So a test can tell who is seen and heard, not only that somebody is.
 * @param {{color: number[], hertz: number, screen?: number[], width?: number, height?: number}} wanted
 */
export function installLook({ color, hertz, screen = [128, 128, 128], width = 640, height = 360 }) {
  const show = ([red, green, blue]) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const paint = canvas.getContext("2d");
    let tick = 0;
    setInterval(() => {
      const shade = 0.9 + 0.1 * Math.sin(tick++ / 5);
      paint.fillStyle = `rgb(${red * shade} ${green * shade} ${blue * shade})`;
      paint.fillRect(0, 0, canvas.width, canvas.height);
    }, 60);
    return canvas.captureStream(15).getVideoTracks();
  };
  const capture = async ({ audio, video }) => {
    const tracks = [];
    if (video) tracks.push(...show(color));
    if (audio) {
      const context = new AudioContext();
      const out = context.createMediaStreamDestination();
      const gain = new GainNode(context, { gain: 0.3 });
      const oscillator = new OscillatorNode(context, { frequency: hertz });
      oscillator.connect(gain).connect(out);
      oscillator.start();
      tracks.push(...out.stream.getAudioTracks());
    }
    return new MediaStream(tracks);
  };
  navigator.mediaDevices.getUserMedia = capture;
  navigator.mediaDevices.getDisplayMedia = async () => new MediaStream(show(screen));
}

/**
 * The mean colour of somebody's tile.
 * @param {string} name
 * @returns {number[] | null}
 */
export function readColor(name) {
  const tile = [...document.querySelectorAll("#stage .tile:not(.waiting)")].find((one) => one.querySelector(".name").textContent === name);
  const video = tile?.querySelector("video");
  if (!video?.videoWidth) return null;
  const canvas = Object.assign(document.createElement("canvas"), { width: 4, height: 4 });
  const paint = canvas.getContext("2d");
  paint.drawImage(video, 0, 0, 4, 4);
  const { data } = paint.getImageData(0, 0, 4, 4);
  return [0, 1, 2].map((channel) => {
    let sum = 0;
    for (let i = channel; i < data.length; i += 4) sum += data[i];
    return Math.round(sum / 16);
  });
}

/**
 * The strongest frequency in what somebody says.
 * @param {string} name
 * @returns {Promise<{hertz: number, level: number} | null>}
 */
export async function readTone(name) {
  const tones = (window.__tones ??= new Map());
  const participant = [...window.parley.room.participants.values()].find((one) => one.name === name);
  const media = participant?.trackOf("microphone")?.mediaStreamTrack;
  if (!media) return null;
  if (!tones.has(media)) {
    const context = (window.__context ??= new AudioContext());
    await context.resume();
    const analyser = new AnalyserNode(context, { fftSize: 4096, smoothingTimeConstant: 0 });
    const source = context.createMediaStreamSource(new MediaStream([media]));
    source.connect(analyser);
    tones.set(media, { analyser, source }); // an unreferenced source would be collected
    return null;
  }
  const { analyser } = tones.get(media);
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const loudest = bins.indexOf(Math.max(...bins));
  return { hertz: (loudest * analyser.context.sampleRate) / analyser.fftSize, level: bins[loudest] };
}
