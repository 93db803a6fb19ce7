# SPDX-License-Identifier: Apache-2.0
"""The report as Markdown, for docs/benchmarks.md. Plots are files beside it."""
import aims
import plots
import tables

STATES = {aims.MET: "met", aims.MISSED: "**missed**", aims.UNKNOWN: "–"}


def _cell(cell):
    text = cell.main.replace("|", "\\|")
    small = cell.small.replace("|", "\\|")
    if cell.kind == "invalid" and small:
        return f"*{text} ({small})*"
    if cell.kind == "invalid":
        return f"*{text}*"
    return f"{text} ({small})" if small else text


def _table(table):
    heads = [head or " " for head in table.heads]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table.rows]
    return "\n".join(lines) + "\n"


def _aims(report):
    rows = [f"| {one.figure} | {one.aim or '–'} | {one.measured} | {STATES[one.state]} |" for one in aims.judge(report)]
    return "\n".join(["| figure | aim | measured | |", "| --- | --- | --- | --- |", *rows]) + "\n"


def render(report, plot_folder=None):
    """plot_folder: where the plots are, seen from the document; None leaves them out."""
    own = tables.own_conditions(report)
    parts = ["## Conditions\n", "; ".join(f"{name} {value}" for name, value in tables.shared_conditions(report)) + ".\n",
             *([_table(own)] if own else []), _table(tables.servers(report)),
             "## Aims\n", "Medians of the valid rounds of Parley beside what it is to reach.\n", _aims(report)]
    for scenario in report.scenarios:
        parts.append(f"## {tables.title(scenario)}\n")
        if scenario.error:
            parts.append(f"*Ended early: {scenario.error}*\n")
        if plot_folder is not None:
            parts += [f"![{figure.title}]({plot_folder}/{figure.id}.svg)\n" for figure in plots.figures(scenario)]
        table = tables.table(scenario, tables.key_metrics(scenario))
        if scenario.rows:
            parts.append(_table(table))
        parts += [f"- {note}" for note in table.notes]
        if table.notes:
            parts.append("")
    return "\n".join(parts)
