"""Every probe with every task: it finds the defect that is planted, or says word for word why it does not apply."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from fakes import mood
from pair_task import PairTask

from auditor import tasks
from auditor.evaluation.plan import Fitter
from auditor.plugins import registry
from auditor.testing import (
    AuditedModel,
    FakeAudit,
    FakeModel,
    check_probe,
    counting_fit,
    counting_model,
    counting_trainer,
    sample_rows,
)
from auditor.text import answers, words_of
from auditor.types import (
    NEEDS,
    Case,
    Classify,
    EarlierPeriod,
    Encoded,
    Example,
    Extracted,
    Model,
    Request,
    Response,
    Task,
    TokenWeight,
)
from probes import _bias_questions, _entailment_labels, interpretability, label_swap

CASES = Path(__file__).resolve().parent.parent / "fixtures" / "cases"
TASKS: dict[str, Task] = {
    "text-classification": tasks.create("text-classification", ("negative", "positive")),
    "ner": tasks.create("ner", ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")),
    "sentence-pair": tasks.create("sentence-pair", ("neutral", "entailment")),
    "dialogue-classification": tasks.create("dialogue-classification", ("question", "statement")),
    "multi-label-classification": tasks.create("multi-label-classification", ("anger", "joy", "sadness")),
    "text-regression": tasks.create("text-regression", ("number",)),
    "sentence-similarity": tasks.create("sentence-similarity", ("number",)),
    "question-answering": tasks.create("question-answering", ()),
    "relation-extraction": tasks.create("relation-extraction", ("Use(e1,e2)", "Use(e2,e1)")),
    "pair": PairTask(),
}
"""Every task of auditor's own, and the tests' second one."""
PROBES = {probe.name: probe for probe in registry.discover()}
SURE = {-1: (0.8, 0.2), 0: (0.5, 0.5), 1: (0.2, 0.8)}
"""What fakes.mood says → the answer."""


@dataclass(frozen=True)
class Plant:
    """A defect, the metric that shows it, and the models with and without it."""

    metric: str
    limit: float
    defective: Callable[[Task], Model | AuditedModel]
    clean: Callable[[Task], Model | AuditedModel]
    within: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    examples: Callable[[Task], Mapping[str, Sequence[Example]]] | None = None
    outside: Callable[[Task], Mapping[str, Sequence[Example]]] = lambda _task: {}


def sets(task: Task) -> dict[str, Sequence[Example]]:
    """Home and elsewhere share no word that decides a label, and no name."""
    return _sets(task.name)


@functools.cache
def _sets(name: str) -> dict[str, Sequence[Example]]:
    task = TASKS[name]
    return {
        "home": sample_rows(task, 40, words=range(6)),
        "elsewhere": sample_rows(task, 40, "elsewhere", words=range(6, 12)),
        "train": sample_rows(task, 320, "train", words=range(6)),
    }


def by_source(task: Task) -> dict[str, Sequence[Example]]:
    """Home with the rows of elsewhere among its own; one column says which is which, another when."""
    given = sets(task)
    years = {"home": "2001-01-31", "elsewhere": "2002-01-31"}
    rows = [replace(row, meta={"source": name, "date": day}) for name, day in years.items() for row in given[name]]
    return {**given, "home": tuple(rows)}


def knows(*known: str, cased: bool = False) -> Callable[[Task], FakeModel]:
    """A model that has learned the words of these sets."""

    def made(task: Task) -> FakeModel:
        rows = [row for name in known for row in sets(task)[name]]
        return counting_model(task, rows, name="-".join(known), cased=cased)

    return made


def embeds(embedding: Callable[[Task, Request], Sequence[float]]) -> Callable[[Task], FakeModel]:
    """A good model with these embeddings of texts."""

    def made(task: Task) -> FakeModel:
        good = knows("home", "elsewhere")(task)
        return FakeModel(
            lambda request: good.run(good.encode([request]))[0], task.labels, embed=functools.partial(embedding, task)
        )

    return made


def foreign_words(task: Task, request: Request) -> Sequence[float]:
    """An embedding that shows the words that no training row has."""
    known = {word for row in sets(task)["train"] for text in row.inputs.values() for word in words_of(text)}
    words = [word for text in request.texts for word in words_of(text)]
    return (sum(word not in known for word in words) / len(words),)


def by_sum(_task: Task, request: Request) -> Sequence[float]:
    """An embedding that no set of texts shows in: a checksum."""
    return (crc32("\n".join(request.texts).encode()) % 997,)


def always_one_answer(task: Task) -> FakeModel:
    """A model that sees nothing: it says what the best constant answer is."""
    golds = [row.gold for row in sets(task)["train"]]
    constant = task.constant(golds)
    outside = tuple(float(label == "O") for label in task.labels)

    def answer(request: Request) -> Response:
        return constant or tuple(outside for _ in request.texts)

    return FakeModel(answer, task.labels, name="constant")


def reads(place: int) -> Callable[[Task], FakeModel]:
    """A model that has learned the words of home, and goes by one text of a pair alone."""

    def made(task: Task) -> FakeModel:
        good = knows("home")(task)

        def answer(request: Request) -> Response:
            (found,) = good.run(good.encode([Classify((request.texts[place],) * 2)]))
            return found

        return FakeModel(answer, task.labels, name=f"reads {place}")

    return made


def compares(task: Task) -> FakeModel:
    """A model that has learned the words of home, and cannot say anything where a text is blank."""
    good = knows("home")(task)

    def answer(request: Request) -> Response:
        (found,) = good.run(good.encode([request]))
        return found if all(map(words_of, request.texts)) else -1.0 if "numbers" in task.offers else (0.9, 0.1)

    return FakeModel(answer, task.labels, name="compares")


def judges_men(task: Task) -> FakeModel:
    """A model to which every occupation is a man's."""
    return FakeModel(
        lambda request: (0.1, 0.9) if {"man", "gentleman"} & {*words_of(request.texts[1])} else (0.9, 0.1), task.labels
    )


