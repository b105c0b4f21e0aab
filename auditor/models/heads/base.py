"""Base class for heads, and the columns of training rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar, cast

from auditor.errors import DataError, ModelError
from auditor.models.rows import Filling, Row
from auditor.types import Encoded, Example, Request, Response, Task

CHUNK = 1024
"""Number of texts passed to the tokenizer in one call."""
MOST_LABELS = 100_000
"""Limit on the number of labels: their names are created before any weights are read."""
LABELS, EXAMPLES = "labels", "examples"
"""Columns of training rows besides those of the tokenizer.

``EXAMPLES`` holds the id of each row's example.
"""
NO_LABEL = -100
"""The label of a token without a label; torch's losses ignore it."""
SINGLE_LABEL, MULTI_LABEL, REGRESSION = "single_label_classification", "multi_label_classification", "regression"
"""Problems that a classifier solves, as ``problem_type`` in config.json names them."""

Columns: TypeAlias = dict[str, list[Any]]
"""Column name → one value per training row."""
RequestT = TypeVar("RequestT", bound=Request)


class Head(ABC, Generic[RequestT]):
    """Converter between requests, token ids and responses for one kind of architecture."""

    name: ClassVar[str]
    request: ClassVar[type[Request]]
    """The type of requests that the head answers."""
    architecture: ClassVar[str]
    """Suffix of the names of the supported architectures, such as ``ForTokenClassification``."""
    peft_task: ClassVar[str]
    """The name of the task type in peft."""
    config: ClassVar[Mapping[str, Any]] = {}
    """Fields that config.json of a new model contains besides its labels."""
    reads_words: ClassVar[bool] = False
    """Whether the tokenizer receives words and reports which word each token belongs to."""
    answers_tokens: ClassVar[bool] = False
    """Whether the model returns one prediction per token instead of one per row."""
    labelled: ClassVar[bool] = True
    """Whether the model's outputs are labels, which config.json names."""

    def __init__(
        self, tokenizer: Any, *, name: str, max_length: int, pieces: int | None = None, labels: Sequence[str] = ()
    ) -> None:
        """Bind the head to a model's tokenizer.

        ``name`` is the model's name, for errors. ``max_length`` counts tokens. ``pieces`` is the number of token ids
        that the model embeds (None: unlimited). ``labels`` are the model's labels in the order of its outputs.
        """
        self.tokenizer = tokenizer
        self._name, self._max_length, self._pieces = name, max_length, pieces
        self._labels = tuple(labels)

    @classmethod
    def serves(cls, config: Mapping[str, Any]) -> bool:
        """Return whether a model with this config.json has this head."""
        named = config.get("architectures")
        return isinstance(named, list) and bool(named) and str(named[0]).endswith(cls.architecture)

    @classmethod
    def probabilities(cls, logits: Any) -> Any:
        """Return the probabilities of labels, of which exactly one holds.

        Both are tensors of shape (…, labels).
        """
        import torch

        return torch.softmax(logits, dim=-1)

    @classmethod
    def labels_in(cls, config: Mapping[str, Any], where: str) -> tuple[str, ...]:
        """Return the names of the model's outputs, in their order, from config.json.

        Raises ModelError for a configuration that this head does not support.
        """
        return class_labels(config, where)

    @classmethod
    @abstractmethod
    def request_for(cls, text: str) -> RequestT:
        """Return a request for a plain text, to try a model out."""

    @classmethod
    def logits(cls, output: Any) -> Any:
        """Return the logits of a forward pass's output.

        Their shape is (rows, labels), or (rows, tokens, labels) if the head ``answers_tokens``.
        """
        return output.logits

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Return the token ids of each request.

        No row is longer than the model allows. Raises ModelError for a request of another type, or for token ids that
        the model does not embed.
        """
        own = [self._own(request) for request in requests]
        starts = range(0, len(own), CHUNK)
        return [encoded for start in starts for encoded in self._encode(own[start : start + CHUNK])]

    def _own(self, request: Any) -> RequestT:
        if not isinstance(request, self.request):
            problem = f"answers {self.request.__name__} requests, not {type(request).__name__}"
            raise ModelError(problem, where=self._name)
        return cast("RequestT", request)

    @abstractmethod
    def _encode(self, requests: Sequence[RequestT]) -> Iterator[Encoded]: ...

    def _check_ids(self, ids: Sequence[int]) -> None:
        if self._pieces is not None and max(ids, default=0) >= self._pieces:
            hint = "its tokenizer belongs to another model"
            raise ModelError(f"has no embedding for token id {max(ids)}", where=self._name, hint=hint)

    def cuts(self, requests: Sequence[RequestT]) -> list[str]:
        """Return where too long requests are cut.

        As tokenizers call it: at the end of the longer text.
        """
        return ["longest_first"] * len(requests)

    def placed(self, request: RequestT) -> tuple[Any, Sequence[str]]:
        """Return the tokenizer's output with the places of the tokens.

        Returns the texts in which these places are, too. The tokenizer has to be a fast one.
        """
        (side,) = self.cuts([request])
        options = {"truncation": side, "max_length": self._max_length, "return_offsets_mapping": True}
        return self.tokenizer(*request.texts, verbose=False, **options), request.texts

    @abstractmethod
    def rows(self, encoded: Encoded) -> Sequence[Row]:
        """Return the rows that the model reads for one request."""

    @property
    def max_length(self) -> int:
        """The most tokens of a row."""
        return self._max_length

    def pad(self, rows: Sequence[Row], filling: Filling, length: int = 0) -> dict[str, Any]:
        """Return the rows as tensors, padded to the longest row.

        ``length``: the fewest tokens that they are padded to.
        """
        return filling.padded(rows, length)

    @abstractmethod
    def decode(self, scores: Sequence[Any], batch: Sequence[Encoded], filling: Filling) -> list[Response]:
        """Return the responses to a batch.

        ``scores`` are what ``probabilities`` makes of its rows' logits.
        """

    @abstractmethod
    def distributions(self, response: Response) -> Sequence[Sequence[float]]:
        """Return one probability distribution over the labels for each labelled item."""

    @abstractmethod
    def targets(self, examples: Sequence[Example], task: Task) -> Columns:
        """Return training rows: token ids, truncated to ``max_length``, with target label indices.

        Raises DataError for an example without a label of the task.
        """

    def label_counts(self, columns: Columns) -> list[int]:
        """Return the number of labels in each training row.

        A row's loss is the mean over its labels.
        """
        return [1] * len(columns[LABELS])

    def collate(self, columns: Columns, indices: Sequence[int], filling: Filling, device: Any) -> dict[str, Any]:
        """Return one training batch on the device, padded to its longest row."""
        import torch

        inputs = [name for name in columns if name not in (LABELS, EXAMPLES)]
        batch = self.pad([{name: columns[name][index] for name in inputs} for index in indices], filling)
        labels = [columns[LABELS][index] for index in indices]
        batch[LABELS] = torch.tensor(self._labels_padded(labels, int(batch["input_ids"].shape[1]), filling))
        return {name: value.to(device) for name, value in batch.items()}

    def _labels_padded(self, labels: list[Any], length: int, filling: Filling) -> list[Any]:  # noqa: ARG002 - see TokenHead
        return labels


def label_index(label: Any, example: Example, task: Task) -> int:
    """Return the index of a gold label in the task's labels.

    Raises DataError for a label that the task does not have.
    """
    if label not in task.labels:
        known = ", ".join(task.labels)
        raise DataError(f"label {label!r} is not known", where=example.id, hint=f"known: {known}")
    return task.labels.index(label)


def class_labels(config: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Return the names of two or more mutually exclusive labels from config.json.

    Raises ModelError as ``output_names`` does, and for regression or multi-label classification.
    """
    labels = output_names(config, where)
    problem = solved(config)
    if problem != SINGLE_LABEL:
        hint = f"problem_type = {problem}: audit it by the task of such models, or leave [task] out"
        raise ModelError("does not choose one of two or more labels", where=where, hint=hint)
    return labels


