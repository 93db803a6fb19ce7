#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps what only a machine keeps: the include matrix, the banned functions, the licence line.

    tools/check.py            everything; reports follow the errors
    tools/check.py --quiet    errors only (what the build runs)
    tools/check.py --docs     only: do the relative links in the documents lead somewhere, and does
                              docs/openapi.yaml have the routes of api/rest_*.c?

The rules are data, in tools/layers.txt. Errors end with exit status 1. Reported without failing:
files over 500 lines, functions over 50, public prototypes without a doc comment.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
C_FOLDERS = ("core", "transport", "mixer", "rooms", "api", "bench", "tests")
SPDX_FOLDERS = C_FOLDERS + ("web", "tools")
SKIPPED = {"node_modules", "output", "build", "__pycache__"}
SPDX = {
    ".c": ("/* SPDX-License-Identifier: Apache-2.0 */",),
    ".js": ("// SPDX-License-Identifier: Apache-2.0", "/* SPDX-License-Identifier: Apache-2.0 */"),
    ".py": ("# SPDX-License-Identifier: Apache-2.0",),
}
SPDX[".h"] = SPDX[".c"]
SPDX[".mjs"] = SPDX[".css"] = SPDX[".js"]
SPDX[".sh"] = SPDX[""] = SPDX[".py"]

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 50

TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)

errors = []
reports = []


def error(path, line, text):
    errors.append(f"{path}:{line}: {text}")


def report(path, line, text):
    reports.append(f"{path}:{line}: {text}")


# ---- the rules ------------------------------------------------------------------------------------


