"""Fake model, for tests of auditor and of plugins."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Sequence

from auditor.text import words_of
from auditor.types import REQUESTS, Encoded, FloatArray, Model, Request, Response


def uncased_words(text: str) -> Sequence[str]:
    """Return the words of the lower-cased text."""
    return words_of(text.lower())


class FakeModel:
    """Model without weights that answers with a function of the request.

    Its tokens are words, lower-cased unless ``tokens`` says otherwise.
    """

    def __init__(
        self,
        answer: Callable[[Request], Response],
        labels: Sequence[str] = ("negative", "positive"),
        *,
        name: str = "fake",
        tokens: Callable[[str], Sequence[str]] = uncased_words,
        accepts: Collection[type[Request]] = REQUESTS,
        reads: int | None = None,
        embed: Callable[[Request], Sequence[float]] | None = None,
        logits: Callable[[Request], Sequence[float]] | None = None,
    ) -> None:
        """Answer by a function.

        ``embed`` gives the embedding of a request, as ``hashed_words`` does; None: the model tells no embeddings.
        ``logits``: likewise for the logits of a request.
        ``reads``: how many tokens of each text it reads, at most; None: all. ``answer`` gets whole texts all the same.
        """
        self._answer = answer
        self._labels = tuple(labels)
        self._name = name
        self._tokens = tokens
        self._accepts, self._reads = frozenset(accepts), reads
        self._embed, self._logits = embed, logits
        self.batches: list[int] = []
        """Sizes of the batches that were run, in order."""
        self.embedded: list[int] = []
        """Sizes of the batches that were embedded, in order."""

    @property
    def name(self) -> str:
        """The name given at construction."""
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels given at construction."""
        return self._labels

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the name."""
        return hashlib.sha256(self._name.encode()).hexdigest()

    @property
    def numerics(self) -> str:
        """Always ``fake``."""
        return "fake"

    @property
    def device_kind(self) -> str:
        """Always ``cpu``."""
        return "cpu"

    @property
    def workers(self) -> int:
        """The number of batches that may run at the same time: one."""
        return 1

    @property
    def accepts(self) -> frozenset[type[Request]]:
        """The types of requests given at construction."""
        return self._accepts

    @property
    def notes(self) -> tuple[str, ...]:
        """No remarks."""
        return ()

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        """Return each request with its words as tokens."""
        encoded = []
        for request in requests:
            words = [list(self._tokens(text)) for text in request.texts]
            cut = self._reads is not None and any(len(tokens) > self._reads for tokens in words)
            words = [tokens[: self._reads] for tokens in words]
            length = sum(len(tokens) + 1 for tokens in words) + 1
            encoded.append(Encoded(json.dumps(words), length, cut, request))
        return encoded

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        """Return the function's answer to each request, and record the batch size."""
        self.batches.append(len(batch))
        return [self._answer(encoded.payload) for encoded in batch]

    def embed(self, batch: Sequence[Encoded]) -> FloatArray | None:
        """Return the function's embedding of each request.

        Record the batch size. Without a function, return None.
        """
        if self._embed is None:
            return None
        import numpy as np

        self.embedded.append(len(batch))
        return np.array([self._embed(encoded.payload) for encoded in batch], dtype=np.float64)

    def label_logits(self, batch: Sequence[Encoded]) -> FloatArray | None:
        """Return the function's logits of each request.

        Without a function, return None.
        """
        if self._logits is None:
            return None
        import numpy as np

        return np.array([self._logits(encoded.payload) for encoded in batch], dtype=np.float64)

    @property
    def padded_length(self) -> int:
        """The most tokens that a text can be padded to."""
        return 512

    def run_together(self, batch: Sequence[Encoded], *, length: int = 0) -> list[Response]:
        """Return the same answers as ``run``: padding says nothing."""
        del length
        return self.run(batch)

    def reload(self) -> Model:
        """Return the model itself."""
        return self


def hashed_words(request: Request, width: int = 16) -> Sequence[float]:
    """Return an embedding that follows from the words alone.

    It is the mean of the words' vectors, each of ``width`` numbers between -1 and 1 from the word's hash.
    """
    words = [word for text in request.texts for word in uncased_words(text)] or [""]
    digests = [hashlib.shake_256(word.encode()).digest(width) for word in words]
    return [sum(digest[place] / 127.5 - 1.0 for digest in digests) / len(words) for place in range(width)]


def keyword_model(words: Sequence[str], *, name: str = "keywords", sure: float = 0.9) -> FakeModel:
    """Return a fake model that recognizes keywords.

    It answers "positive" with probability ``sure`` if any of the words occurs in the text, and "negative" otherwise.
    """
    keywords = frozenset(words)

    def answer(request: Request) -> Response:
        hit = any(word.strip(".,!?") in keywords for text in request.texts for word in uncased_words(text))
        return (1.0 - sure, sure) if hit else (sure, 1.0 - sure)

    return FakeModel(answer, name=name)
