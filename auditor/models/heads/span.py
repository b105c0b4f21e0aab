"""Head for extractive question answering.

Its answer is a span of the context, or that there is none. A long context is read in windows that overlap by a quarter,
each with the whole question before it. A span may begin only in the window in which its first token has the most
context on both sides (Devlin et al. 2019), so that no span counts twice. The token CLS stands for "no answer here"; of
several windows the least of its scores counts.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeAlias

from auditor.errors import DataError, ModelError
from auditor.models.heads.base import EXAMPLES, LABELS, Columns, Head
from auditor.models.rows import Filling, Row
from auditor.text import answers, words_of
from auditor.types import Encoded, Example, Extract, Extracted, GoldAnswer, Response, Task

OVERLAP = 4
"""Adjacent windows share 1/OVERLAP of their tokens, or twice the longest answer."""
QUESTION = "What is it about?"
"""The question that is asked of a plain text, to try a model out."""
STARTS, ENDS = "start_positions", "end_positions"
"""Columns of training rows: the place of the answer's first and of its last token, or twice that of CLS."""

Token: TypeAlias = tuple[int, int, int]
"""(place in the row, first character, character after the last) of a token of the context."""


@dataclass(frozen=True, slots=True)
class Window:
    """A question and part of its context, in one row."""

    ids: tuple[int, ...]
    types: tuple[int, ...]
    """Token types; empty if the model has none."""
    null: int
    """The place of the token CLS."""
    tokens: tuple[Token, ...]
    """The tokens of its part of the context."""
    begins: tuple[bool, ...] = ()
    """Whether a span may begin at each of these tokens."""