def read_rules():
    """Sections of layers.txt: name -> list of (left words, right words)."""
    sections, current = {}, None
    with open(os.path.join(ROOT, "tools/layers.txt"), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            if line.startswith("["):
                current = sections.setdefault(line.strip("[]"), [])
                continue
            left, colon, right = line.partition(":")
            if not colon or current is None:
                sys.exit(f"tools/layers.txt:{number}: expected 'what: where'")
            current.append((left.split(), right.split()))
    return sections


def pattern(word):
    return re.escape(word[:-1]) + (r"[\w./]*" if word.endswith("*") else re.escape(word[-1]))


class Rules:
    def __init__(self):
        sections = read_rules()
        self.layers = {left[0]: set(right) for left, right in sections["layers"]}
        self.headers = [
            (re.compile(pattern(left[0]) + "$"), right) for left, right in sections["headers"]
        ]
        # One expression finds every banned name; the table then says where it is at home.
        self.homes = {}
        calls, words = [], []
        for left, right in sections["functions"]:
            for name in left:
                self.homes[name] = right
                calls.append(pattern(name))
        for left, right in sections["words"]:
            for name in left:
                self.homes[name] = right
                words.append(pattern(name))
        self.banned = re.compile(
            r"(?<![\w.])(?<!->)(?:(%s)\s*\(|(%s)\b)" % ("|".join(calls), "|".join(words))
        )

    def home_of(self, name):
        if name in self.homes:
            return self.homes[name]
        return next(h for n, h in self.homes.items() if n[-1] == "*" and name.startswith(n[:-1]))


def at_home(path, homes):
    return any(
        path.startswith(home.rstrip("*")) if home[-1] in "/*" else path == home for home in homes
    )


def layer_of(path):
    if path.startswith("rooms/sfu/"):
        return "rooms/sfu"
    return path.split("/")[0]


# ---- one C file -----------------------------------------------------------------------------------


def blank(match):
    text = match.group()
    return "\n" * text.count("\n") if text[0] == "/" else text[0] * 2


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def check_includes(path, text, rules):
    layer = layer_of(path)
    allowed = rules.layers.get(layer)
    if allowed is None:
        error(path, 1, f"folder '{layer}' has no row in tools/layers.txt")
        return
    for match in INCLUDE.finditer(text):
        style, target = match.groups()
        line = line_of(text, match.start())
        first = target.split("/")[0]
        if first in C_FOLDERS and "/" in target:
            to = layer_of(target)
            if style == "<":
                error(path, line, f"<{target}>: our own headers are included with quotes")
            if to != layer and to not in allowed:
                error(path, line, f"{layer} may not include {to} ({target})")
            elif target.endswith("_internal.h") and to != layer and "internal" not in allowed:
                error(path, line, f"{target} is internal to {to}")
        elif style == '"':
            error(path, line, f'"{target}": write the path from the root of the repository')
        elif not path.startswith("tests/"):
            for expression, homes in rules.headers:
                if expression.match(target) and not at_home(path, homes):
                    where = "belongs to: " + " ".join(homes) if homes else "is banned everywhere"
                    error(path, line, f"<{target}> {where}")
                    break


def check_banned(path, code, rules):
    for match in rules.banned.finditer(code):
        name = match.group(1) or match.group(2)
        homes = rules.home_of(name)
        if not at_home(path, homes):
            where = "belongs to: " + " ".join(homes) if homes else "is banned everywhere"
            error(path, line_of(code, match.start()), f"{name} {where}")


def report_sizes(path, lines, code_lines):
    length = len(lines) - 1  # the last line ends with a newline
    if path.endswith(".c") and length > MAX_FILE_LINES:
        report(path, 1, f"{length} lines: do two concepts share the file?")
    start = None
    for number, line in enumerate(code_lines, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            if number - start - 1 > MAX_FUNCTION_LINES:
                report(path, start - 1, f"function of {number - start - 1} lines")
            start = None


def report_prototypes(path, lines, code_lines):
    """A prototype is documented by a comment above it (or above its block of lines) or behind it."""
    depth, start, statement, covered, continued = 0, None, "", False, False
    for number, line in enumerate(code_lines, 1):
        directive = continued or line.lstrip().startswith("#")
        continued = directive and line.rstrip().endswith("\\")
        if directive:
            continue
        if not lines[number - 1].strip():
            covered = False
        if lines[number - 1].rstrip().endswith("*/") and depth == 0:
            covered = True
        for char in line:
            if char == "{":
                depth += 1
            elif char == "}":
                depth -= 1
                start, statement = None, ""
            elif depth == 0 and char == ";":
                text = statement.strip()
                if re.search(r"\w\s*\([^()]*(\([^()]*\)[^()]*)*\)", text) and not re.match(
                    r"typedef\b|extern\s+const|_Static_assert", text
                ):
                    if not covered:
                        name = re.search(r"(\w+)\s*\(", re.sub(r"\b[A-Z_]+\s*\([^)]*\)", "", text))
                        report(path, start, f"{name.group(1) if name else text}: no doc comment")
                start, statement = None, ""
            elif depth == 0:
                if start is None and not char.isspace():
                    start = number
                statement += char
        statement += " "


def check_c(path, text, rules):
    code = TOKEN.sub(blank, text)
    uncommented = TOKEN.sub(lambda m: blank(m) if m.group()[0] == "/" else m.group(), text)
    check_includes(path, uncommented, rules)
    check_banned(path, code, rules)
    lines, code_lines = text.split("\n"), code.split("\n")
    report_sizes(path, lines, code_lines)
    public = path.endswith(".h") and not path.endswith("_internal.h")
    if public and not path.startswith(("tests/", "bench/")):
        report_prototypes(path, lines, code_lines)


# ---- all files ------------------------------------------------------------------------------------


def source_files():
    for name in ("main.c", "dev", ".ci/run"):
        if os.path.isfile(os.path.join(ROOT, name)):
            yield name
    for folder in SPDX_FOLDERS:
        for where, folders, names in os.walk(os.path.join(ROOT, folder)):
            folders[:] = sorted(f for f in folders if f not in SKIPPED)
            if os.path.relpath(where, ROOT).startswith("tests/fuzz/"):
                continue  # corpora
            for name in sorted(names):
                if os.path.splitext(name)[1] in SPDX and "." in name[1:] and name[0] != ".":
                    yield os.path.relpath(os.path.join(where, name), ROOT)


def check_spdx(path, text):
    lines = text.split("\n", 2)
    first = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
    wanted = SPDX[os.path.splitext(path)[1] if not path.startswith(".ci") else ""]
    if first.strip() not in wanted:
        error(path, 1, f"the first line must be: {wanted[0]}")


def check_links():
    for where, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in SKIPPED and f != ".git"]
        for name in names:
            if not name.endswith(".md"):
                continue
            path = os.path.join(where, name)
            with open(path, encoding="utf-8") as file:
                text = re.sub(r"```.*?```", lambda m: "\n" * m.group().count("\n"), file.read(), flags=re.S)
            for match in re.finditer(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)", text):
                if "://" in match.group(1) or match.group(1).startswith("mailto:"):
                    continue
                if not os.path.exists(os.path.join(where, match.group(1))):
                    line = line_of(text, match.start())
                    error(os.path.relpath(path, ROOT), line, f"{match.group(1)} does not exist")


def rest_routes():
    """(METHOD, path as openapi.yaml writes it) -> where, of the tables in api/rest_*.c."""
    routes = {}
    for name in sorted(os.listdir(os.path.join(ROOT, "api"))):
        if not re.fullmatch(r"rest\w*\.c", name):
            continue
        with open(os.path.join(ROOT, "api", name), encoding="utf-8") as file:
            text = file.read()
        prefixes = dict(re.findall(r'^#define (\w+) "(/[^"]*)"', text, re.M))
        for match in re.finditer(r'^ *\{HTTP_(\w+), (?:([A-Z]\w*) ?)?(?:"([^"]*)")?,', text, re.M):
            method, prefix, rest = match.groups(default="")
            path = re.sub(r":(\w+)", r"{\1}", prefixes.get(prefix, prefix) + rest)
            routes[method, path] = (f"api/{name}", line_of(text, match.start()))
    return routes


def check_routes():
    """docs/openapi.yaml and the tables say the same. Paths with no table (/metrics, /whip, /whep) are tested elsewhere."""
    routes, documented, path = rest_routes(), {}, None
    with open(os.path.join(ROOT, "docs/openapi.yaml"), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if match := re.match(r"  (/\S*):$", line):
                path = match.group(1)
            elif path and (match := re.match(r"    (get|post|put|patch|delete):$", line)):
                documented[match.group(1).upper(), path] = number
            elif not line.startswith(" "):
                path = None
    if not routes:
        error("tools/check.py", 1, "found no route in api/rest_*.c")
    for (method, path), (source, line) in routes.items():
        if (method, path) not in documented:
            error(source, line, f"{method} {path} is not in docs/openapi.yaml")
    for (method, path), line in documented.items():
        if path.startswith(("/v1/", "/healthz")) and (method, path) not in routes:
            error("docs/openapi.yaml", line, f"{method} {path} has no row in api/rest_*.c")


def main():
    if "--docs" in sys.argv:
        check_links()
        check_routes()
    else:
        rules = Rules()
        for path in source_files():
            with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                text = file.read()
            check_spdx(path, text)
            if path.endswith((".c", ".h")):
                check_c(path, text, rules)
    for line in errors:
        print(line, file=sys.stderr)
    if "--quiet" not in sys.argv:
        for line in reports:
            print(f"note: {line}")
        print(f"check: {len(errors)} errors, {len(reports)} notes")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
