"""The Python API: rows and models in memory give the numbers of the commands on files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import pages
import pandas as pd
import pytest
from fakes import reviews
from tiny import WORDS, tiny_checkpoint

import auditor
from auditor import config as configs
from auditor import results, tasks
from auditor.api import arguments
from auditor.cli.main import main
from auditor.errors import AuditError, ConfigError, DataError, ModelError, PolicyError, ResultsError, UsageError
from auditor.models import in_memory

LABELS = ("negative", "positive")
TAGS = ("O", "B-PER", "I-PER")
Row = dict[str, Any]


def texts(n: int, end: str) -> list[Row]:
    return [{"text": f"{row.inputs['text']} {end}", "label": row.gold} for row in reviews(n)]


def sentences(n: int, end: str) -> list[Row]:
    words = [["it", "was", WORDS[at % 15], "ann", "lee", "and", f"{end}{at}"] for at in range(n)]
    return [{"tokens": one, "ner_tags": ["O", "O", "O", "B-PER", "I-PER", "O", "O"]} for one in words]


def written(rows: Sequence[Row], file: Path) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def token_checkpoint(folder: Path) -> Path:
    import torch
    from transformers import BertConfig, BertForTokenClassification

    tiny_checkpoint(folder, TAGS)
    config = BertConfig.from_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertForTokenClassification(config)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of both tasks, and rows of both in files."""
    folder = tmp_path_factory.mktemp("api")
    tiny_checkpoint(folder / "texts", LABELS)
    token_checkpoint(folder / "words")
    for name, n in (("train", 20), ("test", 24), ("far", 24), ("b", 24), ("a", 40)):
        written(texts(n, name), folder / f"{name}.jsonl")
        written(sentences(n, name), folder / f"{name}-words.jsonl")
    return folder


def in_memory_model(folder: Path, words: bool = False) -> tuple[Any, Any]:
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer

    auto: Any = AutoModelForTokenClassification if words else AutoModelForSequenceClassification
    return auto.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def by_command(place: Path, out: Path, model: str, end: str, probes: Sequence[str], *more: str) -> auditor.Results:
    """The results of ``audit run`` on files."""
    words = ["run", "--model", str(place / model), "--data", str(place / f"test{end}.jsonl"), "--out", str(out)]
    words += ["--train", str(place / f"train{end}.jsonl"), "--domain", f"far={place / f'far{end}.jsonl'}", "--quiet"]
    words += [word for name in ("b", "a") for word in ("--slice", f"{name}={place / f'{name}{end}.jsonl'}")]
    assert main([*words, *(word for name in probes for word in ("--probe", name)), *more]) in (1, 3)
    return auditor.load(out)


def measured(found: auditor.Results) -> list[Row]:
    """What results.json says of every probe, without the model's name."""
    return [{key: value for key, value in record.items() if key != "model"} for record in found.content["records"]]


def numbers(found: auditor.Results) -> list[Row]:
    """All measurements, without the model's name."""
    frame = found.frame().drop(columns="model")
    return [
        {str(key): value for key, value in row.items()}
        for row in frame.astype(object).where(frame.notna(), None).to_dict("records")
    ]


OF_TEXTS = ("quality", "domain_shift", "drift", "noise", "bias", "adversarial")
OF_WORDS = ("quality", "domain_shift", "drift", "noise", "entity_bias")


@pytest.fixture(scope="module")
def expected(place: Path, tmp_path_factory: pytest.TempPathFactory) -> auditor.Results:
    out = tmp_path_factory.mktemp("command") / "audit"
    return by_command(place, out, "texts", "", OF_TEXTS, "--budget", "8")


