// SPDX-License-Identifier: Apache-2.0
//
// RTCPeerConnection and its parts, as far as the SDK looks: transceivers that get a mid with the
// local description and a current direction with the answer.

export class FakeMediaStreamTrack {
  enabled = true;
  readyState = "live";
  contentHint = "";
  onended = null;
  constructor(kind, settings = {}) {
    this.kind = kind;
    this.settings = settings;
  }
  getSettings() {
    return this.settings;
  }
  stop() {
    this.readyState = "ended";
  }
}

export class FakePeerConnection {
  static all = [];
  connectionState = "new";
  signalingState = "stable";
  localDescription = null;
  transceivers = [];
  iceRestarts = 0;
  offers = 0;

  constructor(configuration) {
    this.configuration = configuration;
    FakePeerConnection.all.push(this);
  }

  addTransceiver(what, { direction, sendEncodings = [] }) {
    const kind = typeof what === "string" ? what : what.kind;
    const transceiver = {
      mid: null,
      direction,
      currentDirection: null,
      stop() {
        this.direction = "stopped";
      },
      receiver: { track: new FakeMediaStreamTrack(kind), getSynchronizationSources: () => [] },
      sender: {
        track: typeof what === "string" ? null : what,
        sendEncodings,
        parameters: { encodings: sendEncodings.map((encoding) => ({ active: true, ...encoding })), transactionId: 0 },
        getParameters() {
          this.parameters.transactionId++;
          return structuredClone(this.parameters);
        },
        async setParameters(parameters) {
          await undefined;
          if (parameters.transactionId !== this.parameters.transactionId) throw new DOMException("stale", "InvalidModificationError");
          this.parameters = structuredClone(parameters);
          this.settings = (this.settings ?? 0) + 1;
        },
        async replaceTrack(track) {
          this.track = track;
        },
        getStats: async () => new Map(),
      },
    };
    this.transceivers.push(transceiver);
    return transceiver;
  }

  getTransceivers() {
    return this.transceivers;
  }

  restartIce() {
    this.iceRestarts++;
  }

  async createOffer() {
    this.offers++;
    return { type: "offer", sdp: `offer ${this.offers}` };
  }

  async setLocalDescription(description) {
    if (description.type === "rollback") {
      this.signalingState = "stable";
      return;
    }
    this.signalingState = "have-local-offer";
    this.localDescription = description;
    this.transceivers.forEach((transceiver, i) => (transceiver.mid ??= String(i)));
  }

  async setRemoteDescription() {
    this.signalingState = "stable";
    for (const transceiver of this.transceivers) if (transceiver.mid !== null) transceiver.currentDirection = transceiver.direction;
  }

  setState(state) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  async getStats() {
    return new Map((this.stats ?? []).map((row) => [row.id, row]));
  }

  close() {
    this.connectionState = "closed";
  }
}
