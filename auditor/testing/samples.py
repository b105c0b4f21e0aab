"""Small data sets, and fakes that learn them by counting words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from auditor.evaluation.plan import Fitter, Trainer
from auditor.models.fake import FakeModel, uncased_words
from auditor.testing.sample_makers import MAKERS, STARS, VOCABULARY, question
from auditor.text import spans, words_of
from auditor.types import (
    HOME,
    Example,
    Extracted,
    Model,
    Request,
    Response,
    Tag,
    Task,
    TrainedModel,
)

SURE = 0.9
"""Probability of a tag that a counting model has learned."""


def sample_rows(task: Task, n: int, name: str = HOME, words: Sequence[int] = range(VOCABULARY)) -> tuple[Example, ...]:
    """Make up examples of a task.

    In every text a word decides the label, or names are marked. Where a text may have any number of labels, rows have
    two, one and none in turn.

    Rows with one label also tell it by the number of their words, modulo the number of labels, and those with any
    number by that number less nine (two labels: the place of the first; one: as many more; none: as many again): a
    model that goes by that number bears every change that leaves words apart as they are.

    Args:
        task: One that gives a text one or any number of its labels, labels spans of words, or asks about a context.
        n: How many; labels and types come in turn.
        name: Of the set, for their ids.
        words: Which of the twelve words of a label, or names of a type, occur.

    Raises:
        ValueError: For a task of another kind: give examples of it.
    """
    make = next((make for offer, make in MAKERS.items() if offer in task.offers), None)
    if make is None or not (task.labels or make is question):
        raise ValueError(f"cannot make up examples of {task.name}: give examples=…")
    return tuple(make(task, number, f"{name}:{number + 2}", words) for number in range(n))


def counting_model(task: Task, rows: Sequence[Example], *, name: str = "counting", cased: bool = False) -> FakeModel:
    """A model that has learned rows as ``counting_fit`` does.

    Args:
        task: One that ``sample_rows`` serves.
        rows: What it has learned.
        name: The model's name.
        cased: Whether it tells capitals from small letters.
    """
    return FakeModel(_learned(task, rows, cased=cased, least=1), task.labels, name=name, tokens=_tokens(cased))


def counting_fit(task: Task, *, least: int = 1, cased: bool = False) -> Fitter:
    """A training that counts which words occur with which label.

    More rows teach more, and wrong labels mislead it.

    Args:
        task: One that ``sample_rows`` serves.
        least: Occurrences that a word needs before the model goes by it: the more, the more labels it wants.
        cased: Whether it tells capitals from small letters.
    """

    def fit(examples: Sequence[Example], *, seed: int, steps: int, batch_size: int) -> Model:
        del steps, batch_size
        answer = _learned(task, examples, cased=cased, least=least)
        return FakeModel(answer, task.labels, name=f"fitted {seed}", tokens=_tokens(cased))

    return fit


def counting_trainer(task: Task, fits: Mapping[str, Fitter] | None = None) -> Trainer:
    """A training by named recipes.

    Args:
        task: One that ``sample_rows`` serves.
        fits: Recipe → its training; any other recipe trains as ``counting_fit`` does.
    """
    known = fits or {}

    def train(recipe: str, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int) -> TrainedModel:
        fit = known.get(recipe, counting_fit(task))
        model = fit(examples, seed=seed, steps=steps, batch_size=batch_size)
        return TrainedModel(recipe, recipe == "standard", seed, lambda: model, work=float(steps * batch_size))

    return train


def _tokens(cased: bool) -> Callable[[str], Sequence[str]]:
    return words_of if cased else uncased_words


def _learned_freely(
    task: Task, rows: Sequence[Example], spelled: Callable[[str], str], least: int
) -> Callable[[Request], Response]:
    """Learn which labels each word goes with most often."""
    counts: dict[str, Counter[str]] = {}
    texts: Counter[str] = Counter()
    for row in rows:
        for word in {spelled(word) for text in row.inputs.values() for word in words_of(text)}:
            texts[word] += 1
            counts.setdefault(word, Counter()).update(row.gold)
    # As if each word had been met once more without a label.
    shares = {
        word: {label: times / (texts[word] + 1) for label, times in own.items() if times == max(own.values())}
        for word, own in counts.items()
        if texts[word] >= least
    }

    def answer(request: Request) -> Response:
        words = {spelled(word) for text in request.texts for word in words_of(text)}
        known = [shares[word] for word in sorted(words) if word in shares]
        scores = (max((own.get(label, 0.0) for own in known), default=0.0) for label in task.labels)
        return tuple(min(max(score, 1 - SURE), SURE) for score in scores)

    return answer


def _learned(task: Task, rows: Sequence[Example], *, cased: bool, least: int) -> Callable[[Request], Response]:
    spelled: Callable[[str], str] = str if cased else str.lower
    if "label_sets" in task.offers:
        return _learned_freely(task, rows, spelled, least)
    if "answers_in_context" in task.offers:
        return _answering(rows, spelled, least)
    counts: dict[str, Counter[Any]] = {}
    for row in rows:
        texts = [list(map(spelled, words_of(text))) for text in row.inputs.values()]
        of_words = "labelled_spans" in task.offers
        pairs = (
            zip(texts[0], row.gold, strict=True) if of_words else ((word, row.gold) for text in texts for word in text)
        )
        for word, label in pairs:
            counts.setdefault(word, Counter())[label] += 1
    counts = {word: labels for word, labels in counts.items() if labels.total() >= least}

    def answer(request: Request) -> Response:
        if isinstance(request, Tag):
            return tuple(_tagged(task, counts.get(spelled(word))) for word in request.words)
        words = {spelled(word) for text in request.texts for word in words_of(text)}
        if "numbers" in task.offers:
            return _estimated([counts[word] for word in sorted(words) if word in counts])
        return _classified(task, [counts[word] for word in sorted(words) if word in counts])

    return answer


def _answering(rows: Sequence[Example], spelled: Callable[[str], str], least: int) -> Callable[[Request], Response]:
    """Answer with the first run of words that usually are answers."""
    seen = Counter(spelled(word) for row in rows for right in row.gold for word in words_of(right.text))
    everywhere = Counter(spelled(word) for row in rows for word in words_of(row.inputs["context"]))
    known = {word for word, times in seen.items() if times >= least and 2 * times > everywhere[word]}

    def answer(request: Request) -> Response:
        own = words_of(request.texts[-1])
        run = next(_runs([spelled(word) in known for word in own]), range(0))
        text = " ".join(own[run.start : run.stop])
        return Extracted(text, run.start, 0, SURE if run else (1 - SURE) / 2, (1 - SURE) / 2 if run else SURE)

    return answer


def _runs(flags: Sequence[bool]) -> Iterator[range]:
    for start in range(len(flags)):
        if flags[start] and not (start and flags[start - 1]):
            yield range(start, next((end for end in range(start, len(flags)) if not flags[end]), len(flags)))


def _tagged(task: Task, known: Counter[str] | None) -> tuple[float, ...]:
    tag = spans.OUTSIDE if known is None else min(known, key=lambda tag: (-known[tag], tag))
    place = task.labels.index(spans.among(tag, task.labels) or tag)
    rest = (1 - SURE) / (len(task.labels) - 1)
    return tuple(SURE if number == place else rest for number in range(len(task.labels)))


def _estimated(known: Sequence[Counter[float]]) -> float:
    """The most frequent number of the word that tells most.

    Without such a word it is the middle.
    """
    sure, number = 1 / STARS, STARS / 2
    for numbers in known:
        own = min(numbers, key=lambda each: (-numbers[each], each))
        share = (numbers[own] + 1) / (numbers.total() + STARS)
        if share > sure:
            sure, number = share, own
    return number


def _classified(task: Task, known: Sequence[Counter[str]]) -> tuple[float, ...]:
    """The answer by the word that tells most.

    It tells the share of its most frequent label, as if each label had been seen once more.
    """
    many = len(task.labels)
    sure, label = 1 / many, task.labels[0]
    for labels in known:
        own = min(labels, key=lambda name: (-labels[name], name))
        share = (labels[own] + 1) / (labels.total() + many)
        if share > sure:
            sure, label = share, own
    return tuple(sure if name == label else (1 - sure) / (many - 1) for name in task.labels)
