# SPDX-License-Identifier: Apache-2.0
"""The report of benchmarks: what it says of a document, and that what it writes is well formed."""
import contextlib
import copy
import io
import json
import os
import re
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(HERE, "../../../bench/report"), HERE]

import aims
import document
import markdown
import page
import plots
import report
import sample_document
import svg
import tables
import units

SAMPLE = sample_document.document()


def read(*documents):
    return document.Report([document.check(copy.deepcopy(one), "sample") for one in documents or (SAMPLE,)])


def only(rows, name="broadcast", **more):
    return read({**SAMPLE, "scenarios": [{"name": name, "rows": rows, **more}]})


class Html(HTMLParser):
    """Collects what a page would load, and checks that every element is closed."""

    VOID = {"meta", "br", "hr", "img", "link", "input"}

    def __init__(self, text):
        super().__init__()
        self.open, self.loads, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href") and not value.startswith("#")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()


class Units(unittest.TestCase):
    def test_a_metric_says_its_unit(self):
        rows = [
            ("cpu_us_per_packet", 1.0234, "1.02\u00a0µs"), ("delay_p99_us", 12345, "12.3\u00a0ms"), ("delay_p99_us", 999, "999\u00a0µs"), ("loss", 0.001, "0.10%"),
            ("times_floor", 1.5, "1.50×"), ("viewer_rss_bytes", 65536, "64.0\u00a0KiB"), ("goodput_bps", 6.04e8, "604\u00a0Mb/s"), ("joins_per_s", 1240, "1\u202f240/s"),
            ("first_frame_p95_ms", 300, "300\u00a0ms"), ("server_cpu_cores", 0.5, "0.50\u00a0cores"), ("keyframe_requests", 0, "0"), ("rss_growth_bytes_per_hour", 2**20, "1.00\u00a0MiB/h"),
        ]
        for metric, value, wanted in rows:
            self.assertEqual(units.text(metric, value), wanted, metric)

    def test_a_spread_has_one_unit(self):
        self.assertEqual(units.span("delay_p99_us", 900, 1200), "0.90–1.20\u00a0ms")
        self.assertEqual(units.span("loss", 0, 0), "0%")


class Documents(unittest.TestCase):
    def test_what_is_no_document_is_refused_with_a_reason(self):
        broken = [
            ({}, "format"), ({**SAMPLE, "format": "parley-bench/9"}, "format"), ({**SAMPLE, "servers": None}, "no servers"),
            ({**SAMPLE, "scenarios": [{"name": "x", "rows": [{"server": "nobody"}]}]}, "no server 'nobody'"),
            ({**SAMPLE, "scenarios": [{"name": "x", "rows": [{"server": "parley", "metrics": {"loss": {"median": None}}}]}]}, "no median"),
        ]
        for one, reason in broken:
            with self.assertRaisesRegex(document.BadDocument, reason):
                document.check(one, "file")

    def test_the_ramp_is_a_table_of_its_own(self):
        self.assertEqual([one.name for one in read().scenarios][:2], ["broadcast", "ramp"])

    def test_spread_packets_are_a_table_of_their_own(self):
        spread = {**SAMPLE, "conditions": {**SAMPLE["conditions"], "pacing": "spread"}}
        self.assertEqual([one.name for one in read(spread).scenarios][:2], ["broadcast-spread", "ramp"])

    def test_several_documents_show_what_told_them_apart(self):
        other = copy.deepcopy(SAMPLE)
        other["started"] = "2026-12-01T12:00:00Z"
        other["conditions"]["kernel"] = "7.0"
        several = read(other, SAMPLE)
        table = tables.own_conditions(several)
        self.assertEqual([cell.main for cell in table.rows[0]], ["kernel", "6.18.44", "7.0"], "in the order of time")
        self.assertEqual(len(table.rows), 1)
        self.assertIsNone(tables.own_conditions(read()))


