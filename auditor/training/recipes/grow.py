"""Growth: each period trains its own adapter units; old weights stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from auditor.errors import ModelError
from auditor.models import adapters
from auditor.settings import CheckedSettings, Count
from auditor.training.recipes import _peft
from auditor.training.recipes._base import Recipe


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Size and position of a period's adapters."""

    width: Count = 48
    """Inner units that each adapter gets in this period."""
    targets: tuple[str, ...] = ()
    """Linear maps followed by an adapter, as of ``bottleneck``; a checkpoint that has adapters keeps their places."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """The part of a parameter that stays, its first rows or columns."""

    parameter: Any
    old: Any
    columns: bool = False

    def part(self, tensor: Any) -> Any:
        """Return the same part of a tensor."""
        return tensor[:, : self.old.shape[1]] if self.columns else tensor[: len(self.old)]


class Grow(Recipe):
    """Training of new adapter units per period, with all old weights frozen.

    After Rusu et al. (2016), "Progressive neural networks", with bottleneck adapters (Houlsby et al. 2019) in place of
    whole columns: every period adds units to the adapter of each layer. Units of earlier periods and the weights of the
    encoder and of the head do not change by a bit. Labels that the checkpoint does not know get new rows of the head,
    which are trained. The units start without effect, so that training starts from the checkpoint's answers. As all
    units answer for every text, old answers may still change.
    """

    name = "grow"
    settings_type = Settings
    learning_rate = 1e-3
    continues = True
    takes_new_labels = True
    takes_adapters = True

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._kept: Sequence[_Kept] = ()

    def release(self) -> None:
        """Release the training and the old weights."""
        super().release()
        self._kept = ()

    def prepare(self, model: Any) -> Any:
        """Add units to the adapters of the layers and freeze everything else.

        Raises ModelError for a model with virtual tokens, or without linear maps of the wanted names.
        """
        settings: Settings = self.settings
        where = f"recipe {self.name}"
        if adapters.virtual_tokens(model):
            raise ModelError("the checkpoint has virtual tokens", where=where, hint="continue from one without them")
        before = {name: part[0].out_features for name, part in adapters.bottlenecks(model).items()}
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        if before:
            adapters.widen_bottlenecks(model, settings.width)
        else:
            names = _peft.linear_layers(model, settings.targets, where, narrowing=not settings.targets)
            adapters.add_bottlenecks(model, names, settings.width)
        kept = [*self._old_units(model, before), *self._old_rows(model)]
        for each in kept:
            each.parameter.register_hook(lambda gradient, each=each: _without(gradient, each))
        self._kept = kept
        return model

    def stepped(self, model: Any) -> None:  # noqa: ARG002 - the parameters are known
        """Put the old parts of grown parameters back: weight decay moves them."""
        import torch

        with torch.no_grad():
            for each in self._kept:
                each.part(each.parameter).copy_(each.old)

    def _old_units(self, model: Any, before: dict[str, int]) -> list[_Kept]:
        kept = []
        for name, part in adapters.bottlenecks(model).items():
            down, up, old = part[0], part[2], before.get(name, 0)
            for parameter in (down.weight, down.bias, up.weight):
                parameter.requires_grad_(True)
            # The bias above is shared by the units of all periods.
            up.bias.requires_grad_(not old)
            if old:
                kept += [_Kept(weight, weight[:old].detach().clone()) for weight in (down.weight, down.bias)]
                kept.append(_Kept(up.weight, up.weight[:, :old].detach().clone(), columns=True))
        return kept

    def _old_rows(self, model: Any) -> list[_Kept]:
        """Train new rows of the head's last map; keep the old."""
        from torch import nn

        total, known = model.config.num_labels, self.training.known_labels
        if known in (0, total):
            return []
        maps = [part for part in model.modules() if isinstance(part, nn.Linear) and part.out_features == total]
        if not maps:
            raise ModelError(f"no map to the labels found in {type(model).__name__}", where=f"recipe {self.name}")
        weights = [weight.requires_grad_(True) for weight in maps[-1].parameters()]
        return [_Kept(weight, weight[:known].detach().clone()) for weight in weights]


def _without(gradient: Any, kept: _Kept) -> Any:
    """Return a gradient that is 0 on the part that stays."""
    gradient = gradient.clone()
    kept.part(gradient).zero_()
    return gradient


RECIPE = Grow
