"""Head for multi-label classification: any number of labels per text or pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from auditor.errors import ModelError
from auditor.models.heads.base import MULTI_LABEL, label_index, output_names, solved
from auditor.models.heads.sequence import SequenceHead
from auditor.types import Example, Response, Task


class MultiLabelHead(SequenceHead):
    """Head that returns a probability for each label, whatever the others are.

    Probabilities are the sigmoid of the logits. Requests that are too long for the model are truncated.
    """

    name = "multi_label"
    config = MappingProxyType({"problem_type": MULTI_LABEL})
    problem = MULTI_LABEL

    @classmethod
    def probabilities(cls, logits: Any) -> Any:
        """Return the probability of each label, of shape (…, labels)."""
        import torch

        return torch.sigmoid(logits)

    @classmethod
    def labels_in(cls, config: Mapping[str, Any], where: str) -> tuple[str, ...]:
        """Return the names of the labels from config.json.

        Raises ModelError as ``output_names`` does, and for a model of another problem.
        """
        labels = output_names(config, where)
        if (problem := solved(config)) != MULTI_LABEL:
            named = config.get("problem_type") or f"none, so that it is {problem}"
            hint = f'if it was trained so, write "problem_type": "{MULTI_LABEL}" in its config.json'
            raise ModelError(f"gives a text one answer (problem_type: {named})", where=where, hint=hint)
        return labels

    def distributions(self, response: Response) -> Sequence[Sequence[float]]:
        """Return each label's probabilities of not holding and of holding."""
        return [(1.0 - chance, chance) for chance in response]

    def _target(self, example: Example, task: Task) -> list[float]:
        """Return 1 for each label of the example, 0 for the others."""
        places = {label_index(label, example, task) for label in task.target(example.gold)}
        return [float(place in places) for place in range(len(task.labels))]


HEAD = MultiLabelHead
