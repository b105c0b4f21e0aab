"""Calibration: is an answer of probability 0.9 right nine times in ten?"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from auditor import text
from auditor.metrics import measurement
from auditor.perturbations import characters
from auditor.perturbations.catalogue import FAMILIES, NLPAUG
from auditor.settings import CheckedSettings, Count, Share
from auditor.types import (
    HOME,
    Audit,
    Case,
    Example,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Skipped,
    Slice,
    Task,
)
from probes import _calibration_metrics, _label_calibration, _perturbing
from probes._calibration_metrics import COVERAGES, chosen, error_at
from probes._confidence import DRAWS, FEWEST_IN_BIN, FOLDS, WIDTHS, Answers
from probes._reading import Parts, parts_read

TYPOS = "typos"
TYPO_KINDS = tuple(name for name, family in FAMILIES.items() if family == TYPOS)
NO_CHOICES = "the model's answers have no probabilities"


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many rows are read, and how many with typos."""

    examples: Count = 1000
    """Rows of the home domain, at most: as many as ``quality`` asks about."""
    elsewhere: Count = 300
    """Rows of each other domain, and of the home domain with typos, at most."""
    share: Share = 0.2
    """Share of the words that have typos."""


class Calibration(ProbeDefaults):
    """Whether the probabilities of answers say how often they are right.

    An answer's confidence is the probability of the label that it chooses. Of named entities this is asked of each
    word's tag, and of each entity that the model sees, whose confidence is that of its least likely word; where a
    text may have any number of labels, of each label, whether it holds, and beside it of each label's own probability:
    its mean less how often the label holds, and its calibration error. Mean confidence less accuracy is 0 for a
    calibrated model, and above 0 for one that is too sure. The expected calibration error is above 0 in every
    sample: beside it stands what a calibrated model of this size shows. The error of the surest 80 % and 50 % is
    what is left where a person decides the others. The same rows with typos in a fifth of the words, a kind for
    each row, and other domains show whether the model knows that it knows less. The temperature divides the logits
    of all answers; what it gives is cross-validated: each fifth of the rows at the temperature that the others
    have. Clean answers are known already, so that the rows with typos alone are asked about.
    """

    name = "calibration"
    limitation: str | None = "calibration"
    settings = Settings()
    reads_details = True

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The gap, errors of the surest, scores, bins and the temperature."""
        return tuple(_metrics(task).values())

    def planned(self, audit: Audit) -> Planned:
        """Every row of every domain, and at most all that have typos."""
        settings: Settings = audit.settings
        home, kinds = len(audit.examples(HOME, settings.examples)), len(_kinds(audit.task))
        rows = home + len(audit.examples(HOME, settings.elsewhere))
        rows += sum(len(audit.examples(domain, settings.elsewhere)) for domain in audit.domains if domain != HOME)
        return Planned(kinds * rows, exact=False, unchanged=kinds * home)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the rows as they stand, with typos, and other domains."""
        settings: Settings = audit.settings
        kinds = _kinds(audit.task)
        if not kinds:
            yield Skipped({"input": HOME}, NO_CHOICES, applies=False)
            return
        for example in audit.examples(HOME, settings.examples):
            yield from (Case(example, {**kind, "input": HOME}) for kind in kinds)
        yield from _with_typos(audit, audit.examples(HOME, settings.elsewhere), kinds)
        for domain in audit.domains:
            if domain == HOME:
                continue
            name, examples = f"domain {domain}", audit.examples(domain, settings.elsewhere)
            if not examples:
                yield from (Skipped({**kind, "input": name}, "every row occurs in the training data") for kind in kinds)
            for example in examples:
                yield from (Case(example, {**kind, "input": name}) for kind in kinds)

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        """Yield errors of the surest, and of home rows bins.

        And of these the expected calibration error, and the temperature.
        """
        slices: dict[tuple[str, ...], Slice] = {}
        by_slice: dict[tuple[str, ...], list[Judged]] = {}
        for judged in cases:
            key = tuple(judged.slice.values())
            slices.setdefault(key, judged.slice)
            if chosen(judged):
                by_slice.setdefault(key, []).append(judged)
        own = _metrics(audit.task)
        for key, slice_ in slices.items():
            if key not in by_slice:
                yield Skipped(slice_, "no row has a label, or no answer has a probability", applies=False)
                continue
            answers = Answers.of(by_slice[key], slice_.get("of", "texts"), ratio=_ratio(audit.task))
            yield from _surest(own, slice_, answers)
            if slice_["input"] == HOME:
                yield from _bins(own, slice_, answers)
                seed = audit.rng(*key).getrandbits(64)
                yield from _errors(own, slice_, answers, seed)
                yield from _temperature(own, slice_, answers, seed)
                if slice_.get("of") == "labels":
                    yield from _label_calibration.measured(own, by_slice[key], audit)


def _metrics(task: Task) -> dict[str, Metric]:
    own = _calibration_metrics.of(ratio=_ratio(task))
    return own | _label_calibration.of() if "label_sets" in task.offers else own


def _ratio(task: Task) -> bool:
    """Return whether an example has several choices, which count alike."""
    return "labelled_spans" in task.offers


