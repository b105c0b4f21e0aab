"""The search for words that decide the label of every text."""

from __future__ import annotations

import math
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice, product, zip_longest
from statistics import fmean, pstdev

from auditor import text
from auditor.types import Audit, Example, Inputs, Response
from probes._reading import parts_read
from probes._trigger_texts import POSITIONS, Host, Insertion, inserted, margins
from probes._word_evidence import Evidence, is_code

GROUP = 64
"""The most words that are put into a text together."""
FEW = 8
"""Words put into a text together below which more rounds find more than smaller groups."""
ROUNDS = 2, 6
"""The fewest and the most groupings of all candidates, each with other companions."""
FIRST, SECOND, LAST = 4, 8, 24
"""Texts that a candidate is tried on in the rounds after the groups."""
BEYOND = 2.0
"""How far beyond the decision a trigger can get, in log-odds: a text that is turned is turned."""
SIMILAR = 20
"""Similar words whose rows speak for a word too."""
TRIED = 6
"""Similar words that are tried in its place."""
ALIKE = 0.5
"""How far two of them get, as a share of how far the word gets, where it does so for what it means."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A word or phrase, and the label that it turns texts to."""

    words: tuple[str, ...]
    target: str
    position: str
    score: float
    """How far the target gets in log-odds, on average: 0 stays where it was, 1 is BEYOND the decision."""

    @property
    def phrase(self) -> str:
        """Its words as they stand in a text."""
        return " ".join(self.words)


def codes() -> Iterator[str]:
    """Pairs of letters: the rare tokens of most vocabularies."""
    return ("".join(letters) for letters in product(string.ascii_lowercase, repeat=2))


