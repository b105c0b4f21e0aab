"""Head for sequence classification: one label per text or pair of texts."""

from __future__ import annotations

import contextlib
import hashlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias

from auditor.models import dialogues
from auditor.models.heads.base import EXAMPLES, LABELS, SINGLE_LABEL, Columns, Head, label_index, solved
from auditor.models.rows import Filling, Row
from auditor.types import Classify, Encoded, Example, Response, Task

LETTERS = 16
"""A text is very long if it has more than this many characters per token that the model reads."""
BEGINNINGS = (8, 32)
"""Characters per token of ``max_length`` in the prefix of a very long text that is tokenized.

A prefix that turns out to be too short is replaced by one of the next length.
"""
FIRST, SECOND, BOTH = "only_first", "only_second", "longest_first"
"""How tokenizers call a cut of the first text, of the second, and of whichever is the longer."""
READ = ("input_ids", "token_type_ids")
"""Columns of the tokenizer's output that training keeps; attention masks follow from the padding."""
Ids: TypeAlias = tuple[list[int], list[int]]
"""Token ids and token types (empty if the model has none)."""


class SequenceHead(Head[Classify]):
    """Head that returns one distribution over the labels per request.

    Requests that are too long for the model are truncated.
    """

    name = "sequence"
    request = Classify
    architecture = "ForSequenceClassification"
    peft_task = "SEQ_CLS"
    config = MappingProxyType({"problem_type": SINGLE_LABEL})
    problem: ClassVar[str] = SINGLE_LABEL
    """What the head solves, as ``problem_type`` in config.json names it."""

    @classmethod
    def serves(cls, config: Mapping[str, Any]) -> bool:
        """Return whether a model has the architecture, and solves this problem."""
        return super().serves(config) and solved(config) == cls.problem

    @classmethod
    def request_for(cls, text: str) -> Classify:
        """Return a request for the label of the text."""
        return Classify((text,))

    def rows(self, encoded: Encoded) -> Sequence[Row]:
        """Return the single row of the request."""
        return [encoded.payload]

    def decode(self, scores: Sequence[Any], batch: Sequence[Encoded], filling: Filling) -> list[Response]:  # noqa: ARG002
        """Return the probabilities of each row."""
        return [tuple(row) for row in scores]

    def distributions(self, response: Response) -> Sequence[Sequence[float]]:
        """Return the response, which is a single distribution."""
        return [response]

    def targets(self, examples: Sequence[Example], task: Task) -> Columns:
        """Return one row per example, with the index of its label."""
        rows = self._rows(
            [dialogues.as_read(self._own(task.request(example.inputs)), self.tokenizer) for example in examples],
            cut=True,
        )
        columns: Columns = {READ[0]: [ids for ids, _ in rows]}
        if any(kinds for _, kinds in rows):
            columns[READ[1]] = [kinds for _, kinds in rows]
        columns[EXAMPLES] = [example.id for example in examples]
        columns[LABELS] = [self._target(example, task) for example in examples]
        return columns

    def _target(self, example: Example, task: Task) -> Any:
        """Return what the loss compares an example's logits with."""
        return label_index(task.target(example.gold), example, task)

    def _encode(self, requests: Sequence[Classify]) -> Iterator[Encoded]:
        requests = [dialogues.as_read(request, self.tokenizer) for request in requests]
        read, rows = self._tokenized(requests)
        # Tokenize without a limit first, to learn which texts are too long for the model; then truncate only those.
        long = [index for index, (ids, _) in enumerate(rows) if len(ids) > self._max_length]
        sides = dict(zip(long, self.cuts([requests[index] for index in long]), strict=True))
        # A pair that is cut in both texts is cut by their lengths, so that both are needed whole.
        whole = {index for index, side in sides.items() if side == BOTH and len(requests[index].texts) > 1}
        cut = [requests[index] if index in whole else read[index] for index in long]
        for index, row in zip(long, self._rows(cut, cut=True), strict=True):
            rows[index] = row
        truncated = frozenset(long)
        last = {index for index, side in sides.items() if side == SECOND and self._last_turn_is_cut(requests[index])}
        for index, (ids, kinds) in enumerate(rows):
            self._check_ids(ids)
            key = hashlib.sha256(array("i", ids).tobytes() + b"|" + array("i", kinds).tobytes()).hexdigest()
            yield Encoded(key, len(ids), index in truncated, {"input_ids": ids, "token_type_ids": kinds}, index in last)

    def _tokenized(
        self, requests: Sequence[Classify], beginnings: Sequence[int] = BEGINNINGS
    ) -> tuple[list[Classify], list[Ids]]:
        """Return what was tokenized for each request, and its token ids.

        For a very long text, that is a prefix which contains everything that the model reads; otherwise the whole text.
        """
        if not beginnings or not requests:
            return list(requests), self._rows(requests)
        read = [self._beginning(request, beginnings[0]) for request in requests]
        rows = self._rows(read)
        begun = [index for index, part in enumerate(read) if _ends_within_a_word(part, requests[index])]
        longer = self._rows([_cut(requests[index], 2 * len(read[index].texts[-1])) for index in begun])
        # A cut within a word may tokenize differently from the complete word.
        unsure = {
            index
            for index, (ids, _) in zip(begun, longer, strict=True)
            if ids[: self._max_length] != rows[index][0][: self._max_length]
        }
        short = (index for index, (ids, _) in enumerate(rows) if len(ids) <= self._max_length)
        again = [index for index in sorted({*unsure, *short}) if read[index] is not requests[index]]
        read_again = self._tokenized([requests[index] for index in again], beginnings[1:])
        for index, part, row in zip(again, *read_again, strict=True):
            read[index], rows[index] = part, row
        return read, rows

    def _beginning(self, request: Classify, letters: int) -> Classify:
        """Return a prefix of a very long text for the tokenizer.

        It most likely contains everything that the model reads. ``letters`` is the number of characters per token that
        the model reads. The prefix ends at a word boundary if possible. Of a pair, it is one of the second text. A
        request that is short, or cut at its beginning, is returned unchanged.
        """
        if (
            request.between_turns is not None
            or len(request.texts[-1]) <= max(LETTERS, letters) * self._max_length
            or getattr(self.tokenizer, "truncation_side", "right") != "right"
        ):
            return request
        beginning = _cut(request, letters * self._max_length)
        text = beginning.texts[-1]
        words, *rest = text.rsplit(maxsplit=1) or [""]
        return Classify((*request.texts[:-1], words)) if rest and 2 * len(words) >= len(text) else beginning

    def cuts(self, requests: Sequence[Classify]) -> list[str]:
        """Return where too long requests are cut, as tokenizers call it.

        A single text at its end, and a pair at the end of its second text: the first is a question or a premise, to
        which the second has to be read. A pair whose first text leaves no room for the second loses tokens of the
        longer text, one by one. A dialogue is cut at the beginning of its history; one whose last turn leaves no room
        for a history loses all of it, and the end of that turn.
        """
        pairs = [request.texts[0 if request.between_turns is None else -1] for request in requests if _is_pair(request)]
        if not pairs:
            return [BOTH] * len(requests)
        room = self._max_length - self.tokenizer.num_special_tokens_to_add(pair=True)
        whole = self.tokenizer(pairs, add_special_tokens=False, verbose=False)["input_ids"]
        fits = iter(len(ids) < room for ids in whole)
        return [_side(request, next(fits)) if _is_pair(request) else BOTH for request in requests]

    def _last_turn_is_cut(self, request: Classify) -> bool:
        """Return whether a dialogue's last turn is too long for the model."""
        if request.between_turns is None:
            return False
        ids = self.tokenizer(request.texts[-1], add_special_tokens=False, verbose=False)["input_ids"]
        room: int = self._max_length - self.tokenizer.num_special_tokens_to_add(pair=True)
        return len(ids) > room

    def placed(self, request: Classify) -> tuple[Any, Sequence[str]]:
        """Return the tokenizer's output with the places of the tokens.

        Those of a dialogue are in texts with separators between the turns, which are returned with them.
        """
        read = dialogues.as_read(request, self.tokenizer)
        (side,) = self.cuts([read])
        read = _cut_apart(read, side)
        with self._cutting(read, side):
            return super().placed(read)

    def _cutting(self, request: Classify, side: str) -> contextlib.AbstractContextManager[None]:
        is_history = request.between_turns is not None and side == FIRST
        return dialogues.cutting_beginnings(self.tokenizer) if is_history else contextlib.nullcontext()

    def _rows(self, requests: Sequence[Classify], *, cut: bool = False) -> list[Ids]:
        if not cut:
            return self._given(requests, truncation=False)
        sides, rows = self.cuts(requests), dict[int, Ids]()
        for side in dict.fromkeys(sides):
            places = [index for index, each in enumerate(sides) if each == side]
            own = [_cut_apart(requests[index], side) for index in places]
            with self._cutting(own[0], side):
                rows |= zip(places, self._given(own, truncation=side, max_length=self._max_length), strict=True)
        return [rows[index] for index in range(len(requests))]

    def _given(self, requests: Sequence[Classify], **options: Any) -> list[Ids]:
        if not requests:
            return []
        columns = self.tokenizer(_tokenizer_inputs(requests), verbose=False, **options)
        types = columns.get("token_type_ids") or [[]] * len(requests)
        return list(zip(columns["input_ids"], types, strict=True))


def _is_pair(request: Classify) -> bool:
    return len(request.texts) > 1


def _side(request: Classify, fits: bool) -> str:
    """Return where a pair is cut.

    ``fits``: whether the text fits that is to be kept.
    """
    if request.between_turns is not None:
        return FIRST if fits else SECOND
    return SECOND if fits else BOTH


def _cut_apart(request: Classify, side: str) -> Classify:
    """Return a dialogue without the history for which there is no room."""
    if request.between_turns is None or side != SECOND:
        return request
    return Classify(("", *request.texts[1:]), request.between_turns)


def _tokenizer_inputs(requests: Sequence[Classify]) -> list[Any]:
    """Return each request as tokenizers expect it: a text, or a pair."""
    return [request.texts if len(request.texts) > 1 else request.texts[0] for request in requests]


def _cut(request: Classify, letters: int) -> Classify:
    return Classify((*request.texts[:-1], request.texts[-1][:letters]))


def _ends_within_a_word(beginning: Classify, request: Classify) -> bool:
    end = len(beginning.texts[-1])
    letters = request.texts[-1][end - 1 : end + 1]
    return beginning is not request and not any(letter.isspace() for letter in letters)


HEAD = SequenceHead