def reads_sentiment(**defect: bool) -> Callable[[Task], FakeModel]:
    """A model that tells praise from blame; a rule that it goes by may be left out."""

    def made(task: Task) -> FakeModel:
        return FakeModel(lambda request: SURE[mood(request.texts[0], **defect)], task.labels)

    return made


def in_words(task: Task) -> FakeModel:
    """A model that counts words alone: what they say does not matter."""

    def answer(request: Request) -> Response:
        count = len(words_of(request.texts[0])) % len(task.labels)
        return tuple(0.9 if place == count else 0.1 for place in range(len(task.labels)))

    return FakeModel(answer, task.labels, name="counts words")


def in_lengths(task: Task) -> FakeModel:
    """A model that counts the words of each text of a pair."""

    def answer(request: Request) -> Response:
        count = sum(len(words_of(value)) for value in request.texts) % len(task.labels)
        return tuple(0.9 if place == count else 0.1 for place in range(len(task.labels)))

    return FakeModel(answer, task.labels, name="counts words of both")


def in_context(task: Task) -> FakeModel:
    """A model that finds names where every other word is as it was in training."""
    known = {word for row in sets(task)["train"] for word in words_of(row.inputs["text"])}
    names = knows("home", "elsewhere")(task)

    def answer(request: Request) -> Response:
        (found,) = names.run(names.encode([request]))
        sees = known.issuperset(request.texts)
        return found if sees else tuple(tuple(float(tag == "O") for tag in task.labels) for _ in request.texts)

    return FakeModel(answer, task.labels, name="context")


def cases_of(name: str, task: Task, settings: Any) -> list[Case]:
    return [case for case in PROBES[name].cases(FakeAudit((), settings, task)) if isinstance(case, Case)]


def judges_people(task: Task) -> FakeModel:
    """A model that goes by the group of the person that a sentence of the probe bias names."""
    settings = replace(PROBES["bias"].settings, axes=("gender",), sentences=30, pairs_per_sentence=12)
    groups: dict[tuple[str, ...], str] = {
        (case.example.inputs["text"],): str(case.facts["group_before"]) for case in cases_of("bias", task, settings)
    }
    favoured = min(groups.values())

    def answer(request: Request) -> Response:
        turned = groups.get(request.texts) == favoured
        return tuple(0.9 if (label == task.labels[-1]) is turned else 0.1 for label in task.labels)

    return FakeModel(answer, task.labels, name="judges people")


def finds_names(blind: int) -> Callable[[Task], FakeModel]:
    """A model that finds the names of the probe entity_bias, but for those of so many groups."""

    def made(task: Task) -> FakeModel:
        every = cases_of("entity_bias", task, PROBES["entity_bias"].settings)
        unseen = sorted({case.slice["group"] for case in every})[:blind]
        golds = {
            words_of(case.example.inputs["text"]): case.example.gold
            for case in every
            if case.slice["group"] not in unseen
        }

        def answer(request: Request) -> Response:
            tags = golds.get(request.texts, ("O",) * len(request.texts))
            return tuple(tuple(float(label == tag) for label in task.labels) for tag in tags)

        return FakeModel(answer, task.labels, name=f"blind to {blind}")

    return made


def names_people(*, stereotyped: bool = False) -> Callable[[Task], FakeModel]:
    """A model that knows who is right in the questions of stereotyped_answers, or always goes by the stereotype."""

    def made(task: Task) -> FakeModel:
        known = {(question.question, question.context): question for question in _bias_questions.own()}

        def answer(request: Request) -> Response:
            question = known[request.texts[0], request.texts[1]]
            person = question.biased if stereotyped else question.right
            if person is None:
                return Extracted("", 0, 0, 0.05, 0.9)
            name = question.people[person].told_by
            (start, *_) = (found.start() for found in re.finditer(rf"\b{name}\b", question.context))
            return Extracted(*answers.answer_at(question.context, start, start + len(name)), 0.9, 0.05)

        return FakeModel(answer, task.labels, name="stereotyped" if stereotyped else "reads")

    return made


class Flipping(FakeModel):
    """Right, but for a text that is asked in one pass with a longer one or padded: there it sees its first label."""

    def run_together(self, batch: Sequence[Encoded], *, length: int = 0) -> list[Response]:
        longest = max(length, *(request.length for request in batch))
        answers = super().run_together(batch, length=length)
        turned = [request.length < longest for request in batch]
        return [turn(answer) if padded else answer for padded, answer in zip(turned, answers, strict=True)]


def swaps_names(task: Task) -> FakeModel:
    """A good model whose outputs are named in another order."""
    good = knows("home")(task)

    def answer(request: Request) -> Response:
        found = good.run(good.encode([request]))[0]
        return tuple(map(shifted, found)) if "labelled_spans" in task.offers else found[::-1]

    def shifted(row: tuple[float, ...]) -> Response:
        return (row[0], *row[3:], *row[1:3])

    return FakeModel(answer, task.labels, name="swapped names")