def test_a_dataset_and_a_model_in_memory_get_the_numbers_of_files(
    place: Path, expected: auditor.Results, capfd: pytest.CaptureFixture[str]
) -> None:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=list(LABELS))})
    rows = [{**row, "label": LABELS.index(row["label"])} for row in texts(24, "test")]
    module, tokenizer = in_memory_model(place / "texts")
    module.train()
    before = set(Path.cwd().iterdir())
    capfd.readouterr()
    found = auditor.audit(
        (module, tokenizer),
        datasets.Dataset.from_list(rows, features=features),
        train=texts(20, "train"),
        domains={"far": pd.DataFrame(texts(24, "far"))},
        slices={"b": texts(24, "b"), "a": pd.DataFrame(texts(40, "a"))},
        probes=OF_TEXTS,
        budget=8,
    )
    assert capfd.readouterr() == ("", "")
    assert set(Path.cwd().iterdir()) == before
    assert measured(found) == measured(expected)
    assert {record.probe for record in found.records if record.measurements} == set(OF_TEXTS)
    assert len(found.frame()) == len(expected.frame()) > 100
    assert module.training
    assert found.decision.headline == expected.decision.headline
    assert found.content["data"][0]["path"] == "datasets.Dataset in memory"
    assert found.content["data"][0]["reading"]["by"] == "class name"
    assert [(one["name"], one["path"], one.get("kind")) for one in found.content["data"]][1:] == [
        ("far", "pandas DataFrame in memory", None),
        ("b", "list of dicts in memory", "time slice"),
        ("a", "pandas DataFrame in memory", "time slice"),
        ("train", "list of dicts in memory", None),
    ]
    (drift,) = (record for record in found.records if record.probe == "drift")
    drops = [each.slice["period"] for each in drift.measurements if each.metric == "drop_against_first_period"]
    assert drops == ["b", "a"]
    assert found.content["models"][0]["path"] == "BertForSequenceClassification in memory"
    assert f"model: {in_memory.NOT_RELOADED}" in found.notes


def test_words_and_their_tags_in_memory_get_the_numbers_of_files(place: Path, tmp_path: Path) -> None:
    wanted = by_command(place, tmp_path / "audit", "words", "-words", OF_WORDS)
    tags = datasets.Sequence(datasets.ClassLabel(names=["B-PER", "I-PER", "O"]))
    features = datasets.Features({"tokens": datasets.Sequence(datasets.Value("string")), "ner_tags": tags})
    splits = datasets.DatasetDict(
        {
            name: datasets.Dataset.from_list(
                [{**row, "ner_tags": [("B-PER", "I-PER", "O").index(tag) for tag in row["ner_tags"]]} for row in rows],
                features=features,
            )
            for name, rows in (("test", sentences(24, "test")), ("train", sentences(20, "train")))
        }
    )
    model = in_memory_model(place / "words", words=True)
    slices = {name: sentences(n, name) for name, n in (("b", 24), ("a", 40))}
    found = auditor.audit(model, splits, domains={"far": sentences(24, "far")}, slices=slices, probes=OF_WORDS)
    assert found.content["task"] == wanted.content["task"]
    assert measured(found) == measured(wanted)
    assert {record.probe for record in found.records if record.measurements} == set(OF_WORDS)


def as_frame(rows: list[Row]) -> Any:
    return pd.DataFrame(rows)


def as_typed_frame(rows: list[Row]) -> Any:
    """As pandas reads a file with a gap: strings of its own, categories, a missing text."""
    frame = pd.DataFrame([*rows, {"text": pd.NA, "label": "positive"}], index=range(7, len(rows) + 8))
    return frame.astype({"text": "string", "label": "category"})


def as_numbered_frame(rows: list[Row]) -> Any:
    return pd.DataFrame([{**row, "label": float(LABELS.index(row["label"]))} for row in rows])


def as_dicts(rows: list[Row]) -> Any:
    return rows


def as_dataset(rows: list[Row]) -> Any:
    return datasets.Dataset.from_list([{"text": "", "label": ""}, *rows]).select(range(1, len(rows) + 1))


def as_splits(rows: list[Row]) -> Any:
    return datasets.DatasetDict({"test": datasets.Dataset.from_list(rows)})


