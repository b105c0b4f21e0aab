"""Integrated gradients of real models: against a computation of their own, and where there are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes import LABELS
from tiny import tiny_checkpoint

from auditor import tasks
from auditor.models import gradients, hugging_face
from auditor.models.onnx import OnnxModel
from auditor.models.options import DEFAULTS
from auditor.models.replicas import Replicas
from auditor.testing import FakeAudit, FakeModel
from auditor.types import Attributes, Classify, Tag, TokenWeight

TEXT = "A good film , not awful and not great ."
TEXTS = tasks.create("text-classification", LABELS)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> hugging_face.HuggingFaceModel:
    import torch

    made = hugging_face.load(tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "ckpt"), DEFAULTS, name="tiny")
    with torch.no_grad():
        # Random weights are so small that every text has nearly the same answer.
        for weights in made.module.parameters():
            weights.mul_(10.0)
    return made


def probability(model: hugging_face.HuggingFaceModel, ids: list[int], label: int) -> float:
    import torch

    with torch.inference_mode():
        logits = model.module(
            input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long)
        ).logits
    return float(torch.softmax(logits, -1)[0, label])


@pytest.mark.parametrize("label", [0, 1])
def test_the_weights_add_up_to_what_the_words_add_to_the_probability(
    model: hugging_face.HuggingFaceModel, label: int
) -> None:
    (tokens,) = list(model.integrated_gradients(Classify((TEXT,)), label, 100) or ())
    ids = model.head.tokenizer(TEXT)["input_ids"]
    padding = [ids[0], *[model.filling.token] * (len(ids) - 2), ids[-1]]
    whole = probability(model, ids, label) - probability(model, padding, label)
    assert sum(token.weight for token in tokens) == pytest.approx(whole, abs=0.01)
    assert abs(whole) > 0.05
    assert [TEXT[token.start : token.end] for token in tokens][:3] == ["A", "good", "film"]
    assert [token.weight for token in tokens] == pytest.approx(by_embeddings(model, label, 100), abs=1e-5)


def by_embeddings(model: hugging_face.HuggingFaceModel, label: int, steps: int) -> list[float]:
    """The same sum, point by point, through the argument ``inputs_embeds``."""
    import torch

    given = model.head.tokenizer(TEXT, return_tensors="pt")
    table = model.module.get_input_embeddings()
    end = table(given["input_ids"]).detach()
    padding = given["input_ids"].clone()
    padding[0, 1:-1] = model.filling.token
    start = table(padding).detach()
    total = torch.zeros_like(end)
    for step in range(steps):
        point = (start + (step + 0.5) / steps * (end - start)).requires_grad_()
        logits = model.module(inputs_embeds=point, attention_mask=given["attention_mask"]).logits
        torch.softmax(logits, -1)[0, label].backward()
        total += point.grad / steps
    model.module.zero_grad()
    weights: list[float] = ((end - start) * total).sum(-1)[0, 1:-1].tolist()
    return weights


def test_the_model_is_afterwards_as_it_was(model: hugging_face.HuggingFaceModel) -> None:
    encoded = model.encode([Classify((TEXT,))])
    before = model.run(encoded)
    model.integrated_gradients(Classify((TEXT,)), 1, 3)
    assert model.run(encoded) == before
    assert not model.module.get_input_embeddings()._forward_hooks
    assert all(weights.grad is None for weights in model.module.parameters())
    assert not model.module.training


def test_a_pair_has_weights_for_either_text_and_a_text_that_is_cut_for_what_is_read(
    model: hugging_face.HuggingFaceModel,
) -> None:
    first, second = model.integrated_gradients(Classify(("a good film", "the plot")), 1, 2) or ((), ())
    assert [(token.start, token.end) for token in first] == [(0, 1), (2, 6), (7, 11)]
    assert [(token.start, token.end) for token in second] == [(0, 3), (4, 8)]
    (tokens,) = list(model.integrated_gradients(Classify(("good " * 300,)), 1, 2) or ())
    assert len(tokens) == model.head.max_length - 2


def test_points_go_through_the_model_in_parts_with_the_same_weights(
    model: hugging_face.HuggingFaceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    (together,) = list(model.integrated_gradients(Classify((TEXT,)), 1, 7) or ())
    monkeypatch.setattr(gradients, "TOGETHER", 2)
    (in_parts,) = list(model.integrated_gradients(Classify((TEXT,)), 1, 7) or ())
    assert [token.weight for token in in_parts] == pytest.approx([token.weight for token in together], abs=1e-6)


def test_where_there_are_none_the_reason_is_said(
    model: hugging_face.HuggingFaceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = FakeAudit((), None, TEXTS, model=model)
    found = audit.integrated_gradients({"text": TEXT}, "positive", 2)
    assert not isinstance(found, str)
    assert list(found) == ["text"]
    assert model.integrated_gradients(Tag(("a", "film")), 1, 2) is None
    plain = FakeModel(lambda _: (0.5, 0.5))
    assert FakeAudit((), None, TEXTS, model=plain).integrated_gradients({"text": TEXT}, "positive", 2) == (
        "the model gives no gradients (it does not run in torch)"
    )
    assert isinstance(model, Attributes)
    assert not issubclass(OnnxModel, Attributes)
    monkeypatch.setattr(gradients, "embedding_table", lambda _: None)
    untold = "the model gives no gradients of words: its tokenizer is slow, it looks up no embeddings, or it tags words"
    assert audit.integrated_gradients({"text": TEXT}, "positive", 2) == untold


def test_a_model_that_does_not_look_its_embeddings_up_has_none(
    model: hugging_face.HuggingFaceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(gradients, "embedding_table", lambda _: torch.nn.Embedding(1000, 16))
    assert model.integrated_gradients(Classify((TEXT,)), 1, 2) is None


def test_replicas_ask_the_first_of_them(model: hugging_face.HuggingFaceModel) -> None:
    both: Any = Replicas([model, model])
    (tokens,) = both.integrated_gradients(Classify((TEXT,)), 1, 2)
    assert isinstance(tokens[0], TokenWeight)
    plain = FakeModel(lambda _: (0.5, 0.5))
    assert Replicas([plain, plain]).integrated_gradients(Classify((TEXT,)), 1, 2) is None


def test_another_model_is_asked_where_the_probe_gives_one(model: hugging_face.HuggingFaceModel) -> None:
    audit = FakeAudit((), None, TEXTS, model=FakeModel(lambda _: (0.5, 0.5)))
    (answer,) = audit.ask([{"text": TEXT}], model)
    assert answer == model.run(model.encode([Classify((TEXT,))]))[0]
    assert not isinstance(audit.integrated_gradients({"text": TEXT}, "positive", 2, model), str)


def test_a_checkpoint_loaded_again_gives_the_same_weights(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "ckpt")
    first, second = (hugging_face.load(folder, DEFAULTS, name="tiny") for _ in range(2))
    request = Classify((TEXT,))
    assert first.integrated_gradients(request, 1, 4) == second.integrated_gradients(request, 1, 4)
