"""States of random generators that JSON represents without loss."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, TypeAlias

Python: TypeAlias = tuple[int, tuple[int, ...], float | None]
"""Result of ``random.Random.getstate``."""


@dataclass(frozen=True, slots=True)
class Generators:
    """The states of all generators from which a training draws."""

    python: Python
    arrays: tuple[str, tuple[int, ...], int, int, float]
    """State of numpy's generator."""
    torch: str
    """State of torch's generator on the CPU, in hexadecimal."""
    device: str
    """State of torch's generator on the current device, in hexadecimal; empty on a CPU."""
    recipe: Python
    """State of the recipe's own generator."""

    @classmethod
    def now(cls, device: str, recipe: random.Random) -> Generators:
        """Return the current states, without drawing.

        ``device`` is ``cpu``, ``cuda`` or ``mps``.
        """
        import numpy
        import torch

        python: Any = random.getstate()
        kind, keys, *rest = numpy.random.get_state()
        arrays: Any = (kind, tuple(int(key) for key in keys), *rest)
        module = _of(device)
        on_device = "" if module is None else _hex(module.get_rng_state())
        own: Any = recipe.getstate()
        return cls(python, arrays, _hex(torch.get_rng_state()), on_device, own)

    def restore(self, device: str, recipe: random.Random) -> None:
        """Set the generators to these states.

        Raises RuntimeError, TypeError or ValueError for an invalid state.
        """
        import numpy
        import torch

        random.setstate(self.python)
        recipe.setstate(self.recipe)
        kind, keys, position, has_second, second = self.arrays
        numpy.random.set_state((kind, numpy.array(keys, dtype=numpy.uint32), position, has_second, second))
        torch.set_rng_state(_tensor(self.torch))
        module = _of(device)
        if module is not None:
            module.set_rng_state(_tensor(self.device))


def _of(device: str) -> Any:
    """Return the module of torch with the device's generator.

    Returns None for a CPU, whose generator is torch's global one.
    """
    import torch

    return {"cuda": torch.cuda, "mps": torch.mps}.get(device)


def _hex(state: Any) -> str:
    return bytes(state.tolist()).hex()


def _tensor(state: str) -> Any:
    import torch

    return torch.tensor(list(bytes.fromhex(state)), dtype=torch.uint8)
