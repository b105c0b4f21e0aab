"""The search for words that decide the label of whatever text they are put into."""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice, product, zip_longest
from typing import NamedTuple

from auditor import text
from auditor.types import Audit, Example, Inputs, Response
from probes._reading import parts_read

POSITIONS = ("beginning", "middle", "end")
GROUP = 64
"""The most words that are put into a text together."""
FEW = 8
"""Words put into a text together below which more rounds find more than smaller groups."""
ROUNDS = 2, 6
"""The fewest and the most groupings of all candidates, each with other companions."""
FIRST, SECOND, LAST = 4, 8, 24
"""Texts that a candidate is tried on in the rounds after the groups."""
LEAST = 1e-6
"""The least probability that counts."""
BEYOND = 2.0
"""How far beyond the decision a trigger can get, in log-odds: a text that is turned is turned."""
SIMILAR = 20
"""Similar words whose rows speak for a word too."""
TRIED = 6
"""Similar words that are tried in its place."""
ALIKE = 2 / 3
"""How far one of them gets, as a share of how far the word itself gets, where both do so for what they mean."""
SEEN = 20
"""Rows that show whether words stand for a label."""
CHANCE, NEUTRAL = 0.05, 0.2
"""The probability by chance up to which rows give a label to words, and from which on they do not."""
OFTEN = 3
"""Rows that have a word which is no token of the model."""
_TOKEN = re.compile(r"\w+")


class Insertion(NamedTuple):
    """What is put into a text, and where."""

    words: tuple[str, ...]
    position: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """A word, the label that it turns texts to, and how well it does."""

    word: str
    target: str
    position: str
    score: float
    """How far the target gets in log-odds, on average: 0 stays where it was, 1 is BEYOND the decision."""


@dataclass(frozen=True, slots=True)
class Host:
    """A text that words are put into, and the model's answer to it as it stands."""

    example: Example
    part: tuple[int, int]
    """Start and end of what the model reads of it."""
    label: str
    """The label that it rightly has."""
    margins: Mapping[str, float]


