#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""GStreamer's webrtcbin as a WHIP publisher or a WHEP player: an endpoint that shares no code with browsers.

    wish.py publish URL [--codec VP8|H264] [--color 0xRRGGBB] [--hertz N]
    wish.py play URL [--codec VP8|H264]

Prints JSON lines: what it offered and got, states, and (play) twice a second what it decoded. It ends, and deletes its resource,
when standard input closes. The distribution's own interpreter runs it, because that one has the bindings.
"""
import argparse
import json
import math
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

REPORT_MS = 500
POLL_MS = 20
HTTP_S = 10
CODECS = {
    "VP8": "payload=96",
    "H264": "payload=102,packetization-mode=(string)1,profile-level-id=(string)42e01f,level-asymmetry-allowed=(string)1",
}
ENCODERS = {
    "VP8": "vp8enc deadline=1 cpu-used=8 target-bitrate=600000 keyframe-max-dist=3000 ! rtpvp8pay pt=96 picture-id-mode=15-bit",
    "H264": "openh264enc bitrate=600000 gop-size=3000 complexity=low ! video/x-h264,profile=constrained-baseline ! rtph264pay pt=102 config-interval=-1 aggregate-mode=zero-latency",
}
DECODERS = {"VP8": "rtpvp8depay ! vp8dec", "H264": "rtph264depay ! h264parse ! openh264dec"}


def say(**what):
    print(json.dumps(what), flush=True)


def request(method, url, body=None):
    """(status, location, text)"""
    headers = {"Content-Type": "application/sdp"} if body else {}
    call = urllib.request.Request(url, data=body.encode() if body else None, method=method, headers=headers)
    try:
        with urllib.request.urlopen(call, timeout=HTTP_S) as response:
            location = response.headers.get("Location")
            return response.status, location and urllib.parse.urljoin(url, location), response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, None, error.read().decode()


class Endpoint:
    """A webrtcbin that offers once, when everything is gathered."""

    def __init__(self, url, pipeline):
        self.url = url
        self.resource = None
        self.pipeline = pipeline
        self.rtc = pipeline.get_by_name("rtc")
        self.loop = GLib.MainLoop()
        self.is_described = False
        self.has_offered = False
        self.rtc.connect("on-negotiation-needed", lambda *_: GLib.timeout_add(POLL_MS, self.describe))
        self.rtc.connect("notify::ice-gathering-state", lambda *_: GLib.idle_add(self.offer_when_gathered))
        self.rtc.connect("notify::connection-state", self.on_connection_state)
        bus = pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)

    def describe(self):
        """Once encoders have told what they make: a local description, which starts gathering. True: ask again."""
        if not all(pad.get_current_caps() for pad in self.rtc.sinkpads):
            return True
        if not self.is_described:
            self.is_described = True
            self.rtc.emit("create-offer", None, Gst.Promise.new_with_change_func(self.on_offer, None))
        return False

    def on_offer(self, promise, _):
        reply = promise.get_reply() # the offer lives in it
        self.rtc.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

    def offer_when_gathered(self):
        if self.rtc.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE or self.has_offered:
            return
        self.has_offered = True
        offer = self.rtc.get_property("local-description").sdp.as_text()
        status, self.resource, text = request("POST", self.url, offer)
        say(event="answer", status=status, resource=self.resource, offer=offer, answer=text)
        if status != 201:
            self.loop.quit()
            return
        _, sdp = GstSdp.SDPMessage.new_from_text(text)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        self.rtc.emit("set-remote-description", answer, Gst.Promise.new())

    def on_connection_state(self, *_):
        say(event="state", state=self.rtc.get_property("connection-state").value_nick)

    def on_error(self, _, message):
        error, detail = message.parse_error()
        say(event="error", error=f"{error.message}: {detail}")
        self.loop.quit()

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        threading.Thread(target=lambda: (sys.stdin.read(), GLib.idle_add(self.loop.quit)), daemon=True).start()
        self.loop.run()
        if self.resource:
            say(event="deleted", status=request("DELETE", self.resource)[0])
        self.pipeline.set_state(Gst.State.NULL)


def transceivers(rtc):
    found = []
    while (one := rtc.emit("get-transceiver", len(found))) is not None:
        found.append(one)
    return found


def publisher(options):
    """A picture of one colour and a tone."""
    pipeline = Gst.parse_launch(
        f"webrtcbin name=rtc bundle-policy=max-bundle "
        f"videotestsrc is-live=true pattern=solid-color foreground-color={0xff000000 | options.color} ! video/x-raw,format=I420,width=640,height=360,framerate=15/1 "
        f"! {ENCODERS[options.codec]} ! rtc. "
        f"audiotestsrc is-live=true wave=sine freq={options.hertz} volume=0.3 ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay pt=111 ! rtc.")
    endpoint = Endpoint(options.url, pipeline)
    for one in transceivers(endpoint.rtc):
        one.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
    return endpoint


class Player(Endpoint):
    """Decodes what comes and measures it: frames, the mean colour, the level of the sound."""

    def __init__(self, options):
        pipeline = Gst.Pipeline()
        pipeline.add(Gst.parse_launch("webrtcbin name=rtc bundle-policy=max-bundle latency=50"))
        super().__init__(options.url, pipeline)
        self.codec = options.codec
        self.seen = {"frames": 0, "width": 0, "height": 0, "color": None, "buffers": 0, "rms_db": None}
        recvonly = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        self.rtc.emit("add-transceiver", recvonly, Gst.Caps.from_string(
            f"application/x-rtp,media=video,encoding-name={options.codec},clock-rate=90000,{CODECS[options.codec]},rtcp-fb-nack-pli=(boolean)true,rtcp-fb-ccm-fir=(boolean)true"))
        self.rtc.emit("add-transceiver", recvonly, Gst.Caps.from_string("application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,encoding-params=(string)2,payload=111"))
        self.rtc.connect("pad-added", self.on_pad)
        self.pipeline.get_bus().connect("message::element", self.on_level)
        GLib.timeout_add(REPORT_MS, self.report)

    def on_pad(self, _, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        is_video = pad.get_current_caps().get_structure(0).get_string("media") == "video"
        branch = Gst.parse_bin_from_description(
            f"{DECODERS[self.codec]} name=decoder ! queue ! videoconvert ! videoscale ! video/x-raw,format=RGB,width=4,height=4 ! appsink name=sink emit-signals=true sync=false" if is_video else
            "rtpopusdepay ! opusdec ! audioconvert ! level interval=200000000 post-messages=true ! appsink name=sink emit-signals=true sync=false", True)
        branch.get_by_name("sink").connect("new-sample", self.on_picture if is_video else self.on_sound)
        if is_video:
            branch.get_by_name("decoder").get_static_pad("src").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self.on_decoder_event)
        self.pipeline.add(branch)
        branch.sync_state_with_parent()
        pad.link(branch.get_static_pad("sink"))

    def on_decoder_event(self, _, info):
        event = info.get_event()
        if event.type == Gst.EventType.CAPS:
            caps = event.parse_caps().get_structure(0)
            self.seen["width"], self.seen["height"] = caps.get_int("width")[1], caps.get_int("height")[1]
        return Gst.PadProbeReturn.OK

    def on_picture(self, sink):
        buffer = sink.emit("pull-sample").get_buffer()
        data = buffer.extract_dup(0, buffer.get_size())
        stride = len(data) // 4
        pixels = [data[row * stride + 3 * column + channel] for channel in range(3) for row in range(4) for column in range(4)]
        self.seen["frames"] += 1
        self.seen["color"] = [round(sum(pixels[channel * 16:channel * 16 + 16]) / 16) for channel in range(3)]
        return Gst.FlowReturn.OK

    def on_sound(self, sink):
        sink.emit("pull-sample")
        self.seen["buffers"] += 1
        return Gst.FlowReturn.OK

    def on_level(self, _, message):
        structure = message.get_structure()
        if structure and structure.get_name() == "level":
            rms = structure.get_value("rms")[0]
            self.seen["rms_db"] = round(rms, 1) if math.isfinite(rms) else None

    def report(self):
        say(event="seen", **self.seen)
        return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=("publish", "play"))
    parser.add_argument("url")
    parser.add_argument("--codec", choices=sorted(ENCODERS), default="VP8")
    parser.add_argument("--color", type=lambda text: int(text, 16), default=0x20C040)
    parser.add_argument("--hertz", type=int, default=440)
    options = parser.parse_args()
    Gst.init(None)
    (publisher(options) if options.verb == "publish" else Player(options)).run()


if __name__ == "__main__":
    main()