@pytest.mark.parametrize(
    "given",
    [as_frame, as_typed_frame, as_numbered_frame, as_dicts, as_dataset, as_splits],
    ids=lambda one: one.__name__,
)
def test_every_kind_of_rows_gets_the_same_numbers(
    place: Path, expected: auditor.Results, given: Callable[[list[Row]], Any]
) -> None:
    rows = texts(24, "test")
    found = auditor.audit(place / "texts", given(rows), train=place / "train.jsonl", probes="quality", budget=8)
    assert [row for row in measured(found) if row["probe"] == "quality"] == [
        row for row in measured(expected) if row["probe"] == "quality"
    ]
    assert found.content["data"][0]["used"] == 24


def test_pipelines_are_audited_by_their_model(place: Path, expected: auditor.Results) -> None:
    import transformers

    model, tokenizer = in_memory_model(place / "texts")
    pipeline: Any = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer)
    found = auditor.audit(
        pipeline, place / "test.jsonl", train=str(place / "train.jsonl"), probes=["quality"], budget=8
    )
    assert [row for row in measured(found) if row["probe"] == "quality"] == [
        row for row in measured(expected) if row["probe"] == "quality"
    ]
    model, tokenizer = in_memory_model(place / "words", words=True)
    pipeline = transformers.pipeline("token-classification", model=model, tokenizer=tokenizer)
    assert auditor.audit(pipeline, place / "test-words.jsonl", probes="quality").content["task"]["name"] == "ner"


