"""Perturbations of a text, word by word: typos, case, spacing, words, invisible characters, homoglyphs, social media."""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence

from auditor import text
from auditor.perturbations import builtin, nlpaug_methods
from auditor.text import shares

BY_NLPAUG = frozenset(nlpaug_methods.METHODS)
"""Perturbations that need nlpaug."""

FAMILIES: dict[str, str] = {**nlpaug_methods.METHODS, **builtin.FAMILIES}
"""Perturbation → family.

Swapped and deleted words are our own: nlpaug's RandomWordAug chooses the words itself, so that severities would not be
nested, and changes capitals as well; once the words are chosen nothing is left for it to decide.
"""


def perturb(
    words: text.Words, name: str, share: float, rng: random.Random, kept: frozenset[int] = frozenset()
) -> tuple[text.Edit, ...]:
    """Edits that touch about ``share`` (in (0, 1]) of the words; empty where no word offers anything to change.

    At least one edit, and no more words than ``share`` of them all, rounded. With an equal generator, a smaller share
    touches a subset of the words and changes them alike. ``name`` is a key of FAMILIES (KeyError). No word of ``kept`` is
    touched.
    """
    wanted = max(1, shares.nearest(share, len(words.words)))
    order = list(range(len(words.words)))
    rng.shuffle(order)
    seeds = [rng.getrandbits(32) for _ in order]
    touched = 0
    edits: list[text.Edit] = []
    for index in order:
        if touched >= wanted:
            break
        edit = None if index in kept else _edit(words, index, name, seeds[index], edits)
        if edit is None or not kept.isdisjoint(range(edit.start, edit.end)):
            continue
        if edits and touched + edit.end - edit.start > wanted:
            break
        touched += edit.end - edit.start
        edits.append(edit)
    return tuple(edits)


def _edit(words: text.Words, index: int, name: str, seed: int, before: Sequence[text.Edit]) -> text.Edit | None:
    if name in builtin.PAIRS:
        if index + 1 == len(words.words) or any(edit.start - 1 <= index < edit.end for edit in before):
            return None
        return builtin.PAIRS[name][1](words, index, random.Random(seed))
    new = _changed(name, words.words[index], seed)
    if new is None or (not new and sum(not edit.words for edit in before) + 1 >= len(words.words)):
        return None  # a text keeps at least one word
    return text.Edit(index, index + 1, new, (" ",) * (len(new) - 1))


@functools.lru_cache(maxsize=2**16)
def _changed(name: str, word: str, seed: int) -> tuple[str, ...] | None:
    """What becomes of a word. Every severity and every model asks for the same changes."""
    return _change(name)(word, random.Random(seed))


def _change(name: str) -> builtin.Change:
    if name in BY_NLPAUG:
        return functools.partial(nlpaug_methods.change, name)
    return builtin.WORDS[name][1]
