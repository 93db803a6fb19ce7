// SPDX-License-Identifier: Apache-2.0
//
// Functions that run inside the page of a viewer that watchMix() (mix_in_page.mjs) made: when the mix has become something, and
// whose names are on it. Each stands alone, because only its text travels.

/**
 * Look and listen from now on until picture and sound are as expected, in windows.watch. They count from the first moment of a
 * time in which they stay so.
 * @param {object} wanted
 * @param {{at: [number, number], color: number[]}[]} wanted.places  as parts of width and height
 * @param {number[][]} [wanted.anyOrder]  the colours of the places are these, whosever is where
 * @param {{hz: number, isHeard: boolean}[]} wanted.tones
 * @param {number} wanted.heardDb     at least, of what is heard
 * @param {number} wanted.silentDb    at most, of what is not
 * @returns {Promise<{hasPicture: boolean, hasSound: boolean}>} how it is now
 */
export async function beginWatch({ places, anyOrder, tones, heardDb, silentDb }) {
  const { video, audio, analyser } = window.mix;
  const STAYS_MS = 200;
  const PERIOD_MS = 20;
  const TOLERANCE = 45;
  const canvas = new OffscreenCanvas(160, 90);
  const draw = canvas.getContext("2d", { willReadFrequently: true });
  const bins = new Float32Array(analyser.frequencyBinCount);
  const isNear = (a, b) => a.every((value, i) => Math.abs(value - b[i]) <= TOLERANCE);
  const colorAt = ([x, y]) => [...draw.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data.slice(0, 3)];
  const isPicture = (colors) => {
    if (!anyOrder) return places.every(({ color }, i) => isNear(colors[i], color));
    const left = [...anyOrder];
    return colors.every((color) => {
      const at = left.findIndex((one) => isNear(color, one));
      return at >= 0 && left.splice(at, 1).length === 1;
    });
  };
  const levelOf = (hz) => {
    const at = Math.round((hz / audio.sampleRate) * analyser.fftSize);
    return Math.max(...bins.slice(at - 2, at + 3));
  };
  const look = () => {
    draw.drawImage(video, 0, 0, canvas.width, canvas.height);
    analyser.getFloatFrequencyData(bins);
    const colors = places.map(({ at }) => colorAt(at));
    const levels = tones.map(({ hz }) => Math.round(levelOf(hz)));
    const hasSound = tones.every(({ isHeard }, i) => (isHeard ? levels[i] >= heardDb : levels[i] <= silentDb));
    return { atMs: Date.now(), hasPicture: isPicture(colors), hasSound, colors, levels };
  };
  const first = look();
  const watch = (window.watch = { pictureAtMs: 0, soundAtMs: 0, isOver: false, seen: first });
  const step = () => {
    const seen = (watch.seen = look());
    watch.pictureAtMs = seen.hasPicture ? watch.pictureAtMs || seen.atMs : 0;
    watch.soundAtMs = seen.hasSound ? watch.soundAtMs || seen.atMs : 0;
    const stays = (sinceMs) => sinceMs > 0 && seen.atMs - sinceMs >= STAYS_MS;
    watch.isOver = stays(watch.pictureAtMs) && stays(watch.soundAtMs);
    if (!watch.isOver && window.watch === watch) setTimeout(step, PERIOD_MS);
  };
  setTimeout(step, 0);
  return { hasPicture: first.hasPicture, hasSound: first.hasSound };
}

/** How far it is. */
export function readWatch() {
  return window.watch;
}

/**
 * How well each name agrees with what is written at the lower left of each tile: 1 is the same picture, 0 has nothing to do with it.
 * @param {{tiles: [number, number, number, number][], names: (string | null)[], height: number}} what  tiles in samples of the mix,
 *   height of a label; null is the sign of who is muted
 * @returns {number[][]} by tile, then name
 */
