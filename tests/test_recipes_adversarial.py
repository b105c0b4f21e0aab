"""Recipes that perturb embeddings: against values worked out by hand and plain re-computations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.nn import functional

from auditor import tasks
from auditor.errors import ConfigError
from auditor.testing import started
from auditor.training import recipes
from auditor.training.recipes import _embeddings as embeddings

TASK = tasks.create("text-classification", ("no", "yes"))


class Linear(torch.nn.Module):
    """Loss = mean over rows of (sum of the tokens' embeddings · v − y)² / 2; remembers the embeddings of each pass."""

    def __init__(self, rows: Sequence[Sequence[float]], v: Sequence[float], dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(len(rows), len(rows[0]))
        self.embedding.weight.data = torch.tensor(rows)
        self.v = torch.nn.Parameter(torch.tensor(v))
        self.dropout = torch.nn.Dropout(dropout)
        self.seen: list[torch.Tensor] = []
        self.dropped: list[torch.Tensor] = []

    def get_input_embeddings(self) -> torch.nn.Embedding:
        return self.embedding

    def forward(
        self, input_ids: torch.Tensor, labels: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> SimpleNamespace:
        found = self.embedding(input_ids)
        self.seen.append(found.detach().clone())
        kept = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        hidden = self.dropout((found * kept.unsqueeze(-1)).sum(1))
        self.dropped.append(hidden.detach() == 0)
        return SimpleNamespace(loss=((hidden @ self.v - labels) ** 2).mean() / 2)


def by_hand() -> Linear:
    # loss = (e·v)²/2 with e = (1, 2), v = (3, 4): e·v = 11, loss 60.5; dloss/de = 11·v = (33, 44), of norm 55, so that
    # every ascent goes along (0.6, 0.8); dloss/dv = 11·e = (11, 22).
    return Linear([[1.0, 2.0], [5.0, 7.0]], [3.0, 4.0])


def one_row() -> dict[str, torch.Tensor]:
    return {"input_ids": torch.tensor([[0]]), "labels": torch.tensor([0.0])}


def two_rows() -> dict[str, torch.Tensor]:
    """Rows of one and two tokens: the first one has a token of padding."""
    return {
        "input_ids": torch.tensor([[0, 1], [0, 0]]),
        "labels": torch.tensor([0.0, 1.0]),
        "attention_mask": torch.tensor([[1, 0], [1, 1]]),
    }


def made(name: str, **given: Any) -> recipes.Recipe:
    return started(recipes.create(name, given), TASK)


def gradient(parameter: torch.Tensor) -> torch.Tensor:
    assert parameter.grad is not None
    return parameter.grad


def close(found: torch.Tensor, expected: Any) -> None:
    torch.testing.assert_close(found, torch.as_tensor(expected), rtol=1e-5, atol=1e-6)


def test_pgd_of_one_step_adds_the_gradients_of_the_clean_and_of_the_moved_pass() -> None:
    model = by_hand()
    assert made("pgd", steps=1, step_size=0.5, epsilon=10.0).backward(model, one_row(), 0) == 60.5
    close(model.seen[1], [[[1.3, 2.4]]])
    # e·v = 3.9 + 9.6 = 13.5: de = 13.5·v = (40.5, 54), dv = 13.5·(1.3, 2.4) = (17.55, 32.4).
    close(gradient(model.embedding.weight), [[33 + 40.5, 44 + 54], [0.0, 0.0]])
    close(gradient(model.v), [11 + 17.55, 22 + 32.4])


def test_pgd_goes_back_onto_the_ball_and_only_its_last_pass_counts() -> None:
    model = by_hand()
    made("pgd", steps=2, step_size=0.5, epsilon=0.75).backward(model, one_row(), 0)
    close(model.seen[1], [[[1.3, 2.4]]])
    # Two steps of 0.5 would be 1.0 long: 0.75·(0.6, 0.8) = (0.45, 0.6) is as far as they go.
    close(model.seen[2], [[[1.45, 2.6]]])
    # e·v = 4.35 + 10.4 = 14.75: de = 14.75·v = (44.25, 59), dv = 14.75·(1.45, 2.6) = (21.3875, 38.35).
    close(gradient(model.embedding.weight)[0], [33 + 44.25, 44 + 59])
    close(gradient(model.v), [11 + 21.3875, 22 + 38.35])


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("pgd", {"steps": 1, "step_size": 0.5, "epsilon": 1.0}),
        ("freelb", {"steps": 2, "step_size": 0.5, "initial": 0.0}),
    ],
)
def test_each_row_moves_by_its_own_norm_and_padding_stays(name: str, given: Mapping[str, Any]) -> None:
    model = by_hand()
    made(name, **given).backward(model, two_rows(), 0)
    moved = model.seen[1] - model.seen[0]
    assert torch.equal(moved[0, 1], torch.zeros(2))
    # Both tokens of the second row have the same gradient, so each moves by 0.5/√2.
    close(torch.linalg.vector_norm(moved, dim=2), [[0.5, 0.0], [0.5 / 2**0.5, 0.5 / 2**0.5]])


def test_freelb_trains_on_the_mean_of_all_passes() -> None:
    model = by_hand()
    loss = made("freelb", steps=2, step_size=0.5, initial=0.0).backward(model, one_row(), 0)
    assert loss == pytest.approx((60.5 + 13.5**2 / 2) / 2)
    close(gradient(model.embedding.weight)[0], [(33 + 40.5) / 2, (44 + 54) / 2])
    close(gradient(model.v), [(11 + 17.55) / 2, (22 + 32.4) / 2])


def test_freelb_stays_within_its_bound_unless_it_is_unbounded() -> None:
    for bounded, expected in ((True, [1.15, 2.2]), (False, [1.3, 2.4])):
        model = by_hand()
        given = {"steps": 2, "step_size": 0.5, "initial": 0.0, "max_norm": 0.25, "bounded": bounded}
        made("freelb", **given).backward(model, one_row(), 0)
        close(model.seen[1], [[expected]])


def test_freelb_starts_at_random_by_a_rows_own_length_and_not_in_padding() -> None:
    model = by_hand()
    torch.manual_seed(0)
    made("freelb", steps=1, initial=0.5).backward(model, two_rows(), 0)
    torch.manual_seed(0)
    drawn = torch.empty(2, 2, 2).uniform_(-1, 1)
    # Rows of 1 and 2 tokens with 2 dimensions: 2 and 4 entries.
    scale = torch.tensor([0.5 / 2**0.5, 0.5 / 4**0.5]).reshape(2, 1, 1)
    expected = drawn * scale * two_rows()["attention_mask"].unsqueeze(-1)
    close(model.seen[0], model.embedding(two_rows()["input_ids"]).detach() + expected)


@pytest.mark.parametrize("same", [True, False])
def test_freelb_drops_the_same_units_in_every_pass_of_a_batch_unless_told_otherwise(same: bool) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Linear([[1.0] * 64], [1.0] * 64, dropout=0.5).train()
        recipe = made("freelb", steps=3, same_dropout=same)
        for _ in range(2):
            recipe.backward(model, one_row(), 0)
    first, second, third, fourth, *_ = model.dropped
    assert torch.equal(first, second) is same
    assert torch.equal(second, third) is same
    assert not torch.equal(first, fourth)


def test_freelb_of_one_pass_without_a_start_has_the_gradients_of_standard_training() -> None:
    one, other = by_hand(), by_hand()
    made("freelb", steps=1, initial=0.0).backward(one, two_rows(), 0)
    made("standard").backward(other, two_rows(), 0)
    for found, expected in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(gradient(found), gradient(expected))


class Classifier(torch.nn.Module):
    """Logits = sum of the tokens' embeddings · W."""

    def __init__(self) -> None:
        super().__init__()
        drawn = torch.Generator().manual_seed(5)
        self.embedding = torch.nn.Embedding(4, 3)
        self.embedding.weight.data = torch.randn(4, 3, generator=drawn)
        self.w = torch.nn.Parameter(torch.randn(3, 2, generator=drawn))

    def get_input_embeddings(self) -> torch.nn.Embedding:
        return self.embedding

    def forward(self, input_ids: torch.Tensor, labels: torch.Tensor, attention_mask: torch.Tensor) -> SimpleNamespace:
        hidden = (self.embedding(input_ids) * attention_mask.unsqueeze(-1)).sum(1)
        logits = hidden @ self.w
        return SimpleNamespace(logits=logits, loss=functional.cross_entropy(logits, labels))


IDS = torch.tensor([[0, 1, 2], [3, 0, 0]])
MASK = torch.tensor([[1, 1, 1], [1, 0, 0]])
Y = torch.tensor([0, 1])


def batch() -> dict[str, torch.Tensor]:
    return {"input_ids": IDS, "labels": Y, "attention_mask": MASK}


def plain(e: torch.Tensor, w: torch.Tensor, delta: Any = 0.0) -> torch.Tensor:
    """Log-probabilities, from the parameters."""
    return torch.log_softmax((((e[IDS] + delta) * MASK.unsqueeze(-1)).sum(1)) @ w, dim=1)


def both_ways(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """KL(p‖q) + KL(q‖p) by torch's own, mean over rows."""
    forward = functional.kl_div(other, one, log_target=True, reduction="batchmean")
    return forward + functional.kl_div(one, other, log_target=True, reduction="batchmean")


def copies(model: Classifier) -> tuple[torch.Tensor, torch.Tensor]:
    return (
        model.embedding.weight.detach().clone().requires_grad_(),
        model.w.detach().clone().requires_grad_(),
    )


def test_the_symmetric_divergence_is_that_of_torch() -> None:
    one, other = torch.randn(5, 3), torch.randn(5, 3)
    expected = both_ways(torch.log_softmax(one, 1), torch.log_softmax(other, 1))
    close(embeddings.symmetric_divergence(one, other), expected)
    assert embeddings.symmetric_divergence(one, one).item() == 0


@pytest.mark.parametrize("noise", ["uniform", "normal"])
def test_r3f_adds_the_divergence_under_noise(noise: str) -> None:
    model = Classifier()
    e, w = copies(model)
    torch.manual_seed(1)
    loss = made("r3f", weight=2.0, size=0.3, noise=noise).backward(model, batch(), 0)
    torch.manual_seed(1)
    z = (torch.empty(2, 3, 3).uniform_(-1, 1) if noise == "uniform" else torch.empty(2, 3, 3).normal_()) * 0.3
    clean = plain(e, w)
    expected = functional.nll_loss(clean, Y) + 2 * both_ways(plain(e, w, z), clean)
    expected.backward()
    assert loss == pytest.approx(expected.item())
    close(gradient(model.embedding.weight), gradient(e))
    close(gradient(model.w), gradient(w))


def test_smart_adds_the_divergence_under_the_perturbation_that_one_ascent_finds() -> None:
    model = Classifier()
    e, w = copies(model)
    torch.manual_seed(2)
    given = {"smoothness": 3.0, "proximal": 0.0, "epsilon": 0.05, "sigma": 0.1, "step_size": 0.04}
    loss = made("smart", **given).backward(model, batch(), 0)
    torch.manual_seed(2)
    start = (torch.empty(2, 3, 3).normal_() * 0.1 * MASK.unsqueeze(-1)).requires_grad_()
    (along,) = torch.autograd.grad(both_ways(plain(e, w, start), plain(e, w).detach()), start)
    largest = torch.stack([row.abs().max() for row in along]).reshape(2, 1, 1)
    delta = (start.detach() + 0.04 * along / largest).clamp(-0.05, 0.05) * MASK.unsqueeze(-1)
    clean = plain(e, w)
    expected = functional.nll_loss(clean, Y) + 3 * both_ways(plain(e, w, delta), clean)
    expected.backward()
    assert loss == pytest.approx(expected.item())
    close(gradient(model.embedding.weight), gradient(e))
    close(gradient(model.w), gradient(w))


def test_smart_holds_the_answers_to_those_of_an_average_of_the_weights_so_far() -> None:
    model = Classifier()
    recipe = made("smart", smoothness=0.0, proximal=2.0, momentum=0.75, late_momentum=0.5, early=1)
    assert recipe.prepare(model) is model
    average = [one.detach().clone() for one in (model.embedding.weight, model.w)]
    for number, momentum in enumerate((None, 0.75, 0.5)):
        now = (model.embedding.weight.detach().clone(), model.w.detach().clone())
        if momentum is not None:
            average = [momentum * old + (1 - momentum) * new for old, new in zip(average, now, strict=True)]
        clean = plain(*now)
        expected = functional.nll_loss(clean, Y) + 2 * both_ways(clean, plain(average[0], average[1]))
        assert recipe.backward(model, batch(), number) == pytest.approx(expected.item()), number
        # Another batch of the same update: the average waits for the optimiser.
        assert recipe.backward(model, batch(), number) == pytest.approx(expected.item()), number
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.full_like(parameter, 0.3))
        recipe.stepped(model)


def test_smart_takes_up_the_average_it_had() -> None:
    model = Classifier()
    one, other = made("smart"), made("smart")
    one.prepare(model)
    for number in range(3):
        one.backward(model, batch(), number)
        model.w.data.mul_(1.5)
        one.stepped(model)
    kept = {name: value.clone() for name, value in one.state().items()}
    other.prepare(Classifier())
    other.load_state(kept)
    torch.manual_seed(0)
    expected = one.backward(model, batch(), 3)
    torch.manual_seed(0)
    assert other.backward(model, batch(), 3) == expected


def test_label_smoothing_is_the_cross_entropy_against_softened_labels() -> None:
    model = Classifier()
    e, w = copies(model)
    loss = made("label_smoothing", share=0.2).backward(model, batch(), 0)
    # 0.2 is spread over both labels: 0.9 for the right one, 0.1 for the other.
    soft = torch.tensor([[0.9, 0.1], [0.1, 0.9]])
    expected = -(soft * plain(e, w)).sum(1).mean()
    expected.backward()
    assert loss == pytest.approx(expected.item())
    close(gradient(model.w), gradient(w))


def test_gradients_without_a_length_move_nothing() -> None:
    lost = torch.tensor([[[float("nan"), 1.0]], [[0.0, 0.0]], [[3.0, 4.0]]])
    close(embeddings.along(lost), [[[0.0, 0.0]], [[0.0, 0.0]], [[0.6, 0.8]]])


def test_only_the_first_look_up_of_a_pass_is_perturbed() -> None:
    model = by_hand()
    with embeddings.perturbed(model, torch.ones(1, 1, 2)):
        first, second = model.embedding(torch.tensor([[0]])), model.embedding(torch.tensor([[0]]))
    close(first.detach(), [[[2.0, 3.0]]])
    close(second.detach(), [[[1.0, 2.0]]])
    close(model.embedding(torch.tensor([[0]])).detach(), [[[1.0, 2.0]]])


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("pgd", {"steps": 0}),
        ("pgd", {"epsilon": -1.0}),
        ("freelb", {"steps": 0}),
        ("freelb", {"step_size": float("inf")}),
        ("freelb", {"max_norm": -0.1}),
        ("smart", {"momentum": 1.5}),
        ("smart", {"steps": 0}),
        ("r3f", {"weight": float("nan")}),
        ("label_smoothing", {"share": 1.0}),
        ("freeze_layers", {"layers": -1}),
        ("lora", {"rank": 0}),
        ("online", {"share": 1.5}),
        ("augment", {"words": 0.0}),
        ("attack", {"query_budget": 1}),
    ],
)
def test_a_setting_out_of_range_is_one_line(name: str, given: Mapping[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        made(name, **given)
    (setting,) = given
    assert caught.value.line.startswith(
        (f"[training.recipe.{name}]: {setting} = ", f"[training.recipe.{name}]: {setting} holds nan")
    )
