# SPDX-License-Identifier: Apache-2.0
"""Figures as tables of text: the same cells for the page and for Markdown."""
import re

import units
from plots import name_of

# What a reader compares first; the page has all others behind a click.
KEY_METRICS = {
    "broadcast": ("cpu_us_per_packet", "times_floor", "server_cpu_cores", "loss", "delay_p50_us", "delay_p99_us", "viewer_rss_bytes"),
    "broadcast-spread": ("cpu_us_per_packet", "times_floor", "server_cpu_cores", "loss", "delay_p50_us", "delay_p99_us"),
    "ramp": ("capacity_viewers", "capacity_bps"),
    "conference": ("streams", "cpu_us_per_packet", "server_cpu_cores", "loss", "delay_p99_us", "viewer_rss_bytes"),
    "join-storm": ("joins_per_s", "cpu_ms_per_join", "join_p50_ms", "join_p95_ms", "first_frame_p50_ms", "first_frame_p95_ms", "keyframe_requests", "failed", "viewer_rss_bytes"),
    "late-join": ("first_frame_p50_ms", "first_frame_p95_ms", "first_frame_max_ms", "keyframe_requests", "failed"),
    "latency": ("bare_p50_us", "bare_p99_us", "added_p50_us", "added_p99_us", "server_cpu_cores", "loss"),
    "workers": ("cpu_us_per_packet", "packets_per_s", "server_cpu_cores", "loss", "delay_p99_us"),
    "feedback": ("cpu_us_per_packet", "times_plain", "server_cpu_cores", "loss"),
    "mix": ("server_cpu_cores", "times_gstreamer", "mixer_cpu_cores", "latency_p50_ms", "latency_p95_ms", "sound_latency_p50_ms", "sound_latency_p95_ms", "pictures_per_s", "rss_bytes"),
    "mix-stages": ("receive_cores", "decode_cores", "compose_cores", "scale_cores", "encode_cores", "audio_cores", "cores", "libvpx_cores", "times_libvpx"),
    "audio-mix": ("cores", "server_cpu_cores", "buffers_cores", "decode_cores", "mix_cores", "encode_cores"),
    "soak": ("cpu_us_per_packet", "rss_bytes", "rss_growth_bytes_per_hour", "loss", "delay_p99_us"),
}
TITLES = {
    "broadcast": "Broadcast: one publisher, many viewers",
    "broadcast-spread": "Broadcast: a frame's packets spread over 10 ms",
    "ramp": "Capacity: viewers added until a limit is passed",
    "conference": "Conference: everybody sees everybody",
    "join-storm": "Join storm: many viewers at once",
    "late-join": "Late viewers: one by one",
    "latency": "Latency: what forwarding adds",
    "workers": "Workers: more cores",
    "feedback": "Feedback: what repair and congestion control cost",
    "soak": "Soak: one long broadcast",
    "mix": "Mix: a room as one picture and one sound",
    "mix-stages": "Mix by stage, beside libvpx alone",
    "audio-mix": "Mixed sound alone: a hundred participants of whom ten talk",
}


class Cell:
    """main is what counts; small is its spread; kind is "", "invalid" or "none"."""

    def __init__(self, main, small="", kind=""):
        self.main = main
        self.small = small
        self.kind = kind


class Table:
    def __init__(self, heads, rows, notes=()):
        self.heads = heads
        self.rows = rows
        self.notes = list(notes)


def title(scenario):
    return TITLES.get(scenario.name, f"Micro-benchmark: {scenario.name}")


def metrics_of(scenario):
    """Every metric of the scenario, in the order in which rows first have it, invalid rounds included."""
    seen = {}
    for row in scenario.rows:
        for metric in row.metrics:
            seen[metric] = True
        for one in row.round:
            for metric in one.get("values", {}):
                seen[metric] = True
    return list(seen)


