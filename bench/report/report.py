#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns documents of parley-bench (--json) into a report.

    report.py build/bench/*.json --html build/bench/report.html
    report.py result.json --markdown docs/benchmarks.md --plots docs/benchmarks

Several documents become one report. With --markdown, the part of an existing FILE up to the line "<!-- report -->" stays, and what
follows is written again; a FILE without that line is refused unless it is new.
"""
import argparse
import os
import sys

import document
import markdown
import page
import plots
import svg

MARK = "<!-- report -->"


def write_plots(report, folder):
    os.makedirs(folder, exist_ok=True)
    for scenario in report.scenarios:
        for figure in plots.figures(scenario):
            with open(os.path.join(folder, f"{figure.id}.svg"), "w", encoding="utf-8") as file:
                file.write(svg.standalone(figure.svg))


def write_markdown(report, path, plot_folder):
    head = f"# Benchmark results\n\n{MARK}\n"
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            before, mark, _ = file.read().partition(MARK)
        if not mark:
            raise document.BadDocument(f"{path}: has no line {MARK}, and is not overwritten")
        head = f"{before}{MARK}\n"
    link = None if plot_folder is None else os.path.relpath(plot_folder, os.path.dirname(os.path.abspath(path)))
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{head}\n{markdown.render(report, link)}")


def main():
    parser = argparse.ArgumentParser(description="documents of parley-bench into a report")
    parser.add_argument("documents", nargs="+", metavar="FILE.json")
    parser.add_argument("--html", metavar="FILE", help="write one page that needs nothing else")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables as Markdown")
    parser.add_argument("--plots", metavar="DIR", help="write the plots as SVG files, for --markdown")
    options = parser.parse_args()
    try:
        report = document.Report([document.load(path) for path in options.documents])
        if options.html:
            with open(options.html, "w", encoding="utf-8") as file:
                file.write(page.render(report))
        if options.plots:
            write_plots(report, options.plots)
        if options.markdown:
            write_markdown(report, options.markdown, options.plots)
    except (document.BadDocument, OSError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 1
    if not (options.html or options.markdown or options.plots):
        print(markdown.render(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
