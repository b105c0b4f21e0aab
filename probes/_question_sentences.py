"""Sentences that seem to answer a question and answer another.

Jia and Liang (2017, AddSent) had such sentences written and mended by hand; these are made by rules, for English alone.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from auditor import text
from auditor.text import answer_scores
from auditor.types import Example

QUESTION, CONTEXT = "question", "context"
QUESTION_WORDS = ("who", "whom", "whose", "what", "which", "when", "where", "why", "how")
AUXILIARY = re.compile(
    r"(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|must)(?:n['’]t)?|can['’]t|cannot"
)
BEFORE = {"when": "in", "where": "in", "why": "because of", "how": "by"}
"""Question word → the word that stands before its answer."""
LONGEST = 5
"""Words of an answer to another question, at most."""
SMALL = re.compile(
    "about|after|also|among|another|before|being|between|called|could|does|during|first|from|have|into|known|many|might|"
    "much|must|name|other|over|should|than|that|their|them|then|there|these|they|this|those|through|under|used|were|"
    "what|when|where|which|whom|whose|will|with|would|year|years"
)
"""Words of four letters or more that say little."""
_CORE = re.compile(r"\w(?:.*\w)?")
_POSSESSIVE = re.compile(r"['’]s$")
_DIGITS = re.compile(r"\d+")
_NUMBER = re.compile(r"\W?\d")


@dataclass(frozen=True)
class Pools:
    """What other questions offer to exchange."""

    names: tuple[str, ...]
    words: tuple[str, ...]
    answers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Kind → right answers."""


def pools(examples: Sequence[Example]) -> Pools:
    """What the examples' questions and answers offer, each once."""
    names, words, answers = dict[str, None](), dict[str, None](), dict[str, dict[str, None]]()
    for example in examples:
        own = text.words_of(example.inputs[QUESTION])
        names |= dict.fromkeys(" ".join(core(own[place]) for place in run) for run in name_runs(own))
        words |= dict.fromkeys(core(own[place]) for place in _long_words(own))
        rights = (" ".join(right.text.split()) for right in (example.gold or ())[:1])
        for right in (each for each in rights if len(each.split()) <= LONGEST):
            answers.setdefault(kind_of(right), {})[right] = None
    return Pools(tuple(names), tuple(words), {kind: tuple(texts) for kind, texts in answers.items()})


def core(word: str) -> str:
    """The word without punctuation around it, and without a possessive ending."""
    inner = _CORE.search(word)
    return _POSSESSIVE.sub("", inner.group()) if inner else ""


def question_word(words: Sequence[str]) -> int | None:
    """The place of the first question word, if any."""
    return next((place for place, word in enumerate(words) if core(word).lower() in QUESTION_WORDS), None)


def kind_of(answer: str) -> str:
    """number, name or words, by the answer's first letters."""
    if _NUMBER.match(answer):
        return "number"
    return "name" if answer[:1].isupper() else "words"


def name_runs(words: Sequence[str]) -> list[range]:
    """Runs of words with a capital, without the first word."""
    runs: list[range] = []
    for place, word in enumerate(words):
        if place and core(word)[:1].isupper() and core(word).lower() not in QUESTION_WORDS:
            joined = runs and runs[-1].stop == place
            start = runs.pop().start if joined else place
            runs.append(range(start, place + 1))
    return runs


def _long_words(words: Sequence[str]) -> list[int]:
    """Places of lower-case words of four letters or more that say something."""
    own = ((place, core(word)) for place, word in enumerate(words))
    return [
        place
        for place, word in own
        if len(word) > 3 and word.islower() and word.isalpha() and not SMALL.fullmatch(word)
    ]


def distractor(example: Example, known: Pools, rng: random.Random) -> str | None:
    """A sentence like the question, with another answer.

    It is of other things too. None where none can be made.
    """
    words = list(text.words_of(example.inputs[QUESTION]))
    asks = question_word(words)
    changed = None if asks is None else _exchanged(words, known, example, rng)
    answer = None if asks is None else _answer(words[asks], example, known, rng)
    place = None if changed is None else question_word(changed)
    if changed is None or answer is None or place is None:
        return None
    sentence = _told(changed, place, answer)
    return None if says(sentence, example) else sentence


