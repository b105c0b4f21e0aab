"""A model's logits of texts: the answers are their softmax, whatever the company."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax
from tiny import tiny_checkpoint

from auditor import tasks
from auditor.engine import Scorer
from auditor.errors import NoAnswerError, OutOfMemoryError
from auditor.models import hugging_face
from auditor.models.options import LoadOptions
from auditor.models.replicas import Replicas
from auditor.testing import FakeModel
from auditor.types import Classify, Encoded, FloatArray, TellsLogits

TASK = tasks.create("text-classification", ("negative", "positive"))
TEXTS = ("a good film", "bad", "the plot was not great and the film is awful, it was not good", "a good film", "movie")
EXACT = 2e-5
"""Rounding of float32 between a text alone and in a batch."""


@pytest.fixture
def model(tmp_path: Path) -> hugging_face.HuggingFaceModel:
    return hugging_face.load(tiny_checkpoint(tmp_path / "mini"), LoadOptions(device="cpu"), name="mini")


def encoded_by(model: hugging_face.HuggingFaceModel) -> list[Encoded]:
    return model.encode([Classify((text,)) for text in TEXTS])


def told(model: Any, encoded: list[Encoded]) -> FloatArray:
    assert isinstance(model, TellsLogits)
    logits = model.label_logits(encoded)
    assert logits is not None
    return logits


def test_answers_are_the_softmax_of_the_logits(model: hugging_face.HuggingFaceModel) -> None:
    encoded = encoded_by(model)
    logits = told(model, encoded)
    assert logits.dtype == np.float64
    assert softmax(logits, axis=1) == pytest.approx(np.array(model.run(encoded)), abs=EXACT)
    assert told(model, encoded[2:3])[0] == pytest.approx(logits[2], abs=EXACT)
    model.singly = True
    assert told(model, encoded) == pytest.approx(logits, abs=EXACT)
    assert np.array_equal(told(Replicas([model, model]), encoded), told(model, encoded))


def test_logits_of_words_are_not_told(model: hugging_face.HuggingFaceModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "_logits", lambda padded: torch.zeros((*padded["input_ids"].shape, 3)))
    assert model.label_logits(encoded_by(model)) is None


def test_logits_that_are_not_finite_are_no_answer(
    model: hugging_face.HuggingFaceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "_logits", lambda padded: torch.full((len(padded["input_ids"]), 2), torch.nan))
    with pytest.raises(NoAnswerError, match="not finite"):
        model.label_logits(encoded_by(model))


def test_an_audit_has_a_row_of_nan_where_the_model_fails() -> None:
    class Telling(FakeModel):
        def label_logits(self, batch: Any) -> FloatArray | None:
            if len(batch) > 2:
                raise OutOfMemoryError("full")
            if any("broken" in each.payload.texts[0] for each in batch):
                raise NoAnswerError("broken")
            return np.array([[float(len(each.payload.texts[0])), 1.0] for each in batch])

    scorer = Scorer(Telling(lambda _: (0.5, 0.5)), TASK)
    inputs = [{"text": text} for text in ("a", "broken", "abc", "ab")]
    logits = scorer.embeddings(inputs, layer="head")
    assert logits is not None
    assert logits[[0, 2, 3]].tolist() == [[1.0, 1.0], [3.0, 1.0], [2.0, 1.0]]
    assert np.isnan(logits[1]).all()
    assert scorer.counts["forward_passes"] == 4
    assert scorer.embeddings(inputs) is None, "logits are no embeddings"
    assert Scorer(FakeModel(lambda _: (0.5, 0.5)), TASK).embeddings(inputs, layer="head") is None
    replicas: Any = Replicas([FakeModel(lambda _: (0.5, 0.5))])
    assert replicas.label_logits([]) is None
