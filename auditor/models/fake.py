"""A model without weights: what it answers is a function. For tests of auditor and of third parties' probes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from auditor.types import Encoded, Model, Request, Response


class FakeModel:
    """Answers by a function of the texts; its tokens are the words of the lower-cased text (an "uncased" model)."""

    def __init__(
        self,
        answer: Callable[[Request], Response],
        labels: Sequence[str] = ("negative", "positive"),
        *,
        name: str = "fake",
    ) -> None:
        self._answer = answer
        self._labels = tuple(labels)
        self._name = name
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

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        found = []
        for request in requests:
            words = " | ".join(" ".join(text.lower().split()) for text in request)
            found.append(Encoded(words, len(words.split()) + 2, False, request))
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
        hit = any(word.strip(".,!?") in wanted for text in request for word in text.lower().split())
        return (1.0 - sure, sure) if hit else (sure, 1.0 - sure)

    return FakeModel(answer, name=name)
