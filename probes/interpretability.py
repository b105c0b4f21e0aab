"""Interpretability: are explanations by words faithful and stable?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, MinLen

from auditor import languages, text
from auditor.errors import AuditError, ConfigError, near_or_known
from auditor.settings import CheckedSettings, Count, DataColumn, Share, check
from auditor.types import (
    HOME,
    Audit,
    Case,
    Judged,
    Measurement,
    Metric,
    Model,
    Planned,
    ProbeDefaults,
    Skipped,
    Slice,
    Task,
    TrainedModel,
    WeightedText,
    gives_label_scores,
)
from probes import _faithfulness
from probes._attributions import FEWEST, Explained, Weights, explained, integrated_gradients, keeping, leave_one_out
from probes._explanation_measures import METRICS, Of, correlations, faithful, plausible, read, shown
from probes._word_changes import CHANGES, SYNONYMS, TYPOS, WordChange, changed

LEAVE_ONE_OUT, GRADIENTS = "leave-one-out", "integrated-gradients"
METHODS = (LEAVE_ONE_OUT, GRADIENTS)
REFUSED = frozenset(
    {"gradient-x-input", "gradient × input", "gradient x input", "gradient * input", "input-x-gradient"}
)
"""Spellings of gradient × input."""
NOT_FAITHFUL = (
    "gradient × input is no explanation: on 60 reviews its ranking of the words was not told apart from a random one "
    "(gain in comprehensiveness 0.04 ± 0.05; that of leave-one-out is 0.35 ± 0.05)"
)
NO_DECISION = "the task gives texts no label with probabilities, and no words"
NOT_OF_WORDS = f"integrated gradients explain labels of texts, not tags of words: method = {LEAVE_ONE_OUT!r} does"
NO_SEED = "no checkpoint of another seed, of the same recipe, base and rows, stands beside it (audit train --seeds 2)"


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Which answers are explained, and how."""

    examples: Count = 60
    """Rows of the home domain, at most."""
    words: Annotated[int, Ge(FEWEST)] = 100
    """Words of a text that are read: a longer text is explained as if it ended there."""
    method: str = LEAVE_ONE_OUT
    """leave-one-out, for every model; or integrated-gradients, for labels of texts by models that run in torch."""
    steps: Count = 20
    """Points of the path of integrated gradients."""
    shares: Annotated[tuple[Share, ...], MinLen(1)] = (0.1, 0.2, 0.5)
    """Shares of the words that are taken out, or stay alone."""
    draws: Count = 3
    """Random rankings of each text."""
    stable: Count = 20
    """Texts whose weights are compared with those of another seed, at most; half as many with those under typos, and
    as many under synonyms: the first that keep their answer."""
    typos: Share = 0.1
    """Share of a text's words that have typos."""
    synonyms: Share = 0.1
    """Share of a text's words that have a synonym of WordNet in their place."""
    marked: DataColumn | None = None
    """Column of the test file with the words of the text that a person finds decisive, separated by blanks."""
    shown: Annotated[int, Ge(0)] = 10
    """Texts that the page shows with their words shaded."""

    def __post_init__(self) -> None:
        check(self)
        if self.method.casefold() in REFUSED:
            raise ConfigError(NOT_FAITHFUL, hint=f"method = {LEAVE_ONE_OUT!r} or {GRADIENTS!r}")
        if self.method not in METHODS:
            raise ConfigError(f"method = {self.method!r} is not known", hint=near_or_known(self.method, METHODS))


