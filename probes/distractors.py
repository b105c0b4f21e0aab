"""Distractors: does a sentence that answers another question draw the answer?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from auditor import metrics, text
from auditor.settings import CheckedSettings, Count
from auditor.text import answers
from auditor.types import Audit, Case, Edit, Example, Metric, Planned, ProbeDefaults, Skipped, Slice, Task
from probes import _lengths, _question_words
from probes import _question_sentences as sentences
from probes._lengths import Unit
from probes._question_sentences import CONTEXT, QUESTION

DROP = "drop_beside_sentence"
LIKE, UNRELATED = "like the question", "unrelated"
START, END = "at the start", "at the end"
PLACED = tuple((sentence, place) for sentence in (LIKE, UNRELATED) for place in (START, END))
THIRDS = ("in the first third", "in the second third", "in the last third")
LENGTHS = {
    "words": {100: "up to 100 words", 200: "101 to 200 words"},
    # About as much text.
    "characters": {200: "up to 200 characters", 400: "201 to 400 characters"},
}
LONGER = {"words": "more than 200 words", "characters": "more than 400 characters"}
ENGLISH = "en"
OTHER_LANGUAGE = "questions are turned into sentences in English alone ([data] language, [task] language)"


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many questions are asked with a sentence more."""

    examples: Count = 200
    """Rows of the home domain, at most."""


class Distractors(ProbeDefaults):
    """Contexts with a sentence more that answers another question.

    The sentence is the question as a statement, with its numbers, a name or its longest word exchanged, and with the
    right answer to another question of the same kind (a number, a name or other words) in the place of what it asks for
    (after Jia and Liang 2017, whose sentences people mended). It stands at the start or at the end of the context, and
    never holds a right answer. The same number of contexts get a sentence made of a question on another context: what
    that costs is not owed to words that the sentence shares with the question. Beside it stands F1 of the questions
    that have an answer, without any edit, by the place of the answer in the context, by question word (in English, for
    languages whose words are listed) and by length of the context (in words; in characters where no blanks stand
    between words): these compare different questions. Languages other than English have these alone.
    """

    name = "distractors"
    limitation: str | None = "attack"
    needs = frozenset({"answers_in_context"})
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The task's metric, its drop, and what changed."""
        drop = replace(metrics.drop(task), name=DROP, title="drop beside a sentence more")
        edited = (metrics.task_metric_before(task), drop, metrics.flip_rate())
        return (metrics.task_metric(task), *map(_of_edited, edited))

    def planned(self, audit: Audit) -> Planned:
        """At most seven cases for each question, three of them unchanged."""
        rows = len(audit.examples("home", audit.settings.examples))
        return Planned((len(PLACED) + 3) * rows, exact=False, unchanged=3 * rows)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield contexts with a sentence more, and questions as they are."""
        examples = [row for row in audit.examples("home", audit.settings.examples) if row.gold is not None]
        english = {getattr(audit.task.settings, "language", ENGLISH), audit.language} == {ENGLISH}
        made = _made(audit, examples) if english else {}
        for sentence, place in PLACED:
            slice_ = {"sentence": sentence, "place": place}
            told = made if sentence == LIKE else _unrelated(audit, examples, made)
            if not told:
                reason = "no question can be turned into another one's answer" if english else OTHER_LANGUAGE
                yield Skipped(slice_, reason, applies=False)
            for example in examples:
                if example.id in told:
                    edits = {CONTEXT: (_put_in(example.inputs[CONTEXT], told[example.id], place),)}
                    yield Case(example, slice_, edits)
        unlisted = _question_words.unlisted(audit.language)
        if unlisted is not None:
            yield Skipped({"question": "each word"}, unlisted, applies=False)
        language, unit = audit.language if unlisted is None else None, _lengths.unit(audit)
        for example in examples:
            yield from (Case(example, slice_) for slice_ in _kinds(example, unit, language))


def _of_edited(metric: Metric) -> Metric:
    """The metric over contexts that have a sentence more."""
    return metrics.only(metric, lambda judged: "sentence" in judged.slice)


def _made(audit: Audit, examples: Sequence[Example]) -> Mapping[str, str]:
    """Example's id → the sentence like its question, where there is one."""
    known = audit.once("pools", lambda: sentences.pools(audit.examples("home")))
    told = {row.id: sentences.distractor(row, known, audit.rng("sentence", row.id)) for row in examples}
    return {name: sentence for name, sentence in told.items() if sentence is not None}


def _unrelated(audit: Audit, examples: Sequence[Example], made: Mapping[str, str]) -> Mapping[str, str]:
    """Example's id → the sentence like a question on another context."""
    told: dict[str, str] = {}
    for example in examples:
        others = [row for row in examples if row.id in made and row.cluster != example.cluster]
        fitting = [row for row in others if not sentences.says(made[row.id], example)]
        if example.id in made and fitting:
            told[example.id] = made[audit.rng("unrelated", example.id).choice(fitting).id]
    return told


def _put_in(context: str, sentence: str, place: str) -> Edit:
    words = tuple(sentence.split())
    at = 0 if place == START else len(text.words_of(context))
    return Edit(at, at, words, (" ",) * (len(words) - 1))


def _kinds(example: Example, unit: Unit, language: str | None) -> Iterator[Slice]:
    """What a question with an answer is counted under as it stands.

    ``language``: one whose question words are listed.
    """
    if not example.gold:
        return
    context = example.inputs[CONTEXT]
    start = answers.start_of(context, example.gold[0])
    yield {"answer": THIRDS[min(3 * start // len(context), 2)]}
    if language is not None:
        yield {"question": _question_words.asked_by(example.inputs[QUESTION], language)}
    many = unit.count(context)
    yield {"context": next((name for most, name in LENGTHS[unit.name].items() if many <= most), LONGER[unit.name])}


PROBE = Distractors()
