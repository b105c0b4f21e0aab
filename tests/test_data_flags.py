"""Flags about data files, from the command line to the results, and back from a checkpoint's own record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny_checkpoint

from auditor import config as configs
from auditor.cli import data_flags
from auditor.cli.arguments import parser
from auditor.cli.main import main
from auditor.config import Config
from auditor.errors import UsageError
from auditor.models.options import LoadOptions
from auditor.training import record
from auditor.types import Classify

TEXTS = ("good film", "bad film", "great plot", "awful plot")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint, and files of four rows in several shapes."""
    folder = tmp_path_factory.mktemp("flags")
    tiny_checkpoint(folder / "model")
    files = {
        "headless.csv": "".join(f"{text},{place % 2}\n" for place, text in enumerate(TEXTS)),
        "named.tsv": "body\tmood\twho\n" + "".join(f"{text}\t{5 - n % 2}\t{n // 2}\n" for n, text in enumerate(TEXTS)),
        "texts.txt": "".join(f"{text}\n" for text in TEXTS),
        "labels.txt": "0\n1\n0\n1\n",
        "messy.csv": "text,label\ngood film,Positive\ngood plot,POSITIVE\nbad film,negative\n",
        "empty.toml": "seed = 1\n",
    }
    for name, content in files.items():
        (folder / name).write_text(content, "utf-8")
    return folder


def run(place: Path, *flags: str) -> int:
    fixed = ["run", "--model", str(place / "model"), "--config", str(place / "empty.toml"), "--probe", "quality"]
    return main([*fixed, "--out", str(place / "out"), *flags])


