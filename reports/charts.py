"""Static SVG charts, readable on a phone.

They are 340 units wide. Colours and dashes come from the page's CSS classes (``m0``, ``m1``, … for the models in turn),
so charts follow dark mode and print. Each model also has its own shape. Every chart has a title and, as its
description, all of its numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from reports.chart_texts import described, sentences
from reports.formats import shortened, visible

WIDTH, LEFT, RIGHT = 340, 44, 12
SERIES = 4
"""Number of styles for models; further models reuse them in turn."""
LABEL = 48
"""Columns of a label."""
ROWS = 30
"""Maximum number of rows in a chart; longer ones appear only as a table."""


@dataclass(frozen=True, slots=True)
class Point:
    """A value with its interval, in the chart's unit.

    ``text`` says it in words.
    """

    value: float
    low: float
    high: float
    text: str


@dataclass(frozen=True, slots=True)
class Spot:
    """A point of a scatter chart, in the chart's units.

    ``best``: whether it is drawn filled.
    """

    x: float
    y: float
    best: bool
    text: str


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis with equal steps; ``ticks`` run from first to last."""

    ticks: tuple[float, ...]

    def place(self, value: float, start: float, end: float) -> float:
        """Map a value to a coordinate between ``start`` and ``end``.

        Values off the axis go to its nearest end.
        """
        first, last = self.ticks[0], self.ticks[-1]
        return start + (min(max(value, first), last) - first) / (last - first) * (end - start)


