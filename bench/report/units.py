# SPDX-License-Identifier: Apache-2.0
"""What a metric is called and how its numbers are written.

The unit is the end of a metric's name (bench/README.md); a name without one is a plain number or a fraction.
"""

LABELS = {
    "cpu_us_per_packet": "CPU per packet",
    "times_floor": "times the floor",
    "times_plain": "times that without feedback",
    "encrypt_us_per_packet": "encryption per packet",
    "send_us_per_packet": "sending per packet",
    "server_cpu_cores": "server CPU",
    "generator_cpu_cores": "generator CPU",
    "packets_per_s": "packets",
    "goodput_bps": "goodput",
    "loss": "loss",
    "duplicates": "duplicates",
    "rtx_per_s": "retransmissions",
    "delay_p50_us": "delay, median",
    "delay_p99_us": "delay, p99",
    "added_p50_us": "added delay, median",
    "added_p99_us": "added delay, p99",
    "bare_p50_us": "bare loopback, median",
    "bare_p99_us": "bare loopback, p99",
    "rss_bytes": "memory",
    "viewer_rss_bytes": "memory a viewer",
    "rss_growth_bytes_per_hour": "memory growth an hour",
    "keyframe_requests": "keyframe requests",
    "publisher_late_us": "publisher late by",
    "capacity_viewers": "capacity, viewers",
    "capacity_bps": "capacity, bitrate",
    "streams": "streams forwarded",
    "joins_per_s": "joins",
    "cpu_ms_per_join": "CPU per join",
    "join_p50_ms": "join, median",
    "join_p95_ms": "join, p95",
    "first_frame_p50_ms": "first frame, median",
    "first_frame_p95_ms": "first frame, p95",
    "failed": "without a picture",
    "times_gstreamer": "times GStreamer",
    "times_libvpx": "picture, times libvpx",
    "mixer_cpu_cores": "of it mixing",
    "pictures_per_s": "pictures",
    "latency_p50_ms": "picture, median",
    "latency_p95_ms": "picture, p95",
    "sound_latency_p50_ms": "sound, median",
    "sound_latency_p95_ms": "sound, p95",
    "cores": "all",
    "receive_cores": "receive",
    "decode_cores": "decode",
    "compose_cores": "compose",
    "scale_cores": "of it scaling",
    "encode_cores": "encode",
    "audio_cores": "sound",
    "buffers_cores": "buffers",
    "mix_cores": "mix",
    "libvpx_cores": "libvpx alone",
    "work_p50_us": "a picture, median",
    "work_p99_us": "a picture, p99",
}
FACTORS = {"times_floor", "times_plain", "times_gstreamer", "times_libvpx"}
FRACTIONS = {"loss", "duplicates"}


def label(metric):
    return LABELS.get(metric, metric.replace("_", " "))


def number(value):
    """Three digits that matter, no more than a reader can use."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}".replace(",", "\u202f")
    if size >= 10:
        return f"{value:.1f}"
    if size >= 0.01:
        return f"{value:.2f}"
    return f"{value:.2g}"


def _binary(value):
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if abs(value) >= size:
            return value / size, unit
    return value, "B"


def _decimal(value, units):
    for unit, size in units:
        if abs(value) >= size:
            return value / size, unit
    unit, size = units[-1]
    return value / size, unit


def scale(metric, value):
    """The number that is shown and its unit."""
    if metric in FRACTIONS:
        return value * 100, "%"
    if metric in FACTORS:
        return value, "×"
    if "_us_per_" in metric or metric.endswith("_us"):
        return _decimal(value, (("s", 1e6), ("ms", 1e3), ("µs", 1))) if metric.endswith("_us") else (value, "µs")
    if "_ms_per_" in metric or metric.endswith("_ms"):
        return (value / 1000, "s") if abs(value) >= 10000 else (value, "ms")
    if "_ns" in metric:
        return value, "ns"
    if metric.endswith("_bytes_per_hour"):
        shown, unit = _binary(value)
        return shown, unit + "/h"
    if metric.endswith("_bytes"):
        return _binary(value)
    if metric.endswith("_bps"):
        return _decimal(value, (("Gb/s", 1e9), ("Mb/s", 1e6), ("kb/s", 1e3), ("b/s", 1)))
    if metric == "cores" or metric.endswith("_cores"):
        return value, "cores"
    if metric.endswith("_per_s"):
        return value, "/s"
    return value, ""


def _with_unit(shown, unit):
    return f"{shown}{'' if unit in ('%', '×', '', '/s') else chr(0xa0)}{unit}"


def text(metric, value):
    """As in "1.02 µs"."""
    shown, unit = scale(metric, value)
    return _with_unit(number(shown), unit)


def span(metric, low, high):
    """As in "0.98–1.05 µs": both in the unit of the greater one."""
    shown, unit = scale(metric, high)
    small = number(low * shown / high) if high else "0"
    large = number(shown)
    return text(metric, high) if small == large else _with_unit(f"{small}–{large}", unit)
