# SPDX-License-Identifier: Apache-2.0
"""A document as parley-bench writes it, with everything that a report must show: several servers, spread, invalid rounds, a server
that was left out, a scenario that ended early. The numbers are made up. As a program it prints the document."""
import json
import math
import random


def metric(values):
    ordered = sorted(values)
    return {"median": ordered[len(ordered) // 2], "min": ordered[0], "max": ordered[-1], "n": len(ordered)}


def row(server, params, rounds, series=None):
    """rounds: values of each; a round with the key "because" is invalid."""
    made = []
    for one in rounds:
        values = {key: value for key, value in one.items() if key != "because"}
        made.append({"valid": "because" not in one, "invalid_because": one.get("because", []), "values": values, "threads": {"media-0": 0.5}})
    valid = [one["values"] for one in made if one["valid"]]
    metrics = {name: metric([one[name] for one in valid]) for name in (valid[0] if valid else {})}
    result = {"server": server, "params": params, "rounds": len(made), "valid_rounds": len(valid), "metrics": metrics, "round": made}
    if series is not None:
        result["series"] = series
    return result


def spread(rng, values, by=0.06, rounds=3):
    return [{name: value * (1 + rng.uniform(-by, by)) for name, value in values.items()} for _ in range(rounds)]


def broadcast(rng):
    rows = []
    for viewers in (20, 100, 400, 1000):
        floor = 0.55 + 2 / viewers
        rows.append(row("floor", {"viewers": viewers}, spread(rng, {"cpu_us_per_packet": floor, "encrypt_us_per_packet": 0.1, "send_us_per_packet": floor - 0.1, "loss": 0})))
        for server, cost, memory in (("parley", 0.85 + 6 / viewers, 41e3), ("janus", 9.2 + 30 / viewers, 610e3)):
            values = {"cpu_us_per_packet": cost, "times_floor": cost / floor, "server_cpu_cores": min(1, cost * viewers * 186e-6), "generator_cpu_cores": viewers * 4e-4,
                      "packets_per_s": viewers * 186.0, "goodput_bps": viewers * 1.5e6, "loss": 0.0 if server == "parley" else viewers / 2e5, "delay_p50_us": 90 + viewers * cost / 3,
                      "delay_p99_us": 300 + viewers * cost, "rss_bytes": 2e7 + viewers * memory, "viewer_rss_bytes": memory, "keyframe_requests": 2}
            rounds = spread(rng, values)
            if viewers == 400 and server == "parley":
                rounds[1]["because"] = ["the generator used 97 % of its core"]
            if viewers == 1000 and server == "janus":
                for one in rounds:
                    one["because"] = ["viewers' sockets dropped 812 packets"]
            rows.append(row(server, {"viewers": viewers}, rounds))
    steps = [{"t": float(i), "viewers": 200 * (i + 1), "loss": 0.0 if i < 14 else 0.002 * (i - 13), "delay_p99_us": 300 * math.exp(i / 4.5), "server_cpu_cores": min(1.0, 0.065 * (i + 1)),
              "generator_cpu_cores": 0.055 * (i + 1), "ok": int(i < 14)} for i in range(16)]
    rows.append(row("parley", {"ramp": 1}, [{"capacity_viewers": 2800, "capacity_bps": 4.2e9, "because": ["the generator used 96 % of its core"]}], steps))
    slow = [{**step, "viewers": step["viewers"] // 8} for step in steps]
    rows.append(row("janus", {"ramp": 1}, [{"capacity_viewers": 350, "capacity_bps": 5.2e8}], slow))
    return {"name": "broadcast", "rows": rows}


def others(rng):
    storm = {"joins_per_s": 1240, "cpu_ms_per_join": 0.71, "join_p50_ms": 41, "join_p95_ms": 96, "first_frame_p50_ms": 12, "first_frame_p95_ms": 64, "keyframe_requests": 0, "failed": 0,
             "viewer_rss_bytes": 44e3, "generator_cpu_cores": 0.6}
    slow = {**storm, "joins_per_s": 130, "cpu_ms_per_join": 6.9, "join_p50_ms": 610, "join_p95_ms": 1320, "first_frame_p50_ms": 140, "first_frame_p95_ms": 410, "keyframe_requests": 9, "viewer_rss_bytes": 650e3}
    latency = {"delay_p50_us": 101, "delay_p99_us": 480, "bare_p50_us": 22, "bare_p99_us": 61, "added_p50_us": 79, "added_p99_us": 419, "loss": 0, "server_cpu_cores": 0.2}
    worker_rows = [row("parley", {"workers": n, "viewers": 100, "rooms": rooms}, spread(rng, {"cpu_us_per_packet": 1.0 + cost * n, "packets_per_s": 18600 * n, "server_cpu_cores": 0.019 * n, "loss": 0}, 0.03))
                   for n, rooms, cost in ((1, 1, 0.02), (2, 1, 0.09), (2, 2, 0.02), (4, 1, 0.11), (4, 4, 0.02))]
    soak = [{"t": 30.0 * i, "rss_bytes": 24e6 + 3e5 * math.log1p(i) + rng.uniform(0, 4e4), "loss": 0, "cpu_cores": 0.21 + rng.uniform(-0.01, 0.01)} for i in range(120)]
    conference = [row(server, {"participants": n}, spread(rng, {"streams": n * (n - 1), "cpu_us_per_packet": cost + 3 / n, "server_cpu_cores": n * n * cost * 2e-4, "loss": 0, "delay_p99_us": 900}, 0.03))
                  for n in (4, 8, 16) for server, cost in (("parley", 1.1), ("janus", 10.1))]
    mixed = {"server_cpu_cores": 0.31, "times_gstreamer": 0.55, "mixer_cpu_cores": 0.28, "generator_cpu_cores": 0.2, "pictures_per_s": 30.0, "latency_p50_ms": 92, "latency_p95_ms": 121,
             "sound_latency_p50_ms": 71, "sound_latency_p95_ms": 88, "rss_bytes": 1.1e8}
    theirs = {"server_cpu_cores": 0.56, "generator_cpu_cores": 0.1, "pictures_per_s": 30.0, "latency_p50_ms": 101, "latency_p95_ms": 160, "sound_latency_p50_ms": 60, "sound_latency_p95_ms": 90, "rss_bytes": 9e7}
    stages = {"receive_cores": 0.001, "decode_cores": 0.1, "compose_cores": 0.017, "scale_cores": 0.009, "encode_cores": 0.19, "audio_cores": 0.015, "cores": 0.32, "libvpx_cores": 0.3, "times_libvpx": 1.02}
    mix = [row(server, {"publishers": n}, spread(rng, {key: value * (0.8 + n / 45) for key, value in values.items()}, 0.03)) for n in (4, 9, 16, 25) for server, values in (("parley", mixed), ("gstreamer", theirs))]
    return [
        {"name": "mix", "rows": mix},
        {"name": "mix-stages", "rows": [row("parley", {"members": n}, spread(rng, stages, 0.03)) for n in (4, 9, 16, 25)]},
        {"name": "audio-mix", "rows": [row("parley", {"participants": 100, "talkers": 10}, spread(rng, {"cores": 0.021, "encode_cores": 0.012})), row("gstreamer", {"participants": 100, "talkers": 10}, spread(rng, {"server_cpu_cores": 0.6}))]},
        {"name": "join-storm", "rows": [row("parley", {"joins": 200}, spread(rng, storm)), row("janus", {"joins": 200}, spread(rng, slow))]},
        {"name": "latency", "rows": [row("parley", {"viewers": 100}, spread(rng, latency)), row("janus", {"viewers": 100}, spread(rng, {**latency, "added_p50_us": 310, "added_p99_us": 1900}))]},
        {"name": "workers", "rows": worker_rows},
        {"name": "conference", "rows": conference},
        {"name": "soak", "rows": [row("parley", {"viewers": 100}, [{"cpu_us_per_packet": 1.1, "rss_bytes": 25.4e6, "rss_growth_bytes_per_hour": 3.1e5, "loss": 0, "delay_p99_us": 650}], soak)],
         "error": "<the server> ended with signal 9 & nobody knows why"},
        {"name": "encrypt", "rows": [row("parley", {"by": by, "profile": "AEAD_AES_128_GCM"}, [{"cpu_us": value}]) for by, value in (("ipsec-mb 1.3.0", 0.1), ("OpenSSL 3.0", 0.38))]},
    ]


def document():
    rng = random.Random(7)
    return {
        "format": "parley-bench/1",
        "started": "2026-11-29T12:00:00Z",
        "conditions": {
            "cpu": "Some Processor at 2.50GHz", "cores": 2, "kernel": "6.18.44", "server_cpu": 0, "generator_cpu": 1, "codec": "VP8", "width": 1280, "height": 720, "fps": 30,
            "bitrate_bps": 1510000, "packets_per_second": 186.4, "packet_bytes_mean": 1022, "packet_bytes_max": 1116, "packets_per_frame_mean": 6.2, "pacing": "burst",
            "simulcast": False, "audio": False, "gro": False, "sample": 50, "seconds": 8, "warmup": 2, "rounds": 3, "workers": 1, "max_loss": 0.001, "max_delay_ms": 10,
        },
        "servers": [
            {"id": "parley", "name": "Parley", "version": "0.1.0", "cipher": "AEAD_AES_128_GCM", "notes": ["1 media worker"]},
            {"id": "janus", "name": "Janus", "version": "1.1.2", "cipher": "AES128_CM_SHA1_80", "notes": ["event_loops = 1, ice_lite", "libnice 0.1.18"]},
            {"id": "gstreamer", "name": "GStreamer", "version": "1.22.0", "cipher": "none", "notes": ["plain RTP"]},
            {"id": "mediasoup", "skip": "MEDIASOUP_WORKER_BIN is not set"},
            {"id": "floor", "name": "floor", "version": "", "cipher": "AEAD_AES_128_GCM", "notes": ["ipsec-mb 1.3.0 (AVX512)"]},
        ],
        "scenarios": [broadcast(rng), *others(rng)],
    }


if __name__ == "__main__":
    print(json.dumps(document(), indent=1))
