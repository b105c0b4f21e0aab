"""No config, policy or results file ends in a traceback: thousands of them are read, or refused in one line.

Documents are made of valid ones, with values exchanged, added, taken away, nested and blown up, and out of nothing.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import math
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import small_results
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor import config as configs
from auditor import remedy, results
from auditor.config import Config
from auditor.errors import AuditError, ConfigError
from auditor.evaluation import build_plan
from auditor.plugins import registry
from auditor.results import verification
from auditor.training import recipes
from auditor.verdicts import advice, gate, policy, remedies

TEMPLATE = "\n".join(
    line.removeprefix("# ") if "=" in line or line.startswith("# [") else line for line in configs.TEMPLATE.splitlines()
)
PROBES = registry.discover()
LONGEST = 1500
"""Characters of a line that a user is to read."""
TRIED = {"config": 1000, "policy": 600, "results": 600}
assert sum(TRIED.values()) > 2000


def fuzzed(count: int) -> Callable[[Any], Any]:
    """So many documents, the same in every run."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )


def told(act: Callable[[], Any], where: Path) -> None:
    """Done, or refused in one line of a length that can be read."""
    line = ""
    try:
        act()
    except AuditError as error:
        line = error.line.replace(str(where), "")
    assert "\n" not in line
    assert len(line) < LONGEST, line
    assert line.encode("utf-8") or not line


WORDS = st.text(max_size=8) | st.sampled_from(
    ["*", "", " ", "a.b", "‮", "\x1b[31m", "noise", "axes", "always", 300 * "x"]
)
NUMBERS = (
    st.integers(-3, 10)
    | st.sampled_from([2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**400])
    | st.floats(allow_nan=True)
    | st.sampled_from([-0.0, 1e308, 5e-324, 0.5])
)
SCALARS = st.booleans() | NUMBERS | WORDS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=6
)
BOMBS = st.sampled_from([10**400, -(10**400), 2**64, "<digits>", "<lists>", "<tables>"])
"""Numbers beyond all bounds; and words that stand for what Python's own writers refuse to write."""
DEPTH = 3000
ANY = st.one_of(*[VALUES] * 5, BOMBS)


def _blown_up(text: str, table: str) -> bytes:
    """Replace the placeholders in the text with 5,000 digits, nested lists or nested tables."""
    lists, tables = "[" * DEPTH + "]" * DEPTH, table * DEPTH + "1" + "}" * DEPTH
    for word, bomb in (("<digits>", 5000 * "9"), ("<lists>", lists), ("<tables>", tables)):
        text = text.replace(f'"{word}"', bomb)
    return text.encode()


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of everything in a document."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from _paths(inner, (*path, key))


def _alike(value: Any) -> st.SearchStrategy[Any]:
    """Others of a value's kind."""
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, int | float):
        return NUMBERS
    if isinstance(value, str):
        return WORDS
    if isinstance(value, list) and value:
        return st.lists(st.sampled_from(value), max_size=4)
    return VALUES


@st.composite
def changed(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """A document with one or two changes somewhere in it."""
    found = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 2))):
        paths = list(_paths(found))
        if not paths:
            break
        *to, key = draw(st.sampled_from(paths))
        place: Any = found
        for step in to:
            place = place[step]
        how = draw(st.sampled_from([0, 1, 2, 3, 3, 4, 6, 6, 6]))
        if how == 0:
            del place[key]
        elif how == 1:
            value = draw(VALUES)
            place.append(value) if isinstance(place, list) else place.update({draw(WORDS): value})
        elif how == 2 and isinstance(place, list):
            place.append(copy.deepcopy(place[key]))
        elif how == 3:
            place[key] = draw(BOMBS)
        elif how < 6:
            place[key] = draw(VALUES)
        else:
            place[key] = draw(_alike(place[key]))
    return found