def solved(config: Mapping[str, Any]) -> str:
    """Return the problem that a classifier solves, as transformers names it.

    Without a ``problem_type`` it chooses one label, or is a regression where it has one output.
    """
    named = config.get("problem_type")
    if named in (REGRESSION, MULTI_LABEL):
        return str(named)
    return REGRESSION if _outputs(config) == 1 else SINGLE_LABEL


def _outputs(config: Mapping[str, Any]) -> int:
    names, count = config.get("id2label"), config.get("num_labels", config.get("_num_labels", 2))
    return len(names) if isinstance(names, dict) and names else count if isinstance(count, int) else 2


def output_names(config: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Return the names of a model's outputs from config.json.

    A configuration without names gets those of transformers (``LABEL_0``, …). Raises ModelError for more than
    MOST_LABELS labels, for names that do not number the outputs from 0 on, and for duplicates.
    """
    count = config.get("num_labels", config.get("_num_labels", 2))
    count = count if isinstance(count, int) else 2
    if count > MOST_LABELS:
        raise ModelError(f"num_labels = {count} exceeds the limit of {MOST_LABELS:,}", where=where)
    unnamed = {str(index): f"LABEL_{index}" for index in range(count)}
    named = config.get("id2label") or unnamed
    if not isinstance(named, dict) or {str(key) for key in named} != {str(index) for index in range(len(named))}:
        raise ModelError("its id2label does not name the outputs 0, 1, 2, …", where=where)
    labels = tuple(str(named[str(index)]) for index in range(len(named)))
    twice = sorted(label for label, times in Counter(labels).items() if times > 1)
    if twice:
        raise ModelError(f"has two outputs called {twice[0]!r}", where=where, hint="correct id2label in config.json")
    return labels
