"""Named entity recognition on real sentences: a model trained on CoNLL-2003, audited with two other domains.

The sentences are not part of the project: AUDIT_DATA names their folder (by default ``../shared/data``, if it exists).
Slow: minutes of training.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas
import pytest
from fakes import script
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from auditor import data, tasks
from auditor.cli.main import main
from auditor.text import spans

FOLDER = Path(os.environ.get("AUDIT_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data")) / "ner"
SETS = {name: FOLDER / "conll2003" / f"{name}.txt" for name in ("train", "dev", "test")}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SETS["train"].is_file(), reason=f"no CoNLL-2003 in {FOLDER}: name its folder by AUDIT_DATA"),
]

CONFIG = """
task = "ner"
[data]
train = "{train}"
validation = "{dev}"
test = "{test}"
domains = {{ politics = "{folder}/politics/test.txt", science = "{folder}/science/test.txt" }}
[training]
base = "base"
epochs = 4
max_rows = 1500
learning_rate = 2e-4
batch_size = 32
[probes.noise]
examples = 50
severities = {{ middle = 0.2 }}
[probes.adversarial]
examples = 40
"""
PROBES = ("quality", "noise", "domain_shift", "entities", "adversarial", "entity_bias")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("entities")
    script("fixtures/demo/prepare.py").main(folder)
    (folder / "ner.toml").write_text(CONFIG.format(**SETS, folder=FOLDER), encoding="utf-8")
    assert main(["train", "--config", str(folder / "ner.toml"), "--quiet"]) == 0
    return folder


def test_the_test_file_has_as_many_words_and_entities_as_others_count() -> None:
    labels = data.tags_in(SETS["train"], data.Columns(), {})
    golds = [one.gold for one in data.load(SETS["test"], name="test", task=tasks.create("ner", labels)).examples]
    # Of 5,648 as they were published, CrossNER's files have 5,628: as many as they have tags that begin with B-.
    assert (len(golds), sum(map(len, golds)), sum(len(spans.spans(gold)) for gold in golds)) == (3453, 46435, 5628)
    assert SETS["test"].read_text(encoding="utf-8").count("\tB-") == 5628


def test_a_model_of_1500_sentences_is_audited_with_two_other_domains(place: Path) -> None:
    words = ["run", "--config", str(place / "ner.toml"), "--model", str(place / "ckpt" / "standard"), "--quiet"]
    chosen = [one for name in PROBES for one in ("--probe", name)]
    assert main([*words, *chosen, "--out", str(place / "audit")]) in (0, 1, 3)
    found = json.loads((place / "audit" / "results.json").read_text("utf-8"))
    records = {one["probe"]: one for one in found["records"] if one["probe"] in PROBES}
    assert {name for name, one in records.items() if one["status"] != "measured" or not one["measurements"]} == set()
    values = {(one["metric"], *one["slice"].values()): one["value"] for one in records["quality"]["measurements"]}
    assert values["f1",] > 0.74
    cases = pandas.read_parquet(place / "audit" / "cases.parquet")
    cases = cases[cases.probe == "quality"]
    golds, answers = ([one.split() for one in cases[name]] for name in ("gold", "answer_after"))
    assert values["f1",] == round(float(f1_score(golds, answers, mode="strict", scheme=IOB2)), 9)
    # Most words are outside every entity.
    assert values["token_average_f1", "micro"] > values["f1",] + 0.05
    drops = {one["slice"]["domain"] for one in records["domain_shift"]["measurements"] if "domain" in one["slice"]}
    assert drops >= {"politics", "science"}
    recall = {
        one["slice"]["entity"]: one["value"]
        for one in records["entities"]["measurements"]
        if one["metric"] == "recall" and "entity" in one["slice"]
    }
    assert recall["seen in training"] > recall["not seen in training"]
