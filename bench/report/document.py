# SPDX-License-Identifier: Apache-2.0
"""Reads what parley-bench --json wrote: one document or several, as one set of runs."""
import json

FORMAT = "parley-bench/1"


class BadDocument(Exception):
    """A file that is not such a document; says which and why."""


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except (OSError, ValueError) as error:
        raise BadDocument(f"{path}: {error}") from error
    return check(document, path)


def check(document, name):
    """The document itself, when everything that the report looks at has the shape it relies on."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BadDocument(f"{name}: not a document of format {FORMAT}")
    for key, kind in (("conditions", dict), ("servers", list), ("scenarios", list)):
        if not isinstance(document.get(key), kind):
            raise BadDocument(f"{name}: no {key}")
    servers = {server.get("id") for server in document["servers"]}
    for scenario in document["scenarios"]:
        for row in scenario.get("rows", []):
            if row.get("server") not in servers:
                raise BadDocument(f"{name}: {scenario.get('name')}: no server {row.get('server')!r}")
            for metric, value in row.get("metrics", {}).items():
                if not all(isinstance(value.get(key), (int, float)) for key in ("median", "min", "max")):
                    raise BadDocument(f"{name}: {scenario.get('name')}: {metric} has no median, min and max")
    return document


class Row:
    """One line of a scenario: a server under certain parameters."""

    def __init__(self, raw, server):
        self.server = server
        self.params = raw.get("params", {})
        self.metrics = raw.get("metrics", {})
        self.rounds = raw.get("rounds", len(raw.get("round", [])))
        self.valid_rounds = raw.get("valid_rounds", self.rounds)
        self.round = raw.get("round", [])
        self.series = raw.get("series", [])

    @property
    def server_id(self):
        return self.server["id"]

    def value(self, metric):
        """The median, or None."""
        return self.metrics.get(metric, {}).get("median")

    def invalid_values(self, metric):
        """What the rounds that do not count said."""
        return [one["values"][metric] for one in self.round if not one.get("valid", True) and metric in one.get("values", {})]

    def reasons(self):
        """Why rounds were invalid, each reason once."""
        seen = []
        for one in self.round:
            for reason in one.get("invalid_because", []):
                if reason not in seen:
                    seen.append(reason)
        return seen


class Scenario:
    """The rows of one scenario in one run. The ramp is told apart from the other rows of broadcast."""

    def __init__(self, name, rows, run, error=None):
        self.name = name
        self.rows = rows
        self.run = run
        self.error = error

    def of(self, server_id):
        return [row for row in self.rows if row.server_id == server_id]

    def server_ids(self):
        return list(dict.fromkeys(row.server_id for row in self.rows))


class Run:
    """One document."""

    def __init__(self, document):
        self.started = document.get("started", "")
        self.conditions = document["conditions"]
        self.servers = {server["id"]: server for server in document["servers"]}
        self.scenarios = []
        for raw in document["scenarios"]:
            rows = [Row(row, self.servers[row["server"]]) for row in raw.get("rows", [])]
            ramp = [row for row in rows if row.params.get("ramp")]
            rest = [row for row in rows if not row.params.get("ramp")]
            if rest or not ramp:
                self.scenarios.append(Scenario(self._own_name(raw["name"]), rest, self, raw.get("error")))
            if ramp:
                self.scenarios.append(Scenario("ramp", ramp, self, raw.get("error")))

    def _own_name(self, name):
        """Packets that are spread over time are another load than frames in one burst."""
        return "broadcast-spread" if name == "broadcast" and self.conditions.get("pacing") == "spread" else name


class Report:
    """All runs, in the order of their start."""

    def __init__(self, documents):
        self.runs = sorted((Run(document) for document in documents), key=lambda run: run.started)

    @property
    def scenarios(self):
        return [scenario for run in self.runs for scenario in run.scenarios]

    def named(self, name):
        return [scenario for scenario in self.scenarios if scenario.name == name]

    @property
    def servers(self):
        """By id; what a later run says of a server that ran goes before what an earlier one says, and before a skip."""
        found = {}
        for run in self.runs:
            for key, server in run.servers.items():
                if key not in found or "skip" not in server:
                    found[key] = server
        return found
