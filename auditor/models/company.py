"""Whether a text's answer depends on its company: every model is asked alone and together before it is believed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from auditor.errors import ModelError, NoAnswerError
from auditor.models.heads.base import Head, TextModel
from auditor.types import Encoded, Response

CHECKS = (
    "good",
    "A film that is not half as clever as it would like to be.",
    "It was long, and then it went on, and nobody knew why. " * 4,
    "It was long, and then it went on, and nobody knew why. " * 80,
)
"""What is asked before a model is believed: one word, a sentence, a paragraph, and what most models have to cut."""
TOLERANCE = 5e-5
"""Between probabilities in float32 of a text alone and in company; sound models differ by less than 1e-6."""
SINGLY = "its answers depend on what a text is padded beside: texts pass one by one, which takes longer"


def checks(model: TextModel, *, thorough: bool = True) -> list[Encoded]:
    """CHECKS as the model reads them; ``thorough``: with the one that is cut."""
    chosen = CHECKS if thorough else CHECKS[:-1]
    return model.encode([model.head.asked(text) for text in chosen])


def settle(model: TextModel, *, left: bool, thorough: bool = True) -> None:
    """Choose a side for the padding by which texts are answered together as they are alone, or have them pass singly.

    ``left``: whether padding before the text may be tried, after padding behind it. What is chosen against the
    tokenizer's own way needs no word; texts that pass singly do, in ``model.notes``. Raises ModelError where a text alone
    is not answered, or not twice alike.
    """
    encoded = checks(model, thorough=thorough)
    model.singly = True
    alone, again = _answers(model, [encoded]), _answers(model, [encoded[:2]])
    if _difference(model, alone[:2], again) > TOLERANCE:
        raise ModelError(
            "answers the same text differently when asked twice",
            where=model.name,
            hint="is dropout on in its forward pass? it must follow self.training",
        )
    model.singly = False
    for side in (False, True) if left else (False,):
        model.filling = replace(model.filling, left=side)
        if _together(model, encoded, alone):
            return
    model.filling = replace(model.filling, left=False)
    model.singly = True
    model.notes = (*model.notes, SINGLY)


def _together(model: TextModel, encoded: Sequence[Encoded], alone: Sequence[Response]) -> bool:
    """Whether all at once, and only the short ones, are answered as they are alone."""
    try:
        whole = _answers(model, [encoded])
        short = _answers(model, [encoded[:2]])
    except NoAnswerError:
        return False
    return _difference(model, [*whole, *short], [*alone, *alone[:2]]) <= TOLERANCE


def _answers(model: TextModel, batches: Iterable[Sequence[Encoded]]) -> list[Response]:
    return [answer for batch in batches for answer in model.answers(batch)]


def _difference(model: TextModel, answers: Sequence[Response], others: Sequence[Response]) -> float:
    """The greatest between two probabilities of the same text, or of the same word."""
    rows = (
        pair for answer, other in zip(answers, others, strict=True) for pair in side_by_side(model.head, answer, other)
    )
    return max((abs(a - b) for one, other in rows for a, b in zip(one, other, strict=True)), default=0.0)


def side_by_side(head: Head[Any], response: Response, other: Response) -> list[tuple[Sequence[float], Sequence[float]]]:
    """The probabilities in two responses to the same request, in pairs."""
    return list(zip(head.distributions(response), head.distributions(other), strict=True))