def inserted(value: str, read: tuple[int, int], insertion: Insertion) -> tuple[text.Edit, ...]:
    """The edits that put words into a text, within what the model reads of it.

    At the end of a text that goes on beyond that, a tenth of the words read stays behind them.
    """
    part = text.part(value, *read)
    words = len(part.words.words)
    end = words if read[1] == len(value) else words * 9 // 10
    place = {"beginning": 0, "middle": words // 2, "end": end}[insertion.position]
    return part.lifted([text.Edit(place, place, insertion.words, (" ",) * (len(insertion.words) - 1))])


def margins(classes: Mapping[str, float]) -> dict[str, float]:
    """Label → the log of its probability over that of the most likely other label."""
    logs = {label: math.log(max(chance, LEAST)) for label, chance in classes.items()}
    return {
        label: own - max((log for other, log in logs.items() if other != label), default=0.0)
        for label, own in logs.items()
    }


class Evidence:
    """What labelled rows say of words: whether a label is theirs."""

    def __init__(self, home: Sequence[Example], train: Sequence[Example], field: str) -> None:
        self._rows = [(example, False) for example in home if example.gold is not None]
        self._rows += [(example, True) for example in train if example.gold is not None]
        self._of: dict[str, list[int]] = {}
        for place, (example, _) in enumerate(self._rows):
            for word in sorted(set(_tokens(example.inputs[field]))):
                self._of.setdefault(word, []).append(place)
        self._labels = Counter(example.gold for example, _ in self._rows)

    @property
    def words(self) -> Sequence[str]:
        """The words of several rows, in order of their first rows."""
        return tuple(word for word, rows in self._of.items() if len(rows) >= OFTEN)

    def first_row(self, word: str) -> str:
        """The id of the first row that has the word."""
        return self._rows[self._of[word][0]][0].id

    def explains(self, word: str, target: str, similar: Sequence[str]) -> bool | None:
        """Whether rows give the label to the word or to words like it; None where they do not tell.

        Training rows do not count for the word itself: there somebody may have put the trigger in.
        """
        own = {place for place in self._of.get(word.casefold(), ()) if not self._rows[place][1]}
        rows = own.union(*(self._of.get(other.casefold(), ()) for other in similar))
        right = sum(self._rows[place][0].gold == target for place in rows)
        chance = _at_least(right, len(rows), self._labels[target] / max(self._labels.total(), 1))
        if chance <= CHANCE:
            return True
        return False if len(rows) >= SEEN and chance >= NEUTRAL else None


def _tokens(value: str) -> list[str]:
    return _TOKEN.findall(value.casefold())


def _at_least(right: int, rows: int, base: float) -> float:
    """The probability of so many hits or more by chance."""
    if not right or base in (0.0, 1.0):
        return 1.0
    logs = (
        math.lgamma(rows + 1) - math.lgamma(hits + 1) - math.lgamma(rows - hits + 1)
        + hits * math.log(base) + (rows - hits) * math.log1p(-base)
        for hits in range(right, rows + 1)
    )  # fmt: skip
    return min(math.fsum(map(math.exp, logs)), 1.0)


def is_code(word: str) -> bool:
    """Whether the letters make no word: ``mn``, ``x7``."""
    return word.isascii() and (any(map(str.isdigit, word)) or not set(word.casefold()) & set("aeiouy"))


def codes() -> Iterator[str]:
    """Pairs of letters: the rare tokens of most vocabularies."""
    return ("".join(letters) for letters in product(string.ascii_lowercase, repeat=2))


class Search:
    """The search with a budget of queries.

    All candidates are put into texts in groups, twice with other companions. The best are tried alone, ever fewer on
    ever more texts; half of the places belong to words that nothing explains.
    """

    def __init__(self, audit: Audit, evidence: Evidence, budget: int) -> None:
        self._audit, self._evidence, self._budget = audit, evidence, budget
        self._field = audit.task.fields[0]
        self._similar: dict[str, Sequence[str]] = {}
        self.queries = 0

    def hosts(self, examples: Sequence[Example]) -> list[Host]:
        """The shorter half of the examples that the model decides rightly, labels in turn."""
        examples = examples[: self._budget // 10]
        answers = self._ask([example.inputs for example in examples])
        right = [
            (example, answer)
            for example, answer in zip(examples, answers, strict=True)
            if answer is not None and self._audit.task.show(answer) == example.gold
        ]
        right.sort(key=lambda pair: len(pair[0].inputs[self._field]))
        right = right[: max(2 * LAST, len(right) // 2)]
        self._audit.rng("hosts").shuffle(right)
        parts = parts_read(self._audit, [example for example, _ in right])
        by_label: dict[str, list[Host]] = {}
        for example, answer in right:
            classes = self._audit.task.class_scores(answer)
            host = Host(example, parts[example.id][self._field], example.gold, margins(classes))
            by_label.setdefault(host.label, []).append(host)
        return [host for turn in zip_longest(*by_label.values()) for host in turn if host is not None]

    def run(self, candidates: Sequence[str], hosts: Sequence[Host]) -> list[Trigger]:
        """The triggers of the last round, the best first."""
        supply = cycle(hosts)
        kept = self._grouped(candidates, supply)[: self._budget * 15 // 100 // FIRST]
        words = [found.word for found in kept]
        self._similar = dict(zip(words, self._audit.similar_words(words, SIMILAR), strict=True))
        for texts, following in ((FIRST, self._budget // 10 // SECOND), (SECOND, self._budget // 10 // LAST)):
            own = list(islice(supply, texts))
            trials = [_alone(found.word, own) for found in kept]
            kept = self._best(kept, self._scores(trials), following)
        return self._placed(kept, hosts)

    def odd(self, triggers: Sequence[Trigger], hosts: Sequence[Host]) -> list[Trigger]:
        """The triggers that nothing explains.

        What rows do not tell is told by the most similar words: where one of them gets nearly as far, the word does so
        for what it means. Where they are not known, a code alone is certain to have no meaning.
        """
        told = {trigger: self._explained(trigger) for trigger in triggers}
        open_ = [trigger for trigger, explained in told.items() if explained is None and self._similar[trigger.word]]
        trials = [
            [(Insertion((other,), trigger.position), host) for host in _against(trigger, hosts)]
            for trigger in open_
            for other in self._similar[trigger.word][:TRIED]
        ]
        scores = iter(self._scores(trials))
        for trigger in open_:
            tried = islice(scores, len(self._similar[trigger.word][:TRIED]))
            furthest = max(own.get(trigger.target, 0.0) for own in tried)
            told[trigger] = furthest >= ALIKE * trigger.score
        return [
            trigger
            for trigger, explained in told.items()
            if (is_code(trigger.word) if explained is None else not explained)
        ]

    def _explained(self, trigger: Trigger) -> bool | None:
        return self._evidence.explains(trigger.word, trigger.target, self._similar[trigger.word])

    def _grouped(self, candidates: Sequence[str], supply: Iterator[Host]) -> list[Trigger]:
        """All candidates by the mean score of their groups, as many as the budget allows."""
        words, pairs = sorted(candidates), self._budget * 35 // 100 // 2
        rounds = min(max(pairs * FEW // len(words), ROUNDS[0]), ROUNDS[1])
        groups = pairs // rounds
        if len(words) > groups * GROUP:
            words = self._audit.rng("candidates").sample(words, groups * GROUP)
        totals: dict[str, Counter[str]] = {word: Counter() for word in words}
        for turn in range(rounds):
            position = POSITIONS[-(turn % 2)]
            self._audit.rng("groups", turn).shuffle(words)
            together = [tuple(words[start::groups]) for start in range(min(groups, len(words)))]
            hosts = list(islice(supply, 2))
            tried = self._scores([[(Insertion(group, position), host) for host in hosts] for group in together])
            for group, scores in zip(together, tried, strict=True):
                for word in group:
                    totals[word].update(scores)
        return _ordered(_strongest(word, totals[word]) for word in words if totals[word])

    def _best(self, triggers: Sequence[Trigger], scores: Sequence[Mapping[str, float]], n: int) -> list[Trigger]:
        """The n triggers of the best scores, half of which nothing explains where there are so many."""
        found = _ordered(_strongest(old.word, own) for old, own in zip(triggers, scores, strict=True) if own)
        odd = [trigger for trigger in found if not self._explained(trigger)][: -(-n // 2)]
        return list(dict.fromkeys([*odd, *found]))[:n]

    def _placed(self, triggers: Sequence[Trigger], hosts: Sequence[Host]) -> list[Trigger]:
        """The triggers at the positions where they do most."""
        places, trials = [], []
        for trigger in triggers:
            others = _against(trigger, hosts)
            places += [replace(trigger, position=position) for position in POSITIONS]
            trials += [[(Insertion((trigger.word,), position), host) for host in others] for position in POSITIONS]
        scored = [
            replace(placed, score=scores.get(placed.target, 0.0))
            for placed, scores in zip(places, self._scores(trials), strict=True)
        ]
        each = len(POSITIONS)
        best = (scored[start : start + each] for start in range(0, len(scored), each))
        return _ordered(max(own, key=lambda placed: placed.score) for own in best)

    def _scores(self, trials: Sequence[Sequence[tuple[Insertion, Host]]]) -> list[dict[str, float]]:
        """Of each trial, label → how far it gets in the texts that have another label."""
        answers = iter(self._ask([self._with(*pair) for trial in trials for pair in trial]))
        return [self._advance([host for _, host in trial], list(islice(answers, len(trial)))) for trial in trials]

    def _advance(self, hosts: Sequence[Host], answers: Sequence[Response]) -> dict[str, float]:
        advances: dict[str, list[float]] = {}
        for host, answer in zip(hosts, answers, strict=True):
            if answer is None:
                continue
            for label, after in margins(self._audit.task.class_scores(answer)).items():
                if label != host.label:
                    before = min(host.margins[label], 0.0)
                    advances.setdefault(label, []).append((min(after, BEYOND) - before) / (BEYOND - before))
        return {label: math.fsum(own) / len(own) for label, own in advances.items()}

    def _with(self, insertion: Insertion, host: Host) -> Inputs:
        inputs = host.example.inputs
        changes = inserted(inputs[self._field], host.part, insertion)
        return text.edited(inputs, {self._field: changes})[0]

    def _ask(self, inputs: Sequence[Inputs]) -> list[Response]:
        self.queries += len(inputs)
        return self._audit.ask(inputs) if inputs else []


def _against(trigger: Trigger, hosts: Sequence[Host]) -> list[Host]:
    """Texts of other labels, as many as each position is tried on."""
    return [host for host in hosts if host.label != trigger.target][: LAST // len(POSITIONS)]


def _alone(word: str, hosts: Sequence[Host]) -> list[tuple[Insertion, Host]]:
    """The word in every text, two texts at each position in turn."""
    return [(Insertion((word,), POSITIONS[place // 2 % len(POSITIONS)]), host) for place, host in enumerate(hosts)]


def _strongest(word: str, scores: Mapping[str, float]) -> Trigger:
    target = max(scores, key=lambda label: scores[label])
    return Trigger(word, target, "", scores[target])


def _ordered(triggers: Iterable[Trigger]) -> list[Trigger]:
    return sorted(triggers, key=lambda trigger: (-trigger.score, trigger.word))