def home(place: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((place / "out" / "results.json").read_text("utf-8"))["data"][0]
    return facts


def line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


def test_a_file_without_a_header_is_audited_with_the_flag_that_its_refusal_names(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(place, "--data", str(place / "headless.csv")) == 2
    assert "its first row looks like data: --no-header" in line(capsys)
    assert run(place, "--data", str(place / "headless.csv"), "--no-header") in (1, 3)
    said = line(capsys).splitlines()
    note = "without a header, column 1 is the text and column 2 the label"
    assert (
        said[0]
        == f"labels are matched to the model's: home (headless.csv) by position: 0 = negative, 1 = positive; {note}"
    )
    reading = {"column": "column 2", "by": "position", "labels": {"0": "negative", "1": "positive"}, "note": note}
    assert (home(place)["rows"], home(place)["reading"]) == (4, reading)


def test_columns_and_labels_are_named_on_the_command_line(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = ["--text-column", "body", "--label-column", "mood", "--group-column", "who"]
    assert run(place, "--data", str(place / "named.tsv"), *columns) == 2
    assert 'labels = { "4" = "negative", "5" = "positive" }' in line(capsys)
    assert run(place, "--data", str(place / "named.tsv"), *columns, "--labels", "5=negative, 4=positive") in (1, 3)
    assert line(capsys).startswith(
        "labels are matched to the model's: home (named.tsv) by mapping: 4 = positive, 5 = negative\n"
    )
    found = json.loads((place / "out" / "results.json").read_text("utf-8"))
    (accuracy,) = (one for one in found["records"][0]["measurements"] if one["metric"] == "accuracy")
    assert (accuracy["n_cases"], accuracy["n_clusters"]) == (4, 2)
    assert found["config"]["data"]["labels"] == {"5": "negative", "4": "positive"}


def test_texts_and_labels_side_by_side_are_audited(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(place, "--data", str(place / "texts.txt")) == 2
    assert "one text per line needs --labels-file" in line(capsys)
    files = ["--data", str(place / "texts.txt"), "--labels-file", str(place / "labels.txt")]
    assert run(place, *files) in (1, 3)
    assert home(place)["labels_path"] == "labels.txt"
    assert home(place)["used"] == 4
    assert not any(str(place) in str(value) for value in home(place).values())
    assert run(place, "--data", str(place / "texts.txt"), "--labels-file", str(place / "headless.csv"), "--quiet") == 2


@pytest.mark.parametrize("config", [True, False], ids=["a config elsewhere", "no config"])
def test_a_file_of_labels_is_named_as_the_user_wrote_it(
    config: bool, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    (place / "inner").mkdir(exist_ok=True)
    (place / "inner" / "audit.toml").write_text('[data]\ntest = "x.txt"\nlabels_files = { test = "y.txt" }\n', "utf-8")
    (place / "inner" / "short.txt").write_text("0\n1\n", "utf-8")
    (place / "inner" / "wrong.txt").write_text("0\n1\n0\nmany\n", "utf-8")
    given = ["--config", "inner/audit.toml"] if config else []
    for name, words in (
        ("inner/../none.txt", "inner/../none.txt: no such file"),
        ("inner/short.txt", "texts.txt has 4 lines and inner/short.txt 2"),
        ("inner/wrong.txt", "inner/wrong.txt: row 1, column 'label'"),
    ):
        assert run(place, "--data", "texts.txt", "--labels-file", name, *given, "--quiet") == 2
        said = line(capsys)
        assert words in said
        assert str(place) not in said


def test_case_is_ignored_when_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(place, "--data", str(place / "messy.csv")) == 2
    assert "--ignore-case makes them one label" in line(capsys)
    assert run(place, "--data", str(place / "messy.csv"), "--ignore-case", "--quiet") in (1, 3)
    assert line(capsys) == ""
    assert home(place)["reading"]["by"] == "name in another case"


def test_swapped_labels_are_doubted_at_the_end_and_in_the_results(
    place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from auditor.models import hugging_face

    rows = [f"{word} {word} film number {n}" for n in range(40) for word in ("good", "bad")]
    model = hugging_face.load(place / "model", LoadOptions(device="cpu"), name="model")
    answers = [one.index(max(one)) for one in map(list, model.run(model.encode([Classify((row,)) for row in rows])))]
    # Every label is what the model does not say.
    content = "".join(f"{row},{1 - answer}\n" for row, answer in zip(rows, answers, strict=True))
    (tmp_path / "test.csv").write_text("text,label\n" + content, "utf-8")
    assert run(place, "--data", str(tmp_path / "test.csv")) in (1, 3)
    said = next(one for one in line(capsys).splitlines() if one.startswith("labels swapped?"))
    assert said.startswith("labels swapped? The model is right on 0 of 80 rows, and the same answer to every text on ")
    assert "; labels are matched to the model's: home (test.csv) by position: " in said
    assert home(place)["doubt"] == said.split("; labels are ")[0]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--labels", "0"], "--labels 0: '0' is not LABEL=LABEL"),
        (["--labels", "0=a,1="], "--labels 0=a,1=: '1=' is not LABEL=LABEL"),
        (["--labels", "0=a,0=b"], "--labels 0=a,0=b: '0' is mapped twice"),
        (["--labels", ""], "'' is not LABEL=LABEL"),
        (["--text-column", " "], "--text-column is empty"),
        (["--label-column", ""], "--label-column is empty"),
        (["--labels-file", "labels.txt"], "--labels-file labels.txt: there are no texts for these labels"),
    ],
)
def test_a_flag_that_cannot_be_is_one_line(flags: list[str], words: str) -> None:
    options = parser().parse_args(["run", "--model", "x", *flags])
    with pytest.raises(UsageError) as caught:
        data_flags.applied(Config(), options)
    assert words in caught.value.line


def test_flags_win_over_the_config_and_leave_the_rest_of_it(tmp_path: Path) -> None:
    (tmp_path / "audit.toml").write_text(
        '[data]\ntest = "texts.txt"\ntext_column = "a"\nrepair = true\nlabels = { x = "y" }\n'
        'labels_files = { test = "labels.txt", train = "t.txt" }\n',
        "utf-8",
    )
    config = configs.load(tmp_path / "audit.toml")
    assert data_flags.applied(config, parser().parse_args(["run", "--model", "x"])) == config
    given = ["--text-column", "b", "--labels", "0=no", "--ignore-case", "--no-header", "--labels-file", "mine.txt"]
    data = data_flags.applied(config, parser().parse_args(["run", "--model", "x", *given])).data
    assert (data.text_column, data.labels, data.ignore_case, data.header) == ("b", {"0": "no"}, True, False)
    assert (data.repair, data.test) == (True, Path("texts.txt"))
    assert data.labels_files == {"train": Path("t.txt")}
    # Another file of data has other labels than the config's.
    data = data_flags.applied(config, parser().parse_args(["run", "--model", "x", "--data", "new.csv"])).data
    assert data.labels_files == {"train": Path("t.txt")}
    assert configs.labels_files(config) == {"test": tmp_path / "labels.txt", "train": tmp_path / "t.txt"}


def test_a_checkpoint_remembers_how_its_files_were_read(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_checkpoint(tmp_path / "base", head=False)
    for name in ("texts.txt", "labels.txt"):
        (tmp_path / name).write_bytes((place / name).read_bytes())
    (tmp_path / "test.csv").write_text("a good film,YES\na bad film,no\na great film,yes\n", "utf-8")
    (tmp_path / "audit.toml").write_text(
        '[data]\ntrain = "texts.txt"\ntest = "test.csv"\nlabels_files = { train = "labels.txt" }\n'
        '[training]\nbase = "base"\nepochs = 1\nbatch_size = 2\nmax_length = 32\n',
        "utf-8",
    )
    told = ["--no-header", "--ignore-case", "--config", str(tmp_path / "audit.toml")]
    assert main(["train", *told, "--labels", "0=yes,1=no"]) == 0
    note = "without a header, column 1 is the text and column 2 the label"
    by_case = f"by name in another case: YES = yes, no = no, yes = yes; {note}"
    said = f"labels: test {by_case}; train by mapping: 0 = yes, 1 = no, 0 s"
    assert said in line(capsys).splitlines()
    made = tmp_path / "ckpt" / "standard"
    kept = record.read(made)
    assert kept is not None
    assert (kept.ignore_case, kept.header, set(kept.labels)) == (True, False, {"yes", "no"})
    assert kept.data["train"]["labels_path"] == "../../labels.txt"
    # Without a word about its files.
    empty = str(place / "empty.toml")
    again = ["run", "--model", str(made), "--config", empty, "--out", str(tmp_path / "out"), "--probe", "quality"]
    assert main(again) in (1, 3)
    said = (
        f"labels are matched to the model's: home (test.csv) {by_case}; train (texts.txt) by mapping: 0 = yes, 1 = no"
    )
    assert line(capsys).splitlines()[0] == said
    found = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))["data"]
    assert [(one["name"], one["rows"]) for one in found] == [("home", 3), ("train", 4)]
    (tmp_path / "labels.txt").write_text("1\n0\n1\n0\n", "utf-8")
    assert main(again) == 2
    assert "the train data has changed since training" in line(capsys)
