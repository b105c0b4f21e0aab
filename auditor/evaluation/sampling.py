"""Seeded orders of examples, draws for looks, and leakage between sets."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditor import stats
from auditor.metrics.aggregation import Reads, keys_of
from auditor.text import copies
from auditor.types import (
    Example,
    Probe,
    Slice,
)

SPLITS = ("train", "validation")


def seeded(seed: int, *key: object) -> random.Random:
    """A fresh generator from SHA-256 of the seed and the key."""
    text = "\x1f".join(str(part) for part in (seed, *key))
    return random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest()))


@dataclass(frozen=True, slots=True)
class Draw:
    """The examples and slices that one look is about."""

    clusters: tuple[int, int] | None
    """From the first to before the second, in the order of their first examples; None: a fixed design's examples, or
    what a planned look adds to them."""
    look: int
    """From 1."""
    reads: Reads
    """Whether a slice, as a rule names it, still takes cases. Asked for every case: to be quick."""
    planned: bool = False
    """Whether sizes fixed beforehand say what the look adds (``stats.looks.sizes``)."""

    @property
    def partial(self) -> bool:
        """Whether it has other examples than a fixed design."""
        return self.planned or self.clusters is not None

    def of(self, examples: Sequence[Example], n: int) -> Sequence[Example]:
        """The examples of a set that this look adds.

        ``n``: how many a fixed design takes of it. With ``clusters``, a cluster is drawn whole, because its mean would
        otherwise change after a look.
        """
        if self.planned:
            sizes = (0, *stats.looks.sizes(n, len(examples)))
            return examples[sizes[self.look - 1] : sizes[self.look]] if self.look < len(sizes) else ()
        if self.clusters is None:
            return examples[:n]
        start, stop = self.clusters
        ranks: dict[str, int] = {}
        return [example for example in examples if start <= ranks.setdefault(example.cluster, len(ranks)) < stop]

    def wants(self, slice_: Slice, probe: Probe) -> bool:
        """Whether cases of this slice, or of a pool of it, count."""
        return any(map(self.reads, keys_of(slice_, probe.pools)))


def shuffled(examples: Sequence[Example], seed: int, name: str) -> tuple[Example, ...]:
    """One seeded order of a data set.

    The order is the same for all probes and models.
    """
    ordered = list(examples)
    seeded(seed, "order", name).shuffle(ordered)
    return tuple(ordered)


@dataclass(frozen=True, slots=True)
class Leaked:
    """Rows of a set that occur in training and were left out."""

    same: int = 0
    """The model sees the same in a row of training or validation."""
    near: int = 0
    """A row of training or validation has the same words, but for case, blanks or punctuation."""


def without_leaks(
    examples: Mapping[str, Sequence[Example]], keys: Mapping[str, Sequence[str]]
) -> tuple[dict[str, tuple[Example, ...]], dict[str, Leaked]]:
    """Audit sets without leaked rows, and how many were left out.

    ``keys``: what the model sees of each set's examples, in their order.
    """
    seen = {key for name in SPLITS for key in keys.get(name, ())}
    said = {words for name in SPLITS for row in examples.get(name, ()) if (words := copies.same_words(row.inputs))}
    kept: dict[str, tuple[Example, ...]] = {}
    leaked: dict[str, Leaked] = {}
    for name, rows in examples.items():
        if name in SPLITS:
            kept[name] = tuple(rows)
            continue
        others = [row for row, key in zip(rows, keys[name], strict=True) if key not in seen]
        kept[name] = tuple(row for row in others if not said or copies.same_words(row.inputs) not in said)
        leaked[name] = Leaked(len(rows) - len(others), len(others) - len(kept[name]))
    return kept, leaked
