"""Check that batching does not change the answer to a text.

Before a model is used, it scores the same texts alone and together in one batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from auditor.errors import NoAnswerError
from auditor.models.heads.base import Head
from auditor.models.text_model import TextModel
from auditor.types import Encoded, Response

CHECKS = (
    "good",
    "A film that is not half as clever as it would like to be.",
    "It was long, and then it went on, and nobody knew why. " * 4,
    "It was long, and then it went on, and nobody knew why. " * 80,
)
"""Texts scored before a model is used.

They are one word, a sentence, a paragraph, and a text that most models truncate.
"""
TOLERANCE = 5e-5
"""Allowed difference between float32 probabilities of a text alone and in a batch.

Sound models differ by less than 1e-6.
"""
SINGLY = "its answers depend on what a text is padded beside: texts pass one by one, which takes longer"

CHANGES = (
    "it answers the same text differently when asked twice (is dropout on in its forward pass? it must follow "
    "self.training)"
)


def checks(model: TextModel, *, thorough: bool = True) -> list[Encoded]:
    """Return CHECKS as the model's token ids.

    Without ``thorough``, leave out the text that is truncated.
    """
    chosen = CHECKS if thorough else CHECKS[:-1]
    return model.encode([model.head.request_for(text) for text in chosen])


def settle(model: TextModel, *, left: bool, thorough: bool = True) -> None:
    """Choose the padding side with which batching does not change the answers.

    If there is none, texts are scored one by one, and ``model.notes`` says so. ``left``: whether padding before the
    text may be tried, after padding behind it. A choice that differs from the tokenizer's own padding side needs no
    note. A model that answers a text differently the second time is scored one by one too, with a note: how often its
    decision changes is for the audit to measure.
    """
    encoded = checks(model, thorough=thorough)
    model.singly = True
    alone, again = _answers(model, [encoded]), _answers(model, [encoded[:2]])
    if _difference(model, alone[:2], again) > TOLERANCE:
        model.notes = (*model.notes, CHANGES)
        return
    model.singly = False
    for side in (False, True) if left else (False,):
        model.filling = replace(model.filling, left=side)
        if _together(model, encoded, alone):
            return
    model.filling = replace(model.filling, left=False)
    model.singly = True
    model.notes = (*model.notes, SINGLY)


def _together(model: TextModel, encoded: Sequence[Encoded], alone: Sequence[Response]) -> bool:
    """Return whether batching leaves the answers unchanged.

    It compares all texts in one batch, and the short ones in another, with each text alone.
    """
    try:
        whole = _answers(model, [encoded])
        short = _answers(model, [encoded[:2]])
    except NoAnswerError:
        return False
    return _difference(model, [*whole, *short], [*alone, *alone[:2]]) <= TOLERANCE


def _answers(model: TextModel, batches: Iterable[Sequence[Encoded]]) -> list[Response]:
    return [answer for batch in batches for answer in model.answers(batch)]


def _difference(model: TextModel, answers: Sequence[Response], others: Sequence[Response]) -> float:
    """Return the greatest difference between matching probabilities of two answers."""
    rows = (
        pair
        for answer, row_again in zip(answers, others, strict=True)
        for pair in side_by_side(model.head, answer, row_again)
    )
    return max((apart(a, b) for row, row_again in rows for a, b in zip(row, row_again, strict=True)), default=0.0)


def apart(number: float, second: float) -> float:
    """Return how far two probabilities or numbers lie apart.

    Of numbers beyond 1 it is a share of the larger: rounding grows with them.
    """
    return abs(number - second) / max(1.0, abs(number), abs(second))


def side_by_side(
    head: Head[Any], response: Response, response_again: Response
) -> list[tuple[Sequence[float], Sequence[float]]]:
    """Return pairs of distributions from two responses to the same request."""
    return list(zip(head.distributions(response), head.distributions(response_again), strict=True))