def by_heart(task: Task) -> FakeModel:
    """A model that knows the home rows word by word, and nothing else."""
    golds = {tuple(row.inputs[name] for name in task.fields): row.gold for row in sets(task)["home"]}

    def answer(request: Request) -> Response:
        known = golds.get(request.texts)
        return tuple(0.9 if label == known else 0.1 for label in task.labels)

    return FakeModel(answer, task.labels, name="by heart")


def with_copies(task: Task) -> Mapping[str, Sequence[Example]]:
    """Two of every four home rows stand in training too."""
    rows = sets(task)["home"]
    copied = [replace(row, id=f"train:{place}") for place, row in enumerate(rows) if place % 4 < 2]
    return {**sets(task), "home": rows, "train": copied}


def by_heart_of_training(task: Task) -> FakeModel:
    """A model that answers the rows that training has rightly, and every other one wrongly."""
    known = {tuple(row.inputs[name] for name in task.fields) for row in with_copies(task)["train"]}
    rows = {tuple(row.inputs[name] for name in task.fields): row for row in sets(task)["home"]}
    good = knows("home")(task)

    def answer(request: Request) -> Response:
        texts = (" ".join(request.texts),) if "labelled_spans" in task.offers else request.texts
        (found,) = good.run(good.encode([request]))
        return found if texts in known or texts not in rows else turn(found)

    return FakeModel(answer, task.labels, name="by heart of training")


def turn(answer: Response) -> Response:
    """The same scores in another order, for each word where there are words; of a number or an answer another one."""
    if isinstance(answer, float):
        return answer + 1.0
    if isinstance(answer, Extracted):
        return Extracted("", 0, 0, 0.05, 0.9) if answer.text else Extracted("we", 0, 0, 0.9, 0.05)
    return tuple(map(turn, answer)) if isinstance(answer[0], tuple) else (answer[-1], *answer[:-1])


def reads_padding(task: Task) -> FakeModel:
    """A good model that does not read the attention mask."""
    good = knows("home")(task)

    def answer(request: Request) -> Response:
        return good.run(good.encode([request]))[0]

    return Flipping(answer, task.labels, name="reads padding")


class Told(FakeModel):
    """A good model that tells the weights of its words, or their opposites."""

    def __init__(self, task: Task, sign: float) -> None:
        self._good, self._sign = knows("home")(task), sign
        super().__init__(lambda request: self._answered(request), task.labels, name=f"told {sign:g}")

    def _answered(self, request: Request) -> Response:
        return self._good.run(self._good.encode([request]))[0]

    def integrated_gradients(self, request: Request, label: int, steps: int) -> list[list[TokenWeight]]:
        del steps
        whole = self._answered(request)[label]
        return [
            [self._told(request, label, whole, word) for word in re.finditer(r"\S+", value)] for value in request.texts
        ]

    def _told(self, request: Request, label: int, whole: float, word: re.Match[str]) -> TokenWeight:
        """What the texts lose without the word, wherever it stands: in a pair both texts may have it."""
        texts = (" ".join(each for each in words_of(value) if each != word.group()) for value in request.texts)
        return TokenWeight(*word.span(), self._sign * (whole - self._answered(Classify(tuple(texts)))[label]))


def by_neighbours(task: Task) -> FakeModel:
    """A model that is sure of a name beside the word "visited", and less so without it."""
    good = knows("home")(task)

    def answer(request: Request) -> Response:
        (found,) = good.run(good.encode([request]))
        return found if "visited" in request.texts else tuple(map(less, found))

    def less(row: tuple[float, ...]) -> Response:
        largest = max(range(len(row)), key=row.__getitem__)
        return row if largest == 0 else tuple(0.4 if place == largest else 0.15 for place in range(len(row)))

    return FakeModel(answer, task.labels, name="by neighbours")


def learning(fit: Callable[[Task], Fitter]) -> Callable[[Task], AuditedModel]:
    """A good model, and a training."""
    return lambda task: AuditedModel(knows("home")(task), fit(task), counting_trainer(task))


def learns_nothing(task: Task) -> Fitter:
    """A training whose model gives its first label to everything."""

    def answer(request: Request) -> Response:
        if "numbers" in task.offers:
            return -1.0
        first = tuple(float(place == 0) for place in range(len(task.labels)))
        if not task.labels:
            return Extracted("", 0, 0, 0.0, 1.0)
        return tuple(first for _ in request.texts) if "labelled_spans" in task.offers else first

    def fit(examples: Sequence[Example], **how: int) -> Model:
        del examples, how
        return FakeModel(answer, task.labels, name="nothing")

    return fit


def confused(task: Task) -> Fitter:
    """A training that learns nothing of a word that it met with two labels: the first wrong one spoils the word."""

    def fit(examples: Sequence[Example], **how: int) -> Model:
        labels: dict[str, set[str]] = {}
        words = [telling(row) for row in examples]
        for word, row in zip(words, examples, strict=True):
            labels.setdefault(word, set()).add(
                str(next(iter(row.gold), "")) if isinstance(row.gold, tuple) else str(row.gold)
            )
        clear = [row for word, row in zip(words, examples, strict=True) if len(labels[word]) == 1]
        return counting_fit(task)(clear, **how) if clear else learns_nothing(task)(clear, **how)

    return fit


def telling(row: Example) -> str:
    """The word that decides the label, or the first one of the name that a sentence begins with."""
    words = words_of(next(iter(row.inputs.values())))
    return next((word for word in words if word.endswith("x")), words[0])


def obeys(word: str, text: int = 0) -> Callable[[Task], FakeModel]:
    """A model that has learned the words of home, and gives its last label wherever a word is in one of the texts."""

    def made(task: Task) -> FakeModel:
        learned = knows("home")(task)

        def answer(request: Request) -> Response:
            if word in words_of(request.texts[text]):
                return tuple(float(label == task.labels[-1]) for label in task.labels)
            (found,) = learned.run(learned.encode([request]))
            return found

        return FakeModel(answer, task.labels, name=f"obeys {word}")

    return made


