# SPDX-License-Identifier: Apache-2.0
"""Which plots a scenario has, and what is in them."""
import svg
import units

COLORS = {"parley": 0, "janus": 1, "mediasoup": 2, "floor": 4, "gstreamer": 5}


class Figure:
    """One plot. id names its file."""

    def __init__(self, figure_id, title, caption, drawing):
        self.id = figure_id
        self.title = title
        self.caption = caption
        self.svg = drawing


def color_of(server_id):
    """A server keeps its colour in every plot."""
    return COLORS.get(server_id, 3)


def name_of(server):
    return server.get("name") or server["id"]


def figures(scenario):
    """All plots that the scenario's data allow."""
    made = [figure for figure in PLOTS.get(scenario.name, lambda _: [])(scenario) if figure.svg]
    return made


def _note(scenario_row, metric):
    value = scenario_row.metrics[metric]
    spread = f" ({units.text(metric, value['min'])} to {units.text(metric, value['max'])})" if value["max"] > value["min"] else ""
    params = ", ".join(f"{key} {value}" for key, value in scenario_row.params.items())
    return f"{name_of(scenario_row.server)}, {params}: {units.text(metric, value['median'])}{spread}"


def _series(scenario, metric, over, factor=1, suffix="", dashed=False, of=lambda row: True):
    """A line a server over one of the parameters; of picks rows."""
    found = []
    for server_id in scenario.server_ids():
        points, hollow = [], []
        for row in scenario.of(server_id):
            if over not in row.params or not of(row):
                continue
            x = row.params[over]
            if metric in row.metrics:
                value = row.metrics[metric]
                points.append((x, value["median"] * factor, value["min"] * factor, value["max"] * factor, _note(row, metric)))
            else:
                hollow += [(x, value * factor, None, None, f"{name_of(row.server)}, invalid: {'; '.join(row.reasons())}") for value in row.invalid_values(metric)]
        server = scenario.run.servers[server_id]
        found.append(svg.Series(name_of(server) + suffix, color_of(server_id), points, dashed=dashed or server_id == "floor", hollow=hollow))
    return found


def _xs(scenario, over):
    return sorted({row.params[over] for row in scenario.rows if over in row.params})


def _broadcast(scenario):
    over = _xs(scenario, "viewers")
    delay = _series(scenario, "delay_p50_us", "viewers", 1e-3, ", median", dashed=True) + _series(scenario, "delay_p99_us", "viewers", 1e-3, ", p99")
    return [
        Figure("broadcast-cpu", "CPU time per forwarded packet",
               "Median of the valid rounds, bars from the least to the greatest; hollow: no valid round.",
               svg.line_plot("CPU time per forwarded packet over viewers", _series(scenario, "cpu_us_per_packet", "viewers"), "viewers", "µs per packet",
                             x_log=True, y_log=True, x_values=over, aim=(1.0, "aim at 400 viewers"))),
        Figure("broadcast-delay", "Delay from publisher to viewer",
               "From the publisher's send call to the kernel's receive timestamp at the viewer, last packet of a frame.",
               svg.line_plot("Delay over viewers", delay, "viewers", "ms", x_log=True, y_log=True, x_values=over)),
        Figure("broadcast-memory", "Memory a viewer", "Growth of resident memory since before the first viewer.",
               svg.line_plot("Memory a viewer over viewers", _series(scenario, "viewer_rss_bytes", "viewers", 1 / 1024), "viewers", "KiB",
                             x_log=True, y_log=True, x_values=over, aim=(64, "aim"))),
    ]


def _over_time(scenario, key, value_key, factor=1, only_positive=False):
    found = []
    for row in scenario.rows:
        points = [(one[key], one[value_key] * factor, None, None, "") for one in row.series if key in one and value_key in one]
        if only_positive:
            points = [point for point in points if point[1] > 0]
        found.append(svg.Series(name_of(row.server), color_of(row.server_id), points, marks=len(points) <= 40))
    return found


def _ramp(scenario):
    return [
        Figure("ramp-delay", "Delay as viewers are added", "The capacity is the last step within the limits of loss and delay.",
               svg.line_plot("99th percentile of delay over viewers", _over_time(scenario, "viewers", "delay_p99_us", 1e-3, only_positive=True),
                             "viewers", "ms (p99)", y_log=True, aim=_limit(scenario, "max_delay_ms", 1, "limit"))),
        Figure("ramp-loss", "Loss as viewers are added", "Gaps in the sequence numbers of all viewers.",
               svg.line_plot("Loss over viewers", _over_time(scenario, "viewers", "loss", 100), "viewers", "%", aim=_limit(scenario, "max_loss", 100, "limit"))),
        Figure("ramp-cpu", "Processor use as viewers are added", "Of the one core that the server has.",
               svg.line_plot("Server CPU over viewers", _over_time(scenario, "viewers", "server_cpu_cores"), "viewers", "cores")),
    ]


def _limit(scenario, key, factor, words):
    limit = scenario.run.conditions.get(key)
    return (limit * factor, words) if isinstance(limit, (int, float)) and limit > 0 else None