def as_toml(value: Any) -> str:
    """A value in TOML, tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} = {as_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return repr(value)


def quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=True).replace("\x7f", "\\u007f") if _plain(word) else '"?"'


def _plain(word: str) -> bool:
    """Whether JSON's way of writing it is TOML's: no surrogates."""
    return all(ord(character) < 0x10000 and not 0xD800 <= ord(character) < 0xE000 for character in word)


def document(value: dict[str, Any]) -> bytes:
    return _blown_up("".join(f"{quoted(key)} = {as_toml(inner)}\n" for key, inner in value.items()), "{a = ")


@st.composite
def spoilt(draw: st.DrawFn, text: str) -> bytes:
    """A text with bytes cut out, put in, doubled or repeated a thousand times."""
    content = bytearray(text.encode())
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 12))
        how = draw(st.integers(0, 4))
        if how == 0:
            del content[start : start + draw(st.sampled_from([1, length, len(content)]))]
        elif how == 1:
            content[start:start] = draw(st.binary(max_size=6))
        elif how == 2:
            content[start:start] = content[start : start + length]
        elif how == 3:
            content[start:start] = (
                draw(st.sampled_from([b"[", b"9", b"{", b'"', b".a", b"\n", b"-", b"e9", b"#"])) * 5000
            )
        else:
            content[start : start + 1] = draw(
                st.sampled_from([b"\x00", b"\xff", b"nan", b"[[", b"]", b"=", b"1979-05-27"])
            )
    return bytes(content)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


# Configs.

CONFIG = tomllib.loads(TEMPLATE) | {
    "compare": [{"probe": "quality", "metric": "accuracy", "slice": {}, "expect": "higher"}],
    "probes": {
        "noise": {"examples": 3, "severities": {"low": 0.1}, "perturbations": ["homoglyph"], "context_only": False},
        "bias": {"axes": ["gender"], "sentences": 3},
        "adversarial": {"recipes": ["pwws"], "max_words_changed": 0.1, "freedom": True},
        "label_noise": {"rates": [0.1], "kinds": ["symmetric"]},
        "low_resource": {"sizes": [30]},
        "entity_bias": {"types": {"persons": "PER"}},
    },
    "training": {
        "base": "base",
        "recipes": ["standard", "fgm"],
        "recipe": {
            "fgm": {"epsilon": 1.0, "learning_rate": 0.1},
            "mine": {"recipe": "lora", "rank": 4, "targets": ["q"]},
        },
    },
}


def read_config(folder: Path, content: bytes) -> None:
    """Read, and every table of settings in it."""
    file = folder / "audit.toml"
    file.write_bytes(content)

    def act() -> None:
        config = configs.load(file)
        configs.data_files(config), configs.columns(config), configs.policy_file(config), configs.out_folder(config)
        for name, table in config.training.recipe.items():
            told(functools.partial(recipes.create, name, table, folder), folder)
        build_plan.probe_settings(config, PROBES)

    told(act, folder)


def test_the_config_that_is_changed_is_valid(place: Path) -> None:
    file = place / "audit.toml"
    file.write_bytes(document(CONFIG))
    config = configs.load(file)
    assert config.training.recipe["mine"]["rank"] == 4
    assert build_plan.probe_settings(config, PROBES)["noise"].examples == 3


@fuzzed(TRIED["config"] // 2)
@given(changed(CONFIG))
def test_no_changed_config_ends_in_a_traceback(place: Path, config: dict[str, Any]) -> None:
    read_config(place, document(config))


@fuzzed(TRIED["config"] // 4)
@given(st.dictionaries(WORDS | st.sampled_from(list(Config.model_fields)), ANY, max_size=4))
def test_no_config_ends_in_a_traceback(place: Path, config: dict[str, Any]) -> None:
    read_config(place, document(config))


@fuzzed(TRIED["config"] // 4)
@given(spoilt(TEMPLATE))
def test_no_spoilt_config_ends_in_a_traceback(place: Path, content: bytes) -> None:
    read_config(place, content)


# Policies.

POLICY = tomllib.loads(policy.DEFAULT.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def audited(place: Path) -> verification.Audited:
    return verification.load(small_results.write(place / "judged"))


def read_policy(audited: verification.Audited, folder: Path, content: bytes) -> None:
    """Read, and judge by it."""
    file = folder / "policy.toml"
    file.write_bytes(content)

    def act() -> None:
        rules = policy.load(file)
        decision = gate.decide(rules, audited.records, "candidate")
        json.dumps(results.policy_dict(rules), allow_nan=False)
        json.dumps(results.decision_dict(decision, rules), allow_nan=False)

    told(act, folder)


@fuzzed(TRIED["policy"] // 2)
@given(st.lists(changed(POLICY["rule"][0]), min_size=1, max_size=2))
def test_no_changed_policy_ends_in_a_traceback(audited: verification.Audited, place: Path, rules: list[Any]) -> None:
    read_policy(audited, place, document({"rule": rules}))


@fuzzed(TRIED["policy"] // 4)
@given(st.lists(st.dictionaries(st.sampled_from(policy.KEYS), ANY, max_size=7), max_size=2))
def test_no_policy_ends_in_a_traceback(audited: verification.Audited, place: Path, rules: list[Any]) -> None:
    read_policy(audited, place, document({"rule": rules}))


@fuzzed(TRIED["policy"] // 4)
@given(spoilt(policy.DEFAULT.read_text(encoding="utf-8")))
def test_no_spoilt_policy_ends_in_a_traceback(audited: verification.Audited, place: Path, content: bytes) -> None:
    read_policy(audited, place, content)


# Results.


@pytest.fixture(scope="module")
def folder(place: Path) -> Path:
    """A results folder whose results.json is written over."""
    small_results.write(place / "original")
    return Path(shutil.copytree(place / "original", place / "audit"))


DOCUMENT: dict[str, Any] = {}


@pytest.fixture(scope="module", autouse=True)
def _document(folder: Path) -> None:
    DOCUMENT.update(small_results.read(folder))


def read_results(folder: Path, content: bytes) -> None:
    """Read and judged; and where it is believed, drawn and mended."""
    from reports import scorecard

    (folder / results.RESULTS).write_bytes(content)

    def act() -> None:
        audited = verification.load(folder)
        scorecard.render(audited.results, advice.next_steps(audited.results))
        remedies.proposed(audited.results)
        told(lambda: remedy.read_config(audited.results), folder)

    told(act, folder)


@fuzzed(TRIED["results"] // 2)
@given(st.data())
def test_no_changed_results_end_in_a_traceback_even_with_digests_written_anew(
    folder: Path, data: st.DataObject
) -> None:
    found = data.draw(changed(DOCUMENT))
    with contextlib.suppress(ValueError, KeyError, TypeError):  # NaN, or no place for a digest
        found = results.sealed(found)
    read_results(folder, _blown_up(json.dumps(found), '{"a":'))


@fuzzed(TRIED["results"] // 4)
@given(st.dictionaries(WORDS, ANY, max_size=3) | VALUES, st.sampled_from([0, 1, 2, 2, 2, 3, True, "2", 10**400]))
def test_no_results_end_in_a_traceback(folder: Path, value: Any, schema: Any) -> None:
    found = {**value, "schema": schema} if isinstance(value, dict) else value
    read_results(folder, _blown_up(json.dumps(found), '{"a":'))


@fuzzed(TRIED["results"] // 4)
@given(st.data())
def test_no_spoilt_results_end_in_a_traceback(folder: Path, data: st.DataObject) -> None:
    read_results(folder, data.draw(spoilt(json.dumps(DOCUMENT, indent=1))))


def test_what_is_told_is_told_of_what_cannot_be_read(place: Path) -> None:
    """The check itself fails where it should."""

    def crash() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        told(crash, place)
    with pytest.raises(AssertionError):
        told(lambda: (_ for _ in ()).throw(ConfigError("x" * LONGEST)), place)
