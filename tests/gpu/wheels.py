"""What to bring to a machine that has no package index."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRESENT = ("torch", "transformers", "peft", "accelerate")
ATTACKS = "textattack"
LEFT_OUT = frozenset({ATTACKS, "flair"})
"""Attacks are skipped without TextAttack; flair is not needed at all."""


def declared() -> list[str]:
    """Names of pyproject's dependencies."""
    from packaging.requirements import Requirement

    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [named(Requirement(one).name) for one in content["project"]["dependencies"]]


def named(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def closure(names: Iterable[str], without: frozenset[str] = frozenset()) -> dict[str, metadata.Distribution | None]:
    """The packages and what they require in turn, as installed here; None for one that is not."""
    from packaging.requirements import Requirement

    found: dict[str, metadata.Distribution | None] = {}
    waiting = [name for name in names if name not in without]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            found[name] = None
            continue
        wanted = map(Requirement, metadata.requires(name) or ())
        needed = [named(one.name) for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
        waiting += [one for one in needed if one not in without]
    return found


def is_pure(distribution: metadata.Distribution) -> bool:
    return "Root-Is-Purelib: true" in (distribution.read_text("WHEEL") or "")


def wheels(present: Iterable[str] = PRESENT, *, attacks: bool = False) -> tuple[list[str], list[str]]:
    """``name==version`` of what to bring, besides what is present; with ``attacks`` what these need too.

    The first list holds pure-Python wheels, the second those for the machine's kind.
    """
    there = closure(present)
    needed = closure([*declared(), ATTACKS], LEFT_OUT - {ATTACKS}) if attacks else closure(declared(), LEFT_OUT)
    missing = {name: one for name, one in sorted(needed.items()) if name not in there and one is not None}
    pure = [f"{name}=={one.version}" for name, one in missing.items() if is_pure(one)]
    return pure, [f"{name}=={one.version}" for name, one in missing.items() if not is_pure(one)]


def print_wheels(present: Sequence[str], *, attacks: bool = False) -> None:
    pure, compiled = wheels((*PRESENT, *present), attacks=attacks)
    print(f"# pure-Python wheels to bring to a machine that has {', '.join((*PRESENT, *present))}")
    print("\n".join(pure))
    print("# compiled: there already, or as wheels for that machine's Python and platform")
    print("\n".join(f"# {one}" for one in compiled))
    if not attacks:
        print("# attacks are skipped without textattack; --attacks lists what they need")
