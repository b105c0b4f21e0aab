"""What heads share, and the models of local checkpoints that answer by one, whatever computes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar, cast

from auditor.errors import AuditError, DataError, ModelError, NoAnswerError
from auditor.models.devices import is_full, memory_errors
from auditor.models.libraries import of_a_library, said
from auditor.models.rows import Filling, Row
from auditor.types import Encoded, Example, Model, Request, Response, Task

CHUNK = 1024
"""Texts handed to the tokenizer at once."""
PLAIN = "A film."
"""What any model answers."""
MOST_LABELS = 100_000
"""Their names are made before any weights are looked at."""
LABELS, EXAMPLES = "labels", "examples"
"""Columns of training rows beside those of the tokenizer; the second has the id of each row's example."""
NO_LABEL = -100
"""The label of a token that has none: torch's losses leave it out."""

Columns: TypeAlias = dict[str, list[Any]]
"""Column → a value for each training row."""
Asked = TypeVar("Asked", bound=Request)


class Head(ABC, Generic[Asked]):
    """Requests in, token ids out, probabilities back to responses: for one kind of architecture."""

    name: ClassVar[str]
    request: ClassVar[type[Request]]
    """The kind of requests that it answers."""
    architecture: ClassVar[str]
    """End of the names of the architectures that have it: ``ForTokenClassification``."""
    peft_task: ClassVar[str]
    """What peft calls it."""
    config: ClassVar[Mapping[str, Any]] = {}
    """What config.json of a new one says beside its labels."""
    reads_words: ClassVar[bool] = False
    """Whether the tokenizer is given words, and tells which word a token belongs to."""
    answers_tokens: ClassVar[bool] = False
    """Whether the model answers for every token, and not once for the whole row."""

    def __init__(
        self, tokenizer: Any, *, name: str, max_length: int, pieces: int | None = None, labels: Sequence[str] = ()
    ) -> None:
        """``name``: the model's, for errors. ``max_length``: in tokens. ``pieces``: how many it embeds, None: any."""
        self.tokenizer = tokenizer
        self._name, self._max_length, self._pieces = name, max_length, pieces
        self._labels = tuple(labels)

    @classmethod
    def labels_in(cls, config: Mapping[str, Any], where: str) -> tuple[str, ...]:
        """Names of the outputs in their order, by config.json. Raises ModelError for what this head cannot read."""
        return class_labels(config, where)

    @classmethod
    @abstractmethod
    def asked(cls, text: str) -> Asked:
        """The request about a plain text, to try a model out."""

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Token ids, at most as many as the model reads.

        Raises ModelError for a request of another kind, or a tokenizer that is not the model's own.
        """
        own = [self._own(request) for request in requests]
        starts = range(0, len(own), CHUNK)
        return [encoded for start in starts for encoded in self._encode(own[start : start + CHUNK])]

    def _own(self, request: Any) -> Asked:
        if not isinstance(request, self.request):
            problem = f"answers {self.request.__name__} requests, not {type(request).__name__}"
            raise ModelError(problem, where=self._name)
        return cast("Asked", request)

    @abstractmethod
    def _encode(self, requests: Sequence[Asked]) -> Iterator[Encoded]: ...

    def _check_ids(self, ids: Sequence[int]) -> None:
        if self._pieces is not None and max(ids, default=0) >= self._pieces:
            hint = "its tokenizer belongs to another model"
            raise ModelError(f"has no embedding for token id {max(ids)}", where=self._name, hint=hint)

    @abstractmethod
    def rows(self, encoded: Encoded) -> Sequence[Row]:
        """What the model reads of a request."""

    def pad(self, rows: Sequence[Row], filling: Filling) -> dict[str, Any]:
        """The rows as tensors, each as long as the longest."""
        return filling.padded(rows)

    @abstractmethod
    def decode(self, scores: Sequence[Any], batch: Sequence[Encoded], filling: Filling) -> list[Response]:
        """The responses to a batch, from the probabilities of its rows."""

    @abstractmethod
    def distributions(self, response: Response) -> Sequence[Sequence[float]]:
        """The probabilities of the labels in a response, once for each thing that is labelled."""

    @abstractmethod
    def targets(self, examples: Sequence[Example], task: Task) -> Columns:
        """Training rows: token ids, at most as many as the model reads, and the index of what is to be learned.

        Raises DataError for an example without a label of the task.
        """

    def label_counts(self, columns: Columns) -> list[int]:
        """How many labels each training row has: its loss is their mean."""
        return [1] * len(columns[LABELS])

    def collate(self, columns: Columns, indices: Sequence[int], filling: Filling, device: Any) -> dict[str, Any]:
        """One training batch, padded to its longest member, on the device."""
        import torch

        inputs = [name for name in columns if name not in (LABELS, EXAMPLES)]
        batch = self.pad([{name: columns[name][index] for name in inputs} for index in indices], filling)
        labels = [columns[LABELS][index] for index in indices]
        batch[LABELS] = torch.tensor(self._labels_padded(labels, int(batch["input_ids"].shape[1]), filling))
        return {name: value.to(device) for name, value in batch.items()}

    def _labels_padded(self, labels: list[Any], length: int, filling: Filling) -> list[Any]:  # noqa: ARG002 - for heads of tokens
        return labels


def label_index(label: Any, example: Example, task: Task) -> int:
    """The place of a gold label among the task's. Raises DataError for another."""
    if label not in task.labels:
        known = ", ".join(task.labels)
        raise DataError(f"label {label!r} is not known", where=example.id, hint=f"known: {known}")
    return task.labels.index(label)