def test_a_saved_folder_is_judged_and_shown_as_the_results(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    found = auditor.audit("texts", "test.jsonl", train=texts(20, "train"), probes=["quality", "noise"], budget=8)
    folder = found.save(tmp_path / "deep" / "saved")
    assert main(["gate", str(folder), "--json"]) == found.decision.exit_code
    judged = json.loads(capsys.readouterr().out)
    assert judged["headline"] == found.decision.headline
    assert [one["outcome"] for one in judged["verdicts"]] == [one.outcome for one in found.decision.verdicts]
    assert {file.name for file in folder.iterdir()} == results.FILES - {results.ERRORS}
    page = (folder / results.PAGE).read_bytes()
    assert main(["report", str(folder)]) == 0
    assert (folder / results.PAGE).read_bytes() == page
    again = auditor.load(folder)
    assert again.html().encode() == page
    assert numbers(again) == numbers(found)
    # Paths start from the folder that holds the results.
    paths = [one["path"] for one in again.content["data"]] + [one["path"] for one in again.content["models"]]
    assert [path for path in paths if (folder.parent / path).exists()] == [
        Path(os.path.relpath(place / name, folder.parent)).as_posix() for name in ("test.jsonl", "texts")
    ]
    assert paths[1] == "list of dicts in memory"
    near = found.save("saved")
    assert json.loads((near / results.RESULTS).read_text("utf-8")) == found.content
    assert (near / results.PAGE).read_text("utf-8") == found.html()
    with pytest.raises(ResultsError, match="is a folder with other files in it"):
        found.save(place / "texts")


def test_a_folder_named_beforehand_is_that_of_the_command(place: Path, tmp_path: Path) -> None:
    by_command(place, tmp_path / "command", "texts", "", ["quality"], "--budget", "8")
    files: dict[str, Any] = {"train": place / "train.jsonl", "domains": {"far": str(place / "far.jsonl")}}
    files["slices"] = {name: place / f"{name}.jsonl" for name in ("b", "a")}
    auditor.audit(place / "texts", place / "test.jsonl", **files, probes="quality", budget=8, out=tmp_path / "python")
    for name in (results.RESULTS, results.CASES, results.EXAMPLES, results.PAGE):
        assert pages.content(tmp_path / "python" / name) == pages.content(tmp_path / "command" / name), name


def test_the_same_model_in_memory_answers_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from auditor.models.hugging_face import HuggingFaceModel

    def audit() -> auditor.Results:
        return auditor.audit(in_memory_model(place / "texts"), place / "test.jsonl", probes="noise", budget=8)

    first = audit()
    assert len(first.content["models"][0]["fingerprint"]) == 64
    with monkeypatch.context() as patch:
        patch.setattr(HuggingFaceModel, "run", lambda *_: pytest.fail("asked again"))
        assert numbers(audit()) == numbers(first)


def test_what_changes_a_models_answers_changes_its_fingerprint(place: Path) -> None:
    def given() -> in_memory.InMemoryModel:
        return in_memory.InMemoryModel(*in_memory_model(place / "texts"))

    plain = in_memory.fingerprint(given())
    assert in_memory.fingerprint(given()) == plain
    used = given()
    used.tokenizer(["a text that is cut"], truncation=True, max_length=4, padding="max_length")
    assert in_memory.fingerprint(used) == plain
    trained, lower, short = given(), given(), given()
    trained.module.classifier.bias.data[0] += 0.5
    lower.tokenizer.add_tokens(["superb"])
    short.tokenizer.model_max_length = 8
    halves = given()
    halves.module.half()
    others = [in_memory.fingerprint(one) for one in (trained, lower, short, halves)]
    assert len({plain, *others}) == 5
    assert "" not in others
    # What its class does not say cannot be known.
    hooked, replaced = given(), given()
    hooked.module.bert.register_forward_hook(lambda *_: None)
    replaced.module.forward = lambda **_: None
    assert [in_memory.fingerprint(one) for one in (hooked, replaced)] == ["", ""]


def test_answers_of_an_altered_model_are_not_kept(place: Path) -> None:
    model, tokenizer = in_memory_model(place / "texts")
    model.bert.register_forward_hook(lambda *_: None)
    found = auditor.audit((model, tokenizer), place / "test.jsonl", probes="quality", candidate="hooked")
    assert f"hooked: {in_memory.NOT_KEPT}" in found.notes
    assert found.content["models"][0]["fingerprint"] == ""


def test_the_tables_and_the_notebook_show_what_was_found(expected: auditor.Results) -> None:
    frame, verdicts = expected.frame(), expected.verdicts()
    measured = [one for record in expected.records for one in record.measurements]
    assert len(frame) == len(measured)
    assert list(frame.columns[:11]) == [
        *("model", "probe", "metric", "slice", "value", "low", "high", "n_cases", "n_clusters", "status", "method")
    ]
    accuracy = frame[(frame.probe == "quality") & (frame.metric == "accuracy") & (frame.slice == "{}")].iloc[0]
    assert accuracy.low <= accuracy.value <= accuracy.high
    assert json.loads(frame[frame.probe == "noise"].iloc[0]["slice"])["family"] in set(frame.slice_family)
    assert list(verdicts.outcome) == [one.outcome for one in expected.decision.verdicts]
    shown = expected._repr_html_()
    assert len(shown) < 10_000
    assert "<script" not in shown
    assert "<a " not in shown
    assert expected.decision.word in ("hold", "undecided")
    assert expected.decision.headline in shown
    assert repr(expected).startswith("<Results of texts: ")
    assert "\n" not in repr(expected)


def test_the_notebook_escapes_every_text(place: Path) -> None:
    hostile = '<script>alert("x")</script>'
    model = in_memory_model(place / "texts")
    found = auditor.audit(model, place / "test.jsonl", probes="quality", candidate=hostile)
    assert hostile not in found._repr_html_()
    assert "&lt;script&gt;" in found._repr_html_()
    assert hostile not in found.html()


def test_settings_and_arguments_win_over_the_config(place: Path, tmp_path: Path) -> None:
    (tmp_path / "audit.toml").write_text(
        'seed = 3\ncandidate = "standard"\n[data]\ntest = "rows.csv"\nlabel_column = "stars"\n'
        "[audit]\nbudget = 3\nbatch_tokens = 512\n"
        "[probes.quality]\nexamples = 5\n[probes.noise]\nexamples = 4\n",
        encoding="utf-8",
    )
    rows = [{"review": row["text"], "stars": int(row["label"] == "positive")} for row in texts(24, "test")]
    pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False)
    found = auditor.audit(
        in_memory_model(place / "texts"),
        config=tmp_path / "audit.toml",
        columns={"text": "review"},
        labels={0: "negative", 1: "positive"},
        settings={"noise": {"examples": 6}},
        probes=["quality", "noise"],
        budget=12,
        fixed=True,
    )
    config = found.content["config"]
    assert config["seed"] == 3
    assert config["audit"]["design"] == "fixed"
    assert config["audit"]["budget"] == 12
    assert config["audit"]["batch_tokens"] == 512
    assert config["probes"] == {"quality": {"examples": 5}, "noise": {"examples": 6}}
    assert config["data"]["labels"] == {"0": "negative", "1": "positive"}
    assert found.content["data"][0]["used"] == 24
    quality = found.frame().query("probe == 'quality' and metric == 'accuracy'")
    assert list(quality.n_cases) == [5]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fixed": True, "until_decided": True}, "fixed: an audit of fixed size is not drawn until decided"),
        ({"fixed": True, "time_limit": "5m"}, "time_limit: with fixed there is one look, and nothing to stop"),
        ({"time_limit": "soon"}, "time_limit = 'soon' should be a time such as 90s, 10m or 1h"),
    ],
    ids=str,
)
def test_how_much_is_drawn_is_one_thing(given: dict[str, Any], said: str) -> None:
    with pytest.raises(AuditError) as refused:
        auditor.audit("nowhere", **given)
    assert said in refused.value.line.replace('"', "'")


