"""The commands from end to end on tiny checkpoints, and the mistakes that users make."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pages
import pandas as pd
import pytest
from fakes import reviews
from tiny import tiny_checkpoint

from auditor import results
from auditor.cli.main import main
from auditor.evaluation import designs, sequential
from auditor.models.hugging_face import HuggingFaceModel
from auditor.storage import user_cache
from auditor.types import Encoded, Response

PROBES = ("quality", "domain_shift", "noise")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, a base, two trained checkpoints and a finished audit."""
    folder = tmp_path_factory.mktemp("place")
    for name, n in (("train", 64), ("validation", 16), ("test", 24), ("far", 24), ("later", 20)):
        rows = [f'"{row.inputs["text"]} {name}",{row.gold}' for row in reviews(n)]
        (folder / f"{name}.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    tiny_checkpoint(folder / "base", head=False)
    (folder / "audit.toml").write_text(
        'candidate = "standard"\n[data]\ntrain = "train.csv"\nvalidation = "validation.csv"\ntest = "test.csv"\n'
        'domains = { far = "far.csv" }\nslices = { later = "later.csv" }\n'
        '[training]\nbase = "base"\nrecipes = ["standard", "fgm"]\nepochs = 1\n'
        "learning_rate = 1e-3\nmax_length = 32\n"
        '[[compare]]\nmodel = "fgm"\nagainst = "standard"\nprobe = "quality"\nmetric = "accuracy"\nexpect = "higher"\n',
        encoding="utf-8",
    )
    assert main(["train", "--config", str(folder / "audit.toml"), "--quiet"]) == 0
    assert audit(folder, "audit") in (1, 3)
    return folder


def audit(folder: Path, out: str, *more: str) -> int:
    chosen = [word for name in PROBES for word in ("--probe", name)]
    base = ["run", "--config", str(folder / "audit.toml"), "--model", str(folder / "ckpt"), "--out", str(folder / out)]
    return main([*base, "--quiet", "--budget", "12", *chosen, *more])


def test_an_audit_writes_the_whole_folder_and_its_results_keep_the_schema(place: Path) -> None:
    names = {file.name for file in (place / "audit").iterdir()}
    assert names == {"results.json", "cases.parquet", "examples.parquet", "timings.json", "scorecard.html"}
    found = results.load(place / "audit")
    assert found["partial"] is True
    assert [model["name"] for model in found["models"]] == ["fgm", "standard"]
    assert any(comparison["expect"] == "higher" for comparison in found["comparisons"])


def test_the_same_audit_twice_gives_the_same_bytes(place: Path) -> None:
    audit(place, "again")
    for name in ("results.json", "scorecard.html", "cases.parquet", "examples.parquet"):
        assert pages.content(place / "audit" / name) == pages.content(place / "again" / name), name


def test_an_audit_again_asks_nothing_again_and_gives_the_same_bytes(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--config", str(place / "audit.toml"), "--model", str(place / "ckpt"), "--budget", "12"]
    words += ["--probe", "quality", "--probe", "noise", "--out", str(place / "kept")]
    code = main(words)
    first = {file.name: pages.content(file) for file in (place / "kept").iterdir()}
    assert "were known" not in capsys.readouterr().err
    asked: list[int] = []
    original = HuggingFaceModel.run

    def watched(self: HuggingFaceModel, batch: Sequence[Encoded]) -> list[Response]:
        asked.append(len(batch))
        return original(self, batch)

    monkeypatch.setattr(HuggingFaceModel, "run", watched)
    assert main(words) == code
    assert asked == []
    assert "answers were reused from an earlier run (--fresh recomputes them)" in capsys.readouterr().err
    for name, content in first.items():
        if name != results.TIMINGS:
            assert pages.content(place / "kept" / name) == content, name
    assert main([*words, "--fresh"]) == code
    assert asked
    assert "were known" not in capsys.readouterr().err


def test_a_cache_that_cannot_be_written_is_said_once_and_costs_nothing_else(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv(user_cache.VARIABLE, str(place / "file"))
    assert audit(place, "uncached") in (1, 3)
    assert capsys.readouterr().err.count("answers are not kept: ") == 1
    assert (place / "uncached" / "results.json").read_bytes() == (place / "audit" / "results.json").read_bytes()


def test_until_decided_writes_how_much_was_drawn_and_the_page_says_it(place: Path) -> None:
    words = ["run", "--config", str(place / "audit.toml"), "--model", str(place / "ckpt"), "--quiet"]
    words += ["--probe", "quality", "--probe", "noise", "--until-decided", "--out", str(place / "decided")]
    assert main(words) in (1, 3)
    found = results.load(place / "decided")
    assert found["until_decided"]["looks"] == 1
    # Of the 24 rows of the test set the tokenizer leaves five that are not among the training rows, of the other seven.
    assert found["until_decided"]["clusters"] == found["until_decided"]["available"] == 7
    assert {one["available"] for one in found["until_decided"]["slices"]} == {5}
    assert {one["probe"] for one in found["until_decided"]["slices"]} == {"quality", "noise"}
    methods = {one["method"] for record in found["records"] for one in record["measurements"]}
    assert methods >= {"betting", "betting_change"}
    assert {record["reason"] for record in found["records"] if record["model"] == "fgm"} <= {
        sequential.COMPARATOR,
        "not selected",
    }
    page = (place / "decided" / "scorecard.html").read_text(encoding="utf-8")
    assert "Stopped once decided" in page
    assert "one look, at most 7 of 7 examples" in page
    code = main(["gate", str(place / "decided")])
    assert code == found["decision"]["exit_code"]


def test_the_cache_is_shown_and_cleared(place: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache"]) == 0
    assert "0.0 MiB in 0 batches" in capsys.readouterr().out
    audit(place, "for-the-cache")
    fit = cache / user_cache.FITS / ("0a" * 32)
    fit.mkdir(parents=True)
    (fit / "finished.safetensors").write_bytes(bytes(2**20))
    (cache / "notes.txt").write_text("mine", encoding="utf-8")
    (cache / user_cache.FITS / "galaxy").mkdir()
    capsys.readouterr()
    assert main(["cache", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["folder"] == str(cache)
    assert shown["batches"] > 0
    assert shown["fits"] == 1
    assert shown["fits_bytes"] == 2**20
    assert shown["bytes"] == shown["fits_bytes"] + shown["answers_bytes"]
    assert main(["cache", "--clear"]) == 0
    assert "removed" in capsys.readouterr().out
    assert {file.name for file in cache.rglob("*")} == {"notes.txt", user_cache.FITS, "galaxy"}
    (cache / user_cache.FITS / "galaxy").rmdir()
    assert main(["cache", "--clear", "--json"]) == 0
    assert {file.name for file in cache.rglob("*")} == {"notes.txt"}
    assert json.loads(capsys.readouterr().out)["freed_bytes"] == 0


def test_a_cache_that_cannot_be_removed_is_one_line(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (cache / user_cache.ANSWERS).write_bytes(b"")

    def refused(_file: Path, **_: bool) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refused)
    assert main(["cache", "--clear"]) == 2
    assert "cannot be removed: Permission denied" in capsys.readouterr().err


def test_the_same_training_twice_gives_the_same_weights(place: Path) -> None:
    command = ["train", "--config", str(place / "audit.toml"), "--out", str(place / "ckpt2"), "--quiet", "--fresh"]
    assert main(command) == 0
    for recipe in ("standard", "fgm"):
        for name in ("model.safetensors", "training.json"):
            assert (place / "ckpt" / recipe / name).read_bytes() == (place / "ckpt2" / recipe / name).read_bytes()


def test_the_gate_says_the_same_from_the_folder_alone(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["gate", str(place / "audit"), "--json"])
    said = json.loads(capsys.readouterr().out)
    found = results.load(place / "audit")["decision"]
    assert code == found["exit_code"]
    assert {key: said[key] for key in found} == found


def test_the_report_gives_the_same_page_again(place: Path) -> None:
    page = place / "page.html"
    assert main(["report", str(place / "audit"), "--out", str(page)]) == 0
    assert page.read_bytes() == (place / "audit" / "scorecard.html").read_bytes()


def test_without_texts_no_text_of_the_data_is_kept(place: Path) -> None:
    audit(place, "bare", "--no-texts")
    for name in ("results.json", "scorecard.html", "cases.parquet"):
        assert b"in a small town" not in (place / "bare" / name).read_bytes()


def test_a_checkpoint_from_elsewhere_needs_only_its_data(place: Path) -> None:
    tiny_checkpoint(place / "foreign")
    arguments = [
        "run",
        "--model",
        str(place / "foreign"),
        "--data",
        str(place / "test.csv"),
        "--out",
        str(place / "foreign-audit"),
    ]
    assert main([*arguments, "--config", str(empty_config(place)), "--quiet", "--probe", "quality"]) in (1, 3)


def empty_config(folder: Path) -> Path:
    file = folder / "empty.toml"
    file.write_text("seed = 1\n", encoding="utf-8")
    return file


def foreign(place: Path, *more: str) -> list[str]:
    tiny_checkpoint(place / "foreign")
    return [
        "run",
        "--model",
        str(place / "foreign"),
        "--config",
        str(empty_config(place)),
        "--quiet",
        "--out",
        str(place / "no"),
        *more,
    ]


def _data(place: Path, name: str, content: bytes) -> list[str]:
    (place / name).write_bytes(content)
    return foreign(place, "--data", str(place / name))


def _checkpoint(place: Path, name: str, file: str, **changes: Any) -> list[str]:
    folder = place / name
    shutil.rmtree(folder, ignore_errors=True)
    tiny_checkpoint(folder)
    if changes:
        content = json.loads((folder / file).read_text(encoding="utf-8"))
        (folder / file).write_text(json.dumps({**content, **changes}), encoding="utf-8")
    return ["run", "--model", str(folder), "--data", str(place / "test.csv"), "--quiet", "--out", str(place / "no")]


def _pickle(place: Path) -> list[str]:
    arguments = _checkpoint(place, "pickled", "config.json")
    (place / "pickled" / "model.safetensors").rename(place / "pickled" / "pytorch_model.bin")
    return arguments


def _no_tokenizer(place: Path) -> list[str]:
    arguments = _checkpoint(place, "mute", "config.json")
    for name in ("tokenizer.json", "vocab.txt"):
        (place / "mute" / name).unlink(missing_ok=True)
    return arguments


def _cut_off(place: Path) -> list[str]:
    arguments = _checkpoint(place, "cut", "config.json")
    file = place / "cut" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    return arguments


def _changed(place: Path) -> list[str]:
    shutil.rmtree(place / "stale", ignore_errors=True)
    shutil.copytree(place / "ckpt" / "standard", place / "stale" / "standard")
    record = place / "stale" / "standard" / "training.json"
    content = json.loads(record.read_text(encoding="utf-8"))
    content["data"]["test"]["sha256"] = "0" * 64
    record.write_text(json.dumps(content), encoding="utf-8")
    return [
        "run",
        "--model",
        str(place / "stale"),
        "--config",
        str(empty_config(place)),
        "--out",
        str(place / "no"),
        "--quiet",
    ]


def _newer(place: Path) -> list[str]:
    shutil.rmtree(place / "newer", ignore_errors=True)
    shutil.copytree(place / "audit", place / "newer")
    found = json.loads((place / "newer" / "results.json").read_text(encoding="utf-8"))
    (place / "newer" / "results.json").write_text(json.dumps({**found, "schema": 99}), encoding="utf-8")
    return ["gate", str(place / "newer")]


def _others(place: Path) -> list[str]:
    (place / "others").mkdir(exist_ok=True)
    for name in ("results.json", "thesis.txt"):
        (place / "others" / name).write_text("{}", encoding="utf-8")
    return [*foreign(place)[:-1], str(place / "others")]


def _over_its_base(place: Path) -> list[str]:
    shutil.rmtree(place / "again", ignore_errors=True)
    shutil.copytree(place / "ckpt" / "standard", place / "again" / "standard")
    content = (place / "audit.toml").read_text(encoding="utf-8").replace('base = "base"', 'base = "again/standard"')
    return [*_toml(place, "again.toml", content, "train", "--config"), "--out", str(place / "again")]


def _copied(place: Path, name: str) -> Path:
    shutil.rmtree(place / name, ignore_errors=True)
    shutil.copytree(place / "audit", place / name)
    return place / name


def _trained(place: Path, name: str, more: str, patience: str = "") -> list[str]:
    content = f'[data]\ntrain = "train.csv"\n[training]\nbase = "base"\n{patience}{more}'
    return _toml(place, name, content, "train", "--config")


def _nobodys(place: Path) -> list[str]:
    folder = _copied(place, "nobodys")
    (folder / "results.json").write_text('{"schema": 0}', encoding="utf-8")
    return ["report", str(folder)]


def _deep(place: Path) -> list[str]:
    folder = _copied(place, "deep")
    (folder / "results.json").write_text("[" * 100_000, encoding="utf-8")
    return ["report", str(folder)]


def _exits(place: Path) -> list[str]:
    (place / "exits.py").write_text("raise SystemExit(0)\n", encoding="utf-8")
    return foreign(place, "--probe", str(place / "exits.py"))


def _strange_rows(place: Path) -> list[str]:
    folder = _copied(place, "strange")
    pd.DataFrame({"x": [1]}).to_parquet(folder / "examples.parquet")
    return _sealed(folder)


def _rows_of_another(place: Path) -> list[str]:
    folder = _copied(place, "mixed")
    rows = pd.read_parquet(folder / "examples.parquet")
    rows[rows["probe"] != "quality"].to_parquet(folder / "examples.parquet")
    return _sealed(folder)


def _no_candidate(place: Path) -> list[str]:
    folder = _copied(place, "headless")
    return _sealed(folder, candidate="nobody")


def _sealed(folder: Path, **changed: object) -> list[str]:
    """Judged with digests that are right, so that it is not they that tell."""
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    results.write(folder, {**found, **changed})
    return ["gate", str(folder)]


def _toml(place: Path, name: str, content: str, *command: str) -> list[str]:
    (place / name).write_text(content, encoding="utf-8")
    return [*command, str(place / name)]


MISTAKES: dict[str, tuple[Any, str]] = {
    "no such model": (lambda place: ["run", "--model", str(place / "nope"), "--quiet"], "no such path"),
    "not a checkpoint": (lambda place: ["run", "--model", str(place / "audit"), "--quiet"], "not a checkpoint"),
    "a checkpoint of another task": (
        lambda place: _checkpoint(place, "other", "config.json", architectures=["BertForMultipleChoice"]),
        "BertForMultipleChoice",
    ),
    "a bare encoder": (
        lambda place: ["run", "--model", str(place / "base"), "--data", str(place / "test.csv")],
        "fine-tune it first",
    ),
    "pickle weights": (_pickle, "--allow-pickle"),
    "code of its own": (
        lambda place: _checkpoint(place, "code", "config.json", auto_map={"AutoModel": "x.Y"}),
        "--trust-remote-code",
    ),
    "no tokenizer": (_no_tokenizer, "has no tokenizer"),
    "cut-off weights": (_cut_off, "is truncated"),
    "no such data": (lambda place: foreign(place, "--data", str(place / "nope.csv")), "nope.csv"),
    "no data": (foreign, "--data"),
    "wrong column": (lambda place: _data(place, "columns.csv", b"a,b\n1,2\n"), "columns"),
    "unknown label": (lambda place: _data(place, "labels.csv", b"text,label\nfine,good\n"), "row 2"),
    "empty file": (lambda place: _data(place, "empty.csv", b""), "empty"),
    "binary file": (lambda place: _data(place, "binary.csv", b"\x00\x01\x02text"), "binary"),
    "broken encoding": (lambda place: _data(place, "latin.csv", b"text,label\ncaf\xe9,negative\n"), "row 2"),
    "unknown key": (lambda place: _toml(place, "typo.toml", "sed = 1\n", "train", "--config"), "did you mean 'seed'"),
    "unknown probe in the config": (
        lambda place: [
            *foreign(place, "--data", str(place / "test.csv")),
            *_toml(place, "p.toml", "[probes.nois]\n", "--config"),
        ],
        "did you mean 'noise'",
    ),
    "unknown probe": (lambda place: foreign(place, "--probe", "nois"), "did you mean 'noise'"),
    "no such probe file": (lambda place: foreign(place, "--probe", "nope.py"), "no such probe file"),
    "unknown probe in the policy": (
        lambda place: [
            *foreign(place, "--data", str(place / "test.csv"), "--probe", "quality"),
            *_toml(place, "policy.toml", "[[rule]]\nprobe='nois'\nmetric='x'\nmax=1\nwhy='w'\n", "--policy"),
        ],
        "did you mean 'noise'",
    ),
    "several checkpoints": (
        lambda place: ["run", "--model", str(place / "ckpt"), "--config", str(empty_config(place)), "--quiet"],
        "--candidate",
    ),
    "unknown candidate": (
        lambda place: [
            "run",
            "--model",
            str(place / "ckpt"),
            "--config",
            str(empty_config(place)),
            "--candidate",
            "fmg",
        ],
        "did you mean 'fgm'",
    ),
    "changed data": (_changed, "has changed since training"),
    "a domain without a name": (lambda place: foreign(place, "--domain", "far.csv"), "NAME=FILE"),
    "no budget": (lambda place: foreign(place, "--budget", "0"), "--budget 0: must be at least 1"),
    "no such device": (lambda place: foreign(place, "--data", str(place / "test.csv"), "--device", "cuda:7"), "device"),
    "not results": (lambda place: ["gate", str(place / "base")], "no results.json"),
    "newer results": (_newer, "upgrade auditor"),
    "a folder in the way": (lambda place: [*foreign(place)[:-1], str(place)], "other files"),
    "init over a file": (lambda place: ["init", "--out", str(place / "audit.toml")], "exists already"),
    "an audit into a folder of somebody's": (_others, "other files"),
    "an audit into the current folder": (lambda place: [*foreign(place)[:-1], "."], "current folder"),
    "an audit below a file": (
        lambda place: [*foreign(place)[:-1], str(place / "audit.toml" / "x")],
        "audit.toml is not a folder",
    ),
    "training below a file": (
        lambda place: ["train", "--config", str(place / "audit.toml"), "--out", str(place / "audit.toml" / "x")],
        "audit.toml is not a folder",
    ),
    "training over its own base": (_over_its_base, "would replace its own base"),
    "a seed below 0": (lambda place: foreign(place, "--seed", "-1"), "--seed -1: must be a whole number from 0"),
    "a seed too large": (
        lambda place: ["train", "--config", str(place / "audit.toml"), "--seed", str(2**64)],
        "must be a whole number from 0",
    ),
    "a domain of a reserved name": (lambda place: foreign(place, "--domain", "test=x.csv"), "the name is taken"),
    "settings of an unknown recipe": (
        lambda place: _trained(place, "recipe.toml", "[training.recipe.fgn]\nepsilon = 1.0\n"),
        "did you mean 'fgm'",
    ),
    "patience without validation": (
        lambda place: _trained(place, "patience.toml", "", patience="patience = 1\n"),
        "patience needs validation rows",
    ),
    "a page over a data file": (
        lambda place: ["report", str(place / "audit"), "--out", str(place / "test.csv")],
        "is not a page",
    ),
    "results of schema 0": (_nobodys, "schema 0 does not exist"),
    "results nested too deep": (_deep, "nests tables or lists more than 64 deep"),
    "a probe file that exits": (_exits, "does not import: SystemExit"),
    "a domain given twice": (lambda place: foreign(place, "--domain", "a=x.csv", "--domain", "a=y.csv"), "given twice"),
    "a slice without a file": (lambda place: foreign(place, "--slice", "2025"), "(--slice 2025=2025.csv)"),
    "a slice of a reserved name": (lambda place: foreign(place, "--slice", "train=x.csv"), "--slice train=x.csv: the"),
    "a slice given twice": (
        lambda place: foreign(place, "--slice", "a=x.csv", "--slice", "a=y.csv"),
        "--slice a is given twice (a slice has one file)",
    ),
    "a slice that is a domain": (
        lambda place: foreign(
            place,
            *("--data", str(place / "test.csv"), "--domain", f"far={place / 'far.csv'}"),
            *("--slice", f"far={place / 'later.csv'}"),
        ),
        "'far' names a domain and a slice (give one of them another name)",
    ),
    "no examples": (
        lambda place: [
            *foreign(place, "--data", str(place / "test.csv")),
            *_toml(place, "zero.toml", "[probes.quality]\nexamples = 0\n", "--config"),
        ],
        "at least 1",
    ),
    "an unknown bias axis": (
        lambda place: [
            *foreign(place, "--data", str(place / "test.csv")),
            *_toml(place, "axis.toml", "[probes.bias]\naxes = ['gendre']\n", "--config"),
        ],
        "axis.toml: [probes.bias]: no axis is called 'gendre'",
    ),
    "a limit in percent": (
        lambda place: [
            *foreign(place, "--data", str(place / "test.csv"), "--probe", "quality"),
            *_toml(
                place, "percent.toml", "[[rule]]\nprobe='quality'\nmetric='accuracy'\nmax=10\nwhy='w'\n", "--policy"
            ),
        ],
        "ten percent are 0.1",
    ),
    "a base that is none": (
        lambda place: foreign(place, "--data", str(place / "test.csv"), "--base", str(place / "audit")),
        "not a pretrained model",
    ),
    "rows without their columns": (_strange_rows, "has no column"),
    "rows of another audit": (_rows_of_another, "has no rows for"),
    "a candidate without records": (_no_candidate, "no record of the candidate"),
    "no config to train by": (lambda place: ["train", "--config", str(place / "none.toml")], "no such config"),
    "a data file that is not there": (
        lambda place: foreign(place, "--data", str(place / "tset.csv")),
        "tset.csv: no such file (did you mean 'test.csv'?)",
    ),
    "a data file like none that is there": (
        lambda place: foreign(place, "--data", str(place / "unlike.anything")),
        "unlike.anything: no such file\n",
    ),
    **{
        f"a {name} file of the config that is not there": (
            lambda place, table=table: [
                *foreign(place),
                *_toml(place, "missing.toml", f"[data]\n{table}\n", "--config"),
            ],
            hint,
        )
        for name, table, hint in (
            ("test", "test = 'sub/test.csv'", "test.csv: no such file (paths in audit.toml are relative to that file)"),
            ("similar test", "test = 'tset.csv'", "tset.csv: no such file (did you mean 'test.csv'?)"),
            (
                "domain",
                "test = 'test.csv'\ndomains = { far = 'sub/far.csv' }",
                "far.csv: no such file (paths in audit.toml are relative to that file)",
            ),
            (
                "labels",
                "test = 'test.csv'\nlabels_files = { test = 'sub/labels.txt' }",
                "labels.txt: no such file (paths in audit.toml are relative to that file)",
            ),
        )
    },
    "a training file that is not there": (
        lambda place: _toml(
            place, "lost.toml", "[data]\ntrain = 'sub/train.csv'\n[training]\nbase = 'base'\n", "train", "--config"
        ),
        "train.csv: no such file (paths in audit.toml are relative to that file)",
    ),
    "nothing to train on": (lambda place: ["train", "--config", str(empty_config(place))], "no training data"),
}


@pytest.mark.parametrize("mistake", list(MISTAKES))
def test_a_mistake_is_one_clear_line_and_exit_2(mistake: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, words = MISTAKES[mistake]
    before = {file.name for file in place.iterdir()}
    arguments = make(place)
    capsys.readouterr()
    assert main(arguments) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert words in f"{lines[0]}\n"
    assert "Traceback" not in lines[0]
    left = {file.name for file in place.iterdir()} - before
    assert not any(name.startswith(".") or name == "no" for name in left), left


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (OSError(28, "No space left on device"), 2)])
def test_an_interruption_or_a_full_disk_leaves_no_folder(
    error: BaseException, code: int, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: Any) -> Iterator[Any]:
        raise error

    monkeypatch.setattr(designs, "run", stop)
    assert audit(place, "interrupted") == code
    assert not (place / "interrupted").exists()
    assert not list(place.glob(".interrupted*"))
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_what_the_config_names_holds_beside_the_data_of_the_command_line(place: Path) -> None:
    # The training rows of audit.toml still keep leaked rows out: half of these were trained on.
    rows = (place / "train.csv").read_text(encoding="utf-8").splitlines()[:13]
    rows += (place / "test.csv").read_text(encoding="utf-8").splitlines()[1:13]
    (place / "half.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert audit(place, "layers", "--data", str(place / "half.csv")) in (1, 3)
    found = {one["name"]: one for one in results.load(place / "layers")["data"]}
    assert list(found) == ["home", "far", "later", "train", "validation"]
    # Words that the tiny vocabulary lacks look alike to the model, so that more than the twelve may be left out.
    assert found["home"]["path"] == "half.csv"
    assert found["home"]["leaked"] >= 12
    assert found["home"]["used"] == 24 - found["home"]["leaked"]


def test_a_checkpoint_far_from_its_base_and_training_data_can_be_audited(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "ckpt" / "standard", tmp_path / "deep" / "standard")
    shutil.copy(place / "test.csv", tmp_path / "test.csv")
    words = ["run", "--model", str(tmp_path / "deep"), "--config", str(empty_config(place)), "--quiet"]
    words += ["--out", str(tmp_path / "out"), "--probe", "quality", "--probe", "low_resource"]
    assert main([*words, "--data", str(tmp_path / "test.csv")]) in (1, 3)
    found = results.load(tmp_path / "out")
    assert [one["name"] for one in found["data"]] == ["home"]
    reasons = {record["probe"]: record["reason"] for record in found["records"]}
    assert reasons["low_resource"] == "no base model known to retrain from (training.json or --base)"
    assert main(words) == 2, "without --data the recorded files are needed"


def test_a_time_slice_of_the_training_is_one_of_the_audit_too(place: Path) -> None:
    words = ["run", "--model", str(place / "ckpt" / "standard"), "--config", str(empty_config(place)), "--quiet"]
    assert main([*words, "--out", str(place / "later"), "--probe", "drift", "--budget", "12"]) in (1, 3)
    found = results.load(place / "later")
    kinds = {one["name"]: one.get("kind") for one in found["data"]}
    assert kinds == {"home": None, "far": None, "later": "time slice", "train": None, "validation": None}
    (drift,) = (one for one in found["records"] if one["probe"] == "drift")
    assert {one["slice"]["period"] for one in drift["measurements"]} == {"test", "later"}
    assert "later (time slice)" in (place / "later" / "scorecard.html").read_text(encoding="utf-8")


def test_results_hold_no_absolute_path(place: Path) -> None:
    config = (place / "audit.toml").read_text(encoding="utf-8").replace('"far.csv"', f'"{place}/far.csv"')
    (place / "absolute.toml").write_text(config, encoding="utf-8")
    assert audit(place, "placed", "--config", str(place / "absolute.toml")) in (1, 3)
    content = (place / "placed" / "results.json").read_text(encoding="utf-8")
    assert str(place) not in content
    assert json.loads(content)["config"]["data"]["domains"] == {"far": "far.csv"}


SLEEPER = """
import time
from dataclasses import dataclass
from auditor.types import ProbeDefaults

@dataclass(frozen=True)
class Settings:
    pass

class Sleeper(ProbeDefaults):
    name, limitation, settings = "sleeper", "noise", Settings()
    def metrics(self, task):
        return ()
    def cases(self, audit):
        time.sleep(60)
        yield from ()

PROBE = Sleeper()
"""


def test_ctrl_c_ends_an_audit_with_one_line_and_leaves_nothing(place: Path) -> None:
    (place / "sleeper.py").write_text(SLEEPER, encoding="utf-8")
    arguments = ["run", "--config", "audit.toml", "--model", "ckpt", "--out", "stopped", "--probe", "quality"]
    command = [sys.executable, "-m", "auditor.cli.main", *arguments, "--probe", "./sleeper.py"]
    with subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "sleeper: " in line:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read().splitlines()
        assert process.wait(timeout=60) == 130
    assert rest == ["audit run: interrupted; no results were written; run the same command to continue"]
    assert not [one for one in place.iterdir() if "stopped" in one.name]


SWALLOWING = """
import sys, time
try:
    print("waiting", file=sys.stderr, flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    AFTER
"""


@pytest.mark.parametrize("after", ["raise ImportError('of a library') from None", "pass"], ids=["renamed", "swallowed"])
def test_ctrl_c_that_a_library_makes_something_else_of_still_ends_the_audit(place: Path, after: str) -> None:
    file = place / "swallowing.py"
    file.write_text(SWALLOWING.replace("AFTER", after) + SLEEPER.replace("time.sleep(60)", "pass"), encoding="utf-8")
    command = [sys.executable, "-m", "auditor.cli.main", "run", "--config", "audit.toml", "--model", "ckpt"]
    command += ["--out", "stopped", "--probe", "quality", "--probe", "./swallowing.py"]
    with subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read().splitlines()
        assert process.wait(timeout=60) == 130
    assert rest == ["audit run: interrupted; no results were written; run the same command to continue"]
    assert not [one for one in place.iterdir() if "stopped" in one.name]


def test_a_bug_keeps_its_traceback_and_never_has_the_exit_code_of_a_held_model(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def bug(*_: Any) -> Any:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("auditor.verdicts.gate.decide", bug)
    assert main(["gate", str(place / "audit")]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rum"], "audit: argument command: invalid choice: 'rum'"),
        (["rum"], "did you mean 'run'?"),
        (["run"], "audit run: the following arguments are required: --model (see audit run --help)"),
        (["run", "--model", "m", "--budget", "x"], "invalid int value: 'x'"),
        (["run", "--model", "m", "--backend", "onxx"], "did you mean 'onnx'?"),
        (["run", "--model", ""], "argument --model: the path is empty"),
    ],
)
def test_wrong_arguments_are_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    said = capsys.readouterr().err
    assert caught.value.code == 2
    assert len(said.splitlines()) == 1
    assert words in said


def test_with_json_standard_output_is_the_decision_alone_and_a_crash_is_named(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loud = SLEEPER.replace("import time", "import time\nprint('hello')").replace(
        "time.sleep(60)", "raise ValueError('no')"
    )
    (place / "loud.py").write_text(loud, encoding="utf-8")
    assert audit(place, "loud", "--json", "--probe", str(place / "loud.py")) == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["exit_code"] == 2
    assert "hello" in said.err
    assert "errors.log" in said.err
    assert "ValueError: no" in (place / "loud" / "errors.log").read_text(encoding="utf-8")
    assert main(["gate", str(place / "loud" / "results.json")]) == 2
    assert "probe sleeper crashed: ValueError: no" in capsys.readouterr().out


def test_the_list_of_probes_says_what_can_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probes"]) == 0
    assert '[probes.noise]: examples = 200; severities = {"low" = 0.1' in capsys.readouterr().out


def test_a_page_is_written_where_it_is_wanted(place: Path) -> None:
    for _ in range(2):
        assert main(["report", str(place / "audit"), "--out", str(place / "pages" / "page.html")]) == 0
    assert (place / "pages" / "page.html").is_file()


def test_a_reader_that_leaves_early_gets_no_complaint() -> None:
    command = f"{sys.executable} -m auditor.cli.main probes | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("command", [["probes"], ["probes", "--json"], ["resources"], ["resources", "--json"]])
def test_the_listings_print(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 0
    said = capsys.readouterr().out
    assert ("quality" if command[0] == "probes" else "stop") in said.lower()
    if "--json" in command:
        assert json.loads(said)


def test_init_writes_a_config_that_loads(tmp_path: Path) -> None:
    from auditor import config

    assert main(["init", "--out", str(tmp_path / "new" / "audit.toml")]) == 0
    assert config.load(tmp_path / "new" / "audit.toml").seed == 0


def test_no_command_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "exit codes" in capsys.readouterr().out