def says(sentence: str, example: Example) -> bool:
    """Whether a sentence holds a right answer of the example."""
    own = f" {' '.join(answer_scores.normalised(sentence))} "
    rights = (" ".join(answer_scores.normalised(right.text)) for right in example.gold or ())
    return any(right and f" {right} " in own for right in rights)


def _exchanged(words: list[str], known: Pools, example: Example, rng: random.Random) -> list[str] | None:
    """The question with other numbers and another name.

    Without either, its longest word is exchanged. None where nothing can be.
    """
    made, runs, read = list(words), name_runs(words), f"{example.inputs[QUESTION]} {example.inputs[CONTEXT]}"
    for place, word in enumerate(words):
        made[place] = _DIGITS.sub(lambda digits: _other_number(digits.group(), rng), word)
    if runs:
        name = _another(known.names, read, rng)
        if name is None:
            return None if made == words else made
        first, last = words[runs[-1].start], words[runs[-1].stop - 1]
        made[runs[-1].start : runs[-1].stop] = _within(first, last, name)
    elif made == words:
        long = max(_long_words(words), key=lambda place: len(core(words[place])), default=None)
        exchanged = None if long is None else _another(known.words, read, rng)
        if long is None or exchanged is None:
            return None
        made[long : long + 1] = _within(words[long], words[long], exchanged)
    return made


def _within(first: str, last: str, name: str) -> list[str]:
    """The name with the punctuation around what it replaces."""
    before, after = first.partition(core(first))[0], last.rpartition(core(last))[2]
    return f"{before}{name}{after}".split()


LAST_DIGITS = 9
"""Digits of a number that change, at most."""


def _other_number(digits: str, rng: random.Random) -> str:
    """A number of as many digits, of which the last ones change."""
    digits, kept = digits[-LAST_DIGITS:], digits[:-LAST_DIGITS]
    larger = str(int(digits) + rng.randint(2, 9)).zfill(len(digits))
    return kept + (larger if len(larger) == len(digits) else str(int(digits) - 1).zfill(len(digits)))


def _another(choices: Sequence[str], read: str, rng: random.Random) -> str | None:
    """One of the choices that the texts do not hold."""
    small = read.lower()
    return next((each for each in rng.sample(choices, len(choices)) if each and each.lower() not in small), None)


def _answer(asks: str, example: Example, known: Pools, rng: random.Random) -> str | None:
    """A right answer of the same kind to another question.

    The context does not hold it.
    """
    rights = [right.text for right in example.gold or ()]
    usual = {"who": "name", "whom": "name", "whose": "name", "where": "name", "when": "number"}
    kind = kind_of(rights[0]) if rights else usual.get(core(asks).lower(), "words")
    shared = {token for right in rights for token in answer_scores.normalised(right)}
    free = [each for each in known.answers.get(kind, ()) if shared.isdisjoint(answer_scores.normalised(each))]
    return _another(free, example.inputs[CONTEXT], rng)


def _told(words: list[str], asks: int, answer: str) -> str:
    """The question as a statement.

    The answer stands in the place of what asks for it.
    """
    word, end = core(words[asks]).lower(), asks + 1
    if word == "how" and [core(each).lower() for each in words[end : end + 1]] in (["many"], ["much"]):
        end, word = end + 1, "how many"
    elif word in ("what", "which", "whose", "how"):
        places = range(end, min(end + 4, len(words)))
        verb = next((place for place in places if AUXILIARY.fullmatch(core(words[place]).lower())), None)
        end = verb if verb is not None else end + (word != "how" and end + 1 < len(words))
    before = BEFORE.get(word, "") if asks == 0 else ""
    said = " ".join(filter(None, (*words[:asks], before, answer, *words[end:]))).rstrip(" ?.!")
    return f"{said[:1].upper()}{said[1:]}."