class Aims(unittest.TestCase):
    def verdict(self, one, scenario, metric):
        found = [aim for aim in aims.read() if any(check["scenario"] == scenario and check["metric"] == metric for check in aim["checks"])]
        checks = [{**found[0], "checks": [check for check in found[0]["checks"] if check["metric"] == metric]}]
        return aims.judge(one, checks)[0]

    def test_every_aim_has_a_verdict(self):
        verdicts = aims.judge(read())
        self.assertEqual(len(verdicts), sum(max(1, len(aim["checks"])) for aim in aims.read()))
        self.assertEqual({one.state for one in verdicts}, {aims.MET, aims.MISSED, aims.UNKNOWN})

    def test_met_and_missed(self):
        for value, state in ((0.99, aims.MET), (1.01, aims.MISSED)):
            one = only([sample_document.row("parley", {"viewers": 400}, [{"cpu_us_per_packet": value}])])
            self.assertEqual(self.verdict(one, "broadcast", "cpu_us_per_packet").state, state)

    def test_other_servers_and_other_loads_do_not_count(self):
        one = only([sample_document.row("janus", {"viewers": 400}, [{"cpu_us_per_packet": 0.1}]), sample_document.row("parley", {"viewers": 20}, [{"cpu_us_per_packet": 0.1}])])
        self.assertEqual(self.verdict(one, "broadcast", "cpu_us_per_packet").measured, "not measured")

    def test_invalid_rounds_meet_no_aim(self):
        one = only([sample_document.row("parley", {"viewers": 400}, [{"cpu_us_per_packet": 0.1, "because": ["busy"]}])])
        verdict = self.verdict(one, "broadcast", "cpu_us_per_packet")
        self.assertEqual((verdict.state, verdict.measured), (aims.UNKNOWN, "no valid round (0.10\u00a0µs)"))

    def test_a_capacity_cut_short_by_the_generator_is_a_lower_bound(self):
        for viewers, state in ((2800, aims.UNKNOWN), (3100, aims.MET)):
            one = only([sample_document.row("parley", {"ramp": 1}, [{"capacity_viewers": viewers, "because": ["busy"]}])])
            verdict = self.verdict(one, "ramp", "capacity_viewers")
            self.assertEqual(verdict.state, state)
            self.assertTrue(verdict.measured.startswith("at least"))

    def test_feedback_is_judged_by_what_it_costs_more_than_none(self):
        for cost, state in ((1.1, aims.MET), (1.2, aims.MISSED)):
            rows = [sample_document.row("parley", {"feedback": feedback, "viewers": 400}, [{"cpu_us_per_packet": value}]) for feedback, value in ((0, 1.0), (1, cost))]
            self.assertEqual(self.verdict(only(rows, "feedback"), "feedback", "cpu_us_per_packet").state, state)
        self.assertEqual(self.verdict(only(rows[:1], "feedback"), "feedback", "cpu_us_per_packet").state, aims.UNKNOWN, "without alone says nothing")

    def test_a_mixed_room_is_judged_at_nine_publishers(self):
        for cost, state in ((0.39, aims.MET), (0.41, aims.MISSED)):
            rows = [sample_document.row(server, {"publishers": n}, [{"server_cpu_cores": value, "times_gstreamer": value}])
                    for server, n, value in (("parley", 9, cost), ("parley", 25, 0.1), ("gstreamer", 9, 0.9))]
            self.assertEqual(self.verdict(only(rows, "mix"), "mix", "server_cpu_cores").state, state)
            self.assertEqual(self.verdict(only(rows, "mix"), "mix", "times_gstreamer").measured, units.text("times_gstreamer", cost))

    def test_workers_are_judged_by_what_they_cost_more_than_one(self):
        for cost, state in ((1.05, aims.MET), (1.3, aims.MISSED)):
            rows = [sample_document.row("parley", {"workers": n, "rooms": rooms}, [{"cpu_us_per_packet": value}])
                    for n, rooms, value in ((1, 1, 1.0), (2, 2, cost), (2, 1, 5.0))] # one broadcast over two workers is another matter
            self.assertEqual(self.verdict(only(rows, "workers"), "workers", "cpu_us_per_packet").state, state)
        self.assertEqual(self.verdict(only(rows[:1], "workers"), "workers", "cpu_us_per_packet").state, aims.UNKNOWN, "one worker says nothing")


class Tables(unittest.TestCase):
    def test_medians_with_spread_and_how_many_rounds_count(self):
        rounds = [{"cpu_us_per_packet": 1.0}, {"cpu_us_per_packet": 1.2}, {"cpu_us_per_packet": 9.0, "because": ["the generator was busy"]}]
        scenario = only([sample_document.row("parley", {"viewers": 5}, rounds)]).scenarios[0]
        table = tables.table(scenario, ["cpu_us_per_packet"])
        self.assertEqual([cell.main for cell in table.rows[0]], ["Parley", "5", "1.20\u00a0µs", "2 of 3"])
        self.assertEqual(table.rows[0][2].small, "1.00–1.20\u00a0µs")
        self.assertEqual(table.notes, ["Parley, viewers 5: 1 of 3 rounds invalid: the generator was busy."])

    def test_a_row_without_a_valid_round_shows_what_it_said_as_invalid(self):
        scenario = only([sample_document.row("parley", {"viewers": 5}, [{"loss": 0.5, "because": ["busy"]}])]).scenarios[0]
        cell = tables.table(scenario, ["loss"]).rows[0][2]
        self.assertEqual((cell.main, cell.small, cell.kind), ("50.0%", "invalid", "invalid"))

    def test_an_unknown_scenario_shows_all_that_it_has(self):
        scenario = read().named("encrypt")[0]
        self.assertEqual(tables.key_metrics(scenario), ["cpu_us"])
        self.assertEqual(tables.title(scenario), "Micro-benchmark: encrypt")