export function matchNames({ tiles, names, height }) {
  const MARGIN = 6; // as the compositor draws labels
  const PADDING = 0.3 * height;
  const SIGN = 0.62 * height;
  const { video } = window.mix;
  const lumaOf = (draw, x, y, width) => {
    const { data } = draw.getImageData(x, y, width, height);
    return Float32Array.from({ length: width * height }, (_, i) => 0.3 * data[4 * i] + 0.6 * data[4 * i + 1] + 0.1 * data[4 * i + 2]);
  };
  const canvasOf = (width, tall) => new OffscreenCanvas(width, tall).getContext("2d", { willReadFrequently: true });
  const correlate = (a, b) => {
    const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
    const [meanA, meanB] = [mean(a), mean(b)];
    let [ab, aa, bb] = [0, 0, 0];
    for (let i = 0; i < a.length; i++) {
      const [x, y] = [a[i] - meanA, b[i] - meanB];
      ab += x * y;
      aa += x * x;
      bb += y * y;
    }
    return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
  };
  const frame = canvasOf(video.videoWidth, video.videoHeight);
  frame.drawImage(video, 0, 0);
  const font = `${0.58 * height}px sans-serif`;
  const write = (text, name, dx, dy) => {
    Object.assign(text, { font, fillStyle: "white", textBaseline: "middle" });
    text.fillText(name, PADDING + dx, height / 2 + dy);
  };
  /** A microphone, and a stroke from the upper left to the lower right. */
  const drawSign = (sign, dx, dy) => {
    sign.translate(PADDING + dx, (height - SIGN) / 2 + dy);
    sign.scale(SIGN, SIGN);
    Object.assign(sign, { fillStyle: "white", strokeStyle: "white", lineWidth: 0.09, lineCap: "round" });
    sign.beginPath();
    sign.roundRect(0.36, 0.08, 0.28, 0.5, 0.139);
    sign.fill();
    sign.beginPath();
    sign.arc(0.5, 0.46, 0.26, 0, Math.PI);
    sign.moveTo(0.5, 0.72);
    sign.lineTo(0.5, 0.92);
    sign.stroke();
    Object.assign(sign, { strokeStyle: "rgb(237 66 54)", lineWidth: 0.11 });
    sign.beginPath();
    sign.moveTo(0.14, 0.12);
    sign.lineTo(0.86, 0.9);
    sign.stroke();
  };
  const scoreOf = ([x, y, , tileHeight], name) => {
    frame.font = font;
    const width = Math.ceil(name === null ? SIGN + 1.5 * PADDING : frame.measureText(name).width + 2 * PADDING);
    const seen = lumaOf(frame, x + MARGIN, y + tileHeight - MARGIN - height, width);
    let best = -1;
    for (let dx = -2; dx <= 2; dx++) {
      for (let dy = -3; dy <= 3; dy++) {
        const text = canvasOf(width, height);
        if (name === null) drawSign(text, dx, dy);
        else write(text, name, dx, dy);
        best = Math.max(best, correlate(seen, lumaOf(text, 0, 0, width)));
      }
    }
    return Math.round(best * 100) / 100;
  };
  return tiles.map((tile) => names.map((name) => scoreOf(tile, name)));
}

/**
 * In a conference page: receive the sound of the room's mix beside everything else, and not play it. matched by readTones().
 * @returns {Promise<boolean>}
 */
export async function listenToMix() {
  const { room } = window.parley;
  const track = room.mix.tracks.find(({ kind }) => kind === "audio");
  await room.subscribe(track);
  await new Promise((done) => {
    if (track.mediaStreamTrack) return done();
    track.on("mediaChanged", (media) => media && done());
  });
  const player = track.attach();
  player.muted = true;
  const audio = new AudioContext();
  await audio.resume();
  const analyser = new AnalyserNode(audio, { fftSize: 8192, smoothingTimeConstant: 0.2 });
  const source = new MediaStreamAudioSourceNode(audio, { mediaStream: new MediaStream([track.mediaStreamTrack]) });
  source.connect(analyser);
  window.heard = { audio, analyser, source, player };
  return true;
}

/** @param {number[]} hz @returns {number[]} how loud each is, in dB */
export function readTones(hz) {
  const { audio, analyser } = window.heard;
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  return hz.map((one) => {
    const at = Math.round((one / audio.sampleRate) * analyser.fftSize);
    return Math.round(Math.max(...bins.slice(at - 2, at + 3)));
  });
}
