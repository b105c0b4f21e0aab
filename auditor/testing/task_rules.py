"""The rules that a task is held against."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from auditor import text
from auditor.testing.rules import Rules
from auditor.text import shares, spans
from auditor.types import REQUESTS, SAME_WORDS, Alignment, Edit, Edits, Example, Response, Score, Task

MEND = {
    "members": "derive the class from auditor.tasks.TaskDefaults; see auditor.types.Task",
    "construction": "let __init__ take the model's labels and a mapping of labels, and keep both",
    "other domain": "return the same task, which only takes more labels in data",
    "read": "return the inputs, a text for each field, and the gold, None without a column for the label",
    "request": "return one of the kinds of auditor.types.requests, the same for the same texts",
    "score": "return a Score, 0 ≤ numerator ≤ denominator, full for a right answer and less for a wrong one",
    "details": "declare metrics of details in detail_metrics (no slice) or sliced_metrics (one key), and no others",
    "same": "compare decisions: an answer is the same as itself, and none as one that means otherwise",
    "follow": "return the gold of the edited text: as it was without edits, moved with its words after an insertion",
    "protected": "return places of words that there are; edits of all the others must not break a gold",
    "goal": "offer attack_goal and return scores, the decision's own first, the largest while it stands; None where "
    "there is nothing right to attack",
    "constant": "return an answer that score takes, None without any gold",
    "likelihood": "return a probability, larger for the right answer than for a wrong one",
    "offers": "offer what is there, and return empty values where nothing is offered",
    "units": "return 1 without a unit, else how many there are",
    "wrong labels": "draw all that is random, for every label, before the rate is read, so that a larger rate adds",
    "shown": "return one line of words, the same of a gold and of the answer that is sure of it",
    "files": "return from dump what json.dumps takes, and from load the gold itself",
}
"""Rule → how to mend what breaks it."""
RATES = (0.0, 0.1, 0.3, 0.7, 1.0)


@dataclass(frozen=True, slots=True)
class Sample:
    """A task, examples of it, and right and wrong answers."""

    task: Task
    examples: tuple[Example, ...]
    right: tuple[Response, ...]
    wrong: tuple[Response | None, ...]
    """None: no wrong answer is known."""
    answer: Callable[[Task, Any], Response]

    @property
    def pairs(self) -> list[tuple[Example, Response, Response]]:
        """Examples with their right and wrong answers, where there are both."""
        every = zip(self.examples, self.right, self.wrong, strict=True)
        return [(example, right, wrong) for example, right, wrong in every if wrong is not None]


def requests(rules: Rules, sample: Sample) -> None:
    """Requests are hashable, of a known kind and the same again."""
    for example in sample.examples:
        with rules.calm("request", f"request of {example.id}"):
            request = sample.task.request(example.inputs)
            same = hash(request) == hash(sample.task.request(example.inputs))
        rules.hold("request", type(request) in REQUESTS and same, f"{request!r}")


def scores(rules: Rules, sample: Sample) -> None:
    """Right answers score all there is, wrong ones less."""
    rules.hold("score", sample.pairs, "the rows have no two labels that differ: no answer is wrong")

    def metric(answers: Sequence[tuple[Example, Response]]) -> float:
        scored = [sample.task.score(example.gold, answer) for example, answer in answers]
        for score in scored:
            sound = isinstance(score, Score) and 0 <= score.numerator <= score.denominator < math.inf
            rules.hold("score", sound, f"{score!r}")
        count = sum(score.denominator for score in scored)
        rules.hold("score", count > 0, "all denominators are 0")
        return sum(score.numerator for score in scored) / count

    best = metric(list(zip(sample.examples, sample.right, strict=True)))
    rules.hold("score", best == 1.0, f"right answers have {sample.task.metric} {best:g}")
    worse = metric([(example, wrong) for example, _, wrong in sample.pairs])
    rules.hold("score", worse < 1.0, "wrong answers score as right ones do")


def details(rules: Rules, sample: Sample) -> None:
    """Details are of declared metrics, all of which occur."""
    task = sample.task
    whole, sliced = ({metric.name for metric in metrics} for metrics in (task.detail_metrics, task.sliced_metrics))
    seen = set()
    for example, *answers in sample.pairs:
        for answer in answers:
            given = list(task.details(example.gold, answer))
            twice = len({(detail.metric, *detail.slice.items()) for detail in given}) < len(given)
            rules.hold("details", not twice, f"two of one metric and slice for {example.id}")
            for detail in given:
                declared = detail.metric in (sliced if detail.slice else whole) and len(detail.slice) <= 1
                rules.hold("details", declared, f"{detail.metric} {dict(detail.slice)} is not declared so")
                score = detail.score
                rules.hold("details", 0 <= score.numerator <= score.denominator < math.inf, f"{detail!r}")
                seen.add(detail.metric)
    missing = sorted((whole | sliced) - seen)
    rules.hold("details", not missing, f"{', '.join(missing)} is declared, and no answer has it")


def decisions(rules: Rules, sample: Sample) -> None:
    """Without edits a gold and a decision are as they were."""
    task = sample.task
    for example, right, wrong in sample.pairs:
        _, nothing = text.edited(example.inputs, dict.fromkeys(task.fields, ()))
        rules.hold("same", task.same(right, right), f"the answer to {example.id} is not the same as itself")
        for alignment in (SAME_WORDS, Alignment(), nothing):
            rules.hold("follow", task.follow(example.gold, alignment) == example.gold, f"{example.id} without edits")
            reflexive = all(task.same(answer, answer, alignment) for answer in (right, wrong))
            rules.hold("same", reflexive, f"an answer to {example.id} is not the same as itself")
            told = not task.same(right, wrong, alignment) and not task.same(wrong, right, alignment)
            rules.hold("same", told, f"a right and a wrong answer to {example.id} are the same")


def insertions(rules: Rules, sample: Sample) -> None:
    """A word put before a text leaves gold and decision."""
    task, field = sample.task, sample.task.fields[0]
    for example, right in zip(sample.examples, sample.right, strict=True):
        inputs, alignment = text.edited(example.inputs, {field: (Edit(0, 0, ("well",)),)})
        gold = task.follow(example.gold, alignment)
        kept = gold is not None and task.units(gold) == task.units(example.gold)
        kept = kept and ("labelled_spans" in task.offers or gold == example.gold)
        rules.hold("follow", kept, f"{example.id} with a word before it has the gold {gold!r}")
        after = sample.answer(task, gold)
        rules.hold("same", task.same(right, after, alignment), f"{example.id} with a word before it")
        score = task.score(gold, after)
        rules.hold("follow", score.numerator == score.denominator, f"{example.id} with a word before it: {score!r}")
        asked = task.request(inputs) != task.request(example.inputs)
        rules.hold("request", asked, f"{example.id} with a word before it is the same request")


def contexts(rules: Rules, sample: Sample) -> None:
    """Edits of the words that are not protected break no gold."""
    task = sample.task
    for example in sample.examples:
        protected, edits = task.protected(example), dict[str, tuple[Edit, ...]]()
        for field, value in example.inputs.items():
            places, kept = range(len(text.words_of(value))), protected.get(field, frozenset())
            rules.hold("protected", kept <= set(places), f"{field} of {example.id}: {sorted(kept)}")
            edits[field] = tuple(Edit(place, place + 1, ("x", "y"), (" ",)) for place in places if place not in kept)
        _, alignment = text.edited(example.inputs, edits)
        gold = task.follow(example.gold, alignment)
        whole = gold is not None and task.units(gold) == task.units(example.gold)
        rules.hold("protected", whole, f"edits of all the other words of {example.id} give the gold {gold!r}")


def goals(rules: Rules, sample: Sample) -> None:
    """A goal stands with right answers and is lost with others."""
    task = sample.task
    for example, right, wrong in sample.pairs:
        rules.hold("goal", task.goal(example, wrong) is None, f"a wrong answer to {example.id} has one")
        rules.hold("goal", task.goal(Example("x", example.inputs), right) is None, "an example without gold has one")
        goal = task.goal(example, right)
        offered = "attack_goal" in task.offers
        rules.hold("goal", (goal is not None) is offered, f"offers says {offered}, the goal of {example.id} is {goal}")
        unknown_and_none: tuple[Edits | None, ...] = (None, {})
        if goal is None:
            continue
        for edits in unknown_and_none:
            stands, falls = goal(example.inputs, right, edits), goal(example.inputs, wrong, edits)
            rules.hold("goal", max(stands) == stands[0], f"before any edit {example.id} has {stands}")
            rules.hold("goal", max(falls) > falls[0], f"with a wrong answer {example.id} has {falls}")
            inside = all(0 <= score <= 1 + 1e-12 for score in (*stands, *falls))
            rules.hold("goal", inside, f"scores outside [0, 1]: {stands}, {falls}")


def constants(rules: Rules, sample: Sample) -> None:
    """Constant answers have scores, right answers the largest likelihood."""
    task, golds = sample.task, [example.gold for example in sample.examples]
    empty = task.constant([]) is None and task.constant([None, None]) is None
    rules.hold("constant", empty, "without a gold there is one")
    constant = task.constant([*golds, None])
    with rules.calm("constant", "score of it"):
        sound = constant is None or all(isinstance(task.score(gold, constant), Score) for gold in golds)
    rules.hold("constant", sound, f"{constant!r} has no Score")
    for example, right, wrong in sample.pairs:
        less, more = task.likelihood(example.gold, wrong), task.likelihood(example.gold, right)
        rules.hold(
            "likelihood", 0 <= less < more <= 1, f"{example.id}: {more} for the right answer, {less} for a wrong one"
        )


def offers(rules: Rules, sample: Sample) -> None:
    """What is offered is there, and nothing else."""
    task = sample.task
    for example, right, wrong in sample.pairs:
        classes = task.class_scores(right)
        wanted = task.labels if "class_scores" in task.offers else ()
        rules.hold("offers", tuple(classes) == wanted, f"class_scores are {dict(classes)}")
        total = sum(classes.values())
        rules.hold("offers", not classes or math.isclose(total, 1.0, abs_tol=1e-6), f"class_scores add up to {total}")
        one_label = task.stratum(example.gold) is not None
        rules.hold("offers", one_label is ("one_label" in task.offers), f"stratum: {task.stratum(example.gold)!r}")
        rules.hold("offers", task.stratum(None) is None, "without a gold there is a stratum")
        every, fewer = list(task.spans_found(example, right)), list(task.spans_found(example, wrong))
        labelled = "labelled_spans" in task.offers
        rules.hold("offers", labelled or not every, f"spans_found: {every}")
        said = f"spans_found: {every}, {fewer} of a wrong answer"
        rules.hold("offers", not labelled or len(fewer) < len(every), said)
    for example in sample.examples:
        units = task.units(example.gold)
        counted = isinstance(units, int) and (units >= 0 if task.unit else units == 1)
        rules.hold("units", counted, f"{example.id} has {units!r} {task.unit}")


def shown(rules: Rules, sample: Sample) -> None:
    """Decisions and golds are shown in one line, files hold golds."""
    task = sample.task
    for example, right, wrong in sample.pairs:
        said = task.show(right), task.show_gold(example.gold), task.show(wrong)
        lines = all(isinstance(line, str) and len(line.splitlines()) == 1 for line in said)
        rules.hold("shown", lines, f"{said}")
        rules.hold("shown", said[0] == said[1] != said[2], f"right {said[0]!r}, gold {said[1]!r}, wrong {said[2]!r}")
    for example in sample.examples:
        with rules.calm("files", f"dump and load of {example.gold!r}"):
            again = task.load(json.loads(json.dumps(task.dump(example.gold), allow_nan=False)))
        same = again == example.gold and type(again) is type(example.gold)
        rules.hold("files", same, f"{example.gold!r} comes back as {again!r}")


def _marks(task: Task, golds: Sequence[Any]) -> set[Any]:
    """Spans, or labels of the whole, each with its place."""
    if "labelled_spans" in task.offers:
        return {(number, span) for number, gold in enumerate(golds) for span in spans.spans(gold)}
    return set(enumerate(golds))


def wrong_labels(rules: Rules, sample: Sample) -> None:
    """A larger share of wrong labels adds to a smaller one."""
    task, golds = sample.task, [example.gold for example in sample.examples]
    right = _marks(task, golds)
    for kind, corrupt in task.corruptions.items():
        reason = corrupt.impossible([])
        rules.hold("wrong labels", isinstance(reason, str) and reason, f"{kind}: of no gold at all some can be wrong")
        rules.hold("wrong labels", corrupt.impossible(golds) is None, f"{kind}: {corrupt.impossible(golds)}")
        made = [corrupt(golds, rate, random.Random(3)) for rate in RATES]
        rules.hold("wrong labels", made[0] == golds, f"{kind}: a share of 0 changes golds")
        alike = all(
            len(corrupted) == len(golds) and {type(gold) for gold in corrupted} == {type(gold) for gold in golds}
            for corrupted in made
        )
        rules.hold("wrong labels", alike, f"{kind}: other golds in number or type")
        gone, new = ([side(_marks(task, corrupted)) for corrupted in made] for side in (right.difference, _new(right)))
        most = len(gone[-1])
        counts = [len(wrong) for wrong in gone]
        wanted = [shares.nearest(rate, most) for rate in RATES]
        rules.hold("wrong labels", most and counts == wanted, f"{kind}: {counts} are wrong, not {wanted}, of {RATES}")
        nested = all(few <= more for side in (gone, new) for few, more in itertools.pairwise(side))
        rules.hold("wrong labels", nested, f"{kind}: a larger share does not add to a smaller one")
        again = [corrupt(golds, 0.3, random.Random(seed)) for seed in (3, 4)]
        drawn = again[0] == made[2] != again[1]
        rules.hold("wrong labels", drawn, f"{kind}: which are wrong does not follow from rng alone")


def _new(right: set[Any]) -> Callable[[set[Any]], set[Any]]:
    return lambda marks: marks - right


CHECKS: tuple[Callable[[Rules, Sample], None], ...] = (
    requests,
    scores,
    details,
    decisions,
    insertions,
    contexts,
    goals,
    constants,
    offers,
    shown,
    wrong_labels,
)
"""In the order in which they are held."""