def axis(values: Sequence[float], *, zero: bool = True) -> Axis:
    """Return an axis around the finite values, with round ticks.

    There are three to seven ticks. With ``zero`` the axis includes 0.
    """
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low < 1e-9:
        high = low + 1.0
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(nice * power for nice in (1, 2, 2.5, 5, 10) if nice * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Axis(tuple(index * step for index in range(first, last + 1)))


def whiskers(
    ident: str,
    title: str,
    rows: Sequence[tuple[str, Sequence[Point | None]]],
    names: Sequence[str],
    *,
    unit: str,
    limit: float | None = None,
    edge: float | None = None,
    chance: float | None = None,
) -> str:
    """Draw a dot-and-whisker chart: rows of slices, a dot per model.

    Each dot has its interval; None means not measured. ``names``: the models, in the order of each row's points.
    ``limit``: drawn as a dashed line. ``edge``: the limit with its margin, drawn as a dotted line. ``chance``: what
    guessing gives, drawn as a dashed line; the axis then need not reach 0.
    """
    points = [point for _, row in rows for point in row if point is not None]
    given = (("limit", limit), ("edge", edge), ("chance", chance))
    lines = {name: value for name, value in given if value is not None}
    ends = [end for point in points for end in (point.low, point.high)]
    scale = axis([*ends, *lines.values()], zero=chance is None)
    start, end = 14.0, float(WIDTH - RIGHT)
    parts, top = [], 8.0
    for label, row in rows:
        parts.append(_text(0, top + 10, label, "label"))
        lanes = [(lane, point) for lane, point in enumerate(row) if point is not None]
        for order, (lane, point) in enumerate(lanes):
            y = top + 20 + 12 * order
            x, low, high = (scale.place(edge, start, end) for edge in (point.value, point.low, point.high))
            parts.append(_whisker(lane, (low, y), (high, y)) + _dot(lane, x, y))
        top += 22 + 12 * max(len(lanes), 1)
    grid = list(_grid_across(scale, start, end, top, unit))
    for name, value in lines.items():
        x = scale.place(value, start, end)
        grid.append(f'<line class="{name}" x1="{x:.1f}" y1="4" x2="{x:.1f}" y2="{top:.1f}"/>')
    return _svg(ident, title, _described(rows, names, lines, unit), top + 22, [*grid, *parts])


def curve(
    ident: str,
    title: str,
    steps: Sequence[tuple[str, Sequence[Point | None]]],
    names: Sequence[str],
    *,
    unit: str,
    scale: Axis,
    limit: tuple[Sequence[str], float] | None = None,
    edge: float | None = None,
    chance: float | None = None,
) -> str:
    """Draw a line for each model over the steps.

    Steps are severities or numbers of labels; each point has its interval. ``scale`` is a parameter so that panels side
    by side share it. ``limit``: steps and value of a rule's limit. ``edge``: the limit with its margin. ``chance``:
    what guessing gives, drawn as a dashed line.
    """
    top, bottom = 10.0, 150.0
    room = (WIDTH - RIGHT - LEFT) / max(len(steps), 1)
    parts = list(_grid_along(scale, top, bottom, unit))
    lines = {} if limit is None else {"limit": limit[1]} | ({} if edge is None else {"edge": edge})
    if chance is not None:
        y = scale.place(chance, bottom, top)
        parts.append(f'<line class="chance" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
    for index, (label, _) in enumerate(steps):
        parts.append(_text(LEFT + room * (index + 0.5), bottom + 16, label, "tick", "middle"))
        x1, x2 = LEFT + room * (index + 0.1), LEFT + room * (index + 0.9)
        for name, value in lines.items() if limit is not None and label in limit[0] else ():
            y = scale.place(value, bottom, top)
            parts.append(f'<line class="{name}" x1="{x1:.1f}" y1="{y:.1f}" x2="{x2:.1f}" y2="{y:.1f}"/>')
    for lane in range(len(names)):
        line = []
        for index, (_, row) in enumerate(steps):
            point = row[lane]
            if point is None:
                continue
            x = LEFT + room * (index + 0.5) + 7 * (lane - (len(names) - 1) / 2)
            y, low, high = (scale.place(edge, bottom, top) for edge in (point.value, point.low, point.high))
            line.append(f"{x:.1f},{y:.1f}")
            parts.append(_whisker(lane, (x, low), (x, high)) + _dot(lane, x, y))
        if len(line) > 1:
            parts.append(f'<polyline class="line m{lane % SERIES}" points="{" ".join(line)}"/>')
    said = lines if chance is None else {**lines, "chance": chance}
    return _svg(ident, title, _described(steps, names, said, unit), bottom + 24, parts)


def scatter(ident: str, title: str, spots: Sequence[Spot], *, across: str, along: str) -> str:
    """Draw numbered dots, starting at 1; a line joins the filled ones.

    ``across`` and ``along``: labels of the horizontal and the vertical axis.
    """
    top, bottom, start, end = 24.0, 190.0, float(LEFT), float(WIDTH - RIGHT)
    x_axis, y_axis = (axis(values, zero=False) for values in ([spot.x for spot in spots], [spot.y for spot in spots]))
    parts = [_text(0, 12, along, "label"), *_grid_along(y_axis, top, bottom, "")]
    for tick in x_axis.ticks:
        parts.append(_text(x_axis.place(tick, start, end), bottom + 16, _tick(tick), "tick", "middle"))
    parts.append(_text(end, bottom + 34, across, "label", "end"))
    placed = [(x_axis.place(spot.x, start, end), y_axis.place(spot.y, bottom, top), spot.best) for spot in spots]
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y, best in sorted(placed) if best)
    parts.append(f'<polyline class="line m0" points="{joined}"/>')
    for number, (x, y, best) in enumerate(placed, start=1):
        parts.append(f'<circle class="{"dot" if best else "ring"} m0" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
        side, anchor = (-7, "end") if x > end - 24 else (7, "start")
        parts.append(_text(x + side, y - 4, str(number), "tick", anchor))
    return _svg(ident, title, sentences([spot.text for spot in spots]), bottom + 42, parts)


def diagonal(
    ident: str, title: str, series: Sequence[Sequence[tuple[float, Point]]], *, across: str, along: str
) -> str:
    """Draw a model's points, with intervals, against the line of equals.

    ``series``: the points of each model, each with its place across; both axes have one scale. ``across`` and
    ``along``: labels of the horizontal and the vertical axis.
    """
    top, bottom, start, end = 24.0, 234.0, float(LEFT), float(WIDTH - RIGHT)
    scale = axis([edge for points in series for x, own in points for edge in (x, own.low, own.high)], zero=False)
    parts = [_text(0, 12, along, "label"), *_grid_along(scale, top, bottom, "")]
    for tick in scale.ticks:
        parts.append(_text(scale.place(tick, start, end), bottom + 16, _tick(tick), "tick", "middle"))
    parts.append(_text(end, bottom + 34, across, "label", "end"))
    parts.append(f'<line class="zero" x1="{start:.1f}" y1="{bottom:.1f}" x2="{end:.1f}" y2="{top:.1f}"/>')
    for lane, points in enumerate(series):
        for place, own in points:
            x = scale.place(place, start, end)
            y, low, high = (scale.place(edge, bottom, top) for edge in (own.value, own.low, own.high))
            parts.append(_whisker(lane, (x, low), (x, high)) + _dot(lane, x, y))
    description = sentences([own.text for points in series for _, own in points])
    return _svg(ident, title, description, bottom + 42, parts)


def _grid_across(scale: Axis, start: float, end: float, bottom: float, unit: str) -> Iterator[str]:
    for index, tick in enumerate(scale.ticks):
        x = scale.place(tick, start, end)
        yield f'<line class="{_grid_class(tick)}" x1="{x:.1f}" y1="4" x2="{x:.1f}" y2="{bottom:.1f}"/>'
        last = index == len(scale.ticks) - 1
        yield _text(x, bottom + 15, _tick(tick) + (f" {unit}" if last else ""), "tick", "end" if last else "middle")


def _grid_along(scale: Axis, top: float, bottom: float, unit: str) -> Iterator[str]:
    for index, tick in enumerate(scale.ticks):
        y = scale.place(tick, bottom, top)
        yield f'<line class="{_grid_class(tick)}" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        suffix = f" {unit}" if index == len(scale.ticks) - 1 and len(unit) < 3 else ""
        yield _text(LEFT - 6, y + 4, _tick(tick) + suffix, "tick", "end")


def _grid_class(tick: float) -> str:
    return "zero" if abs(tick) < 1e-9 else "grid"


def _tick(value: float) -> str:
    return f"{0.0 if abs(value) < 1e-9 else value:.6g}".replace("-", "−")


def _whisker(lane: int, start: tuple[float, float], end: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line class="whisker m{lane % SERIES}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _dot(lane: int, x: float, y: float) -> str:
    kind = f'class="dot m{lane % SERIES}"'
    if lane % 2 == 0:
        return f'<circle {kind} cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    return f'<rect {kind} x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7"/>'


def key(name: str, lane: int) -> str:
    """Return a model's mark for the legend, with its name.

    Screen readers skip the mark.
    """
    dot = _dot(lane, 8, 8)
    return f'<svg class="key" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">{dot}</svg>{_safe(name)}'


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    shown = _safe(shortened(text, LABEL))
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{shown}</text>'


def _safe(text: str) -> str:
    return escape(visible(text))


def _described(
    rows: Sequence[tuple[str, Sequence[Point | None]]], names: Sequence[str], lines: Mapping[str, float], unit: str
) -> str:
    texts = [(label, [None if point is None else point.text for point in row]) for label, row in rows]
    return described(texts, names, {name: _tick(value) for name, value in lines.items()}, unit)


def _svg(ident: str, title: str, description: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-labelledby="{ident}-title {ident}-desc">'
        f'<title id="{ident}-title">{_safe(title)}</title><desc id="{ident}-desc">{_safe(description)}</desc>'
        f"{''.join(parts)}</svg>"
    )