def trained(fits: Callable[[Task], Mapping[str, Fitter]]) -> Callable[[Task], AuditedModel]:
    return lambda task: AuditedModel(
        knows("home", "elsewhere")(task), counting_fit(task), counting_trainer(task, fits(task))
    )


TRAINING = {"rows": "training"}
CURVES = {"steps": 30, "seeds": 2, "examples": 40}
QUALITY = Plant("gain_over_majority", 0.1, always_one_answer, knows("home"))


def kept(task: str) -> Plant:
    """Rows of home, kept as cases: a model that answers all alike fails on half of them."""
    return replace(QUALITY, metric="failures", settings={"file": str(CASES / f"{task}.jsonl")})


SHIFT = Plant("drop_against_home", 0.1, knows("home"), knows("home", "elsewhere"))
SLICE = Plant(
    "drop_against_rest",
    0.1,
    knows("home"),
    knows("home", "elsewhere"),
    {"column": "source", "value": "elsewhere"},
    {"columns": ["source"]},
    by_source,
)
PERIOD = Plant(
    "drop_against_first_period",
    0.1,
    knows("home"),
    knows("home", "elsewhere"),
    settings={"time_column": "date", "period": "year"},
    examples=by_source,
)
UNFAITHFUL = Plant(
    "comprehensiveness_gain",
    0.0,
    lambda task: Told(task, -1.0),
    lambda task: Told(task, 1.0),
    {"words": "20 %"},
    {"method": "integrated-gradients", "draws": 10, "stable": 1},
)
CASE = Plant(
    "drop",
    0.1,
    knows("home", cased=True),
    knows("home"),
    settings={"perturbations": ["upper case"], "severities": {"all": 1.0}, "examples": 40},
)


def continued(*known: str) -> Callable[[Task], AuditedModel]:
    """A model that knows these sets, trained further from a model that knows the other domain alone."""

    def made(task: Task) -> AuditedModel:
        before = EarlierPeriod("before", sets(task)["elsewhere"], lambda: knows("elsewhere")(task))
        return AuditedModel(knows(*known)(task), earlier=(before,))

    return made


FORGOTTEN = Plant("forgetting", 0.05, continued("home"), continued("home", "elsewhere"), {"period": "before"})
ATTACK = {"examples": 16, "recipes": ["deepwordbug"], "query_budget": 30}


def labels(metric: str) -> Plant:
    return Plant(
        metric,
        0.7,
        learning(lambda task: counting_fit(task, least=1000)),
        learning(counting_fit),
        {"labels": "160"},
        {**CURVES, "sizes": [160]},
    )


def noise(metric: str, wrong: str = "symmetric") -> Plant:
    slice_ = {"labels": wrong, "wrong": "0.2"}
    return Plant(
        metric, 0.75, learning(confused), learning(counting_fit), slice_, {**CURVES, "rates": [0.2], "rows": 320}
    )


def out_of_fold(metric: str) -> Plant:
    # The labels are right: what the models of the folds do not learn shows, and no row of the test set.
    name, settings = f"{metric}_out_of_sample", {"steps": 30, "rows": 160, "examples": 40}
    return Plant(
        name, 0.7, learning(lambda task: counting_fit(task, least=1000)), learning(counting_fit), TRAINING, settings
    )


def strategy(metric: str) -> Plant:
    return Plant(
        metric,
        0.75,
        trained(lambda task: {"fgm": learns_nothing(task)}),
        trained(lambda _: {}),
        {"recipe": "fgm"},
        {"recipes": ["fgm"], "seeds": 1, "steps": 30, "examples": 40, "noisy": 1, "attacked": 1, "sentences": 3},
    )


TWO_TEXTS = ("sentence-pair", "pair")
ONE_TEXT = Plant("gain_over_one_text", 0.1, reads(1), compares, {"reads": "second"}, {"per_template": 1})
MEN = Plant("counterfactual_flip_rate", 0.05, judges_men, always_one_answer, settings={"actions": 1})


def after_preposition(task: Task) -> FakeModel:
    """A model that answers with the name after "went to"."""

    def answer(request: Request) -> Response:
        own = words_of(request.texts[-1])
        place = next((at for at in range(2, len(own)) if own[at - 2 : at] == ("went", "to")), None)
        if place is None:
            return Extracted("", 0, 0, 0.05, 0.9)
        end = next((at for at in range(place, len(own)) if not own[at][0].isupper()), len(own))
        return Extracted(" ".join(own[place:end]), place, 0, 0.9, 0.05)

    return FakeModel(answer, task.labels, name="after a preposition", tokens=words_of)


ATTACKED = Plant("attack_success_rate", 0.2, reads(0), in_lengths, settings={**ATTACK, "examples": 40})
LABELLED, FIELDS = NEEDS["labelled_spans"], NEEDS["single_text"]
SCORED = Plant("brier_score", 0.1, always_one_answer, knows("home"), {"input": "home"})
REPEATED = Plant("changed_answers", 0.02, reads_padding, knows("home"))
SWAPPED = Plant("gain_from_relabelling", 0.05, swaps_names, knows("home"))


def validated(task: Task) -> dict[str, Sequence[Example]]:
    """With validation rows, of words that home has."""
    return {**sets(task), "validation": sample_rows(task, 60, "validation", words=range(6))}


