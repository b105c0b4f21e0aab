"""What the optimiser is given: groups, factors of the learning rate, kinds."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from auditor.training.layers import depths
from auditor.training.optimizing import optimizer, parameter_groups, rate
from auditor.training.terms import Settings


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


def test_a_model_without_layers_is_all_embeddings() -> None:
    assert set(depths(torch.nn.Linear(2, 2)).values()) == {0}


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
