"""Strips of a value, its interval and its limit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from reports.formats import visible

WIDTH, HEIGHT, MIDDLE, EDGE = 220.0, 26.0, 13.0, 8.0
_SHAPES: Mapping[str, str] = {
    "pass": '<circle class="value" cx="{x:.1f}" cy="13" r="5"/>',
    "fail": '<path class="value" d="M{x:.1f} 6l7 7l-7 7l-7 -7z"/>',
    "inconclusive": '<circle class="value open" cx="{x:.1f}" cy="13" r="5"/>',
}
_NEUTRAL = '<rect class="value" x="{x:.1f}" y="9" width="2" height="8"/>'


@dataclass(frozen=True, slots=True)
class Strip:
    """What a strip shows, all in the metric's unit."""

    value: float
    low: float | None
    """Lower bound; None: none."""
    high: float | None
    """Upper bound; None: none."""
    limit: float
    edge: float
    """The limit with its margin."""
    outcome: str
    """The verdict's: it decides shape and colour."""


def draw(strip: Strip, text: str) -> str:
    """Return the strip as SVG; ``text`` says it to a screen reader.

    The scale reaches from 0, or the least number, to the greatest number. The band lies between limit and margin.
    """
    ends = [strip.value, strip.limit, strip.edge, *_finite(strip.low, strip.high)]
    least, most = min(0.0, *ends), max(0.0, *ends)
    room = (most - least) * 0.04 or 1.0
    least, most = (least - room if least < 0 else 0.0), most + room

    def place(number: float | None, otherwise: float) -> float:
        if number is None or not math.isfinite(number):
            return otherwise
        return EDGE + (number - least) / (most - least) * (WIDTH - 2 * EDGE)

    limit, edge = place(strip.limit, 0.0), place(strip.edge, 0.0)
    low, high = place(strip.low, 0.0), place(strip.high, WIDTH)
    zero = place(0.0, 0.0)
    parts = [
        f'<line class="grid" x1="0" y1="{MIDDLE:g}" x2="{WIDTH:g}" y2="{MIDDLE:g}"/>',
        f'<line class="zero" x1="{zero:.1f}" y1="9" x2="{zero:.1f}" y2="17"/>',
        f'<rect class="margin" x="{min(limit, edge):.1f}" y="2" width="{abs(edge - limit):.1f}" height="22"/>',
        f'<line class="limit" x1="{limit:.1f}" y1="1" x2="{limit:.1f}" y2="25"/>',
        f'<line class="interval" x1="{low:.1f}" y1="{MIDDLE:g}" x2="{high:.1f}" y2="{MIDDLE:g}"/>',
        _SHAPES.get(strip.outcome, _NEUTRAL).format(x=place(strip.value, 0.0)),
    ]
    shown = escape(visible(text), quote=True)
    kind = strip.outcome.replace("_", "-")
    return (
        f'<svg class="strip {kind}" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{shown}">'
        f"{''.join(parts)}</svg>"
    )


def _finite(*numbers: float | None) -> list[float]:
    return [number for number in numbers if number is not None and math.isfinite(number)]
