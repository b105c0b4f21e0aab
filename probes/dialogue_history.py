"""History of dialogues: is it read, and does a wrong one mislead?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from auditor import metrics, text
from auditor.settings import CheckedSettings, Count
from auditor.text import turns
from auditor.types import (
    Audit,
    Case,
    Edit,
    Example,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Score,
    Skipped,
    Task,
)

HISTORY, TURN = "history", "turn"
"""The keys of the slices: what becomes of the history, and which turn of its dialogue is asked about."""
LEFT_OUT, FOREIGN = "left out", "of another dialogue"
SEVERAL = ((4, "5 to 8"), (8, "9 and later"))
"""Turns that are counted together: those after so many."""
NO_HISTORY = "no row with a label has a history"
NO_FOREIGN = "no second dialogue has a history"
DROP = "drop_with_another_history"
SWAYED = Metric(
    "swayed_rate", "right answers that the history of another dialogue makes wrong", "mean", "share", 0.0, 1.0, "lower"
)


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many rows are asked about."""

    examples: Count = 500
    """Rows of the home domain, at most."""


class DialogueHistory(ProbeDefaults):
    """What the turns before the last one do to the answer.

    *By turn*: quality on first turns, which have no history, on second turns and so on; how many there are is counted
    in the history as the row gives it. *Left out*: each row with a history is asked again without it. The gain says
    what the model makes of the history (Sankar et al. 2019, "Do neural dialog systems use the conversation history
    effectively?", perturb it likewise); a model that ignores it gains nothing and changes no answer. *Of another
    dialogue*: the history is exchanged for that of a row of another dialogue. Where the label hangs on the history the
    answer should change; so the rate of swayed answers counts those rows alone that are right without any history, and
    become wrong with another dialogue's.
    """

    name = "dialogue_history"
    limitation: str | None = "distribution"
    needs = frozenset({"dialogue"})
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Quality by turn and by history, gain, changed and swayed answers."""
        gain = metrics.change("history_gain", "gain by the history", metrics.before_after, "higher", ratio=task.ratio)
        drop = metrics.change(
            DROP, "loss by another dialogue's history", metrics.before_after, "lower", ratio=task.ratio
        )
        return (
            metrics.task_metric(task),
            _of(metrics.task_metric_before(task), (LEFT_OUT, FOREIGN)),
            _of(gain, (LEFT_OUT,)),
            _of(drop, (FOREIGN,)),
            _of(
                metrics.share(
                    "answers_changed_by_history", "answers that change", lambda judged: float(not judged.same)
                ),
                (LEFT_OUT, FOREIGN),
            ),
            SWAYED,
        )

    def planned(self, audit: Audit) -> Planned:
        """At most three cases for each row, one of them known already."""
        rows = len(audit.examples("home", audit.settings.examples))
        return Planned(3 * rows, exact=False, unchanged=rows)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield each row as it stands, without history, and with another's."""
        examples = [row for row in audit.examples("home", audit.settings.examples) if row.gold is not None]
        history = audit.task.fields[0]
        # In the order of the turns, as the page shows the slices in that of their first cases.
        for row in sorted(examples, key=lambda row: _number(row.inputs[history])):
            yield Case(row, {TURN: _turn(row.inputs[history])})
        own = [row for row in examples if row.inputs[history].strip()]
        for row in own:
            edits = {history: (Edit(0, len(text.words_of(row.inputs[history])), ()),)}
            yield Case(row, {HISTORY: LEFT_OUT}, edits, facts={"row": row.id})
        others = [row for row in audit.examples("home") if row.inputs[history].strip()]
        foreign = [case for row in own if (case := _exchanged(audit, row, others, history)) is not None]
        yield from foreign
        for slice_, made, reason in ((LEFT_OUT, own, NO_HISTORY), (FOREIGN, foreign, NO_FOREIGN)):
            if not made:
                # Rules wait for it: of such rows nobody knows whether the model reads a history.
                yield Skipped({HISTORY: slice_}, reason if own else NO_HISTORY)

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement]:
        """Yield the share of right answers that a wrong history changes."""
        del audit
        by_row: dict[str, dict[str, Judged]] = {}
        for judged in cases:
            if HISTORY in judged.slice:
                by_row.setdefault(str(judged.facts["row"]), {})[judged.slice[HISTORY]] = judged
        both = [(own[LEFT_OUT].after, own[FOREIGN]) for own in by_row.values() if len(own) == 2]
        scores = [
            (judged.cluster, Score(1.0 - judged.after.numerator, 1.0))
            for alone, judged in both
            if alone is not None and judged.after is not None and alone.numerator
        ]
        if scores:
            rows = metrics.summed(scores)
            measured = metrics.measurement(SWAYED, {HISTORY: FOREIGN}, rows, n_cases=len(scores))
            yield metrics.in_groups(measured, [cluster for cluster, _ in scores])

    def worth_showing(self, judged: Judged) -> bool:
        """Answers that another dialogue's history changes."""
        return judged.slice.get(HISTORY) == FOREIGN and not judged.same


def _number(history: str) -> int:
    """Return the number of the turn after the history, from 1."""
    return len(turns.turns_of(history)) + 1


def _turn(history: str) -> str:
    """Return which turn comes after the history, in words."""
    number = _number(history)
    return next((name for after, name in reversed(SEVERAL) if number > after), str(number))


def _exchanged(audit: Audit, row: Example, others: Sequence[Example], field: str) -> Case | None:
    """The row with the history of a row of another dialogue.

    None where there is no such row.
    """
    own = row.inputs[field]
    start = audit.rng("exchanged", row.id).randrange(len(others))
    for donor in (*others[start:], *others[:start]):
        if donor.cluster != row.cluster and donor.inputs[field] != own:
            put = text.split(donor.inputs[field])
            # One edit for all of it: words that both have in common are of no matter to a reader.
            edit = Edit(0, len(text.words_of(own)), tuple(put.words), tuple(put.separators[1:-1]))
            return Case(row, {HISTORY: FOREIGN}, {field: (edit,)}, facts={"row": row.id})
    return None


def _of(metric: Metric, histories: Sequence[str]) -> Metric:
    """The metric of the cases with one of these histories."""
    return metrics.only(metric, lambda judged: judged.slice.get(HISTORY) in histories)


PROBE = DialogueHistory()