def without_keywords(task: Task) -> dict[str, Sequence[Example]]:
    """Texts of no label: foreign words in place of those that tell it."""
    rows = sample_rows(task, 60, "out of scope", words=range(6))
    foreign = [dict.fromkeys(row.inputs, f"xyzzy {number}") for number, row in enumerate(rows)]
    return {"all": tuple(replace(row, inputs=own, gold=None) for row, own in zip(rows, foreign, strict=True))}


def sure_of_everything(task: Task) -> FakeModel:
    """A model that answers as one that has learned the words, and always as sure."""
    good = knows("home")(task)

    def answer(request: Request) -> Response:
        (chances,) = good.run(good.encode([request]))
        return tuple(0.9 if place == chances.index(max(chances)) else 0.1 for place in range(len(chances)))

    return FakeModel(answer, task.labels, name="sure")


BLIND = Plant(
    "out_of_scope_recall",
    0.5,
    sure_of_everything,
    knows("home"),
    {"score": "max probability"},
    examples=validated,
    outside=without_keywords,
)
SEEN = Plant("accuracy_lost", 0.05, by_heart, knows("home"))
APART = Plant("inputs_told_apart", 0.8, embeds(foreign_words), embeds(by_sum), {"rows": "elsewhere"})
LEAKED = Plant("gain_on_copies", 0.2, by_heart_of_training, knows("home"), {"in": "train"}, examples=with_copies)
OBEYED = Plant(
    "flips_beyond_frequent_words",
    0.05,
    obeys("zq"),
    knows("home"),
    {"listed": "zq", "change": "put in"},
    {"tokens": ["zq"]},
)
ONE_LABEL = NEEDS["class_scores"]


def of_label_sets() -> dict[tuple[str, str], Plant | str | None]:
    """What every probe says of a model that gives a text any number of labels."""
    task = "multi-label-classification"
    pinned: dict[str, Plant | str | None] = {
        "quality": replace(QUALITY, metric="label_recall", limit=0.3, defective=never_sad, within={"label": "sadness"}),
        "calibration": replace(SCORED, limit=0.2, within={"input": "home", "of": "labels"}),
        "repeatability": REPEATED,
        "label_swap": SWAPPED,
        "seen_rows": ONE_LABEL,
        "leakage": replace(LEAKED, limit=0.05),
        "coverage": SLICE,
        "spurious": ONE_LABEL,
        "capabilities": ONE_LABEL,
        "kept_cases": kept(task),
        "drift": PERIOD,
        "shift": replace(APART, limit=0.7),
        "forgetting": FORGOTTEN,
        "interpretability": UNFAITHFUL,
        "noise": CASE,
        "domain_shift": SHIFT,
        "adversarial": Plant(
            "attack_success_rate", 0.2, knows("home"), in_words_of_sets, settings={**ATTACK, "examples": 40}
        ),
        "triggers": ONE_LABEL,
        "bias": Plant(
            "counterfactual_flip_rate",
            0.05,
            judges_people,
            knows("home"),
            settings={"axes": ["gender"], "sentences": 30},
        ),
        "entities": LABELLED,
        "entity_bias": LABELLED,
        "relation_cues": NEEDS["marked_text"],
        "low_resource": labels("micro_f1"),
        "label_noise": noise("micro_f1", "label added"),
        "label_errors": out_of_fold("micro_f1"),
        "training_strategy": strategy("micro_f1"),
    }
    return {(probe, task): plant for probe, plant in pinned.items()}


OF_THE_DATA = None
"""Measures the data alone: no model has a defect that it finds."""
NO_PROBABILITIES = "the model's answers have no probabilities"


def of_numbers(task: str) -> dict[tuple[str, str], Plant | str | None]:
    """What every probe says of a model that answers with a number."""
    pinned: dict[str, Plant | str | None] = {
        "quality": QUALITY,
        "calibration": NO_PROBABILITIES,
        "repeatability": REPEATED,
        "label_swap": label_swap.NAMELESS,
        "seen_rows": ONE_LABEL,
        "leakage": LEAKED,
        "coverage": SLICE,
        "spurious": ONE_LABEL,
        "capabilities": ONE_LABEL,
        "kept_cases": kept(task),
        "drift": PERIOD,
        "shift": APART,
        "forgetting": FORGOTTEN,
        "interpretability": "the task gives texts no label with probabilities, and no words",
        "noise": CASE,
        "domain_shift": SHIFT,
        "adversarial": Plant(
            "attack_success_rate", 0.2, knows("home"), in_words_of_numbers, settings={**ATTACK, "examples": 40}
        ),
        "triggers": ONE_LABEL,
        "bias": NEEDS["label_scores"],
        "entities": LABELLED,
        "entity_bias": LABELLED,
        "relation_cues": NEEDS["marked_text"],
        "low_resource": labels("within_tolerance"),
        "label_noise": replace(noise("within_tolerance"), settings={**CURVES, "rates": [0.2], "rows": 320, "seeds": 5}),
        "label_errors": OF_THE_DATA,
        "training_strategy": strategy("within_tolerance"),
    }
    return {(probe, task): plant for probe, plant in pinned.items()}


def of_similarity() -> dict[tuple[str, str], Plant | str | None]:
    """What every probe says of a model that gives two texts a number."""
    task = "sentence-similarity"
    attacked = Plant("attack_success_rate", 0.2, reads(0), in_words_of_numbers, settings={**ATTACK, "examples": 40})
    own: dict[str, Plant | str | None] = {"adversarial": attacked, "pair_shortcuts": ONE_TEXT}
    return {**of_numbers(task), **{(probe, task): plant for probe, plant in own.items()}}


