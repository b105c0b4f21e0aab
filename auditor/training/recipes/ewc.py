"""Elastic weight consolidation: weights that mattered to earlier rows are held back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.settings import CheckedSettings, Count, NotNegative
from auditor.training.recipes import _embeddings as embeddings
from auditor.training.recipes import _reservoir
from auditor.training.recipes._base import Batch, Recipe, Training
from auditor.types import Example


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """The weight of the penalty, and the rows behind its importances."""

    strength: NotNegative = 10_000.0
    """λ: weight of the penalty; 0 is standard training."""
    rows: Count = 200
    """Rows of earlier periods, at most, from which the Fisher information is estimated."""


class ElasticWeightConsolidation(Recipe):
    """Fine-tuning with a penalty on changes of important weights.

    Kirkpatrick et al. (2017), "Overcoming catastrophic forgetting in neural networks". The recipe minimises
    loss + λ/2 · Σ F·(θ − θ*)². θ* are the weights of the continued checkpoint, and F is the diagonal of its Fisher
    information: the mean over earlier training rows of the squared gradient of log p(y|x), with y drawn from the
    model's own answer, without dropout. The rows are a uniform sample of all earlier periods, so that one penalty at
    the newest weights stands for them (Schwarz et al. 2018 keep a running one).
    """

    name = "ewc"
    settings_type = Settings
    reads_labels = True
    continues = True
    reads_earlier = True

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._rows: Sequence[Example] = ()
        self._old: dict[str, Any] = {}
        self._fisher: dict[str, Any] = {}

    def start(self, training: Training) -> None:
        """Begin a training, and draw the rows for the Fisher information."""
        super().start(training)
        size = self.settings.rows if self.settings.strength else 0
        self._rows = _reservoir.sample(training.earlier, size, training.rng)

    def release(self) -> None:
        """Release the training and what is kept of the checkpoint."""
        super().release()
        self._rows, self._old, self._fisher = (), {}, {}

    def prepare(self, model: Any) -> Any:
        """Return the model unchanged, and keep its weights."""
        if self.settings.strength:
            self._old = {name: weight.detach().clone() for name, weight in _trained(model)}
        return model

    def state(self) -> Mapping[str, Any]:
        """Return the Fisher information by parameter."""
        return self._fisher

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore the Fisher information."""
        if state and state.keys() != self._old.keys():
            raise KeyError("the state is of other parameters")
        self._fisher = {name: value.to(self._old[name].device) for name, value in state.items()}

    def backward(self, model: Any, batch: Batch, step: int) -> float:
        """Add the gradients of the loss with the penalty; return that loss."""
        if not self.settings.strength:
            return super().backward(model, batch, step)
        if not self._fisher:
            # Before the first step, where the weights are still the checkpoint's.
            self._fisher = self._information(model)
        loss = model(**batch).loss + self.settings.strength / 2 * self.penalty(model)
        self.training.accumulate(loss)
        return float(loss.detach())

    def penalty(self, model: Any) -> Any:
        """Return Σ F·(θ − θ*)² over the trained parameters."""
        terms = [
            (self._fisher[name] * (weight - self._old[name]) ** 2).sum() for name, weight in _trained(_plain(model))
        ]
        return sum(terms[1:], terms[0])

    def _information(self, model: Any) -> dict[str, Any]:
        """Return the diagonal of the Fisher information at the current weights."""
        import torch

        plain = _plain(model)
        weights = dict(_trained(plain))
        total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
        generator = torch.Generator().manual_seed(self.training.rng.getrandbits(32))
        was = plain.training
        plain.eval()
        for row in self._rows:
            batch = self.training.batch([row])
            answers = embeddings.labelled(plain(**batch).logits, batch).float().log_softmax(-1)
            drawn = torch.multinomial(answers.detach().exp().cpu(), 1, generator=generator).to(answers.device)
            likelihood = answers.gather(-1, drawn).sum()
            # A row without a labelled word says nothing of any weight.
            gradients = torch.autograd.grad(likelihood, list(weights.values()), allow_unused=True)
            for name, gradient in zip(weights, gradients, strict=True):
                if gradient is not None:
                    total[name] += gradient**2 / len(self._rows)
        plain.train(was)
        return total


def _trained(model: Any) -> list[tuple[str, Any]]:
    return [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]


def _plain(model: Any) -> Any:
    """Return the model without the wrapper of several processes."""
    return getattr(model, "module", model)


RECIPE = ElasticWeightConsolidation