def test_arguments_without_a_key_change_nothing(tmp_path: Path) -> None:
    file = tmp_path / "audit.toml"
    file.write_text('[data.labels]\n1 = "positive"\n[probes.noise]\nexamples = 4\n', encoding="utf-8")
    nothing = {"data": arguments.data_table({}, {}), "audit": {"budget": None}, "probes": {}}
    assert arguments.configured(file, nothing, "x") == configs.load(file)
    no_key = arguments.configured(file, {"probes": {"noise": {}, "quality": {}}}, "x")
    assert no_key.probes == {"noise": {"examples": 4}, "quality": {}}


def test_settings_of_a_misspelled_recipe_are_refused_though_they_are_empty() -> None:
    from auditor.training import grid
    from auditor.training.settings import Settings as Training

    merged = arguments.configured(None, {"training": {"recipe": {"fgmm": {}}}}, "auditor.train")
    with pytest.raises(ConfigError, match="fgmm"):
        grid.runs(merged, tasks.create("text-classification", ("a", "b")), Training())


@pytest.mark.parametrize("keys", ["", "examples = 5"])
def test_a_table_of_a_misspelled_probe_is_refused_in_a_file_too(place: Path, tmp_path: Path, keys: str) -> None:
    (tmp_path / "audit.toml").write_text(f"[probes.noize]\n{keys}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"\[probes\.noize\]: no probe is called 'noize'"):
        auditor.audit(place / "texts", place / "test.jsonl", config=tmp_path / "audit.toml")


def test_a_policy_is_kept_and_another_one_judges_again(place: Path, tmp_path: Path) -> None:
    rule = '[[rule]]\nprobe = "quality"\nmetric = "accuracy"\nmin = {}\nwhy = "as agreed"\n'
    for name, least in (("easy", 0.01), ("hard", 0.999)):
        (tmp_path / f"{name}.toml").write_text(rule.format(least), encoding="utf-8")
    found = auditor.audit(place / "texts", place / "test.jsonl", probes="quality", policy=tmp_path / "easy.toml")
    assert found.decision.word == "release"
    folder = found.save(tmp_path / "saved")
    held = auditor.load(folder, policy=tmp_path / "hard.toml")
    assert (held.decision.word, held.decision.exit_code) == ("hold", 1)
    assert main(["gate", str(held.save(tmp_path / "held")), "--quiet"]) == 1


WRONG: dict[str, tuple[dict[str, Any], type[AuditError], str]] = {
    "no label column": ({"data": [{"text": "good"}]}, DataError, "data: no column is called label or"),
    "unknown label": ({"data": [{"text": "good", "label": "meh"}]}, DataError, "data: row 1"),
    "no rows": ({"data": []}, DataError, "data: is empty"),
    "an empty frame": ({"data": pd.DataFrame({"text": [], "label": []})}, DataError, "data: "),
    "two columns of a name": (
        {"data": pd.DataFrame([["a", "b", "c"]], columns=["text", "label", "text"])},
        DataError,
        "data: 2 columns are called 'text'",
    ),
    "a list in a cell": ({"data": [{"text": ["good"], "label": "positive"}]}, DataError, "data: row 1, column 'text'"),
    "a row that is none": (
        {"data": [{"text": "good", "label": "positive"}, "bad"]},
        DataError,
        "data: row 2: a str is",
    ),
    "a number": ({"data": 3}, DataError, "data: a int holds no rows"),
    "a stream": (
        {"data": datasets.Dataset.from_list([{"text": "good", "label": "positive"}]).to_iterable_dataset()},
        DataError,
        "data: a IterableDataset holds no rows (pass datasets.Dataset.from_list",
    ),
    "no such split": (
        {"data": datasets.DatasetDict({"dev": datasets.Dataset.from_list([{"text": "good", "label": "positive"}])})},
        DataError,
        "data: the DatasetDict has no split 'test'",
    ),
    "splits for one set": (
        {"train": datasets.DatasetDict({"dev": datasets.Dataset.from_list([{"text": "good", "label": "positive"}])})},
        DataError,
        "train: holds several splits",
    ),
    "no file": ({"data": "missing.csv"}, DataError, "missing.csv: no such file"),
    "an empty path": ({"data": ""}, DataError, "data: the path is empty"),
    "no data": ({"data": None}, UsageError, "no data to audit on"),
    "the same rows": ({"data": texts(4, "x"), "train": texts(4, "x")}, UsageError, "data: every audit row occurs in"),
    "a domain's label": (
        {"domains": {"far": [{"text": "good", "label": "meh"}]}},
        DataError,
        "domains['far']: row 1",
    ),
    "a slice's label": (
        {"slices": {"2025": [{"text": "good", "label": "meh"}]}},
        DataError,
        "slices['2025']: row 1",
    ),
    "a slice's name": (
        {"slices": {"home": texts(4, "x")}},
        UsageError,
        "slices: 'home' cannot be a slice's name",
    ),
    "a slice that is a domain": (
        {"slices": {"far": texts(4, "x")}, "domains": {"far": texts(4, "x")}},
        UsageError,
        "'far' names a domain and a slice",
    ),
    "a domain's name": (
        {"domains": {"train": texts(4, "x")}},
        UsageError,
        "domains: 'train' cannot be a domain's name",
    ),
    "an unknown probe": ({"probes": "noize"}, UsageError, "no probe is called 'noize' (did you mean 'noise'?)"),
    "a probe that is no file": (
        {"probes": "qmarks"},
        UsageError,
        "triggers; a probe of your own is named by its file: --probe qmarks.py)",
    ),
    "no probe": ({"probes": []}, UsageError, "probes: is empty"),
    "a setting": ({"settings": {"noise": {"sample": 3}}}, ConfigError, "[probes.noise]: unknown key 'sample'"),
    "another probe's settings": ({"settings": {"x": {"y": 1}}}, ConfigError, "[probes.x]: no probe is called 'x'"),
    "no settings of no probe": (
        {"settings": {"noize": {}}},
        ConfigError,
        "[probes.noize]: no probe is called 'noize' (did you mean 'noise'?)",
    ),
    "a table of nothing": ({"settings": {"noise": {"severities": {}}}}, ConfigError, "severities is empty"),
    "a task's table of nothing": (
        {"task": {"name": "text-classification", "sizes": {}}},
        ConfigError,
        "[task]: unknown key 'sizes'",
    ),
    "a budget": ({"budget": 0}, ConfigError, "auditor.audit: [audit] budget = 0"),
    "a seed": ({"seed": -1}, ConfigError, "auditor.audit: seed = -1"),
    "a policy": ({"policy": "strict.toml"}, PolicyError, "strict.toml: "),
    "a config": ({"config": "other.toml"}, ConfigError, "other.toml: no such config file"),
    "a label of the model": ({"favourable_label": "good"}, ConfigError, "favourable_label = 'good' is no label"),
    "a task": ({"task": "summaries"}, AuditError, "summaries"),
    "a device": ({"device": "tpu"}, ModelError, "unknown device 'tpu'"),
    "a path that is none": ({"model": "no-such-folder"}, ModelError, "no-such-folder: no such path"),
    "an empty path of a model": ({"model": ""}, UsageError, "model: the path is empty"),
    "a model that is none": (
        {"model": 3},
        UsageError,
        "model: is int, not a model that can be audited (a path, (model",
    ),
    "a pair that is none": ({"model": (3, 4)}, UsageError, "model: is (int, int), not a model"),
}


@pytest.mark.parametrize("name", WRONG)
def test_bad_input_is_refused_in_one_line(
    place: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given, kind, message = WRONG[name]
    with pytest.raises(kind) as refused:
        auditor.audit(**{"model": place / "texts", "data": place / "test.jsonl", **given})
    assert message in refused.value.line
    assert "\n" not in refused.value.line
    assert list(tmp_path.iterdir()) == []


def test_models_in_memory_that_do_not_fit_are_refused(place: Path) -> None:
    import torch
    import transformers

    model, tokenizer = in_memory_model(place / "texts")
    bare = transformers.BertModel(model.config)
    regression = transformers.BertForSequenceClassification(
        transformers.BertConfig(hidden_size=16, num_attention_heads=2, id2label={0: "score"})
    )
    slow = in_memory_model(place / "words", words=True)[0]
    data = place / "test.jsonl"
    refused: list[tuple[Any, dict[str, Any], str]] = [
        (model, {}, "model: a BertForSequenceClassification without its tokenizer ((model, tokenizer))"),
        ((tokenizer, model), {}, "not a model that can be audited"),
        ((model, "bert"), {}, "without its tokenizer"),
        ((bare, tokenizer), {}, "model: is a BertModel, not a ...ForSequenceClassification (it has no classification"),
        ((regression, tokenizer), {"task": "text-classification"}, "does not choose one of two or more labels"),
        ((model, tokenizer), {"task": "ner"}, "model: is a BertForSequenceClassification, not a ...ForTokenClass"),
        ((slow, tokenizer), {"task": "text-classification"}, "is a BertForTokenClassification"),
        ((model, tokenizer), {"device": "cuda:0,cuda:1"}, "is on one device"),
        (torch.nn.Linear(2, 2), {}, "model: is Linear, not a model that can be audited"),
    ]
    for given, more, message in refused:
        with pytest.raises(AuditError) as error:
            auditor.audit(given, data, **more)
        assert message in error.value.line
    pipeline = transformers.pipeline("feature-extraction", model=bare, tokenizer=tokenizer)
    with pytest.raises(UsageError, match="a pipeline for feature-extraction cannot be audited"):
        auditor.audit(pipeline, data)


@pytest.mark.parametrize("section", ['backend = "onnx"', 'precision = "bf16"'])
def test_what_would_change_a_model_in_memory_is_refused(place: Path, tmp_path: Path, section: str) -> None:
    (tmp_path / "audit.toml").write_text(f"[audit]\n{section}\n", encoding="utf-8")
    with pytest.raises(AuditError) as refused:
        auditor.audit(in_memory_model(place / "texts"), place / "test.jsonl", config=tmp_path / "audit.toml")
    assert "save it, and audit the folder" in refused.value.line or "pip install" in refused.value.line


def test_training_on_rows_in_memory_is_that_on_files(tmp_path: Path) -> None:
    tiny_checkpoint(tmp_path / "base", head=False)
    settings = {"epochs": 1, "learning_rate": 1e-3, "max_length": 32}
    rows = {"train": texts(20, "train"), "validation": texts(16, "dev")}
    splits = datasets.DatasetDict({name: datasets.Dataset.from_list(one) for name, one in rows.items()})
    given = auditor.train(
        tmp_path / "base", splits, settings=settings, out=tmp_path / "given", recipes=["standard", "fgm"]
    )
    assert [one.folder.name for one in given] == ["standard", "fgm"]
    for name, one in rows.items():
        written(one, tmp_path / f"{name}.jsonl")
    (tmp_path / "audit.toml").write_text(
        '[data]\ntrain = "train.jsonl"\nvalidation = "validation.jsonl"\n[training]\nbase = "base"\nepochs = 1\n'
        "learning_rate = 1e-3\nmax_length = 32\n",
        encoding="utf-8",
    )
    by_file = auditor.train(config=tmp_path / "audit.toml", out=tmp_path / "files")
    weights = [one.folder / "model.safetensors" for one in (given[0], by_file[0])]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert given[0].record.data["train"]["path"] == "datasets.Dataset in memory"
    # A checkpoint trained on rows in memory is audited on others, and again on its own only where they are given.
    found = auditor.audit(given[0].folder, texts(24, "test"), train=rows["train"], probes="quality")
    assert {one["name"] for one in found.content["data"]} == {"home", "train"}
    with pytest.raises(AuditError, match=r"the train data that training\.json names does not exist \(give --data\)"):
        auditor.audit(given[0].folder, probes="quality")
    with pytest.raises(DataError, match="data: a int holds no rows"):
        auditor.train(tmp_path / "base", 3)
    with pytest.raises(ConfigError, match=r"auditor.train: unknown key \[training\] epoch "):
        auditor.train(tmp_path / "base", splits, settings={"epoch": 1})
    with pytest.raises(DataError, match="the DatasetDict has no split 'train'"):
        auditor.train(tmp_path / "base", datasets.DatasetDict({"test": splits["train"]}))


def test_progress_goes_to_standard_error(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    auditor.audit(place / "texts", place / "test.jsonl", probes="quality", budget=4, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "texts: quality: " in err


def test_a_failed_audit_leaves_nothing(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ModelError):
        auditor.audit(tmp_path / "none", place / "test.jsonl")
    with pytest.raises(DataError):
        auditor.audit(place / "texts", [{"text": "good", "label": "meh"}])
    assert list(tmp_path.iterdir()) == []


def test_edited_results_are_not_loaded(place: Path, tmp_path: Path) -> None:
    folder = auditor.audit(place / "texts", place / "test.jsonl", probes="quality").save(tmp_path / "saved")
    file = folder / results.RESULTS
    file.write_text(file.read_text("utf-8").replace('"exit_code": 3', '"exit_code": 0'), encoding="utf-8")
    with pytest.raises(ResultsError):
        auditor.load(folder)
    shutil.rmtree(folder)
    with pytest.raises(ResultsError, match=r"no results\.json here"):
        auditor.load(folder)


def test_the_api_is_there_and_typed() -> None:
    names = ["Comparison", "Results", "audit", "compare", "load", "train"]
    assert [name for name in dir(auditor) if not name.startswith("__")] == names
    assert {"__version__", "__doc__", "__all__"} < set(dir(auditor))
    with pytest.raises(AttributeError, match="no attribute 'audti'"):
        _ = auditor.audti  # type: ignore[attr-defined]
    code = (
        "import auditor.audit_run, auditor; from auditor import Results; assert callable(auditor.audit), auditor.audit"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
