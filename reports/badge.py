"""The decision as a badge: SVG without script, font or link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from auditor.types import Regression
from reports.checks import decision_words, exit_code

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="audit: '
"""How every file begins."""
LABEL = "audit"
COLOURS = {0: "#17653a", 1: "#a3201b", 2: "#a3201b", 3: "#7a4d00"}
"""Exit code → background of the decision; white text on each has a contrast of at least 4.5 (WCAG AA)."""
GREY, WHITE = "#444c56", "#ffffff"
LETTER, PADDING, HEIGHT = 7, 10, 20
"""Pixels: about the widest of a letter at 11 px, on either side of a text, and of the badge."""


def render(results: Mapping[str, Any], regressions: Sequence[Regression] | None = None) -> str:
    """Render the decision in words, with a title for screen readers."""
    said = escape(decision_words(results, regressions), {'"': "&quot;"})
    left, right = (len(text) * LETTER + 2 * PADDING for text in (LABEL, said))
    colour = COLOURS[exit_code(results, regressions)]
    font = 'font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle"'
    return (
        f'{HEAD}{said}" width="{left + right}" height="{HEIGHT}">\n'
        f"<title>{LABEL}: {said}</title>\n"
        f'<rect width="{left}" height="{HEIGHT}" fill="{GREY}"/>\n'
        f'<rect x="{left}" width="{right}" height="{HEIGHT}" fill="{colour}"/>\n'
        f'<g fill="{WHITE}" {font}>\n'
        f'<text x="{left / 2:g}" y="14">{LABEL}</text>\n'
        f'<text x="{left + right / 2:g}" y="14">{said}</text>\n'
        "</g>\n</svg>\n"
    )