class SpanHead(Head[Extract]):
    """Head that returns the best span of the context.

    Beside it stands the probability that there is no answer. The score of a span is the sum of the logits of its first
    and last token, that of no answer the sum of both logits of CLS. Probabilities are the softmax of these scores over
    all spans of the context that are short enough, and no answer. A question of more than half a row is cut; a context
    never is.
    """

    name = "span"
    request = Extract
    architecture = "ForQuestionAnswering"
    peft_task = "QUESTION_ANS"
    config = MappingProxyType({"num_labels": 2})
    answers_tokens = True
    labelled = False

    def __init__(
        self, tokenizer: Any, *, name: str, max_length: int, pieces: int | None = None, labels: Sequence[str] = ()
    ) -> None:
        """Bind the head to a model's tokenizer, as ``Head`` does.

        Raises ModelError for a tokenizer without offsets or CLS, and where the model reads too few tokens.
        """
        super().__init__(tokenizer, name=name, max_length=max_length, pieces=pieces, labels=labels)
        if not tokenizer.is_fast:
            problem = f"its {type(tokenizer).__name__} cannot tell which characters a token stands for"
            raise ModelError(problem, where=name, hint="use a model with a fast tokenizer (tokenizer.is_fast)")
        if tokenizer.cls_token_id is None:
            hint = "use an encoder such as BERT, RoBERTa or DeBERTa"
            raise ModelError("its tokenizer has no token CLS, which stands for no answer", where=name, hint=hint)
        self._special = int(tokenizer.num_special_tokens_to_add(pair=True))
        if max_length - self._special < 2:
            problem = f"reads {max_length} tokens, of which {self._special} are special: no room for a question"
            raise ModelError(problem, where=name, hint="raise max_length")

    @classmethod
    def labels_in(cls, config: Mapping[str, Any], where: str) -> tuple[str, ...]:
        """Return no label.

        The outputs are the logits of first and last tokens. Raises ModelError for another number of outputs.
        """
        count = config.get("num_labels", len(config.get("id2label") or (1, 2)))
        if count != 2:
            raise ModelError(f"has {count} outputs for each token, not 2", where=where, hint="correct config.json")
        return ()

    @classmethod
    def probabilities(cls, logits: Any) -> Any:
        """Return the logits as they are; ``decode`` makes probabilities of spans."""
        return logits

    @classmethod
    def logits(cls, output: Any) -> Any:
        """Return each token's logits as first and last.

        Their shape is (rows, tokens, 2).
        """
        import torch

        return torch.stack((output.start_logits, output.end_logits), dim=-1)

    @classmethod
    def request_for(cls, text: str) -> Extract:
        """Return a question about the text."""
        return Extract(QUESTION, text)

    def _stride(self, longest: int) -> int:
        """Return how many tokens adjacent windows share: room for the longest span."""
        room = self._max_length - self._special
        return max(min(max(room // OVERLAP, 2 * longest), room // 2 - 1), 0)

    def _encode(self, requests: Sequence[Extract]) -> Iterator[Encoded]:
        questions, cut = self._questions(requests)
        for number, (request, parts) in enumerate(zip(requests, self._windows(questions, requests), strict=True)):
            digest = hashlib.sha256(array("i", [request.longest]).tobytes())
            for part in parts:
                self._check_ids(part.ids)
                for numbers in (part.ids, part.types):
                    digest.update(array("i", numbers).tobytes() + b"|")
            # An answer is part of the context, and scores do not depend on its case or on white space.
            digest.update("\n".join(map(_small, words_of(request.context))).encode("utf-8", "surrogatepass"))
            payload = {"windows": parts, "context": request.context, "longest": request.longest}
            yield Encoded(digest.hexdigest(), self._length(parts), cut[number], payload)

    def _questions(self, requests: Sequence[Extract]) -> tuple[list[str], list[bool]]:
        """Return the questions, and which were cut to half of a window."""
        most = (self._max_length - self._special) // 2
        whole = [request.question for request in requests]
        given = self.tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        places = given["offset_mapping"]
        cut = [len(own) > most for own in places]
        pairs = zip(whole, places, cut, strict=True)
        return [question[: own[most - 1][1]] if long else question for question, own, long in pairs], cut

    def _windows(self, questions: Sequence[str], requests: Sequence[Extract]) -> list[list[Window]]:
        given = self.tokenizer(
            list(questions),
            [request.context for request in requests],
            truncation="only_second",
            max_length=self._max_length,
            stride=self._stride(max(request.longest for request in requests)),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        windows: list[list[Window]] = [[] for _ in requests]
        types = given.get("token_type_ids") or [[]] * len(given["input_ids"])
        for row, number in enumerate(given["overflow_to_sample_mapping"]):
            ids, context = given["input_ids"][row], requests[number].context
            pairs = zip(given["offset_mapping"][row], given.sequence_ids(row), strict=True)
            spans = [(at, *answers.trimmed(context, *span)) for at, (span, text) in enumerate(pairs) if text == 1]
            tokens = tuple((at, start, end) for at, start, end in spans if start < end)
            null = ids.index(self.tokenizer.cls_token_id)
            windows[number].append(Window(tuple(ids), tuple(types[row]), null, tokens))
        return [_with_beginnings(parts) for parts in windows]

    def _length(self, parts: Sequence[Window]) -> int:
        """Return the length of question and context in tokens, counting overlaps once."""
        context = {token[1:] for part in parts for token in part.tokens}
        return len(parts[0].ids) - len(parts[0].tokens) + len(context)

    def rows(self, encoded: Encoded) -> Sequence[Row]:
        """Return one row per window."""
        return [{"input_ids": part.ids, "token_type_ids": part.types} for part in encoded.payload["windows"]]

    def decode(self, scores: Sequence[Any], batch: Sequence[Encoded], filling: Filling) -> list[Response]:
        """Return each context's best span, with the probabilities."""
        logits = iter(scores)
        return [self._best(encoded.payload, logits, filling) for encoded in batch]

    def _best(self, payload: Mapping[str, Any], logits: Iterator[Any], filling: Filling) -> Extracted:
        import numpy as np

        nulls, candidates = [], []
        for part in payload["windows"]:
            given = next(logits)
            own = np.asarray(given[len(given) - len(part.ids) :] if filling.left else given[: len(part.ids)])
            nulls.append(float(own[part.null].sum()))
            at = [place for place, _, _ in part.tokens]
            for first, begins in enumerate(part.begins):
                if begins:
                    last = at[first : first + payload["longest"]]
                    candidates.append((part.tokens[first:], own[at[first], 0] + own[last, 1]))
        return _extracted(payload["context"], min(nulls), candidates)

    def distributions(self, response: Response) -> Sequence[Sequence[float]]:
        """Return one distribution.

        It is over the best span, no answer, and all other spans.
        """
        _, _, _, best, none = response
        return [(best, none, max(0.0, 1.0 - best - none))]

    def targets(self, examples: Sequence[Example], task: Task) -> Columns:
        """Return one training row per window.

        It has the places of the answer's first and last token. Both are that of CLS in a window that does not hold the
        whole answer. Raises DataError for a gold that is no answer in the context.
        """
        columns: Columns = {"input_ids": [], "token_type_ids": [], EXAMPLES: [], LABELS: []}
        requests = [self._own(task.request(example.inputs)) for example in examples]
        texts = zip(examples, requests, self._windows(self._questions(requests)[0], requests), strict=True)
        for example, request, parts in texts:
            span = _characters(example, request.context, task)
            for part in parts:
                columns["input_ids"].append(list(part.ids))
                columns["token_type_ids"].append(list(part.types))
                columns[EXAMPLES].append(example.id)
                columns[LABELS].append(_target(part, span))
        if not any(columns["token_type_ids"]):
            del columns["token_type_ids"]
        return columns

    def collate(self, columns: Columns, indices: Sequence[int], filling: Filling, device: Any) -> dict[str, Any]:
        """Return one training batch, with targets as transformers names them."""
        import torch

        batch = super().collate(columns, indices, filling, device)
        placed, width = batch.pop(LABELS), int(batch["input_ids"].shape[1])
        if filling.left:
            placed += torch.tensor([[width - len(columns["input_ids"][index])] for index in indices], device=device)
        return {**batch, STARTS: placed[:, 0], ENDS: placed[:, 1]}


def _small(word: str) -> str:
    """Return the word in lower case, unless that has another length."""
    return lower if len(lower := word.lower()) == len(word) else word


def _with_beginnings(parts: Sequence[Window]) -> list[Window]:
    """Decide in which window a span may begin at a token.

    It is the one that gives the token most context; the earlier window wins a tie.
    """
    best: dict[tuple[int, int], tuple[int, int]] = {}
    for number, part in enumerate(parts):
        for place, (_, *span) in enumerate(part.tokens):
            room = min(place, len(part.tokens) - 1 - place)
            key = span[0], span[1]
            if key not in best or room > best[key][0]:
                best[key] = room, number
    return [
        replace(part, begins=tuple(best[start, end][1] == number for _, start, end in part.tokens))
        for number, part in enumerate(parts)
    ]


def _extracted(context: str, null: float, candidates: Sequence[tuple[Sequence[Token], Any]]) -> Extracted:
    """Return the best span of all, the first of equals.

    ``candidates``: the tokens from a span's first one on, and the scores of the spans that end at each of them.
    """
    import numpy as np

    scores = np.concatenate([[null], *(own for _, own in candidates)])
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    none = float(chances[0])
    if not candidates:
        return Extracted("", 0, 0, 0.0, none)
    number = max(range(len(candidates)), key=lambda index: float(candidates[index][1].max()))
    tokens, own = candidates[number]
    last = int(own.argmax())
    before = sum(len(earlier) for _, earlier in candidates[:number])
    answer = answers.answer_at(context, tokens[0][1], tokens[last][2])
    return Extracted(*answer, float(chances[1 + before + last]), none)


def _characters(example: Example, context: str, task: Task) -> tuple[int, int] | None:
    """Return start and end of the answer to learn, if any."""
    wanted: Any = task.target(example.gold)
    if wanted is None:
        return None
    start = answers.start_of(context, wanted) if isinstance(wanted, GoldAnswer) else -1
    if start < 0:
        raise DataError(f"{example.gold!r} has no answer in the context", where=example.id)
    return start, start + len(wanted.text)


def _target(part: Window, span: tuple[int, int] | None) -> tuple[int, int]:
    """Return the answer's first and last token, or CLS twice."""
    tokens = part.tokens
    if span is None or not tokens or tokens[0][1] > span[0] or tokens[-1][2] < span[1]:
        return part.null, part.null
    inside = [place for place, start, end in tokens if start < span[1] and end > span[0]]
    return (inside[0], inside[-1]) if inside else (part.null, part.null)


HEAD = SpanHead
