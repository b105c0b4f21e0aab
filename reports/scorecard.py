"""The scorecard: one self-contained HTML page, a pure function of the results and of what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports import view
from reports.formats import visible
from reports.lookup import NO_STEPS

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")


def render(results: Mapping[str, Any], next_steps: Mapping[int, str] = NO_STEPS) -> str:
    """The page of a results file that keeps the schema: the same arguments, the same bytes. Reads nothing else.

    ``next_steps``: place of a failed verdict → what to do about it (``auditor.advice.next_steps``).

    Every text is escaped, and its invisible characters are spelt out.
    """
    return environment().get_template("scorecard.html.j2").render(view.build(results, next_steps))


def environment() -> Environment:
    """Templates that escape every text, spell out its invisible characters and refuse unknown names."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _shown(value: Any) -> Any:
    """Plain text with its invisible characters spelt out; markup of our own (charts) as it is."""
    return visible(value) if type(value) is str else value