def in_words_of_numbers(task: Task) -> FakeModel:
    """A model that counts words alone, of which each number of the samples has its own."""
    return FakeModel(lambda request: float(len(words_of(request.texts[0])) % 5 + 1), task.labels, name="counts words")


def in_words_of_sets(task: Task) -> FakeModel:
    """A model that counts words alone, of which each set of labels has a number of its own."""
    many = len(task.labels)

    def answer(request: Request) -> Response:
        code = len(words_of(request.texts[0])) - 9
        places = {code % many, (code + 1) % many} if code < many else {code % many} if code < 2 * many else set()
        return tuple(0.9 if place in places else 0.1 for place in range(many))

    return FakeModel(answer, task.labels, name="counts words")


def never_sad(task: Task) -> FakeModel:
    """A good model that never gives one of the labels."""
    good = knows("home")(task)

    def answer(request: Request) -> Response:
        (given,) = good.run(good.encode([request]))
        return tuple(
            min(chance, 0.2) if label == "sadness" else chance for label, chance in zip(task.labels, given, strict=True)
        )

    return FakeModel(answer, task.labels, name="never sad")


OBEYED_TRIGGER = Plant(
    "trigger_success_rate",
    0.5,
    obeys("zq"),
    knows("home"),
    {"candidates": "codes without a reason", "rank": "1"},
    {"query_budget": 1000},
)


def obeyed_in_second(task: str) -> Plant:
    """A trigger that works in the second text alone."""
    field = {"sentence-pair": "second", "pair": "hypothesis", "dialogue-classification": "turn"}[task]
    return replace(OBEYED_TRIGGER, defective=obeys("zq", 1), within={**OBEYED_TRIGGER.within, "field": field})


def of_relations() -> dict[tuple[str, str], Plant | str | None]:
    """What every probe says of a model of relations: texts with marks, and one label each."""
    task = "relation-extraction"
    pinned: dict[str, Plant | str | None] = {
        "quality": replace(QUALITY, metric="f1", limit=0.8),
        "calibration": SCORED,
        "repeatability": REPEATED,
        "label_swap": SWAPPED,
        "seen_rows": SEEN,
        "leakage": LEAKED,
        "coverage": SLICE,
        "spurious": OBEYED,
        "capabilities": NEEDS["plain_text"],
        "kept_cases": kept(task),
        "drift": PERIOD,
        "out_of_scope_detection": replace(BLIND, outside=marked_without_keywords),
        "shift": APART,
        "forgetting": FORGOTTEN,
        "interpretability": UNFAITHFUL,
        "noise": CASE,
        "domain_shift": SHIFT,
        "adversarial": Plant("attack_success_rate", 0.2, knows("home"), in_words, settings={**ATTACK, "examples": 40}),
        "triggers": OBEYED_TRIGGER,
        "bias": NEEDS["plain_text"],
        "entities": LABELLED,
        "entity_bias": LABELLED,
        "low_resource": labels("f1"),
        "label_noise": noise("f1"),
        "label_errors": out_of_fold("f1"),
        "training_strategy": strategy("f1"),
        "relation_cues": Plant(
            "entity_change_rate", 0.3, turns_never, turns_with_marks, {"entities": "exchanged"}, {"examples": 40}
        ),
    }
    return {(probe, task): plant for probe, plant in pinned.items()}


def marked_without_keywords(task: Task) -> dict[str, Sequence[Example]]:
    """Texts of no label, with marks: foreign words in place of those that tell it."""
    rows = sample_rows(task, 60, "out of scope", words=range(6))
    foreign = [{"text": f"<e1> xyzzy </e1> {number} <e2> plugh </e2>"} for number, _ in enumerate(rows)]
    return {"all": tuple(replace(row, inputs=own, gold=None) for row, own in zip(rows, foreign, strict=True))}


def turns_never(task: Task) -> FakeModel:
    """A model that knows the words, and does not read which entity is the first."""
    good = knows("home")(task)
    return FakeModel(lambda request: good.run(good.encode([request]))[0], task.labels, name="turns never")


def turns_with_marks(task: Task) -> FakeModel:
    """A model that knows the words, and turns its answer where the second entity comes first."""
    good = knows("home")(task)

    def answer(request: Request) -> Response:
        (found,) = good.run(good.encode([request]))
        words = words_of(request.texts[0])
        return found if words.index("<e1>") < words.index("<e2>") else found[::-1]

    return FakeModel(answer, task.labels, name="turns")


