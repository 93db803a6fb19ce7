# SPDX-License-Identifier: Apache-2.0
"""Line and range plots as SVG text. Colours are CSS variables, so that a page or the file itself gives them for light and dark."""
import html
import math

WIDTH = 460
LEFT, RIGHT, BOTTOM = 54, 14, 40
PLOT_HEIGHT = 210
LEGEND_LINE = 18

# Told apart without seeing colours, too.
SHAPES = ("circle", "square", "triangle", "diamond")

STYLE = """
.plot{font:12px system-ui,-apple-system,"Segoe UI",sans-serif}
.plot text{fill:var(--muted)}
.plot .name{fill:var(--ink)}
.plot .grid{stroke:var(--line);stroke-width:1}
.plot .axis{stroke:var(--muted);stroke-width:1}
.plot .aim{stroke:var(--aim);stroke-width:1.5;stroke-dasharray:2 3}
.plot text.aim{stroke:none;fill:var(--aim)}
.plot path.run{fill:none;stroke-width:2;stroke-linejoin:round}
.plot .dashed{stroke-dasharray:6 4}
.plot .s0{stroke:var(--s0);fill:var(--s0)}.plot .s1{stroke:var(--s1);fill:var(--s1)}
.plot .s2{stroke:var(--s2);fill:var(--s2)}.plot .s3{stroke:var(--s3);fill:var(--s3)}
.plot .s4{stroke:var(--s4);fill:var(--s4)}.plot .s5{stroke:var(--s5);fill:var(--s5)}
.plot path.run{fill:none}
.plot .hollow{fill:var(--paper)}
.plot .spread{stroke-width:1.5}
"""
LIGHT = "--paper:#fff;--ink:#1b1f24;--muted:#57606a;--line:#e4e7eb;--aim:#8250df;--s0:#0b6bcb;--s1:#c2570c;--s2:#0a7f5c;--s3:#a8328f;--s4:#6b7280;--s5:#8a6d00"
DARK = "--paper:#14181d;--ink:#e8ebef;--muted:#9aa4b0;--line:#2a3038;--aim:#b794f6;--s0:#5aaeff;--s1:#f59a4a;--s2:#3fcf9f;--s3:#f08bd6;--s4:#9aa4b0;--s5:#e0c350"


class Series:
    """Points are (x, y, low, high, note); low and high may be None; a hollow point did not count."""

    def __init__(self, name, color, points, dashed=False, marks=True, hollow=()):
        self.name = name
        self.color = color
        self.points = sorted(points)
        self.dashed = dashed
        self.marks = marks
        self.hollow = sorted(hollow)


def standalone(svg):
    """For a file of its own."""
    style = f"<style>svg{{{LIGHT};background:var(--paper)}}@media(prefers-color-scheme:dark){{svg{{{DARK}}}}}{STYLE}</style>"
    return svg.replace(">", f">{style}", 1) + "\n"


class Scale:
    """Values to pixels, and the ticks."""

    def __init__(self, values, start, end, log=False, zero=False):
        low, high = min(values), max(values)
        self.log = log and low > 0
        if self.log:
            self.ticks = _log_ticks(low, high)
        else:
            self.ticks = _ticks(0 if zero else low, high)
        self.low = min(self.ticks[0], low)
        self.high = max(self.ticks[-1], high)
        if self.low == self.high:
            self.high = self.low + 1
        self.start, self.end = start, end

    def at(self, value):
        if self.log:
            value = max(value, self.low)
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def _ticks(low, high, count=5):
    if high <= low:
        high = low + (abs(low) or 1)
    raw = (high - low) / count
    size = 10 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw * 0.999)
    first = math.floor(low / step)
    return [round(index * step, 10) for index in range(first, math.ceil(high / step - 1e-9) + 1)]


