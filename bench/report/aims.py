# SPDX-License-Identifier: Apache-2.0
"""The aims (aims.json) beside what was measured of Parley."""
import json
import operator
import os

import units

HERE = os.path.dirname(os.path.abspath(__file__))
OPS = {"<=": operator.le, "<": operator.lt, ">=": operator.ge}
SIGNS = {"<=": "≤", "<": "<", ">=": "≥"}
OURS = "parley"

MET, MISSED, UNKNOWN = "met", "missed", "not measured"


class Verdict:
    """One line of the table of aims."""

    def __init__(self, figure, aim, measured, state):
        self.figure = figure
        self.aim = aim
        self.measured = measured
        self.state = state


def read():
    with open(os.path.join(HERE, "aims.json"), encoding="utf-8") as file:
        return json.load(file)


def judge(report, aims=None):
    """Every aim, in order; one with several checks has several lines."""
    verdicts = []
    for aim in read() if aims is None else aims:
        if not aim["checks"]:
            verdicts.append(Verdict(aim["figure"], "", "not judged by the report", UNKNOWN))
        for check in aim["checks"]:
            verdicts.append(_judge(report, aim["figure"], check))
    return verdicts


def _judge(report, figure, check):
    metric, limit = check["metric"], check["limit"]
    is_factor = "relative_to" in check
    aim = f"{SIGNS[check['op']]}\u00a0{units.number(limit) + '×' if is_factor else units.text(metric, limit)}"
    row = _row(report, check)
    value = row.value(metric) if row else None
    if value is None:
        return _without_valid_round(row, figure, aim, check)
    shown = units.text(metric, value)
    if is_factor:
        base = _row(report, {**check, "where": check["relative_to"], "most": None})
        if base is None or not base.value(metric) or base is row:
            return Verdict(figure, aim, "not measured", UNKNOWN)
        value /= base.value(metric)
        shown = f"{units.number(value)}× at {row.params[check['most']]} {check['most']}"
    return Verdict(figure, aim, shown, MET if OPS[check["op"]](value, limit) else MISSED)


def _without_valid_round(row, figure, aim, check):
    """A capacity at which the generator gave up is a lower bound: it can meet an aim, not miss it."""
    invalid = row.invalid_values(check["metric"]) if row else []
    if not invalid:
        return Verdict(figure, aim, "not measured", UNKNOWN)
    shown = ", ".join(units.text(check["metric"], one) for one in invalid)
    if check.get("bound") == "lower":
        is_met = OPS[check["op"]](max(invalid), check["limit"])
        return Verdict(figure, aim, f"at least {shown}: {'; '.join(row.reasons())}", MET if is_met else UNKNOWN)
    return Verdict(figure, aim, f"no valid round ({shown})", UNKNOWN)


def _row(report, check):
    """The newest row that fits; "equal" names parameters that must be, "most" picks the row with the largest parameter of that name."""
    wanted = check.get("where", {})
    for scenario in reversed(report.named(check["scenario"])):
        rows = [row for row in scenario.of(OURS) if all(row.params.get(key) == value for key, value in wanted.items())]
        if check.get("equal"):
            rows = [row for row in rows if len({row.params.get(key) for key in check["equal"]}) == 1]
        if check.get("most"):
            rows = [row for row in rows if check["most"] in row.params]
            rows.sort(key=lambda row: row.params[check["most"]])
        if rows:
            return rows[-1]
    return None
