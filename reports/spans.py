"""Texts with the spans of words marked that gold and answers name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from reports.formats import visible
from reports.words import say

Part: TypeAlias = tuple[str, str]
"""Words, and the label of the span that they are; empty outside."""


def sentences(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List gold and the answers, each as title and text parts.

    The answers are those before and after. ``case``: a worst case of the results. The list is empty where the case has
    no marks: the task labels no words, or a text is cut.
    """
    wanted = [(say("gold"), "gold", "before"), (say("answer"), "answer_before", "before")]
    if case["before"] != case["after"]:
        wanted = [
            (say("gold"), "gold", "before"),
            (say("answer before"), "answer_before", "before"),
            (say("answer after"), "answer_after", "after"),
        ]
    marks: Mapping[str, Mapping[str, Sequence[Any]]] = case.get("marks", {})
    named = [
        (title, field, case[texts][field], spans)
        for title, name, texts in wanted
        for field, spans in marks.get(name, {}).items()
        if field in case[texts]
    ]
    several = len({field for _, field, _, _ in named}) > 1
    return [
        {
            "title": _titled(say("{title}, {field}", title=title, field=field) if several else title, spans),
            "parts": list(_parts(text, spans)),
        }
        for title, field, text, spans in named
    ]


def _titled(title: str, spans: Sequence[Any]) -> str:
    return title if spans else say("{title}: none", title=title)


def _parts(text: str, spans: Sequence[tuple[int, int, str]]) -> Iterator[Part]:
    """Split a text into the words of each span and those between.

    Of spans that overlap, the first is marked.
    """
    words = re.findall(r"[^ \t\r\n]+", text)
    at = 0
    for start, end, label in sorted((start, min(end, len(words)), label) for start, end, label in spans):
        if at <= start < end:
            if at < start:
                yield visible(" ".join(words[at:start])), ""
            yield visible(" ".join(words[start:end])), label
            at = end
    if at < len(words):
        yield visible(" ".join(words[at:])), ""
