"""Triggers of several words, grown from words that move answers a little."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from random import Random
from statistics import fmean

from probes._trigger_search import FIRST, Search, Trigger, against, ordered
from probes._trigger_texts import Host, Insertion

BEAM = 4
"""Triggers that are grown by a word, at most."""
BESIDE = 24
"""Words that are tried beside a trigger in one text, at most."""
ROUNDS = 2
"""Groupings of these words, each with other companions."""
GAIN = 0.2
"""How much farther than its parts a phrase gets, as ``Trigger.score`` counts."""
MOVES = 0.05
"""How far a trigger gets that is grown, at least."""
SIMILAR_TEXTS = 48
"""Queries that one word of a phrase takes where similar ones are tried in its place, at most."""


def grown(
    search: Search,
    triggers: Sequence[Trigger],
    words: Sequence[str],
    hosts: Sequence[Host],
    budget: int,
    rng: Callable[..., Random],
) -> list[Trigger]:
    """Return phrases that are one word longer than the triggers.

    They get farther than each of their parts, and no rows explain any of their words. Triggers that no rows explain,
    that move answers and do not turn every text yet are grown. ``budget``: the most queries that this takes, those of
    ``Search.odd`` for these phrases included.
    """
    open_ = (each for each in triggers if MOVES <= each.score < 1.0 - GAIN and search.explained(each) is not True)
    beam = list(islice(open_, BEAM))
    longer: dict[tuple[str, ...], Trigger] = {}
    for trigger in beam:
        for phrase in _longer(
            search, trigger, words, hosts, budget * 3 // 4 // len(beam), rng("beside", trigger.words)
        ):
            longer.setdefault(phrase.words, phrase)
    search.learn(sorted({word for phrase in longer for word in phrase}))
    best = ordered(phrase for phrase in longer.values() if search.explained(phrase) is not True)
    each = max((2 * len(against(phrase, hosts)) + SIMILAR_TEXTS * len(phrase.words) for phrase in best), default=1)
    best = best[: budget // 4 // each]
    return list(_beyond_parts(search, best, hosts))


def _longer(
    search: Search, trigger: Trigger, words: Sequence[str], hosts: Sequence[Host], budget: int, rng: Random
) -> Iterator[Trigger]:
    """Yield the trigger with the best words before and after it.

    It gets farther with them than without, and than they do.
    """
    others = against(trigger, hosts)
    few = others[:FIRST]
    most = (budget * 3 // 10 - len(few)) // (3 * FIRST)
    beside = _helping(search, trigger, words, others, budget // 2, rng)[:most]
    alone = _scores(search, trigger, [trigger.words, *((word,) for word in beside)], few)
    of_word = {phrase: word for word in beside for phrase in ((*trigger.words, word), (word, *trigger.words))}
    scores = _scores(search, trigger, list(of_word), few)
    gains = {phrase: score - max(alone[trigger.words], alone[(of_word[phrase],)]) for phrase, score in scores.items()}
    best = sorted((phrase for phrase in gains if gains[phrase] >= GAIN), key=lambda phrase: (-gains[phrase], phrase))
    best = best[: budget // 5 // max(len(others), 1)]
    for phrase, score in _scores(search, trigger, best, others).items():
        yield Trigger(phrase, trigger.target, trigger.position, score)


def _scores(
    search: Search, trigger: Trigger, phrases: Sequence[tuple[str, ...]], hosts: Sequence[Host]
) -> dict[tuple[str, ...], float]:
    """Map each phrase to its score at the trigger's place and label."""
    trials = [[(Insertion(phrase, trigger.position), host) for host in hosts] for phrase in phrases]
    tried = search.scores(trials)
    return {phrase: own.get(trigger.target, 0.0) for phrase, own in zip(phrases, tried, strict=True)}


def _helping(
    search: Search, trigger: Trigger, words: Sequence[str], hosts: Sequence[Host], budget: int, rng: Random
) -> list[str]:
    """Return the words in the order in which they help the trigger.

    They are tried in groups: how far a group gets with the trigger before and after each of its words, less how far it
    gets without.
    """
    groups, others = budget // (2 * ROUNDS), sorted(set(words) - set(trigger.words))
    if not groups or not others or not hosts:
        return []
    if len(others) > groups * BESIDE:
        others = rng.sample(others, groups * BESIDE)
    totals = dict.fromkeys(others, 0.0)
    for turn in range(ROUNDS):
        rng.shuffle(others)
        together = [others[start::groups] for start in range(min(groups, len(others)))]
        texts = [hosts[(place + turn) % len(hosts)] for place in range(len(together))]
        trials = [
            [(Insertion(put_in, trigger.position), host)]
            for group, host in zip(together, texts, strict=True)
            for put_in in (_interleaved(trigger.words, group), tuple(group))
        ]
        tried = [own.get(trigger.target, 0.0) for own in search.scores(trials)]
        scores = [both - alone for both, alone in zip(tried[::2], tried[1::2], strict=True)]
        # Groups are compared in the same text alone: one text is turned more easily than another.
        usual = {host.example.id: fmean(scores[place :: len(hosts)]) for place, host in enumerate(texts[: len(hosts)])}
        for group, host, score in zip(together, texts, scores, strict=True):
            for word in group:
                totals[word] += score - usual[host.example.id]
    return sorted(totals, key=lambda word: (-totals[word], word))


def _interleaved(trigger: tuple[str, ...], words: Sequence[str]) -> tuple[str, ...]:
    """The words, each between two of the trigger."""
    return (*trigger, *(part for word in words for part in (word, *trigger)))


def _beyond_parts(search: Search, phrases: Sequence[Trigger], hosts: Sequence[Host]) -> Iterator[Trigger]:
    """Yield the phrases that beat both of their shorter parts."""
    for phrase in phrases:
        parts = [phrase.words[:-1], phrase.words[1:]]
        scores = _scores(search, phrase, parts, against(phrase, hosts))
        if phrase.score >= max(scores.values()) + GAIN:
            yield phrase
