"""What the optimiser is given: groups, factors of the learning rate, kinds."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from auditor.errors import ModelError
from auditor.training.layers import depths
from auditor.training.optimizer import optimizer, parameter_groups, rate
from auditor.training.settings import Settings


class Layered(torch.nn.Module):
    """Embeddings, two layers, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = torch.nn.Embedding(3, 2)
        self.layer = torch.nn.ModuleList([torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)])
        self.head = torch.nn.Linear(2, 2)


class Encoder(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = Layered()


def test_each_layer_further_down_learns_more_slowly() -> None:
    model = Encoder()
    groups = parameter_groups(model, 0.1, 0.5)
    scale = {id(one): group["scale"] for group in groups for one in group["params"]}
    found = {name: scale[id(parameter)] for name, parameter in model.named_parameters()}
    assert found == {
        "encoder.embeddings.weight": 0.125,
        "encoder.layer.0.weight": 0.25,
        "encoder.layer.0.bias": 0.25,
        "encoder.layer.1.weight": 0.5,
        "encoder.layer.1.bias": 0.5,
        "encoder.head.weight": 1.0,
        "encoder.head.bias": 1.0,
    }
    decay = {id(one): group["weight_decay"] for group in groups for one in group["params"]}
    for name, parameter in model.named_parameters():
        assert decay[id(parameter)] == (0.0 if name.endswith("bias") else 0.1)


def test_without_layer_decay_there_are_two_groups_and_frozen_parameters_are_in_none() -> None:
    model = Encoder()
    model.encoder.embeddings.weight.requires_grad_(False)
    groups = parameter_groups(model, 0.1)
    assert [(len(group["params"]), group["scale"]) for group in groups] == [(3, 1.0), (3, 1.0)]


def test_a_model_whose_layers_cannot_be_told_apart_is_refused() -> None:
    with pytest.raises(ModelError, match="no layers found in Linear"):
        depths(torch.nn.Linear(2, 2))


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # transformers' DeBERTa
@pytest.mark.parametrize("kind", ["distilbert", "roberta", "deberta-v2", "electra", "gpt2"])
def test_the_head_of_an_architecture_is_what_stands_outside_its_encoder(kind: str) -> None:
    from transformers import AutoConfig, AutoModelForSequenceClassification

    sizes = {
        "distilbert": {"n_layers": 2, "dim": 8, "n_heads": 2, "hidden_dim": 8},
        "gpt2": {"n_layer": 2, "n_embd": 8, "n_head": 2},
    }
    usual = {"num_hidden_layers": 2, "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8}
    relative = {"relative_attention": True, "pooler_hidden_size": 8} if kind == "deberta-v2" else {}
    config = AutoConfig.for_model(kind, vocab_size=20, **sizes.get(kind, usual), **relative)
    model = AutoModelForSequenceClassification.from_config(config)
    found = depths(model)
    inside = f"{model.base_model_prefix}."
    assert set(found.values()) == {0, 1, 2, 3}
    assert all((depth == 3) is (not name.startswith(inside) or ".pooler." in name) for name, depth in found.items())


def test_what_has_one_dimension_that_counts_is_not_decayed() -> None:
    model = torch.nn.Module()
    model.weight = torch.nn.Parameter(torch.ones(2, 3))
    # IA³'s factors: their identity is 1, not 0.
    model.factor = torch.nn.Parameter(torch.ones(1, 3))
    decayed, others = parameter_groups(model, 0.1)
    assert [tuple(one.shape) for one in decayed["params"]] == [(2, 3)]
    assert (others["weight_decay"], [tuple(one.shape) for one in others["params"]]) == (0.0, [(1, 3)])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("linear", [0.5, 1.0, 1.0, 0.5]),
        # (1 − cos(π·1))/2 = 1 and (1 − cos(π/2))/2 = 1/2.
        ("cosine", [0.5, 1.0, 1.0, 0.5]),
        ("constant", [0.5, 1.0, 1.0, 1.0]),
    ],
)
def test_the_rate_rises_and_then_follows_its_schedule(schedule: str, expected: list[float]) -> None:
    # 4 steps, half of them rising: 1/2, 1; then what is left of the other two.
    assert [rate(step, 4, 0.5, schedule) for step in range(4)] == pytest.approx(expected)


def test_the_cosine_falls_slowly_at_first() -> None:
    assert rate(25, 100, 0.0, "cosine") == pytest.approx((1 - math.cos(math.pi * 0.75)) / 2)


@pytest.mark.parametrize(
    ("name", "kind", "given"),
    [("adamw", "AdamW", {}), ("sgd", "SGD", {"momentum": 0.7}), ("adafactor", "Adafactor", {})],
)
def test_an_optimiser_is_that_of_torch(name: str, kind: str, given: dict[str, Any]) -> None:
    found = optimizer(Encoder(), Settings(optimizer=name, learning_rate=0.25, **given))
    assert type(found).__name__ == kind
    assert {group["lr"] for group in found.param_groups} == {0.25}
    assert all(group[key] == value for group in found.param_groups for key, value in given.items())
