"""Types of entities that a model lacks, read as O: by the commands, from the refusal to the results."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny_checkpoint

from auditor.cli.main import main
from auditor.training import record

CONFIG = """
task = "ner"
[data]
train = "train.txt"
labels = { ORG = "O" }
[training]
base = "base"
epochs = 1
batch_size = 8
max_length = 32
"""
KNOWN = "good B-PER\nbad I-PER\nwas O\n\nit O\nfilm B-LOC\n\n"
"""Two entities of types that the model knows, and two of one that it lacks."""
FOREIGN = "the B-ORG\nplot I-ORG\nwas O\nawful O\n\nit O\nmovie B-ORG\n\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("o")
    tiny_checkpoint(folder / "base", head=False)
    (folder / "audit.toml").write_text(CONFIG, "utf-8")
    (folder / "train.txt").write_text(KNOWN * 8 + FOREIGN * 3, "utf-8")
    for name, rows in {
        "test": "not B-PER\ngood O\n\n" + FOREIGN.replace("was", "is"),
        "far": "great B-ORG\nplot O\n\nplot B-MISC\nand O\n\nfilm B-LOC\nand O\n\n",
    }.items():
        (folder / f"{name}.txt").write_text(rows, "utf-8")
    assert main(["train", "--config", str(folder / "audit.toml")]) == 0
    (folder / "audit.toml").unlink()
    made = folder / "ckpt" / "standard"
    (folder / "elsewhere").mkdir()
    for file in made.iterdir():
        if file.name != "training.json":
            (folder / "elsewhere" / file.name).write_bytes(file.read_bytes())
    return folder


def audit(place: Path, model: str, *words: str, out: str) -> int:
    data = ["--data", str(place / "test.txt"), "--domain", f"far={place / 'far.txt'}"]
    told = ["run", "--model", str(place / model), *data, "--probe", "quality", "--probe", "domain_shift", "--fresh"]
    return main([*told, "--out", str(place / out), *words])


def results(place: Path, out: str) -> dict[str, Any]:
    return dict(json.loads((place / out / "results.json").read_text("utf-8")))


def test_a_new_head_lacks_the_type_and_the_checkpoint_remembers_it(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = record.read(place / "ckpt" / "standard")
    assert kept is not None
    assert (kept.labels, kept.mapping) == (("O", "B-LOC", "I-LOC", "B-PER", "I-PER"), {"ORG": "O"})
    assert audit(place, "ckpt/standard", out="own") in (1, 3)
    assert (
        "labels are matched to the model's: home (test.txt) by mapping: ORG = O; 2 entities are read as O: 2 ORG;"
        " far (far.txt) by mapping: ORG = O; 1 entity is read as O: 1 ORG;"
        " train (train.txt) by mapping: ORG = O; 6 entities are read as O: 6 ORG\n"
    ) in capsys.readouterr().err
    readings = {one["name"]: one["reading"] for one in results(place, "own")["data"]}
    assert readings["train"] == {
        "column": "tags",
        "by": "mapping",
        "labels": {"ORG": "O"},
        "note": "6 entities are read as O: 6 ORG",
    }


def test_what_the_refusal_proposes_can_be_pasted_as_flag_and_into_the_config(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(place, "elsewhere", out="refused") == 2
    line = capsys.readouterr().err.strip()
    assert "unknown type 'ORG'; the model knows LOC, PER" in line
    proposal = line[line.index("labels = {") : line.rindex("}") + 1]
    assert tomllib.loads(proposal) == {"labels": {"ORG": "O"}}
    assert audit(place, "elsewhere", "--labels", "ORG=O", out="flag") in (1, 3)
    (place / "pasted.toml").write_text(f"[data]\n{proposal}\n", "utf-8")
    assert audit(place, "elsewhere", "--config", str(place / "pasted.toml"), out="pasted") in (1, 3)
    said = capsys.readouterr().err
    assert (
        said.count(
            "labels are matched to the model's: home (test.txt) by mapping: ORG = O; 2 entities are read as O: 2 ORG"
        )
        == 2
    )
    assert results(place, "flag")["records"] == results(place, "pasted")["records"]
    assert main(["gate", str(place / "flag")]) in (1, 3)


def test_words_of_these_entities_are_o_and_those_of_types_of_the_domain_alone_count_neither_way(place: Path) -> None:
    assert audit(place, "elsewhere", "--labels", "ORG=O", out="o") in (1, 3)
    quality, shift = (
        next(one for one in results(place, "o")["records"] if one["probe"] == name)
        for name in ("quality", "domain_shift")
    )
    tags = {one["slice"].get("tag") for one in quality["measurements"]} - {None}
    assert not any("ORG" in tag for tag in tags)
    skipped = {(one["slice"].get("type"), one["reason"][:28]) for one in shift["skipped"] if "type" in one["slice"]}
    assert skipped == {("MISC", "the model has no such type: "), ("PER", "no entity of the domain is o")}


def test_every_type_of_the_home_domain_may_be_read_as_o(place: Path) -> None:
    assert audit(place, "elsewhere", "--labels", "ORG=O,PER=O", out="none") in (1, 3)
    home = next(one for one in results(place, "none")["data"] if one["name"] == "home")
    assert home["reading"]["note"] == (
        "3 entities are read as O: 2 ORG, 1 PER; the model knows PER: its predictions of that type there count as wrong"
    )
