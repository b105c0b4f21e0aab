"""The rules that a task is held against."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from auditor import text
from auditor.testing.rules import Rules
from auditor.types import REQUESTS, SAME_WORDS, Alignment, Edit, Edits, Example, Response, Score, Task

MEND = {
    "members": "derive the class from auditor.tasks.TaskDefaults; see auditor.types.Task for its members",
    "construction": "accept the model's labels and a mapping of labels in __init__, and keep both",
    "other domain": "return the same task, which only accepts more labels in the data",
    "read": "return a string for each field, and the gold: None without a label column",
    "labels of a cell": "return from labels_of the labels that a cell names, the same for a task without labels",
    "gold": "make the gold of a row in labels_of and gold_of, which data files are read by, and the same one in read",
    "target": "return from target a label of the model, for sentences a tuple with one per word",
    "request": "return a request of auditor.types.requests, the same for the same texts",
    "score": "return a Score with 0 ≤ numerator ≤ denominator, equal for a right answer and less for a wrong one",
    "details": "declare the metrics of details, and no others: detail_metrics (no slice), sliced_metrics, averages",
    "same": "compare decisions: an answer equals itself, and no answer with another meaning",
    "follow": "return the gold of the edited text: unchanged without edits, moved with its words after an insertion",
    "protected": "return places of existing words, so that edits of all other words keep the gold",
    "goal": "offer attack_goal, and return scores with the decision's own first, the largest while it stands, or None "
    "for a wrong answer",
    "constant": "return an answer that score accepts, or None without any gold",
    "likelihood": "return a probability, larger for the right answer than for a wrong one",
    "offers": "name in offers what the task returns, and return empty values for the rest",
    "units": "return 1 without a unit, else the number of units",
    "wrong labels": "draw every random number before the rate is used, so that a larger rate only adds wrong labels",
    "shown": "return one line, the same for a gold of one label and for the answer that is sure of it",
    "files": "return what json.dumps accepts from dump, and the gold itself from load",
}
"""Rule → how to mend what breaks it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A task, examples of it, and right and wrong answers."""

    task: Task
    examples: tuple[Example, ...]
    right: tuple[Response, ...]
    wrong: tuple[Response | None, ...]
    """None: no wrong answer is known."""
    answer: Callable[[Task, Any], Response]
    several: frozenset[str] = frozenset()
    """Ids of examples whose cell names several labels: their gold shows more than a decision."""

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
        rules.hold("request", type(request) in REQUESTS and same, f"request of {example.id} returns {request!r}")


def scores(rules: Rules, sample: Sample) -> None:
    """Right answers score all there is, wrong ones less."""
    rules.hold("score", sample.pairs, "the rows need two different labels, so that an answer can be wrong")

    def metric(answers: Sequence[tuple[Example, Response]]) -> float:
        scored = [sample.task.score(example.gold, answer) for example, answer in answers]
        for score in scored:
            sound = isinstance(score, Score) and 0 <= score.numerator <= score.denominator < math.inf
            rules.hold("score", sound, f"score returns {score!r}")
        count = sum(score.denominator for score in scored)
        rules.hold("score", count > 0, "all denominators are 0")
        return sum(score.numerator for score in scored) / count

    best = metric(list(zip(sample.examples, sample.right, strict=True)))
    rules.hold("score", best == 1.0, f"{sample.task.metric} of right answers is {best:g}, not 1")
    worse = metric([(example, wrong) for example, _, wrong in sample.pairs])
    rules.hold("score", worse < 1.0, "wrong answers score as high as right ones")


def details(rules: Rules, sample: Sample) -> None:
    """Details are of declared metrics, all of which occur."""
    task = sample.task
    whole, sliced = ({metric.name for metric in metrics} for metrics in (task.detail_metrics, task.sliced_metrics))
    highest = {metric.name: metric.high for metric in (*task.detail_metrics, *task.sliced_metrics)}
    correlated = {metric.name for metric in task.sliced_metrics if "correlation" in metric.kind}
    seen = set()
    for example, *answers in sample.pairs:
        for answer in answers:
            given = list(task.details(example.gold, answer))
            twice = len({(detail.metric, *detail.slice.items()) for detail in given}) < len(given)
            rules.hold("details", not twice, f"details of {example.id} repeat a metric and slice")
            for detail in given:
                declared = detail.metric in (sliced if detail.slice else whole) and len(detail.slice) <= 1
                rules.hold("details", declared, f"{detail.metric} {dict(detail.slice)} is not declared")
                score, most = detail.score, highest.get(detail.metric, 1.0)
                if detail.metric in correlated:
                    sound = math.isfinite(score.numerator) and math.isfinite(score.denominator)
                else:
                    sound = 0 <= score.numerator <= score.denominator * most and score.denominator < math.inf
                rules.hold("details", sound, f"details returns {detail!r}")
                seen.add(detail.metric)
    missing = sorted((whole | sliced) - seen)
    rules.hold("details", not missing, f"no answer has the declared {', '.join(missing)}")
    _averages(rules, sample)


def _averages(rules: Rules, sample: Sample) -> None:
    """Averages belong to declared metrics, all of which occur."""
    averages, sums = sample.task.averages, dict[tuple[str, str], dict[str, tuple[float, float]]]()
    for example, right, _ in sample.pairs:
        for detail in sample.task.details(example.gold, right):
            for value in detail.slice.values():
                share = detail.score.numerator, detail.score.denominator
                sums.setdefault((detail.metric, value), {})[example.id] = share
    whole, sliced = ({metric.name for metric in metrics} for metrics in (averages.whole, averages.sliced))
    given = list(averages(sums))
    for average in given:
        declared = average.metric in (sliced if average.slice else whole)
        rules.hold("details", declared, f"the average {average.metric} {dict(average.slice)} is not declared so")
    missing = sorted((whole | sliced) - {average.metric for average in given})
    rules.hold("details", not missing, f"{', '.join(missing)} is declared, and is no average of right answers")


def decisions(rules: Rules, sample: Sample) -> None:
    """Without edits a gold and a decision are as they were."""
    task = sample.task
    for example, right, wrong in sample.pairs:
        _, nothing = text.edited(example.inputs, dict.fromkeys(task.fields, ()))
        rules.hold("same", task.same(right, right), f"the answer to {example.id} differs from itself")
        for alignment in (SAME_WORDS, Alignment(), nothing):
            rules.hold(
                "follow",
                task.follow(example.gold, alignment) == example.gold,
                f"the gold of {example.id} changes without edits",
            )
            reflexive = all(task.same(answer, answer, alignment) for answer in (right, wrong))
            rules.hold("same", reflexive, f"an answer to {example.id} differs from itself")
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
        rules.hold("follow", kept, f"a word before {example.id} makes its gold {gold!r}")
        after = sample.answer(task, gold)
        rules.hold("same", task.same(right, after, alignment), f"a word before {example.id} makes another answer")
        score = task.score(gold, after)
        rules.hold(
            "follow",
            score.numerator == score.denominator,
            f"a word before {example.id} makes the score of its right answer {score!r}",
        )
        asked = task.request(inputs) != task.request(example.inputs)
        rules.hold("request", asked, f"a word before {example.id} leaves its request as it was")


def contexts(rules: Rules, sample: Sample) -> None:
    """Edits of the words that are not protected break no gold."""
    task = sample.task
    for example in sample.examples:
        protected, edits = task.protected(example), dict[str, tuple[Edit, ...]]()
        for field, value in example.inputs.items():
            places, kept = range(len(text.words_of(value))), protected.get(field, frozenset())
            rules.hold(
                "protected",
                kept <= set(places),
                f"{field} of {example.id} has {len(places)} words, and {sorted(kept)} are protected",
            )
            edits[field] = tuple(Edit(place, place + 1, ("x", "y"), (" ",)) for place in places if place not in kept)
        _, alignment = text.edited(example.inputs, edits)
        gold = task.follow(example.gold, alignment)
        whole = gold is not None and task.units(gold) == task.units(example.gold)
        rules.hold("protected", whole, f"edits of the other words of {example.id} make its gold {gold!r}")


def goals(rules: Rules, sample: Sample) -> None:
    """A goal stands with right answers and is lost with others."""
    task = sample.task
    for example, right, wrong in sample.pairs:
        rules.hold(
            "goal", task.goal(example, wrong) is None, f"goal must return None for a wrong answer to {example.id}"
        )
        rules.hold(
            "goal",
            task.goal(Example("x", example.inputs), right) is None,
            "goal must return None for an example without gold",
        )
        goal = task.goal(example, right)
        offered = "attack_goal" in task.offers
        rules.hold(
            "goal",
            (goal is not None) is offered,
            f"offers has attack_goal: {offered}, but the goal of {example.id} is {goal}",
        )
        unknown_and_none: tuple[Edits | None, ...] = (None, {})
        if goal is None:
            continue
        for edits in unknown_and_none:
            stands, falls = goal(example.inputs, right, edits), goal(example.inputs, wrong, edits)
            rules.hold("goal", max(stands) == stands[0], f"the scores of {example.id} before any edit are {stands}")
            rules.hold("goal", max(falls) > falls[0], f"the scores of {example.id} with a wrong answer are {falls}")
            inside = all(0 <= score <= 1 + 1e-12 for score in (*stands, *falls))
            rules.hold("goal", inside, f"scores must lie in [0, 1]: {stands}, {falls}")


def constants(rules: Rules, sample: Sample) -> None:
    """Constant answers have scores, right answers the largest likelihood."""
    task, golds = sample.task, [example.gold for example in sample.examples]
    empty = task.constant([]) is None and task.constant([None, None]) is None
    rules.hold("constant", empty, "constant must return None without a gold")
    constant = task.constant([*golds, None])
    with rules.calm("constant", "score of it"):
        sound = constant is None or all(isinstance(task.score(gold, constant), Score) for gold in golds)
    rules.hold("constant", sound, f"score of {constant!r} is not a Score")
    for example, right, wrong in sample.pairs:
        less, more = task.likelihood(example.gold, wrong), task.likelihood(example.gold, right)
        rules.hold(
            "likelihood",
            0 <= less < more <= 1,
            f"likelihood of {example.id} is {more} for the right answer, {less} for a wrong one",
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
        for choice in task.choices(example.gold, right):
            places, sum_ = range(len(choice.chances)), sum(choice.chances)
            sound = {choice.chosen, choice.gold} <= set(places) and math.isclose(sum_, 1.0, abs_tol=1e-6)
            rules.hold("offers", sound, f"choices has {choice}")
        one_label = task.stratum(example.gold) is not None
        rules.hold(
            "offers",
            one_label is ("one_label" in task.offers),
            f"offers has one_label: {not one_label}, but stratum returns {task.stratum(example.gold)!r}",
        )
        rules.hold("offers", task.stratum(None) is None, "stratum must return None without a gold")
        every, fewer = list(task.spans_found(example, right)), list(task.spans_found(example, wrong))
        labelled = "labelled_spans" in task.offers
        rules.hold("offers", labelled or not every, f"spans_found must be empty without labelled_spans, not {every}")
        said = f"spans_found returns {every} for a right answer, {fewer} for a wrong one"
        rules.hold("offers", not labelled or len(fewer) < len(every), said)
    for example in sample.examples:
        units = task.units(example.gold)
        counted = isinstance(units, int) and (units >= 0 if task.unit else units == 1)
        rules.hold("units", counted, f"units of {example.id} ({task.unit}) returns {units!r}")


def shown(rules: Rules, sample: Sample) -> None:
    """Decisions and golds are shown in one line, files hold golds."""
    task = sample.task
    for example, right, wrong in sample.pairs:
        said = task.show(right), task.show_gold(example.gold), task.show(wrong)
        lines = all(isinstance(line, str) and len(line.splitlines()) == 1 for line in said)
        rules.hold("shown", lines, f"show and show_gold return {said}")
        shows = said[0] in said[1] if example.id in sample.several else said[0] == said[1]
        told = shows and said[2] not in said[:2]
        rules.hold("shown", told, f"right {said[0]!r}, gold {said[1]!r}, wrong {said[2]!r}")
    for example in sample.examples:
        with rules.calm("files", f"dump and load of {example.gold!r}"):
            again = task.load(json.loads(json.dumps(task.dump(example.gold), allow_nan=False)))
        same = again == example.gold and type(again) is type(example.gold)
        rules.hold("files", same, f"{example.gold!r} comes back as {again!r}")


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
)
"""In the order in which they are held; those of wrong labels come after them."""
