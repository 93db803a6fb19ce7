# SPDX-License-Identifier: Apache-2.0
"""The report as one HTML page that needs nothing else: no script, no font, no picture from anywhere."""
import html
import os

import aims
import plots
import svg
import tables

HERE = os.path.dirname(os.path.abspath(__file__))
LIGHT = svg.LIGHT + ";--good:#1a7f37;--bad:#b3261e"
DARK = svg.DARK + ";--good:#56d364;--bad:#ff8a80"
SIGNS = {aims.MET: ("met", "✓ met"), aims.MISSED: ("missed", "✗ missed"), aims.UNKNOWN: ("unknown", "– open")}


def _style():
    with open(os.path.join(HERE, "style.css"), encoding="utf-8") as file:
        text = file.read()
    return f":root{{color-scheme:light dark;{LIGHT}}}@media(prefers-color-scheme:dark){{:root{{{DARK}}}}}{svg.STYLE}{text}"


def _cell(cell, head, is_number):
    """head: what a narrow window writes before the value, where rows become blocks."""
    small = f"<small>{html.escape(cell.small)}</small>" if cell.small else ""
    classes = " ".join(filter(None, (cell.kind, "number" if is_number else "")))
    attributes = (f' class="{classes}"' if classes else "") + (f' data-head="{html.escape(head, quote=True)}"' if head else "")
    return f"<td{attributes}>{html.escape(cell.main)}{small}</td>"


def _table(table, numbers=True, stack=False):
    """Figures scroll sideways in a narrow window; with stack, which is for words, each row becomes a block."""
    heads = "".join(f"<th>{html.escape(head)}</th>" for head in table.heads)
    rows = "".join(
        f'<tr{" class=floor" if row[0].main == "floor" else ""}>'
        + "".join(_cell(cell, table.heads[index] if stack and index else "", numbers and index > 0) for index, cell in enumerate(row)) + "</tr>"
        for row in table.rows)
    return f'<div class="scroll{" stack" if stack else ""}"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _conditions(report):
    own = tables.own_conditions(report)
    shared = "".join(f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in tables.shared_conditions(report))
    return f"<dl>{shared}</dl>" + (_table(own, numbers=False) if own else "")


def _aims(report):
    rows = []
    for one in aims.judge(report):
        state, words = SIGNS[one.state]
        rows.append([tables.Cell(one.figure), tables.Cell(one.aim or "–"), tables.Cell(one.measured), tables.Cell(words, kind=f"state {state}")])
    return _table(tables.Table(["figure", "aim", "measured", ""], rows), numbers=False, stack=True)


def _anchor(index, scenario):
    return f"{scenario.name}-{index}"


def _scenario(index, scenario, several_runs):
    parts = [f'<h2 id="{_anchor(index, scenario)}">{html.escape(tables.title(scenario))}</h2>']
    if several_runs:
        parts.append(f'<p class="quiet">Run of {html.escape(scenario.run.started)}</p>')
    if scenario.error:
        parts.append(f'<p class="early">Ended early: {html.escape(scenario.error)}</p>')
    figures = plots.figures(scenario)
    if figures:
        parts.append('<div class="plots">' + "".join(
            f"<figure><h3>{html.escape(figure.title)}</h3>{figure.svg}<figcaption>{html.escape(figure.caption)}</figcaption></figure>" for figure in figures) + "</div>")
    if not scenario.rows:
        return "".join(parts + ['<p class="quiet">No rows.</p>'])
    key = tables.key_metrics(scenario)
    table = tables.table(scenario, key)
    parts.append(_table(table))
    if table.notes:
        parts.append("<ul>" + "".join(f"<li>{html.escape(note)}</li>" for note in table.notes) + "</ul>")
    rest = [metric for metric in tables.metrics_of(scenario) if metric not in key]
    if rest:
        parts.append(f"<details><summary>More figures ({len(rest)})</summary>{_table(tables.table(scenario, rest))}</details>")
    return "".join(parts)


def render(report, heading="Parley: benchmark report"):
    """The whole page as text."""
    several = len(report.runs) > 1
    starts = ", ".join(run.started for run in report.runs if run.started)
    nav = "".join(f'<a href="#{_anchor(index, scenario)}">{html.escape(tables.title(scenario).split(":")[0] if scenario.name in tables.TITLES else scenario.name)}</a>'
                  for index, scenario in enumerate(report.scenarios))
    body = [
        f'<h1>{html.escape(heading)}</h1><p class="quiet">{html.escape(starts)}</p><nav>{nav}</nav>',
        '<h2 id="conditions">Conditions</h2><p class="quiet">A figure means nothing without them. Medians of the valid rounds, spread below; a round in which the generator was '
        "the bottleneck is shown and does not count.</p>",
        _table(tables.servers(report), numbers=False, stack=True),
        _conditions(report),
        '<h2 id="aims">Aims</h2><p class="quiet">What Parley is to reach beside what was measured in these runs.</p>', _aims(report),
        *(_scenario(index, scenario, several) for index, scenario in enumerate(report.scenarios)),
    ]
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{html.escape(heading)}</title><style>{_style()}</style></head><body><main>{''.join(body)}</main></body></html>\n")