class Search:
    """The search with a budget of queries.

    All candidates are put into texts in groups, twice with other companions. Their scores are compared with those of
    the other candidates for the same label, since any words may turn a model to a label that it prefers. The best are
    tried alone, ever fewer on ever more texts; half of the places belong to words that nothing explains, and a quarter
    to codes.
    """

    def __init__(self, audit: Audit, evidence: Evidence, budget: int, field: str) -> None:
        self._audit, self._evidence, self._budget, self._field = audit, evidence, budget, field
        self._similar: dict[str, Sequence[str]] = {}
        self.queries = 0

    def hosts(self, examples: Sequence[Example]) -> list[Host]:
        """The shorter half of the rightly decided examples, labels in turn."""
        task, examples = self._audit.task, examples[: self._budget // 10]
        answers = self._ask([example.inputs for example in examples])
        right = [
            (example, answer)
            for example, answer in zip(examples, answers, strict=True)
            if answer is not None and task.show(answer) == task.target(example.gold)
        ]
        right.sort(key=lambda pair: len(pair[0].inputs[self._field]))
        right = right[: max(2 * LAST, len(right) // 2)]
        self._audit.rng("hosts").shuffle(right)
        parts = parts_read(self._audit, [example for example, _ in right])
        by_label: dict[str, list[Host]] = {}
        for example, answer in right:
            classes = task.class_scores(answer)
            host = Host(example, parts[example.id][self._field], task.target(example.gold), margins(classes))
            by_label.setdefault(host.label, []).append(host)
        return [host for turn in zip_longest(*by_label.values()) for host in turn if host is not None]

    def run(self, candidates: Sequence[str], hosts: Sequence[Host]) -> list[Trigger]:
        """The triggers of the last round, the best first."""
        supply = cycle(hosts)
        kept = _with_codes(self._grouped(candidates, supply), self._budget * 15 // 100 // FIRST)
        self.learn([trigger.phrase for trigger in kept])
        for texts, following in ((FIRST, self._budget // 10 // SECOND), (SECOND, self._budget // 10 // LAST)):
            own = list(islice(supply, texts))
            trials = [_alone(trigger.phrase, own) for trigger in kept]
            kept = self._best(kept, self.scores(trials), following)
        return self._placed(kept, hosts)

    def learn(self, words: Sequence[str]) -> None:
        """Find the words similar to these."""
        self._similar |= dict(zip(words, self._audit.similar_words(words, SIMILAR), strict=True))

    def odd(self, triggers: Sequence[Trigger], hosts: Sequence[Host]) -> list[Trigger]:
        """The triggers that nothing explains.

        Of a word of which rows do not tell, the most similar words are tried in its place: where two of them get half
        as far, the word does so for what it means.
        """
        told = {trigger: self.explained(trigger) for trigger in triggers}
        open_ = [
            (trigger, place)
            for trigger, explained in told.items()
            if explained is None
            for place, word in enumerate(trigger.words)
            if self._tells(word, trigger.target) is None
        ]
        trials = [
            [(Insertion(replaced, trigger.position), host) for host in against(trigger, hosts)]
            for trigger, place in open_
            for replaced in self._with_similar(trigger.words, place)
        ]
        scores = iter(self.scores(trials))
        for trigger, place in open_:
            tried = islice(scores, len(self._with_similar(trigger.words, place)))
            told[trigger] = _second(trigger, tried) >= ALIKE * trigger.score or bool(told[trigger])
        return [trigger for trigger, explained in told.items() if not explained]

    def _with_similar(self, words: tuple[str, ...], place: int) -> list[tuple[str, ...]]:
        """The words, with each of those most similar in one's place."""
        return [(*words[:place], similar, *words[place + 1 :]) for similar in self._similar[words[place]][:TRIED]]

    def explained(self, trigger: Trigger) -> bool | None:
        """Whether rows give the label to any of the words.

        None where similar words may tell.
        """
        told = [self._tells(word, trigger.target) for word in trigger.words]
        return True if True in told else None if None in told else False

    def _tells(self, word: str, target: str) -> bool | None:
        """Whether rows give the label to a word.

        None: similar ones may tell. They do not tell of a code, which has no meaning that they could share.
        """
        similar = self._similar[word]
        explained = self._evidence.explains(word, target, similar)
        if explained is not None:
            return explained
        if is_code(word):
            return False
        return None if similar else True

    def _grouped(self, candidates: Sequence[str], supply: Iterator[Host]) -> list[Trigger]:
        """As many candidates as the budget allows, by their groups' scores."""
        words, pairs = sorted(candidates), self._budget * 35 // 100 // 2
        rounds = min(max(pairs * FEW // len(words), ROUNDS[0]), ROUNDS[1])
        groups = pairs // rounds
        if len(words) > groups * GROUP:
            words = self._audit.rng("candidates").sample(words, groups * GROUP)
        totals: dict[str, dict[str, float]] = {word: {} for word in words}
        for turn in range(rounds):
            position = POSITIONS[-(turn % 2)]
            self._audit.rng("groups", turn).shuffle(words)
            together = [tuple(words[start::groups]) for start in range(min(groups, len(words)))]
            hosts = list(islice(supply, 2))
            tried = self.scores([[(Insertion(group, position), host) for host in hosts] for group in together])
            for group, scores in zip(together, tried, strict=True):
                for word, (label, score) in product(group, scores.items()):
                    totals[word][label] = totals[word].get(label, 0.0) + score
        return ordered(_strongest(word, scores) for word, scores in _standardised(totals).items() if scores)

    def _best(self, triggers: Sequence[Trigger], scores: Sequence[Mapping[str, float]], n: int) -> list[Trigger]:
        """The n triggers of the best scores.

        Half of them no row explains, where there are so many.
        """
        best = ordered(_strongest(old.phrase, own) for old, own in zip(triggers, scores, strict=True) if own)
        odd = [trigger for trigger in best if not self.explained(trigger)][: -(-n // 2)]
        return _with_codes(list(dict.fromkeys([*odd, *best])), n)

    def _placed(self, triggers: Sequence[Trigger], hosts: Sequence[Host]) -> list[Trigger]:
        """The triggers at the positions where they do most."""
        places, trials = [], []
        for trigger in triggers:
            others = against(trigger, hosts)
            places += [replace(trigger, position=position) for position in POSITIONS]
            trials += [[(Insertion(trigger.words, position), host) for host in others] for position in POSITIONS]
        scored = [
            replace(placed, score=scores.get(placed.target, 0.0))
            for placed, scores in zip(places, self.scores(trials), strict=True)
        ]
        each = len(POSITIONS)
        best = (scored[start : start + each] for start in range(0, len(scored), each))
        return ordered(max(own, key=lambda placed: placed.score) for own in best)

    def scores(self, trials: Sequence[Sequence[tuple[Insertion, Host]]]) -> list[dict[str, float]]:
        """Of each trial, label → how far other labels' texts move."""
        answers = iter(self._ask([self._with(*pair) for trial in trials for pair in trial]))
        return [self._advance([host for _, host in trial], list(islice(answers, len(trial)))) for trial in trials]

    def _advance(self, hosts: Sequence[Host], answers: Sequence[Response | None]) -> dict[str, float]:
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

    def _ask(self, inputs: Sequence[Inputs]) -> list[Response | None]:
        self.queries += len(inputs)
        return self._audit.ask(inputs) if inputs else []


def _second(trigger: Trigger, scores: Iterable[Mapping[str, float]]) -> float:
    """How far the second best of similar words gets."""
    return sorted([0.0, 0.0, *(own.get(trigger.target, 0.0) for own in scores)])[-2]


def against(trigger: Trigger, hosts: Sequence[Host]) -> list[Host]:
    """Texts of other labels, as many as each position is tried on."""
    return [host for host in hosts if host.label != trigger.target][: LAST // len(POSITIONS)]


def _alone(word: str, hosts: Sequence[Host]) -> list[tuple[Insertion, Host]]:
    """The word in every text, two texts at each position in turn."""
    return [(Insertion((word,), POSITIONS[place // 2 % len(POSITIONS)]), host) for place, host in enumerate(hosts)]


def _strongest(word: str, scores: Mapping[str, float]) -> Trigger:
    target = max(scores, key=lambda label: scores[label])
    return Trigger((word,), target, "", scores[target])


def _standardised(totals: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Of each word, label → score in standard deviations.

    They count from the label's mean over all words.
    """
    of_label: dict[str, list[float]] = {}
    for scores in totals.values():
        for label, score in scores.items():
            of_label.setdefault(label, []).append(score)
    centre = {label: (fmean(own), pstdev(own) or 1.0) for label, own in of_label.items()}
    return {
        word: {label: (score - centre[label][0]) / centre[label][1] for label, score in scores.items()}
        for word, scores in totals.items()
    }


def _with_codes(triggers: Sequence[Trigger], n: int) -> list[Trigger]:
    """The first n triggers, a quarter of them codes if possible."""
    odd = [trigger for trigger in triggers if is_code(trigger.phrase)][: -(-n // 4)]
    return list(dict.fromkeys([*odd, *triggers]))[:n]


def ordered(triggers: Iterable[Trigger]) -> list[Trigger]:
    return sorted(triggers, key=lambda trigger: (-trigger.score, trigger.phrase))