def class_labels(config: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Names of two or more labels of which one is chosen, by config.json; transformers' own names for those without."""
    count = config.get("num_labels", config.get("_num_labels", 2))
    count = count if isinstance(count, int) else 2
    if count > MOST_LABELS:
        raise ModelError(f"num_labels = {count} is more than the {MOST_LABELS:,} that are read", where=where)
    unnamed = {str(index): f"LABEL_{index}" for index in range(count)}
    named = config.get("id2label") or unnamed
    if not isinstance(named, dict) or {str(key) for key in named} != {str(index) for index in range(len(named))}:
        raise ModelError("its id2label does not name the outputs 0, 1, 2, …", where=where)
    labels = tuple(str(named[str(index)]) for index in range(len(named)))
    if len(labels) < 2 or config.get("problem_type") in ("regression", "multi_label_classification"):
        raise ModelError(
            "does not choose one of two or more labels",
            where=where,
            hint="regression and multi-label are not supported",
        )
    twice = sorted(label for label, times in Counter(labels).items() if times > 1)
    if twice:
        raise ModelError(f"has two outputs called {twice[0]!r}", where=where, hint="mend id2label in config.json")
    return labels


class TextModel(ABC):
    """What models of a checkpoint have in common, whatever computes; ``again`` loads it afresh, None where it cannot."""

    def __init__(
        self,
        head: Head[Any],
        filling: Filling,
        *,
        name: str,
        labels: tuple[str, ...],
        fingerprint: str,
        again: Callable[[], Model] | None,
    ) -> None:
        self.head = head
        self.filling = filling
        self.singly = False
        """Whether each row passes alone: its answer would depend on its company."""
        self.notes: tuple[str, ...] = ()
        """What is to be said of how the checkpoint was loaded and is asked, in one line each."""
        self._name = name
        self._labels = labels
        self._fingerprint = fingerprint
        self._again = again

    @property
    def name(self) -> str:
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        return self._labels

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    @abstractmethod
    def numerics(self) -> str:
        """What the last bits of the answers depend on beside the checkpoint, in words."""

    @property
    @abstractmethod
    def device_kind(self) -> str:
        """``cpu``, ``cuda`` or ``mps``."""

    @property
    def workers(self) -> int:
        """One batch at once."""
        return 1

    @property
    def accepts(self) -> frozenset[type[Request]]:
        """The kind of requests that its head answers."""
        return frozenset((self.head.request,))

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """What the model reads of each request, as its head makes it. Raises ModelError."""
        return self.head.encode(requests)

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        """Probabilities of the labels for each text, or for each of its words.

        Raises OutOfMemoryError, and NoAnswerError where a library fails or a number is not finite; ModelError where even
        a plain sentence has no answer any more.
        """
        try:
            return self.answers(batch)
        except NoAnswerError:
            if len(batch) == 1:
                self._still_answers()
            raise

    def rows(self, batch: Sequence[Encoded]) -> list[Row]:
        """What the model reads of a batch: a row for each text, or for each of its windows."""
        return [row for one in batch for row in self.head.rows(one)]

    def answers(self, batch: Sequence[Encoded]) -> list[Response]:
        """As ``run``, without asking again whether it answers at all. Raises OutOfMemoryError, NoAnswerError."""
        with memory_errors(self._name):
            return self._answers(batch)

    def _answers(self, batch: Sequence[Encoded]) -> list[Response]:
        scores = [score for group in self._groups(self.rows(batch)) for score in self._scores(group)]
        return self.head.decode(scores, batch, self.filling)

    def _groups(self, rows: list[Row]) -> list[list[Row]]:
        """The rows that pass together, in their order."""
        return [[row] for row in rows] if self.singly else [rows] if rows else []

    def _scores(self, rows: Sequence[Row]) -> list[Any]:
        if not all(row["input_ids"] for row in rows):
            # Padding alone would be answered by what it is padded with.
            raise NoAnswerError("has no answer: the tokenizer makes nothing of the text", where=self._name)
        padded = self.head.pad(rows, self.filling)
        try:
            logits = self._logits(padded)
        except AuditError:
            raise
        except Exception as error:
            # Full memory is known by its own words, one level up.
            if is_full(error) or not of_a_library(error):
                raise
            raise NoAnswerError(f"has no answer: {said(error)}", where=self._name) from error
        return probabilities(logits, self._name)

    def _still_answers(self) -> None:
        """A device that has failed answers nothing: that is no fault of the text."""
        try:
            self._answers(self.encode([self.head.asked(PLAIN)]))
        except NoAnswerError as error:
            raise ModelError(error.message, where=error.where, hint="not even to a plain sentence") from error

    @abstractmethod
    def _logits(self, padded: dict[str, Any]) -> Any:
        """Of a batch of padded tensors on the CPU: of shape (rows, labels), or (rows, tokens, labels)."""

    def reload(self) -> Model:
        """Loaded afresh from disk; a model that exists in memory only is returned as it is."""
        return self if self._again is None else self._again()


def probabilities(logits: Any, name: str) -> list[Any]:
    """Softmax in float32 of logits, as lists. Raises NoAnswerError for numbers that are not finite."""
    import torch

    # One transfer: a check on the device itself would wait for it a second time.
    scores = torch.softmax(logits.float(), dim=-1).cpu()
    if not bool(torch.isfinite(scores).all()):
        raise NoAnswerError("answers with numbers that are not finite", where=name, hint="are its weights sound?")
    found: list[Any] = scores.double().tolist()
    return found
