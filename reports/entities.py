"""Sentences with their entities marked, gold against what the model sees."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from reports.formats import visible
from reports.marks import CUT

TASK = "ner"
OUTSIDE = "O"
Part: TypeAlias = tuple[str, str]
"""Words, and the type of the entity that they are; empty outside."""


def sentences(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Gold, and the answers before and after, each as a title and the parts of its sentence; none where they do not fit.

    ``case``: a worst case of the results, whose answers are tags with blanks between.
    """
    before, after = (str(case[name].get("text", "")) for name in ("before", "after"))
    wanted = [("gold", before, case["gold"]), ("answer", before, case["answer_before"])]
    if before != after:
        wanted = [
            *wanted[:1],
            ("answer before", before, case["answer_before"]),
            ("answer after", after, case["answer_after"]),
        ]
    found = [{"title": title, "parts": list(_parts(text, tags))} for title, text, tags in wanted if tags is not None]
    return [one for one in found if one["parts"]]


def _parts(text: str, tags: str) -> Iterator[Part]:
    """Runs of words of one entity, or of none; nothing where there is not one tag a word, or the text is cut."""
    words, marks = re.findall(r"[^ \t\r\n]+", text), tags.split()
    if len(words) != len(marks) or CUT.search(text):
        return
    run: list[str] = []
    kind = ""
    for word, mark in zip(words, marks, strict=True):
        now = "" if mark == OUTSIDE else mark[2:]
        if run and (now != kind or mark.startswith(("B-", "S-", "U-"))):
            yield visible(" ".join(run)), kind
            run = []
        run.append(word)
        kind = now
    if run:
        yield visible(" ".join(run)), kind
