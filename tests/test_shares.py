"""Shares of words and rows: the same whole number for every share and every length as by integers."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from auditor import text
from auditor.perturbations import augmentation
from auditor.perturbations.catalogue import perturb
from auditor.text import shares
from auditor.training.recipes import attack
from probes import _attacks

ROOT = Path(__file__).resolve().parent.parent
EVERY = [(percent, n) for percent in range(1, 101) for n in range(1, 201)]


def half_even(percent: int, n: int) -> int:
    """percent · n ÷ 100 in integers, halves to the even number."""
    whole, rest = divmod(percent * n, 100)
    return whole + (rest > 50 or (rest == 50 and whole % 2))


def test_at_most_is_the_whole_part_for_every_share_and_length() -> None:
    assert [shares.at_most(percent / 100, n) for percent, n in EVERY] == [
        max(1, percent * n // 100) for percent, n in EVERY
    ]
    assert [shares.at_most(float(f"0.{percent:02d}"), 100) for percent in range(1, 100)] == list(range(1, 100))


def test_nearest_is_rounded_for_every_share_and_length() -> None:
    assert [shares.nearest(percent / 100, n) for percent, n in EVERY] == [half_even(*pair) for pair in EVERY]
    assert shares.nearest(0.0, 7) == 0


@pytest.mark.parametrize(("share", "n", "expected"), [(0.29, 100, 29), (0.57, 100, 57), (0.07, 100, 7), (1.0, 3, 3)])
def test_shares_that_are_not_exact_in_binary(share: float, n: int, expected: int) -> None:
    assert shares.at_most(share, n) == shares.nearest(share, n) == expected


@pytest.mark.parametrize("share", [0.29, 0.57, 0.07, 0.145])
def test_noise_touches_as_many_words_as_the_share_says(share: float) -> None:
    words = text.split(" ".join(["film"] * 100))
    assert len(perturb(words, "upper case", share, random.Random(0))) == shares.nearest(share, 100)


def test_probes_and_recipes_have_one_rule() -> None:
    """No module works a share of words or rows out by itself."""
    product = re.compile(r"(?:int|round|floor|ceil)\([^)\n]*(?:share|rate|words_changed)\w*\s*\*|\*\s*[\w.]*share\b")
    allowed = {"auditor/text/shares.py", "probes/low_resource.py", "probes/_explanation_measures.py"}
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for folder in ("auditor", "probes")
        for file in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if product.search(line) and str(file.relative_to(ROOT)) not in allowed
    ]
    assert found == []
    used = (vars(module).get("shares") for module in (_attacks, attack, augmentation))
    assert all(one is shares for one in used)


def test_an_operation_of_eda_touches_as_many_words() -> None:
    counts: list[int] = []

    def noted(words: text.Words, count: int, *_: object) -> tuple[text.Edit, ...]:
        counts.append(count)
        return (text.Edit(0, 1, (words.words[0].upper(),)),)

    operation = replace(augmentation.OPERATIONS["swap"], make=noted)
    operation.edits(text.split(" ".join(["film"] * 100)), 0.29, random.Random(0))
    assert counts == [29]