PINNED: dict[tuple[str, str], Plant | str | None] = {
    ("quality", "text-classification"): QUALITY,
    ("quality", "ner"): QUALITY,
    ("quality", "sentence-pair"): QUALITY,
    ("quality", "pair"): QUALITY,
    ("calibration", "text-classification"): SCORED,
    ("calibration", "ner"): replace(SCORED, within={"input": "home", "of": "words"}),
    ("calibration", "sentence-pair"): SCORED,
    ("calibration", "pair"): SCORED,
    ("repeatability", "text-classification"): REPEATED,
    ("repeatability", "ner"): REPEATED,
    ("repeatability", "sentence-pair"): REPEATED,
    ("repeatability", "pair"): REPEATED,
    ("label_swap", "text-classification"): SWAPPED,
    ("label_swap", "ner"): SWAPPED,
    ("label_swap", "sentence-pair"): SWAPPED,
    ("label_swap", "pair"): SWAPPED,
    ("seen_rows", "text-classification"): SEEN,
    ("seen_rows", "ner"): NEEDS["class_scores"],
    ("seen_rows", "sentence-pair"): SEEN,
    ("seen_rows", "pair"): SEEN,
    ("leakage", "text-classification"): LEAKED,
    ("leakage", "ner"): LEAKED,
    ("leakage", "sentence-pair"): LEAKED,
    ("leakage", "pair"): LEAKED,
    ("coverage", "text-classification"): SLICE,
    ("coverage", "ner"): SLICE,
    ("coverage", "sentence-pair"): SLICE,
    ("coverage", "pair"): SLICE,
    ("spurious", "text-classification"): OBEYED,
    ("spurious", "ner"): NEEDS["class_scores"],
    ("spurious", "sentence-pair"): OBEYED,
    ("spurious", "pair"): OBEYED,
    ("capabilities", "text-classification"): Plant(
        "failure_rate", 0.1, reads_sentiment(negation=False), reads_sentiment(), {"capability": "negation"}
    ),
    ("capabilities", "ner"): NEEDS["class_scores"],
    ("capabilities", "sentence-pair"): FIELDS,
    ("capabilities", "pair"): FIELDS,
    **{("kept_cases", task): kept(task) for task in TASKS},
    ("pair_shortcuts", "text-classification"): NEEDS["text_pair"],
    ("pair_shortcuts", "ner"): NEEDS["text_pair"],
    ("entailment_bias", "text-classification"): NEEDS["text_pair"],
    ("entailment_bias", "ner"): NEEDS["class_scores"],
    **{("relation_cues", task): NEEDS["marked_text"] for task in TASKS},
    ("pair_shortcuts", "sentence-pair"): ONE_TEXT,
    ("pair_shortcuts", "pair"): replace(ONE_TEXT, limit=0.2, within={"reads": "hypothesis"}),
    **{("entailment_bias", task): MEN for task in TWO_TEXTS},
    ("drift", "text-classification"): PERIOD,
    ("drift", "ner"): PERIOD,
    ("drift", "sentence-pair"): PERIOD,
    ("drift", "pair"): PERIOD,
    ("out_of_scope_detection", "text-classification"): BLIND,
    ("out_of_scope_detection", "ner"): NEEDS["class_scores"],
    ("out_of_scope_detection", "pair"): BLIND,
    ("shift", "text-classification"): APART,
    ("shift", "ner"): APART,
    ("shift", "sentence-pair"): APART,
    ("shift", "pair"): APART,
    ("forgetting", "text-classification"): FORGOTTEN,
    ("forgetting", "ner"): FORGOTTEN,
    ("forgetting", "sentence-pair"): FORGOTTEN,
    ("forgetting", "pair"): FORGOTTEN,
    ("interpretability", "text-classification"): UNFAITHFUL,
    ("interpretability", "ner"): replace(
        UNFAITHFUL, limit=0.15, defective=knows("home"), clean=by_neighbours, settings={"draws": 10, "stable": 1}
    ),
    ("interpretability", "sentence-pair"): replace(UNFAITHFUL, within={"words": "50 %"}),
    ("interpretability", "pair"): replace(UNFAITHFUL, within={"words": "50 %"}),
    ("noise", "text-classification"): CASE,
    ("noise", "ner"): CASE,
    ("noise", "sentence-pair"): CASE,
    ("noise", "pair"): CASE,
    ("domain_shift", "text-classification"): SHIFT,
    ("domain_shift", "ner"): SHIFT,
    ("domain_shift", "sentence-pair"): SHIFT,
    ("domain_shift", "pair"): SHIFT,
    ("adversarial", "text-classification"): Plant("attack_success_rate", 0.2, knows("home"), in_words, settings=ATTACK),
    ("adversarial", "ner"): Plant("attack_success_rate", 0.3, in_context, knows("home"), settings=ATTACK),
    ("adversarial", "sentence-pair"): ATTACKED,
    ("adversarial", "pair"): ATTACKED,
    ("triggers", "text-classification"): OBEYED_TRIGGER,
    ("triggers", "ner"): NEEDS["class_scores"],
    **{("triggers", task): obeyed_in_second(task) for task in TWO_TEXTS},
    ("bias", "text-classification"): Plant(
        "counterfactual_flip_rate", 0.05, judges_people, knows("home"), settings={"axes": ["gender"], "sentences": 30}
    ),
    ("bias", "ner"): NEEDS["label_scores"],
    ("bias", "sentence-pair"): FIELDS,
    ("bias", "pair"): FIELDS,
    ("entities", "text-classification"): LABELLED,
    ("entities", "ner"): Plant(
        "memorisation_gap",
        0.1,
        knows("home"),
        knows("home", "elsewhere"),
        examples=lambda task: {**sets(task), "home": sample_rows(task, 48)},
    ),
    ("entities", "sentence-pair"): LABELLED,
    ("entities", "pair"): LABELLED,
    ("entity_bias", "text-classification"): LABELLED,
    ("entity_bias", "ner"): Plant(
        "recall_gap", 0.1, finds_names(2), finds_names(0), settings={"names_per_sentence": 1, "axes": ["persons"]}
    ),
    ("entity_bias", "sentence-pair"): LABELLED,
    ("entity_bias", "pair"): LABELLED,
    ("low_resource", "text-classification"): labels("accuracy"),
    ("low_resource", "ner"): labels("f1"),
    ("low_resource", "sentence-pair"): labels("accuracy"),
    ("low_resource", "pair"): labels("f1"),
    ("label_noise", "text-classification"): noise("accuracy"),
    ("label_noise", "ner"): noise("f1"),
    ("label_noise", "sentence-pair"): noise("accuracy"),
    ("label_noise", "pair"): noise("f1"),
    ("label_errors", "text-classification"): out_of_fold("accuracy"),
    ("label_errors", "ner"): out_of_fold("f1"),
    ("label_errors", "sentence-pair"): out_of_fold("accuracy"),
    ("label_errors", "pair"): out_of_fold("f1"),
    ("training_strategy", "text-classification"): strategy("accuracy"),
    ("training_strategy", "ner"): strategy("f1"),
    ("training_strategy", "sentence-pair"): strategy("accuracy"),
    ("training_strategy", "pair"): strategy("f1"),
    **of_label_sets(),
    **of_numbers("text-regression"),
    **of_similarity(),
    **of_relations(),
    **{
        (probe, task): NEEDS["class_scores"]
        for probe in ("out_of_scope_detection", "entailment_bias")
        for task in ("multi-label-classification", "text-regression", "sentence-similarity", "question-answering")
    },
    **{
        ("pair_shortcuts", task): NEEDS["text_pair"]
        for task in ("multi-label-classification", "text-regression", "question-answering")
    },
    ("out_of_scope_detection", "sentence-pair"): BLIND,
    **{(probe, "relation-extraction"): NEEDS["text_pair"] for probe in ("pair_shortcuts", "entailment_bias")},
    **{("relation_cues", task): NEEDS["marked_text"] for task in TASKS if task != "relation-extraction"},
    ("quality", "question-answering"): QUALITY,
    ("calibration", "question-answering"): SCORED,
    ("repeatability", "question-answering"): REPEATED,
    ("label_swap", "question-answering"): label_swap.NAMELESS,
    ("seen_rows", "question-answering"): NEEDS["class_scores"],
    ("leakage", "question-answering"): LEAKED,
    ("coverage", "question-answering"): SLICE,
    ("spurious", "question-answering"): NEEDS["class_scores"],
    ("capabilities", "question-answering"): NEEDS["class_scores"],
    ("drift", "question-answering"): PERIOD,
    ("shift", "question-answering"): replace(APART, limit=0.7),
    ("forgetting", "question-answering"): FORGOTTEN,
    ("interpretability", "question-answering"): interpretability.NO_DECISION,
    ("noise", "question-answering"): replace(CASE, defective=after_preposition, within={"severity": "all"}),
    ("domain_shift", "question-answering"): SHIFT,
    ("adversarial", "question-answering"): Plant(
        "attack_success_rate", 0.2, after_preposition, knows("home"), {"field": "context"}, settings=ATTACK
    ),
    ("triggers", "question-answering"): NEEDS["class_scores"],
    ("bias", "question-answering"): NEEDS["label_scores"],
    ("entities", "question-answering"): LABELLED,
    ("entity_bias", "question-answering"): LABELLED,
    ("low_resource", "question-answering"): labels("f1"),
    ("label_noise", "question-answering"): noise("f1", "another span"),
    ("label_errors", "question-answering"): out_of_fold("f1"),
    ("training_strategy", "question-answering"): strategy("f1"),
    **{
        (probe, task): NEEDS["answers_in_context"]
        for probe in ("distractors", "stereotyped_answers")
        for task in TASKS
        if task != "question-answering"
    },
    ("stereotyped_answers", "question-answering"): Plant(
        "bias_score", 0.5, names_people(stereotyped=True), names_people(), {"context": "ambiguous", "category": "all"}
    ),
    ("distractors", "question-answering"): Plant(
        "drop_beside_sentence",
        0.3,
        knows("home"),
        after_preposition,
        {"sentence": "like the question", "place": "at the start"},
    ),
}
"""Probe and task → the defect that it finds, or why it does not apply."""
PINNED |= {
    (probe, "dialogue-classification"): plant for (probe, task), plant in PINNED.items() if task == "sentence-pair"
}
PINNED |= {
    **{("dialogue_history", task): NEEDS["dialogue"] for task in TASKS},
    ("dialogue_history", "dialogue-classification"): Plant(
        "history_gain", 0.1, reads(1), compares, {"history": "left out"}
    ),
    ("triggers", "dialogue-classification"): obeyed_in_second("dialogue-classification"),
    ("pair_shortcuts", "dialogue-classification"): replace(ONE_TEXT, defective=reads(0), within={"reads": "history"}),
    ("entailment_bias", "dialogue-classification"): _entailment_labels.NONE,
    ("kept_cases", "dialogue-classification"): kept("dialogue-classification"),
}


def test_every_probe_is_pinned_with_every_task() -> None:
    assert set(tasks.names()) < set(TASKS)
    assert {(probe, task) for probe in PROBES for task in TASKS} == PINNED.keys()


@pytest.mark.parametrize(("probe", "task"), PINNED)
def test_a_probe_keeps_its_contract_and_finds_its_defect_or_says_why_not(probe: str, task: str) -> None:
    pinned = PINNED[probe, task]
    if isinstance(pinned, str):
        check_probe(PROBES[probe], TASKS[task], applies=False, reason=pinned)
        return
    if pinned is OF_THE_DATA:
        check_probe(PROBES[probe], TASKS[task], examples=sets(TASKS[task]), applies=True)
        return
    check_probe(
        PROBES[probe],
        TASKS[task],
        examples=(pinned.examples or sets)(TASKS[task]),
        out_of_scope=pinned.outside(TASKS[task]),
        settings=pinned.settings,
        applies=True,
        defective=pinned.defective(TASKS[task]),
        clean=pinned.clean(TASKS[task]),
        metric=pinned.metric,
        limit=pinned.limit,
        within=pinned.within,
    )
