"""Recipes: how they are found, and the fast gradient method against values worked out by hand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from auditor import tasks
from auditor.errors import ConfigError, ModelError
from auditor.testing import started
from auditor.training import recipes
from auditor.training.recipes import fgm, standard
from auditor.types import Example

ROOT = Path(__file__).resolve().parent.parent

TASK = tasks.create("text-classification", ("no", "yes"))


class Tiny(torch.nn.Module):
    """Loss = mean over rows of (sum of the row's embeddings · v − y)² / 2: a gradient that one works out by hand."""

    def __init__(self, rows: Sequence[Sequence[float]], v: Sequence[float], dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(len(rows), len(rows[0]))
        self.embedding.weight.data = torch.tensor(rows)
        self.v = torch.nn.Parameter(torch.tensor(v))
        self.dropout = torch.nn.Dropout(dropout)
        self.seen: list[torch.Tensor] = []
        self.modes: list[bool] = []
        self.masks: list[torch.Tensor] = []

    def get_input_embeddings(self) -> torch.nn.Embedding:
        return self.embedding

    def forward(self, input_ids: torch.Tensor, labels: torch.Tensor) -> SimpleNamespace:
        self.seen.append(self.embedding.weight.detach().clone())
        self.modes.append(self.training)
        hidden = self.dropout(self.embedding(input_ids).sum(1))
        self.masks.append((hidden != 0).clone())
        return SimpleNamespace(loss=((hidden @ self.v - labels) ** 2).mean() / 2)


def one_row() -> dict[str, torch.Tensor]:
    return {"input_ids": torch.tensor([[0]]), "labels": torch.tensor([0.0])}


def by_hand() -> Tiny:
    # Row 0 is read, row 1 is not. loss = (e·v)²/2 with e = (1, 2), v = (3, 4): e·v = 11, loss 60.5;
    # dloss/de = 11·v = (33, 44), norm 55; r = (0.6, 0.8)·ε; dloss/dv = 11·e = (11, 22).
    return Tiny([[1.0, 2.0], [5.0, 7.0]], [3.0, 4.0])


def gradient(parameter: torch.Tensor) -> torch.Tensor:
    assert parameter.grad is not None
    return parameter.grad


def made(name: str, **given: float) -> recipes.Recipe:
    return started(recipes.create(name, given), TASK)


def test_fgm_moves_the_embedding_matrix_by_epsilon_along_the_gradient() -> None:
    model = by_hand()
    loss = made("fgm", epsilon=0.5).backward(model, one_row(), 0)
    assert loss == 60.5
    moved = model.seen[1] - model.seen[0]
    assert torch.allclose(moved, torch.tensor([[0.3, 0.4], [0.0, 0.0]]))
    assert torch.linalg.vector_norm(moved).item() == pytest.approx(0.5)


def test_fgm_adds_the_gradients_of_both_passes() -> None:
    model = by_hand()
    made("fgm").backward(model, one_row(), 0)
    # Second pass with e = (1.6, 2.8): e·v = 4.8 + 11.2 = 16; de = 16·v = (48, 64); dv = 16·e = (25.6, 44.8).
    assert torch.allclose(gradient(model.embedding.weight), torch.tensor([[33.0 + 48.0, 44.0 + 64.0], [0.0, 0.0]]))
    assert torch.allclose(gradient(model.v), torch.tensor([11.0 + 25.6, 22.0 + 44.8]))


def test_fgm_restores_the_embeddings_bit_for_bit() -> None:
    generator = torch.Generator().manual_seed(1)
    model = Tiny(torch.randn(50, 8, generator=generator).tolist(), [0.1] * 8)
    before = model.embedding.weight.detach().clone()
    batch = {"input_ids": torch.arange(50).reshape(10, 5), "labels": torch.ones(10)}
    made("fgm", epsilon=0.37).backward(model, batch, 0)
    assert not torch.equal(model.seen[1], before)
    assert model.embedding.weight.detach().numpy().tobytes() == before.numpy().tobytes()


def test_fgm_restores_the_embeddings_when_the_second_pass_is_interrupted() -> None:
    model, recipe = by_hand(), made("fgm")
    before = model.embedding.weight.detach().clone()
    calls = []

    def interrupted(loss: Any) -> None:
        calls.append(loss)
        if len(calls) == 2:
            raise KeyboardInterrupt
        loss.backward()

    started(recipe, TASK, accumulate=interrupted)
    with pytest.raises(KeyboardInterrupt):
        recipe.backward(model, one_row(), 0)
    assert torch.equal(model.embedding.weight, before)


def test_fgm_goes_by_the_gradient_of_its_batch_and_not_by_what_was_accumulated() -> None:
    model = by_hand()
    earlier = torch.tensor([[-1000.0, 500.0], [70.0, 0.0]])
    model.embedding.weight.grad = earlier.clone()
    made("fgm").backward(model, one_row(), 0)
    assert torch.allclose(model.seen[1] - model.seen[0], torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
    assert torch.allclose(gradient(model.embedding.weight), earlier + torch.tensor([[81.0, 108.0], [0.0, 0.0]]))


def test_fgm_perturbs_alike_whatever_the_loss_is_scaled_by() -> None:
    model, recipe = by_hand(), made("fgm")
    started(recipe, TASK, accumulate=lambda loss: (loss / 4).backward())
    recipe.backward(model, one_row(), 0)
    assert torch.allclose(model.seen[1] - model.seen[0], torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
    assert torch.allclose(gradient(model.embedding.weight)[0], torch.tensor([81.0, 108.0]) / 4)


def test_fgm_without_a_gradient_moves_nothing_and_passes_once() -> None:
    model = Tiny([[0.0, 0.0]], [3.0, 4.0])
    assert made("fgm").backward(model, one_row(), 0) == 0.0
    assert len(model.seen) == 1
    assert torch.equal(gradient(model.embedding.weight), torch.zeros(1, 2))


def test_fgm_with_a_gradient_that_is_not_finite_moves_nothing() -> None:
    model = Tiny([[1e30, 1.0]], [1e30, 1.0])
    made("fgm").backward(model, one_row(), 0)
    assert len(model.seen) == 1
    assert torch.equal(model.embedding.weight, torch.tensor([[1e30, 1.0]]))


def test_fgm_passes_twice_in_training_mode_and_dropout_draws_anew() -> None:
    torch_state = torch.get_rng_state()
    torch.manual_seed(0)
    model = Tiny([[1.0] * 64], [1.0] * 64, dropout=0.5).train()
    made("fgm").backward(model, one_row(), 0)
    torch.set_rng_state(torch_state)
    assert model.modes == [True, True]
    assert not torch.equal(model.masks[0], model.masks[1])


def test_fgm_refuses_frozen_embeddings_and_takes_others_as_they_are() -> None:
    model = by_hand()
    assert made("fgm").prepare(model) is model
    model.embedding.weight.requires_grad_(False)
    with pytest.raises(ModelError, match="frozen"):
        made("fgm").prepare(model)


@pytest.mark.parametrize("epsilon", [-1.0, float("inf"), float("nan")])
def test_an_epsilon_that_is_negative_or_no_number_is_refused(epsilon: float) -> None:
    with pytest.raises(ConfigError, match="epsilon"):
        made("fgm", epsilon=epsilon)


def test_standard_adds_the_gradient_of_the_batch_and_returns_its_loss() -> None:
    model = by_hand()
    assert made("standard").backward(model, one_row(), 0) == 60.5
    assert torch.equal(gradient(model.embedding.weight), torch.tensor([[33.0, 44.0], [0.0, 0.0]]))


def test_a_recipe_leaves_model_and_examples_alone_unless_it_says_otherwise() -> None:
    examples = [Example("a", {"text": "a"})]
    model = by_hand()
    assert made("standard").prepare(model) is model
    assert made("standard").examples(examples, 3) is examples


def test_recipes_are_found_by_name() -> None:
    assert {"standard", "fgm"} <= set(recipes.names())
    assert list(recipes.names()) == sorted(recipes.names())
    assert recipes.find("fgm") is fgm.FastGradientMethod
    assert recipes.find("standard") is standard.Standard
    for name in recipes.names():
        assert recipes.find(name).name == name


def test_naming_the_recipes_loads_no_torch() -> None:
    code = (
        "import sys; from auditor.training import recipes; recipes.create('fgm', {}); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_an_unknown_recipe_is_refused_with_the_near_match() -> None:
    with pytest.raises(ConfigError) as caught:
        recipes.find("standart")
    assert caught.value.hint == "did you mean 'standard'?"
    with pytest.raises(ConfigError) as caught:
        recipes.create("_base", {})
    assert f"known: {', '.join(recipes.names())}" in caught.value.line


def test_an_unknown_setting_is_refused_with_the_near_match() -> None:
    with pytest.raises(ConfigError) as caught:
        recipes.create("fgm", {"epsilom": 1})
    assert caught.value.line == "[training.recipe.fgm]: unknown key 'epsilom' (did you mean 'epsilon'?)"
    with pytest.raises(ConfigError) as caught:
        recipes.create("standard", {"epsilon": 1})
    assert caught.value.hint == "known: recipe, learning_rate"


def test_a_setting_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(ConfigError, match="epsilon"):
        recipes.create("fgm", {"epsilon": "large"})
