"""The states of random generators in a form that JSON holds without loss."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, TypeAlias

Python: TypeAlias = tuple[int, tuple[int, ...], float | None]
"""What ``random.Random.getstate`` gives."""


@dataclass(frozen=True, slots=True)
class Generators:
    """The generators that a training draws from."""

    python: Python
    arrays: tuple[str, tuple[int, ...], int, int, float]
    """numpy's."""
    torch: str
    """torch's on the CPU, in hexadecimal."""
    device: str
    """torch's on the current device, in hexadecimal; empty on a CPU."""
    recipe: Python
    """The recipe's own."""

    @classmethod
    def now(cls, device: str, recipe: random.Random) -> Generators:
        """The states as they are; nothing is drawn. ``device``: ``cpu``, ``cuda`` or ``mps``."""
        import numpy
        import torch

        python: Any = random.getstate()
        kind, keys, *rest = numpy.random.get_state()
        arrays: Any = (kind, tuple(int(key) for key in keys), *rest)
        there = _of(device)
        on_device = "" if there is None else _hex(there.get_rng_state())
        own: Any = recipe.getstate()
        return cls(python, arrays, _hex(torch.get_rng_state()), on_device, own)

    def restore(self, device: str, recipe: random.Random) -> None:
        """Give the generators these states. Raises RuntimeError, TypeError or ValueError for what is no state."""
        import numpy
        import torch

        random.setstate(self.python)
        recipe.setstate(self.recipe)
        kind, keys, position, has_second, second = self.arrays
        numpy.random.set_state((kind, numpy.array(keys, dtype=numpy.uint32), position, has_second, second))
        torch.set_rng_state(_tensor(self.torch))
        there = _of(device)
        if there is not None:
            there.set_rng_state(_tensor(self.device))


def _of(device: str) -> Any:
    """The module of torch that holds the device's generator; None for a CPU, whose generator is torch's own."""
    import torch

    return {"cuda": torch.cuda, "mps": torch.mps}.get(device)


def _hex(state: Any) -> str:
    return bytes(state.tolist()).hex()


def _tensor(state: str) -> Any:
    import torch

    return torch.tensor(list(bytes.fromhex(state)), dtype=torch.uint8)