class Plots(unittest.TestCase):
    def figures(self):
        return [figure for scenario in read().scenarios for figure in plots.figures(scenario)]

    def test_the_plots_that_the_scenarios_promise(self):
        wanted = {"broadcast-cpu", "broadcast-delay", "broadcast-memory", "ramp-delay", "ramp-loss", "ramp-cpu", "join-storm-join", "join-storm-frame", "latency", "workers-cpu", "workers-packets",
                  "conference-cpu", "soak-memory", "soak-cpu", "mix-cpu", "mix-latency", "mix-stages"}
        self.assertEqual({figure.id for figure in self.figures()}, wanted)

    def test_each_is_xml_that_stays_in_its_box(self):
        for figure in self.figures():
            root = ElementTree.fromstring(svg.standalone(figure.svg))
            width, height = (float(part) for part in root.get("viewBox").split()[2:])
            for element in root.iter():
                for name, limit in (("cx", width), ("cy", height), ("x", width), ("y", height)):
                    if element.get(name):
                        self.assertTrue(0 <= float(element.get(name)) <= limit, f"{figure.id}: {element.attrib}")

    def test_every_server_and_the_floor_are_named(self):
        cpu = next(figure for figure in self.figures() if figure.id == "broadcast-cpu")
        for name in ("Parley", "Janus", "floor", "aim at 400 viewers"):
            self.assertIn(f">{name}</text>", cpu.svg)

    def test_a_round_that_does_not_count_is_hollow(self):
        scenario = only([sample_document.row("parley", {"viewers": 5}, [{"cpu_us_per_packet": 2, "because": ["busy"]}])]).scenarios[0]
        self.assertIn("hollow", plots.figures(scenario)[0].svg)

    def test_one_point_and_no_point(self):
        scenario = only([sample_document.row("parley", {"viewers": 5}, [{"cpu_us_per_packet": 2}])]).scenarios[0]
        self.assertEqual([figure.id for figure in plots.figures(scenario)], ["broadcast-cpu"])

    def test_ticks(self):
        for low, high in ((0.3, 0.31), (0.001, 9000), (1, 1), (5, 1000)):
            scale = svg.Scale([low, high], 0, 100, log=True)
            self.assertTrue(scale.ticks[0] <= low and scale.ticks[-1] >= high and 2 <= len(scale.ticks) <= 10, (low, high, scale.ticks))
        self.assertEqual(svg.Scale([3, 9.5], 0, 100, zero=True).ticks, [0, 2, 4, 6, 8, 10])


class Page(unittest.TestCase):
    def test_it_is_closed_and_loads_nothing(self):
        parsed = Html(page.render(read()))
        self.assertEqual((parsed.open, parsed.loads), ([], []))
        self.assertNotIn("script", parsed.tags)
        self.assertNotRegex(page.render(read()), r"url\(|@import")

    def test_texts_of_the_document_are_text(self):
        text = page.render(read())
        self.assertIn("&lt;the server&gt; ended with signal 9 &amp; nobody", text)
        self.assertIn("left out: MEDIASOUP_WORKER_BIN is not set", text)

    def test_an_empty_document_is_a_page_too(self):
        Html(page.render(read({**SAMPLE, "scenarios": []})))


class Markdown(unittest.TestCase):
    def test_tables_are_even_and_plots_are_linked(self):
        text = markdown.render(read(), "benchmarks")
        for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
            self.assertEqual(len({line.replace("\\|", "").count("|") for line in block.splitlines()}), 1, block)
        self.assertIn("![CPU time per forwarded packet](benchmarks/broadcast-cpu.svg)", text)
        self.assertNotIn("![", markdown.render(read()))

    def test_the_program_keeps_what_people_wrote(self):
        with tempfile.TemporaryDirectory() as folder:
            source, target, foreign = (os.path.join(folder, name) for name in ("one.json", "benchmarks.md", "foreign.md"))
            with open(source, "w", encoding="utf-8") as file:
                json.dump(SAMPLE, file)
            with open(target, "w", encoding="utf-8") as file:
                file.write(f"# Mine\n\nwords\n{report.MARK}\nold figures\n")
            with open(foreign, "w", encoding="utf-8") as file:
                file.write("a page without the mark\n")
            run = ["report.py", source, "--markdown", target, "--plots", os.path.join(folder, "plots"), "--html", os.path.join(folder, "r.html")]
            with mock.patch.object(sys, "argv", run):
                self.assertEqual(report.main(), 0)
            with open(target, encoding="utf-8") as file:
                text = file.read()
            self.assertTrue(text.startswith("# Mine\n\nwords\n"))
            self.assertNotIn("old figures", text)
            for link in re.findall(r"\]\(([^)]+)\)", text):
                self.assertTrue(os.path.exists(os.path.join(folder, link)), link)
            with mock.patch.object(sys, "argv", ["report.py", source, "--markdown", foreign]), contextlib.redirect_stderr(io.StringIO()) as said:
                self.assertEqual(report.main(), 1)
            self.assertIn("is not overwritten", said.getvalue())


if __name__ == "__main__":
    unittest.main()