def key_metrics(scenario):
    present = metrics_of(scenario)
    if scenario.name not in KEY_METRICS:
        return present
    return [metric for metric in KEY_METRICS[scenario.name] if metric in present]


def cell(row, metric):
    if metric in row.metrics:
        value = row.metrics[metric]
        spread = ""
        if value["max"] > value["min"]:
            spread = units.span(metric, value["min"], value["max"])
        return Cell(units.text(metric, value["median"]), spread)
    invalid = row.invalid_values(metric)
    if invalid and metric.startswith("capacity_"): # the generator gave up first
        return Cell(f"≥ {units.text(metric, max(invalid))}", "lower bound")
    if invalid:
        return Cell(units.span(metric, min(invalid), max(invalid)), "invalid", "invalid")
    return Cell("–", kind="none")


def table(scenario, metrics):
    """One line a row of the scenario: server, parameters, metrics, rounds that count."""
    params = list(dict.fromkeys(key for row in scenario.rows for key in row.params if key != "ramp"))
    heads = ["server", *params, *(units.label(metric) for metric in metrics), "valid rounds"]
    rows, notes = [], []
    for row in sorted(scenario.rows, key=lambda one: [_order(one.params.get(key)) for key in params]):
        cells = [Cell(name_of(row.server)), *(Cell(_param(row.params.get(key))) for key in params)]
        cells += [cell(row, metric) for metric in metrics]
        kind = "" if row.valid_rounds == row.rounds else "invalid"
        cells.append(Cell(f"{row.valid_rounds} of {row.rounds}", kind=kind))
        rows.append(cells)
        for reason in row.reasons():
            where = ", ".join(f"{key} {row.params[key]}" for key in params if key in row.params)
            notes.append(f"{name_of(row.server)}{', ' + where if where else ''}: {row.rounds - row.valid_rounds} of {row.rounds} rounds invalid: {reason}.")
    return Table(heads, rows, dict.fromkeys(notes))


def _order(value):
    return (0, value, "") if isinstance(value, (int, float)) else (1, 0, str(value))


def _param(value):
    return "–" if value is None else units.number(value) if isinstance(value, float) else str(value)


def _condition_keys(report):
    return list(dict.fromkeys(key for run in report.runs for key in run.conditions))


def _is_shared(report, key):
    return all(run.conditions.get(key) == report.runs[0].conditions.get(key) for run in report.runs)


def shared_conditions(report):
    """What held in all runs, as (name, value)."""
    first = report.runs[0].conditions
    return [(_words(key), _condition(key, first[key])) for key in _condition_keys(report) if _is_shared(report, key)]


def own_conditions(report):
    """What told the runs apart: one column a run; None when nothing did."""
    keys = [key for key in _condition_keys(report) if not _is_shared(report, key)]
    rows = [[Cell(_words(key)), *(Cell(_condition(key, run.conditions.get(key))) for run in report.runs)] for key in keys]
    return Table(["", *(run.started or "run" for run in report.runs)], rows) if rows else None


def _words(key):
    """max_delay_ms is "max delay"; its unit stands with its value."""
    return re.sub(r"_(bps|bytes|ms)(?=_|$)", "", key).replace("_", " ")


def _condition(key, value):
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key == "max_loss":
        return units.text("loss", value)
    if key.endswith(("_bps", "_ms")):
        return units.text(key, value)
    if "_bytes" in key:
        return f"{value:.4g} bytes"
    if key in ("seconds", "warmup"):
        return f"{value:g} s"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def servers(report):
    rows = []
    for server in report.servers.values():
        if "skip" in server:
            rows.append([Cell(name_of(server)), Cell("–", kind="none"), Cell("–", kind="none"), Cell(f"left out: {server['skip']}", kind="invalid")])
        else:
            rows.append([Cell(name_of(server)), Cell(server.get("version") or "–"), Cell(server.get("cipher") or "–"), Cell("; ".join(server.get("notes", [])))])
    return Table(["server", "version", "cipher", "notes"], rows)
