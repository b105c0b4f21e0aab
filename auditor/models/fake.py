"""A model without weights: what it answers is a function. For tests of auditor and of third parties' probes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Sequence

from auditor.text import words_of
from auditor.types import REQUESTS, Encoded, Model, Request, Response


def uncased_words(text: str) -> Sequence[str]:
    """The words of the lower-cased text."""
    return words_of(text.lower())


class FakeModel:
    """Answers by a function of the request; its tokens are words, lower-cased unless ``tokens`` says otherwise."""

    def __init__(
        self,
        answer: Callable[[Request], Response],
        labels: Sequence[str] = ("negative", "positive"),
        *,
        name: str = "fake",
        tokens: Callable[[str], Sequence[str]] = uncased_words,
        accepts: Collection[type[Request]] = REQUESTS,
    ) -> None:
        self._answer = answer
        self._labels = tuple(labels)
        self._name = name
        self._tokens = tokens
        self._accepts = frozenset(accepts)
        self.batches: list[int] = []
        """Sizes of the batches it was asked for."""

    @property
    def name(self) -> str:
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        return self._labels

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self._name.encode()).hexdigest()

    @property
    def numerics(self) -> str:
        return "fake"

    @property
    def device_kind(self) -> str:
        return "cpu"

    @property
    def workers(self) -> int:
        return 1

    @property
    def accepts(self) -> frozenset[type[Request]]:
        return self._accepts

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        found = []
        for request in requests:
            words = [list(self._tokens(text)) for text in request.texts]
            length = sum(len(tokens) + 1 for tokens in words) + 1
            found.append(Encoded(json.dumps(words), length, False, request))
        return found

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        self.batches.append(len(batch))
        return [self._answer(encoded.payload) for encoded in batch]

    def reload(self) -> Model:
        return self


def keyword_model(words: Sequence[str], *, name: str = "keywords", sure: float = 0.9) -> FakeModel:
    """Says "positive" with probability ``sure`` if any of the words occurs in the text, else "negative"."""
    wanted = frozenset(words)

    def answer(request: Request) -> Response:
        hit = any(word.strip(".,!?") in wanted for text in request.texts for word in uncased_words(text))
        return (1.0 - sure, sure) if hit else (sure, 1.0 - sure)

    return FakeModel(answer, name=name)
