"""Embeddings and logits of texts, kept while the audit lasts."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeAlias

from auditor.engine import plan
from auditor.engine.forward import WINDOW, Batch, does_not_fit, in_parallel
from auditor.errors import NoAnswerError, OutOfMemoryError
from auditor.types import Embeds, Encoded, FloatArray, Model, TellsLogits

Embedded: TypeAlias = "FloatArray | None"
"""A text's embedding; None where the model fails on it."""
Layer: TypeAlias = Literal["encoder", "head"]
"""encoder: embeddings. head: logits."""
Told: TypeAlias = "Callable[[Sequence[Encoded]], FloatArray | None]"


class Embedder:
    """Embeddings, or logits, of texts, window by window.

    The texts and their order alone decide the windows and batches, so a probe's numbers do not depend on what was
    embedded before. A window of texts that was embedded before, in this order, is not embedded again. Nothing of it is
    cached between runs.
    """

    def __init__(self, model: Model, budget: int) -> None:
        self._model, self._budget = model, budget
        self._known: dict[tuple[Layer, str], list[Embedded]] = {}
        self.passes = 0
        """Number of texts to be embedded, including those embedded before."""

    def embeddings(
        self, encoded: Sequence[Encoded], after_batch: Callable[[], None], layer: Layer = "encoder"
    ) -> FloatArray | None:
        """Return a row of the layer's numbers for each text.

        A row of NaN stands for a text on which the model fails. None: the model does not tell, or fails on every text.
        ``after_batch`` is called after each batch. Raises OutOfMemoryError if a single text does not fit.
        """
        import numpy as np

        if self._told(layer) is None:
            return None
        rows = [row for window in plan.windows(encoded, WINDOW) for row in self._window(window, after_batch, layer)]
        width = next((len(row) for row in rows if row is not None), 0)
        if width == 0 and rows:
            return None
        return np.array([np.full(width, np.nan) if row is None else row for row in rows]).reshape(len(rows), width)

    def _told(self, layer: Layer) -> Told | None:
        if layer == "head":
            return self._model.label_logits if isinstance(self._model, TellsLogits) else None
        return self._model.embed if isinstance(self._model, Embeds) else None

    def _window(self, window: Sequence[Encoded], after_batch: Callable[[], None], layer: Layer) -> list[Embedded]:
        texts = plan.unique(window)
        digest = layer, hashlib.sha256("\n".join(text.key for text in texts).encode()).hexdigest()
        self.passes += len(texts)
        if digest not in self._known:
            by_key: dict[str, Embedded] = {}
            planned = list(plan.batches(texts, self._budget))
            batch_of = functools.partial(self._batch, self._told(layer))
            with in_parallel(batch_of, planned, self._model.workers) as batches:
                for batch, rows in zip(planned, batches, strict=True):
                    by_key |= zip((text.key for text in batch), rows, strict=True)
                    after_batch()
            self._known[digest] = [by_key[text.key] for text in texts]
        known = dict(zip((text.key for text in texts), self._known[digest], strict=True))
        return [known[text.key] for text in window]

    def _batch(self, told: Told | None, batch: Batch) -> list[Embedded]:
        assert told is not None
        try:
            rows = told(batch)
        except OutOfMemoryError:
            if len(batch) == 1:
                raise does_not_fit(self._model, batch[0]) from None
            return list(self._halves(told, batch))
        except NoAnswerError:
            return [None] if len(batch) == 1 else list(self._halves(told, batch))
        return [None] * len(batch) if rows is None else [row if _is_told(row) else None for row in rows]

    def _halves(self, told: Told, batch: Batch) -> Iterator[Embedded]:
        half = len(batch) // 2
        yield from self._batch(told, batch[:half])
        yield from self._batch(told, batch[half:])


def _is_told(row: FloatArray) -> bool:
    import numpy as np

    return row.size > 0 and bool(np.isfinite(row).all())
