"""The language of each data set, and how it is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditor import languages
from auditor.types import HOME, Example

GIVEN, DETECTED, ASSUMED = "given", "detected", "assumed"


def facts(examples: Sequence[Example], given: str | None) -> dict[str, Any]:
    """Say which language rows are in, for results.

    ``given``: the code that the user names; None: it is detected, and English where it cannot be. Of languages that are
    nearly the same in writing none is detected: the likeliest stands for them, so that no English list is used.
    """
    most = min(len(examples), languages.ROWS)
    # From all over the file, which may be sorted by language.
    rows = [examples[number * len(examples) // most] for number in range(most)]
    told = languages.detect("\n".join(row.inputs.values()) for row in rows)
    code = given or languages.likeliest(told)
    how = GIVEN if given else DETECTED if told.code else ASSUMED
    own = {} if told.code is None else {told.code: told.share}
    shares = {**own, **told.others} if told.others or told.code not in (code, None) else {}
    unsure = () if given else told.alike
    return {"code": code, "how": how, "shares": shares, "said": _said(code, how, shares, unsure)}


def _said(code: str, how: str, shares: Mapping[str, float], unsure: Sequence[str] = ()) -> str:
    """Say a language in words: ``German (detected)``.

    ``unsure``: languages that it may be, all of them nearly the same in writing.
    """
    name = languages.named(code)
    if how == ASSUMED:
        mixed = f"; rows read as {_list(shares)}" if shares else ""
        *most, last = sorted(map(languages.named, unsure)) or [""]
        doubt = f"not sure whether {', '.join(most)} or {last}" if unsure else "not detected"
        return f"{doubt}: treated as {name}{mixed}"
    if not shares:
        return f"{name} ({how})"
    if how == GIVEN and code not in shares:
        return f"{name} (given, but the rows read as {_list(shares)})"
    return f"{name} ({how}; the rows are mixed: {_list(shares)})"


def _list(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{languages.named(code)} {share:.0%}" for code, share in shares.items())


def told(sets: Sequence[Mapping[str, Any]]) -> str:
    """Return one line that says which language the recorded sets are in."""
    by_words: dict[str, list[str]] = {}
    for dataset in sets:
        by_words.setdefault(dataset["language"]["said"], []).append(dataset["name"])
    return "language of the texts: " + "; ".join(f"{', '.join(names)} {said}" for said, names in by_words.items())


def notes(sets: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what a user ought to know of the languages.

    What is meant for one language says little of rows in another.
    """
    home = next(dataset["language"] for dataset in sets if dataset["name"] == HOME)
    if home["how"] == ASSUMED:
        yield f"language of the texts {home['said']} (--data-language or [data] language says which it is)"
    elif home["shares"]:
        yield f"language of the texts: {home['said']}; noise, attacks and sentences are those for {_name(home)}"
    for dataset in sets:
        own = dataset["language"]
        if own["how"] == DETECTED and home["how"] != ASSUMED and own["code"] != home["code"]:
            yield f"{dataset['name']} is in {_name(own)}, home in {_name(home)}"


def _name(language: Mapping[str, Any]) -> str:
    return languages.named(language["code"])
