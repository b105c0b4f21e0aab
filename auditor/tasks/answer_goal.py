"""Goal of attacks on question answering: the right answer still stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.types import Edits, Example, Extracted, Goal, Inputs, Response

if TYPE_CHECKING:
    from auditor.tasks.question_answering import QuestionAnswering


def goal(task: QuestionAnswering, example: Example, before: Response) -> Goal | None:
    """Whether the answer still is a right one, and how surely.

    None where the answer before is wrong. Edits leave the words of the right answers as they are.
    """
    gold = example.gold
    if gold is None or not task.is_right(gold, before):
        return None

    def scores(inputs: Inputs, response: Response, edits: Edits | None = None) -> tuple[float, ...]:
        del inputs, edits
        given = Extracted(*response)
        # Above one half exactly while the answer is right. Of wrong answers the surer one is the better attack.
        sure = min(1.0, given.probability if task.answer(response).text else given.no_answer)
        held = (1 + sure) / 2 if task.is_right(gold, response) else (1 - sure) * 0.49
        return held, 1.0 - held

    return scores
