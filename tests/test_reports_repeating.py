"""The command and the settings that repeat an audit."""

from __future__ import annotations

import json
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import config as configs
from auditor.cli.arguments import parser
from auditor.results import canonical_json
from reports import repeating

ROOT = Path(__file__).resolve().parent.parent
RESULTS: dict[str, Any] = json.loads((ROOT / "fixtures" / "results" / "results.json").read_text(encoding="utf-8"))


def test_the_command_names_every_file_and_the_parser_reads_it() -> None:
    command = repeating.command(
        {**RESULTS, "data": [*RESULTS["data"], {"name": "may 2026", "path": "$(x).csv", "kind": "time slice"}]}
    )
    assert command == (
        "audit run --config audit.toml --model ckpt --candidate standard --data data/test.csv "
        "--domain imdb=data/imdb.csv --train data/train.csv --slice 'may 2026=$(x).csv'"
    )
    options = parser().parse_args(shlex.split(command)[1:])
    assert (options.model, options.slice) == (Path("ckpt"), ["may 2026=$(x).csv"])
    alone = {**RESULTS, "models": RESULTS["models"][:1], "data": [{"name": "validation", "path": "v.csv"}]}
    assert repeating.command(alone) == "audit run --config audit.toml --model ckpt/fgm"


@pytest.mark.parametrize("file", ["audit.toml", "small.toml"])
def test_the_settings_of_a_file_survive(file: str, tmp_path: Path) -> None:
    config = configs.load(ROOT / "fixtures" / "demo" / file)
    recorded = canonical_json.plain(config.model_dump(mode="json"))
    written = tmp_path / "audit.toml"
    written.write_text(repeating.toml(recorded), encoding="utf-8")
    again = canonical_json.plain(configs.load(written).model_dump(mode="json"))
    assert again == recorded


scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    scalars | texts,
    lambda inner: st.lists(inner.filter(lambda value: value is not None)) | st.dictionaries(texts, inner),
)


def without_nothing(value: Any) -> Any:
    """As TOML holds it: keys without a value, and tables without a key, are not there."""
    if isinstance(value, dict):
        kept = {key: without_nothing(inner) for key, inner in value.items() if inner is not None}
        return {key: inner for key, inner in kept.items() if inner != {}}
    return [without_nothing(inner) for inner in value] if isinstance(value, list) else value


@given(st.dictionaries(texts, values))
def test_any_settings_survive(document: dict[str, Any]) -> None:
    read = tomllib.loads(repeating.toml(document))
    assert without_nothing(read) == without_nothing(document)