def _log_ticks(low, high):
    """1, 2, 5 of every decade from the last one below to the first one above; decades alone where these would be many."""
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    fine = [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
    start = max(tick for tick in fine if tick <= low * 1.001)
    end = min(tick for tick in fine if tick >= high * 0.999 and tick > start)
    ticks = [tick for tick in fine if start <= tick <= end]
    if len(ticks) > 9:
        ticks = [tick for tick in ticks if tick in (start, end) or f"{tick:e}".startswith("1")]
    return ticks


def _short(value):
    if value and abs(value) >= 1e6:
        return f"{value / 1e6:g}M"
    if value and abs(value) >= 10000:
        return f"{value / 1e3:g}k"
    return f"{round(value, 6):g}"


def _mark(shape, x, y, cls, note):
    title = f"<title>{html.escape(note)}</title>" if note else ""
    if shape == "circle":
        return f'<circle class="{cls}" cx="{x}" cy="{y}" r="4">{title}</circle>'
    points = {
        "square": ((-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)),
        "triangle": ((0, -4.8), (4.6, 3.6), (-4.6, 3.6)),
        "diamond": ((0, -5), (5, 0), (0, 5), (-5, 0)),
    }[shape]
    text = " ".join(f"{round(x + dx, 1)},{round(y + dy, 1)}" for dx, dy in points)
    return f'<polygon class="{cls}" points="{text}">{title}</polygon>'


def _legend(series):
    """Names in lines that fit; returns the parts and the height that they take."""
    parts, x, y = [], 8, 14
    for one in series:
        width = 34 + 6.4 * len(one.name)
        if x > 8 and x + width > WIDTH:
            x, y = 8, y + LEGEND_LINE
        dash = " dashed" if one.dashed else ""
        parts.append(f'<path class="run s{one.color}{dash}" d="M{x} {y - 4}h22"/>')
        if one.marks:
            parts.append(_mark(SHAPES[one.color % len(SHAPES)], x + 11, y - 4, f"s{one.color}", ""))
        parts.append(f'<text class="name" x="{x + 27}" y="{y}">{html.escape(one.name)}</text>')
        x += width
    return parts, y + 16


def _frame(title, height, parts):
    return (f'<svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'aria-label="{html.escape(title, quote=True)}">' + "".join(parts) + "</svg>")


def line_plot(title, series, x_label, y_label, x_log=False, y_log=False, aim=None, x_values=None):
    """series over a quantity; aim is (value, words); x_values are the only ticks of x when given."""
    series = [one for one in series if one.points or one.hollow]
    drawn = [point for one in series for point in one.points + one.hollow]
    if not drawn:
        return None
    parts, top = _legend(series)
    bottom = top + PLOT_HEIGHT
    highs = [value for _, y, low, high, _ in drawn for value in (y, low, high) if value is not None]
    x = Scale([point[0] for point in drawn], LEFT, WIDTH - RIGHT, log=x_log)
    y = Scale(highs + ([aim[0] * 0.8 if y_log else aim[0]] if aim else []), bottom, top, log=y_log, zero=not y_log)
    if y.log:
        y_label += " (log)"
    if x_values:
        x.ticks = x_values
        x.low, x.high = min(x_values), max(x_values)
        pad = (x.end - x.start) * 0.04
        x.start, x.end = x.start + pad, x.end - pad
        if x.low == x.high:
            x.low, x.high = (x.low / 2, x.high * 2) if x.log else (x.low - 1, x.high + 1)
    for tick in y.ticks:
        at = y.at(tick)
        parts.append(f'<path class="grid" d="M{LEFT} {at}H{WIDTH - RIGHT}"/><text x="{LEFT - 6}" y="{at + 4}" text-anchor="end">{_short(tick)}</text>')
    last = -1e9
    for tick in x.ticks:
        at = x.at(tick)
        if at - last < 34:
            continue
        last = at
        parts.append(f'<path class="axis" d="M{at} {bottom}v4"/><text x="{at}" y="{bottom + 17}" text-anchor="middle">{_short(tick)}</text>')
    parts.append(f'<path class="axis" d="M{LEFT} {bottom}H{WIDTH - RIGHT}"/>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{bottom + 34}" text-anchor="middle">{html.escape(x_label)}</text>')
    parts.append(f'<text transform="translate(12 {(top + bottom) / 2}) rotate(-90)" text-anchor="middle">{html.escape(y_label)}</text>')
    if aim:
        at = y.at(aim[0])
        parts.append(f'<path class="aim" d="M{LEFT} {at}H{WIDTH - RIGHT}"/><text class="aim" x="{WIDTH - RIGHT}" y="{at - 5}" text-anchor="end">{html.escape(aim[1])}</text>')
    for one in series:
        parts += _draw(one, x, y)
    return _frame(title, bottom + BOTTOM, parts)


def _draw(one, x, y):
    cls = f"s{one.color}"
    shape = SHAPES[one.color % len(SHAPES)]
    parts = []
    if len(one.points) > 1:
        path = "L".join(f"{x.at(px)} {y.at(py)}" for px, py, *_ in one.points)
        parts.append(f'<path class="run {cls}{" dashed" if one.dashed else ""}" d="M{path}"/>')
    for px, py, low, high, note in one.points:
        if low is not None and high is not None and high > low:
            parts.append(f'<path class="spread {cls}" d="M{x.at(px)} {y.at(low)}V{y.at(high)}"/>')
        if one.marks or len(one.points) == 1:
            parts.append(_mark(shape, x.at(px), y.at(py), cls, note))
    for px, py, _, _, note in one.hollow:
        parts.append(_mark(shape, x.at(px), y.at(py), f"{cls} hollow", note))
    return parts


def range_plot(title, rows, x_label, aim=None):
    """rows of (name, color, low, high, note): a bar from the median to the 95th percentile each."""
    if not rows:
        return None
    left = min(200, 20 + 6.6 * max(len(name) for name, *_ in rows))
    height = 26 * len(rows)
    top, bottom = 20, 20 + height
    x = Scale([value for _, _, low, high, _ in rows for value in (low, high)] + ([aim[0]] if aim else []), left, WIDTH - RIGHT - 8, zero=True)
    parts = []
    for tick in x.ticks:
        at = x.at(tick)
        parts.append(f'<path class="grid" d="M{at} {top}V{bottom}"/><text x="{at}" y="{bottom + 17}" text-anchor="middle">{_short(tick)}</text>')
    for index, (name, color, low, high, note) in enumerate(rows):
        y = top + 26 * index + 13
        shape = SHAPES[color % len(SHAPES)]
        parts.append(f'<text class="name" x="{left - 10}" y="{y + 4}" text-anchor="end">{html.escape(name)}</text>')
        parts.append(f'<path class="spread s{color}" style="stroke-width:4" d="M{x.at(low)} {y}H{x.at(high)}"/>')
        parts.append(_mark(shape, x.at(low), y, f"s{color} hollow", note))
        parts.append(_mark(shape, x.at(high), y, f"s{color}", note))
    if aim:
        at = x.at(aim[0])
        parts.append(f'<path class="aim" d="M{at} {top}V{bottom}"/><text class="aim" x="{at}" y="{top - 6}" text-anchor="middle">{html.escape(aim[1])}</text>')
    parts.append(f'<text x="{(left + WIDTH - RIGHT) / 2}" y="{bottom + 34}" text-anchor="middle">{html.escape(x_label)}</text>')
    return _frame(title, bottom + BOTTOM, parts)