class Interpretability(ProbeDefaults):
    """Whether weights of words say what an answer rests on.

    A word's weight is the probability of the answer less that of the same answer to the text without the word. Words
    are taken out, with the white space after them; no mask token takes their place, as not every model has one, and a
    fine-tuned one has never seen it. Integrated gradients (Sundararajan et al. 2017) are a setting. Of named entities
    the tags of a sentence's first entity are explained by the other words. Faithful: comprehensiveness is what the
    answer loses without the words that weigh most, sufficiency what it loses with these alone (ERASER, DeYoung et al.
    2020), each as a gain over random rankings of the same text. Stable: Spearman's rank correlation with the weights
    under typos, under synonyms of WordNet, and with those of another seed's checkpoint, where the answer is the same; a
    changed word is compared with the one in its place. Plausible: the average precision of words that a person marked,
    where a column has them and the answer is right. Compare no models by these numbers: how far each can go differs
    between models (Edin et al. 2024). A long text is explained as if it ended after its first words. Descriptive: no
    limit reads it.
    """

    name = "interpretability"
    limitation: str | None = "interpretability"
    scope = "candidate"
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Gains over random rankings, losses, correlations and precisions."""
        del task
        return tuple(METRICS.values())

    def planned(self, audit: Audit) -> Planned:
        """One case for each row, whose answer is known, and many queries."""
        settings: Settings = audit.settings
        rows = audit.examples(HOME, settings.examples)
        fields = audit.task.fields
        words = sorted(
            sum(min(len(text.words_of(row.inputs[field])), settings.words) for field in fields) for row in rows
        )

        def weighing(lengths: Sequence[int]) -> int:
            return settings.steps * len(lengths) if settings.method == GRADIENTS else sum(lengths)

        kept = 2 * len(settings.shares) * (1 + settings.draws) * len(rows)
        # Nobody knows yet which texts keep their answer: they may be the longest.
        stable, half = words[-settings.stable :], words[-max(settings.stable // 2, 1) :]
        kinds = sum(change.lacking(audit) is None for change in CHANGES)
        again = (kinds + 1) * len(stable) + kinds * weighing(half) + weighing(stable)
        return Planned(len(rows), unchanged=len(rows), queries=len(rows) + weighing(words) + kept + again)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the home rows as they stand."""
        for example in audit.examples(HOME, audit.settings.examples):
            yield Case(example, slice={}, facts={"row": example.id})

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped | WeightedText]:
        """Weigh the words, and yield how faithful, stable and plausible that is."""
        settings: Settings = audit.settings
        judged = {str(case.facts["row"]): case for case in cases}
        reason = _unserved(audit)
        if reason is not None:
            yield Skipped({}, reason, applies=False)
            return
        rows = [row for row in audit.examples(HOME) if row.id in judged]
        texts = explained(audit, rows, settings.words)
        weighed = _weighed(audit, texts)
        if isinstance(weighed, str):
            yield Skipped({}, weighed)
            return
        own = [
            Of(each, weights, judged[each.example.id])
            for each, weights in zip(texts, weighed, strict=True)
            if weights is not None
        ]
        if not own:
            what = "in which the model names an entity" if "labelled_spans" in audit.task.offers else "has an answer"
            yield Skipped({}, f"no text of {FEWEST} words or more {what}", applies=False)
            return
        rankings = [
            _faithfulness.orders(audit.rng("order", each.text.example.id), len(each.weights), settings.draws)
            for each in own
        ]
        yield read(own, len(rows), settings.words)
        yield from faithful(audit, own, rankings, settings.shares)
        stable = own[: settings.stable]
        yield _under(audit, stable, TYPOS, settings.typos)
        yield _under(audit, stable, SYNONYMS, settings.synonyms)
        yield _of_another_seed(audit, stable)
        yield from plausible(audit, own, rankings, settings.marked)
        yield from shown(audit, own[: settings.shown])

    def worth_showing(self, judged: Judged) -> bool:
        """None: the texts with shaded words are shown."""
        del judged
        return False


def _unserved(audit: Audit) -> str | None:
    """Why the answers cannot be explained; None where they can."""
    offers, language = audit.task.offers, languages.of(audit.language)
    if gives_label_scores(audit.task):
        apart = f"words are left out one by one, and no blanks stand between those of {language.name}"
        return None if language.spaced else apart
    if "labelled_spans" not in offers:
        return NO_DECISION
    return NOT_OF_WORDS if audit.settings.method == GRADIENTS else None


def _weighed(audit: Audit, texts: Sequence[Explained], model: Model | None = None) -> list[Weights | None] | str:
    """Return weights by the method, or why there are none."""
    if audit.settings.method == GRADIENTS:
        return integrated_gradients(audit, texts, audit.settings.steps, model)
    return leave_one_out(audit, texts, model)


def _under(audit: Audit, own: Sequence[Of], change: WordChange, share: float) -> Measurement | Skipped:
    """Compare the weights with those of changed texts.

    Of the texts that keep their answer the first are weighed: half of ``stable``.
    """
    lacking = change.lacking(audit)
    if lacking is not None:
        return Skipped(change.slice, lacking, applies=change.unsuited(audit) is None)
    pairs = [(each, again) for each in own if (again := changed(audit, each.text, change, share)) is not None]
    if not pairs:
        return Skipped(change.slice, f"no text has {change.wanted}", applies=False)
    most = max(audit.settings.stable // 2, 1)
    return _compared(audit, change.slice, [each for each, _ in pairs], [again for _, again in pairs], most)


def _of_another_seed(audit: Audit, own: Sequence[Of]) -> Measurement | Skipped:
    slice_ = {"against": "another seed"}
    neighbour = _neighbour(audit.checkpoints)
    if neighbour is None:
        return Skipped(slice_, NO_SEED, applies=False)
    try:
        model = neighbour.load()
    except AuditError as error:
        return Skipped(slice_, error.line)
    return _compared(audit, slice_, own, [each.text for each in own], len(own), model, f"seed {neighbour.seed}, ")


def _neighbour(checkpoints: Sequence[TrainedModel]) -> TrainedModel | None:
    """Return the first checkpoint of the audited one's recipe with another seed."""
    audited = next((trained for trained in checkpoints if trained.audited), None)
    alike = [each for each in checkpoints if audited and each.recipe == audited.recipe and each.seed != audited.seed]
    return min(alike, key=lambda trained: trained.seed, default=None)


def _compared(
    audit: Audit,
    slice_: Slice,
    own: Sequence[Of],
    texts: Sequence[Explained],
    most: int,
    model: Model | None = None,
    said: str = "",
) -> Measurement | Skipped:
    """Compare weights with those of other texts, or by another model.

    ``most``: texts that keep their answer and are weighed, at most.
    """
    kept = [(each, again) for each, again in zip(own, keeping(audit, texts, model), strict=True) if again is not None]
    told = f"{said}{len(kept)} of {len(own)} texts keep their answer"
    if not kept:
        return Skipped(slice_, told, applies=False)
    told += f", {most} of them are compared" if len(kept) > most else ""
    weights = _weighed(audit, [again for _, again in kept[:most]], model)
    if isinstance(weights, str):
        return Skipped(slice_, weights)
    return correlations(slice_, [each for each, _ in kept[:most]], weights, told)


PROBE = Interpretability()