def _kinds(task: Task) -> tuple[Slice, ...]:
    """What choices are of, as slices say it; empty without any."""
    if task.offers & {"class_scores", "answers_in_context"}:
        return ({},)
    if "label_sets" in task.offers:
        return ({"of": "labels"},)
    return ({"of": "words"}, {"of": "entities"}) if "labelled_spans" in task.offers else ()


def _with_typos(audit: Audit, examples: Sequence[Example], kinds: Sequence[Slice]) -> Iterator[Case | Skipped]:
    """Yield each row with a kind of typos, where it offers any."""
    missing = [name for name in NLPAUG if importlib.util.find_spec(name.removeprefix("package:")) is None]
    read = {} if missing else parts_read(audit, examples)
    suited = _perturbing.names_in(audit, TYPO_KINDS)
    cases = [
        case
        for example in examples
        if suited and not missing
        for case in _noisy(audit, example, read[example.id], suited)
    ]
    for kind in kinds:
        slice_ = {**kind, "input": TYPOS}
        if not suited:
            yield Skipped(slice_, str(_perturbing.in_language(audit, TYPO_KINDS[0])), applies=False)
        elif missing:
            yield Skipped(slice_, f"{missing[0].removeprefix('package:')} is not installed")
        elif examples and not cases:
            yield Skipped(slice_, "no row has a word that typos change", applies=False)
        yield from (replace(case, slice=slice_) for case in cases)


def _noisy(audit: Audit, example: Example, parts: Parts, kinds: Sequence[str]) -> Iterator[Case]:
    """Yield the row with typos in what the model reads."""
    rng, fixed = audit.rng(example.id), audit.task.fixed(example)
    perturbation = _perturbing.made(audit, rng.choice(kinds))
    total = touched = 0
    edits: dict[str, tuple[text.Edit, ...]] = {}
    for name in audit.task.fields:
        part = text.part(example.inputs[name], *parts[name])
        kept = part.places(fixed.get(name, ()))
        changed = characters.changed(perturbation, part.words, audit.settings.share, rng, kept)
        edits[name] = part.lifted(changed.edits)
        total, touched = total + changed.words, touched + changed.touched
    if any(edits.values()):
        yield Case(example, {}, edits, words=total, touched=touched)


def _surest(own: dict[str, Metric], slice_: Slice, answers: Answers) -> Iterator[Measurement]:
    for share in COVERAGES:
        least, kept = answers.surest(share)
        rows = answers.rows(1.0 - answers.right, where=kept)
        measured = measurement(own[error_at(share)], slice_, rows, n_cases=int(kept.sum()))
        yield replace(measured, detail=f"those with a confidence of {least:.3f} or more")


def _bins(own: dict[str, Metric], slice_: Slice, answers: Answers) -> Iterator[Measurement]:
    bins = list(answers.bins())
    for number, inside in enumerate(bins, 1):
        place, n = {**slice_, "bin": f"{number} of {len(bins)}"}, int(inside.sum())
        right = measurement(own["accuracy_in_bin"], place, answers.rows(answers.right, where=inside), n_cases=n)
        sure, method = answers.confidence[inside], "mean, least and most"
        weights = answers.weights(inside)
        weighted = sure * weights
        low, mean, high = float(sure.min()), float(weighted.sum() / weights.sum()), float(sure.max())
        name = own["confidence_in_bin"].name
        yield Measurement(name, place, min(max(mean, low), high), low, high, n, right.n_clusters, method)
        yield right


def _errors(own: dict[str, Metric], slice_: Slice, answers: Answers, seed: int) -> Iterator[Measurement]:
    drawn, n, clusters = answers.calibration_errors_if_calibrated(seed), len(answers.choices), answers.n_clusters
    observed, mean = answers.calibration_error(), float(drawn.mean())
    name = own["calibration_error"].name
    method = f"mean distance of confidence and accuracy over {WIDTHS} bins of equal width"
    yield Measurement(name, slice_, observed, observed, observed, n, clusters, method)
    low, high = (sorted(drawn.tolist())[place] for place in (DRAWS // 40, DRAWS - 1 - DRAWS // 40))
    method = f"{DRAWS} draws of answers that are right as often as they are sure: mean, and 95 % of them"
    name = own["calibration_error_if_calibrated"].name
    yield Measurement(name, slice_, mean, min(low, mean), max(high, mean), n, clusters, method)


def _temperature(own: dict[str, Metric], slice_: Slice, answers: Answers, seed: int) -> Iterator[Measurement]:
    n, clusters = len(answers.choices), answers.n_clusters
    if clusters < FEWEST_IN_BIN:
        return
    fitted = answers.temperature(seed)
    low, high = min(fitted.value, *fitted.of_folds), max(fitted.value, *fitted.of_folds)
    method = f"least negative log-likelihood of all answers; least and most without each of {FOLDS} parts of the rows"
    detail = "an end of the temperatures searched" if fitted.at_an_end else ""
    yield Measurement(own["temperature"].name, slice_, fitted.value, low, high, n, clusters, method, detail=detail)
    gap = [*answers.rows(fitted.confidences, "first"), *answers.rows(answers.right, "second")]
    yield measurement(own["confidence_gap_at_temperature"], slice_, gap, n_cases=n)
    losses = answers.rows(fitted.losses)
    yield measurement(own["negative_log_likelihood_at_temperature"], slice_, losses, n_cases=n)


PROBE = Calibration()
