"""Extractive question answering: a span of a context answers a question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

from annotated_types import Gt

from auditor.errors import ConfigError
from auditor.settings import CheckedSettings, Count, check
from auditor.tasks import answer_cells, answer_files, answer_goal, no_answer_factors, wrong_answers
from auditor.tasks.defaults import TaskDefaults
from auditor.text import answer_scores, answers
from auditor.types import (
    SAME_WORDS,
    Alignment,
    AttackDefaults,
    Choice,
    Detail,
    Example,
    Extract,
    Extracted,
    Goal,
    GoldAnswer,
    Inputs,
    Layout,
    Metric,
    Offer,
    Response,
    Score,
    Span,
)

CONTEXT = "context"
ANSWER_SENTENCE = "the answer's sentence"
NOTHING = "(no answer)"
"""How no answer is shown."""
NO_ANSWER = Extracted("", 0, 0, 0.0, 1.0)
"""The answer that the context holds none."""
Gold = tuple[GoldAnswer, ...]
"""Right answers, each of them enough; none: the context holds no answer."""
HAS, HAS_NOT = {"questions": "with an answer"}, {"questions": "without an answer"}


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """When an answer is given, and how answers are compared."""

    language: str = answer_scores.ENGLISH
    """Language of the answers as in ISO 639: articles are left out of English ones; Han characters and kana are words
    of their own in ``zh`` and ``ja``."""
    no_answer: bool = True
    """Whether the model may answer that there is no answer. False: the best span always is the answer."""
    no_answer_factor: Literal["validation"] | Annotated[float, Gt(0)] = no_answer_factors.USUAL
    """The answer is that there is none where this is more than this many times as likely as the best span.
    ``"validation"``: the factor with the best F1 on the validation rows."""
    longest_answer: Count = 30
    """The longest answer, in tokens of the model."""

    def __post_init__(self) -> None:
        check(self)
        if self.no_answer_factor == "validation" and not self.no_answer:
            raise ConfigError("no_answer_factor has nothing to decide", hint="leave it out, or no_answer = true")
        if not (self.language.isascii() and self.language.isalpha() and self.language.islower()):
            hint = "two or three small letters, as en, de or zh"
            raise ConfigError(f"language = {self.language!r} names no language", hint=hint)


def _share(name: str, title: str) -> Metric:
    return Metric(name, title, "mean", "share", 0.0, 1.0, "higher", ratio=True)


class QuestionAnswering(TaskDefaults):
    """A question and a context that may hold its answer.

    The metric is F1 of the answer's words. F1 is the mean over questions, of each that with the nearest right answer,
    as SQuAD counts (Rajpurkar et al. 2016): in small letters, without punctuation, and without articles in English; a
    question without an answer counts 1 where the model gives none, else 0 (Rajpurkar et al. 2018). A response is an
    ``Extracted``, or a tuple like it.
    """

    name = "question-answering"
    fields: tuple[str, ...] = ("question", CONTEXT)
    metric = "f1"
    ratio = True
    head = "span"
    offers: frozenset[Offer] = frozenset({"attack_goal", "answers_in_context"})
    settings = Settings()
    layout: Layout = "answers"
    stretches: tuple[str, ...] = (ANSWER_SENTENCE,)
    quotes = True
    files = answer_files.FILES
    detail_metrics: tuple[Metric, ...] = (_share("exact_match", "answers that match exactly"),)
    sliced_metrics: tuple[Metric, ...] = (
        _share("f1_by_kind", "F1 of questions with and without an answer"),
        _share("exact_match_by_kind", "exact match of questions with and without an answer"),
    )
    attacks = AttackDefaults(("deepwordbug", "textbugger", "pwws"), 0.1, 100)
    """Contexts are long, and the answers' own words stay."""
    corruptions = wrong_answers.CORRUPTIONS
    steps = 200
    constant_answer = "always saying that there is no answer"

    def read(self, row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[Inputs, Gold | None]:
        """Inputs and right answers of a row.

        The gold is None without a column for ``label``. The cell names texts and the places of their first characters,
        as ``datasets`` and SQuAD have them; with none of them, there is no answer. Raises DataError for an answer that
        does not stand where the cell says.
        """
        inputs = {field: str(row[columns[field]]) for field in self.fields}
        if "label" not in columns:
            return inputs, None
        return inputs, answer_cells.golds(row[columns["label"]], inputs[CONTEXT])

    def target(self, gold: Any) -> Any:
        """The first right answer; None where there is none."""
        return gold[0] if gold else None

    def request(self, inputs: Inputs) -> Extract:
        """Ask the question of the context."""
        return Extract(inputs["question"], inputs[CONTEXT], self.settings.longest_answer)

    def answer(self, response: Response) -> Extracted:
        """What the model answers: its best span, or no answer."""
        given, settings = Extracted(*response), self.settings
        least = self._factor * given.probability
        none = settings.no_answer and given.no_answer > least
        return NO_ANSWER._replace(no_answer=given.no_answer) if none else given

    @property
    def fitted_on(self) -> str | None:
        """The set whose answers the factor is fitted on."""
        return "validation" if self.settings.no_answer_factor == "validation" else None

    def fitted(self, golds: Sequence[Gold], responses: Sequence[Response]) -> Self:
        """The task with the factor that is best for these answers."""
        always = type(self)(self.labels, self.mapping, replace(self.settings, no_answer=False, no_answer_factor=1.0))
        scores = [
            (no_answer_factors.ratio(response), always.measured(gold, response)[0], float(always.has_none(gold)))
            for gold, response in zip(golds, responses, strict=True)
        ]
        factor = no_answer_factors.fitted(scores)
        return type(self)(self.labels, self.mapping, replace(self.settings, no_answer_factor=factor))

    @property
    def fitted_values(self) -> Mapping[str, float]:
        """The factor."""
        return {"no_answer_factor": self._factor}

    def has_none(self, gold: Gold) -> bool:
        """Whether the right answer is that there is none."""
        return () in self._right(gold)

    @property
    def _factor(self) -> float:
        given = self.settings.no_answer_factor
        return no_answer_factors.USUAL if given == "validation" else given

    def _tokens(self, text: str) -> tuple[str, ...]:
        return answer_scores.normalised(text, self.settings.language)

    def _right(self, gold: Gold) -> list[tuple[str, ...]]:
        """The right answers as they are compared.

        An answer of articles alone is none, as in SQuAD.
        """
        return [tokens for tokens in (self._tokens(right.text) for right in gold) if tokens] or [()]

    def measured(self, gold: Gold, response: Response) -> tuple[float, float]:
        """F1 and exact match of an answer with the nearest right one."""
        tokens, right = self._tokens(self.answer(response).text), self._right(gold)
        return max(answer_scores.f1(own, tokens) for own in right), float(tokens in right)

    def score(self, gold: Gold, response: Response) -> Score:
        """(F1, 1)."""
        return Score(self.measured(gold, response)[0], 1.0)

    def is_right(self, gold: Gold, response: Response) -> bool:
        """Whether the answer is a right one, word for word."""
        return self.measured(gold, response)[1] == 1.0

    def details(self, gold: Gold, response: Response) -> Iterator[Detail]:
        """Exact match, and both scores by whether there is an answer."""
        f1, exact = self.measured(gold, response)
        kind = HAS if gold else HAS_NOT
        yield Detail("exact_match", {}, Score(exact, 1.0))
        yield Detail("f1_by_kind", kind, Score(f1, 1.0))
        yield Detail("exact_match_by_kind", kind, Score(exact, 1.0))

    def choices(self, gold: Gold | None, response: Response) -> Iterator[Choice]:
        """The answer, with the probability that it is this one."""
        if gold is None:
            return
        sure = self._confidence(response)
        wrong = not self.is_right(gold, response)
        yield Choice("texts", (sure, 1.0 - sure), 0, int(wrong), (self.show(response), "another answer"))

    def _confidence(self, response: Response) -> float:
        given = self.answer(response)
        if not self.settings.no_answer:
            return min(1.0, given.probability / max(1.0 - given.no_answer, 1e-12))
        return min(1.0, given.probability if given.text else given.no_answer)

    def same(self, before: Response, after: Response, alignment: Alignment = SAME_WORDS) -> bool:
        """Whether the answers are the same words, or in one place."""
        first, second = self.answer(before), self.answer(after)
        if bool(first.text) != bool(second.text):
            return False
        if self._tokens(first.text) == self._tokens(second.text):
            return True
        origins = alignment.origins.get(CONTEXT)
        own = answers.places(second[:3])
        if origins is None or own.stop > len(origins):
            return False
        return [origins[place] for place in own] == list(answers.places(first[:3]))

    def follow(self, gold: Gold, alignment: Alignment) -> Gold | None:
        """The answers in the edited context; None where the edits touched one."""
        if CONTEXT not in alignment.origins or not gold:
            return gold
        edits, origins = alignment.edits[CONTEXT], alignment.origins[CONTEXT]
        moved = [answers.moved(right, edits, origins) for right in gold]
        return None if None in moved else tuple(right for right in moved if right is not None)

    def protected(self, example: Example) -> Mapping[str, frozenset[int]]:
        """The words of the right answers in the context."""
        return {CONTEXT: frozenset(place for right in example.gold or () for place in answers.places(right))}

    def fixed(self, example: Example) -> Mapping[str, frozenset[int]]:
        """The words of the right answers, which the gold quotes."""
        return self.protected(example)

    def stretch(self, example: Example, name: str) -> Mapping[str, tuple[int, int]]:
        """The sentence that holds the first right answer."""
        if name != ANSWER_SENTENCE or not example.gold:
            return {}
        return {CONTEXT: answers.sentence_of(example.inputs[CONTEXT], example.gold[0])}

    def goal(self, example: Example, before: Response) -> Goal | None:
        """How surely the right answer stands.

        None where the answer before is wrong.
        """
        return answer_goal.goal(self, example, before)

    def gold_spans(self, gold: Gold) -> Mapping[str, tuple[Span, ...]]:
        """The words of the right answers."""
        return {CONTEXT: tuple(dict.fromkeys(_span(right) for right in gold))}

    def answer_spans(self, response: Response) -> Mapping[str, tuple[Span, ...]]:
        """The words of the model's answer."""
        given = self.answer(response)
        return {CONTEXT: (_span(GoldAnswer(*given[:3])),) if given.text else ()}

    def spans_found(self, example: Example, response: Response) -> Sequence[Span]:
        """None: its spans have no labels."""
        del example, response
        return ()

    def likelihood(self, gold: Gold, response: Response) -> float:
        """The probability of the right answer, where it is told.

        The response tells that of no answer and of the best span; of other spans only that they are not that likely: 0.
        """
        given = Extracted(*response)
        right = self._right(gold)
        best = given.probability if given.text and self._tokens(given.text) in right else 0.0
        return min(1.0, given.no_answer if () in right else best)

    def show(self, value: Response) -> str:
        """The answer in one line."""
        return " ".join(self.answer(value).text.split()) or NOTHING

    def show_gold(self, gold: Gold) -> str:
        """The different right answers in one line."""
        return " or ".join(dict.fromkeys(" ".join(right.text.split()) for right in gold)) or NOTHING

    def constant(self, golds: Sequence[Gold | None]) -> Response | None:
        """No answer; None without any gold."""
        return NO_ANSWER if any(gold is not None for gold in golds) else None

    def dump(self, gold: Gold) -> list[dict[str, Any]]:
        """The answers with their places."""
        return [right._asdict() for right in gold]

    def load(self, value: Sequence[Mapping[str, Any]]) -> Gold:
        """The answers."""
        return tuple(GoldAnswer(str(right["text"]), int(right["word"]), int(right["letter"])) for right in value)


def _span(right: GoldAnswer) -> Span:
    own = answers.places(right)
    return Span(own.start, own.stop, "answer")


TASK = QuestionAnswering