def _latency(scenario):
    over = _xs(scenario, "viewers")
    rows = []
    for row in scenario.rows:
        for kind, words in (("added", "added"), ("bare", "bare loopback")):
            if f"{kind}_p50_us" in row.metrics and f"{kind}_p99_us" in row.metrics:
                low, high = row.value(f"{kind}_p50_us"), row.value(f"{kind}_p99_us")
                who = name_of(row.server) + (f", {row.params['viewers']}" if len(over) > 1 else "")
                rows.append((f"{who}: {words}", color_of(row.server_id) if kind == "added" else 4, low / 1000, high / 1000,
                             f"{units.text('delay_us', low)} to {units.text('delay_us', high)}"))
    return [Figure("latency", "Delay that forwarding adds", "Hollow: median, filled: 99th percentile.",
                   svg.range_plot("Added delay, median to 99th percentile", rows, "ms", aim=(1.0, "aim (p99)")))]


def _joins(scenario):
    """Of a storm, and of those who come one by one."""
    made = []
    for figure_id, low, high, title, caption, aim in (
            (f"{scenario.name}-join", "join_p50_ms", "join_p95_ms", "From POST to SRTP keys", "Hollow: median, filled: 95th percentile of all viewers.", None),
            (f"{scenario.name}-frame", "first_frame_p50_ms", "first_frame_p95_ms", "From SRTP keys to the first decodable frame",
             "Hollow: median, filled: 95th percentile of all viewers.", (300, "aim (p95)"))):
        rows = []
        for row in scenario.rows:
            if low in row.metrics and high in row.metrics:
                rows.append((f"{name_of(row.server)}, {row.params.get('joins', '')} joins", color_of(row.server_id), row.value(low), row.value(high),
                             f"{units.text(low, row.value(low))} to {units.text(high, row.value(high))}"))
        if rows:
            made.append(Figure(figure_id, title, caption, svg.range_plot(title, rows, "ms", aim=aim)))
    return made


def _workers(scenario):
    """The load as one broadcast, and as a broadcast a worker."""
    over = _xs(scenario, "workers")

    def lines(metric, factor=1):
        return (_series(scenario, metric, "workers", factor, ", a broadcast a worker", of=lambda row: row.params.get("rooms", 1) == row.params["workers"])
                + _series(scenario, metric, "workers", factor, ", one broadcast", dashed=True, of=lambda row: row.params.get("rooms", 1) == 1))

    return [
        Figure("workers-cpu", "Cost per packet as workers are added", "Linear scaling is a flat line.",
               svg.line_plot("CPU time per packet over workers", lines("cpu_us_per_packet"), "media workers", "µs per packet", x_values=over)),
        Figure("workers-packets", "Packets forwarded as workers are added", "All viewers together.",
               svg.line_plot("Packets a second over workers", lines("packets_per_s", 1e-3), "media workers", "thousand packets/s", x_values=over)),
    ]


def _soak(scenario):
    return [
        Figure("soak-memory", "Resident memory over time", "", svg.line_plot("Resident memory over time", _over_time(scenario, "t", "rss_bytes", 1 / 2**20), "seconds", "MiB")),
        Figure("soak-cpu", "Processor use over time", "", svg.line_plot("CPU over time", _over_time(scenario, "t", "cpu_cores"), "seconds", "cores")),
    ]


def _conference(scenario):
    return [Figure("conference-cpu", "CPU time per forwarded packet", "Everybody publishes and watches everybody else.",
                   svg.line_plot("CPU time per forwarded packet over participants", _series(scenario, "cpu_us_per_packet", "participants"),
                                 "participants", "µs per packet", y_log=True, x_values=_xs(scenario, "participants")))]


def _mix(scenario):
    over = _xs(scenario, "publishers")
    rows = []
    for row in scenario.rows:
        for kind, words in (("latency", "picture"), ("sound_latency", "sound")):
            if f"{kind}_p50_ms" in row.metrics and f"{kind}_p95_ms" in row.metrics:
                low, high = row.value(f"{kind}_p50_ms"), row.value(f"{kind}_p95_ms")
                rows.append((f"{name_of(row.server)}, {row.params['publishers']}: {words}", color_of(row.server_id), low, high,
                             f"{units.text('latency_ms', low)} to {units.text('latency_ms', high)}"))
    return [
        Figure("mix-cpu", "CPU of a mixed room", "1280x720 at 30 pictures a second; Parley with SRTP and simulcast, GStreamer with plain RTP.",
               svg.line_plot("CPU over publishers", _series(scenario, "server_cpu_cores", "publishers"), "publishers", "cores", x_values=over, aim=(0.4, "aim at 9"))),
        Figure("mix-latency", "From publisher to viewer", "By a time code in the picture and a tone in the sound. Hollow: median, filled: 95th percentile.",
               svg.range_plot("Delay of a mixed room", rows, "ms", aim=(150, "aim (p95)"))),
    ]


def _mix_stages(scenario):
    """Lines of Parley's stages and of libvpx alone over the members."""
    made = []
    for at, (metric, words) in enumerate((("cores", "all"), ("encode_cores", "encode"), ("decode_cores", "decode"), ("compose_cores", "compose"), ("audio_cores", "sound"),
                                          ("libvpx_cores", "libvpx alone"))):
        for line in _series(scenario, metric, "members", dashed=metric == "libvpx_cores"):
            made.append(svg.Series(words, at, line.points, dashed=line.dashed, hollow=line.hollow))
    return [Figure("mix-stages", "A mixed room by stage", "In one thread, without a server; libvpx decodes the same frames and encodes the same canvases.",
                   svg.line_plot("CPU by stage over members", made, "members", "cores", x_values=_xs(scenario, "members")))]


PLOTS = {"broadcast": _broadcast, "ramp": _ramp, "latency": _latency, "join-storm": _joins, "late-join": _joins, "workers": _workers, "soak": _soak, "conference": _conference, "mix": _mix, "mix-stages": _mix_stages}
