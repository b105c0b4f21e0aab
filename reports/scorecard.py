"""The scorecard: one self-contained HTML page.

It is a pure function of the results, the next steps, what the models' answers took, and what a reviewer says of labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.types import LabelReview, Regression, RunningCost
from reports import view
from reports.formats import visible
from reports.lookup import NO_STEPS
from reports.running_cost import NO_COSTS
from reports.words import ENGLISH, say, speaking, spoken

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).with_name("templates")


def render(
    results: Mapping[str, Any],
    next_steps: Mapping[int, str] = NO_STEPS,
    costs: Mapping[str, RunningCost] = NO_COSTS,
    regressions: Sequence[Regression] = (),
    review: LabelReview | None = None,
    language: str = ENGLISH,
) -> str:
    """Render the page of a results file that conforms to the schema.

    The same arguments give the same bytes; nothing else is read. Every text is escaped, and its invisible characters
    are spelled out. ``next_steps``: position of a failed verdict → what to do about it
    (``auditor.verdicts.advice.next_steps``). ``costs``: model → what its answers took (``timings.json``).
    ``regressions``: the metrics against those of the last release. ``review``: what a reviewer says of labels under
    change (``label_review.json``). ``language``: code of a language that has words (``reports.words.languages``).
    """
    with speaking(language):
        shown = view.build(results, next_steps, costs, regressions, review)
        return environment().get_template("scorecard.html.j2").render(shown)


def environment() -> Environment:
    """Return the template environment.

    Templates escape every text, spell out its invisible characters, and refuse unknown names.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals.update(say=_said, say_counted=_said_counted, language=spoken())
    return made


def _said(text: str, /, **values: object) -> Markup:
    """Say a template's text, which may hold markup; escape its values."""
    from markupsafe import Markup

    return Markup(say(text, **{name: _escaped(value) for name, value in values.items()}))


def _said_counted(singular: str, plural: str, n: int, /, **values: object) -> Markup:
    return _said(singular if n == 1 else plural, n=n, **values)


def _escaped(value: object) -> object:
    from markupsafe import escape

    return escape(_shown(value))


def _shown(value: Any) -> Any:
    """Spell out invisible characters of plain text; keep our own markup."""
    return visible(value) if type(value) is str else value
