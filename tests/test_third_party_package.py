"""A third party's package, a task and a probe of its own: from training to the page, by the commands alone.

The task answers questions about a text by one of a few words, of which several may be right.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tiny import WORDS, tiny_checkpoint

ROOT = Path(__file__).resolve().parent.parent
TASK = '''
"""Questions about a text that a word answers, of which several may be right."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from auditor.tasks import TaskDefaults
from auditor.types import SAME_WORDS, Classify, Score


@dataclass(frozen=True)
class Settings:
    """What counts as right."""

    first_only: bool = False
    """Whether the first of the accepted answers alone is right."""


class Answers(TaskDefaults):
    """A question, its context, and a list of accepted answers; the metric is the share of accepted ones."""

    name = "toy-qa"
    fields = ("question", "context")
    metric = "exact_match"
    ratio = False
    head = "sequence"
    offers = frozenset({"class_scores"})
    example_labels = ("blue", "red")
    settings = Settings()
    policy = Path(__file__).with_name("toy_policy.toml")

    def labels_of(self, cell):
        return cell if isinstance(cell, list) else [cell]

    def gold_of(self, labels):
        return list(labels)

    def target(self, gold):
        return gold[0]

    def read(self, row, columns):
        inputs = {field: row[columns[field]] for field in self.fields}
        return inputs, self.gold_of(self.labels_of(row[columns["label"]])) if "label" in columns else None

    def request(self, inputs):
        return Classify((inputs["question"], inputs["context"]))

    def score(self, gold, response):
        accepted = gold[:1] if self.settings.first_only else gold
        return Score(float(self.show(response) in accepted), 1.0)

    def same(self, before, after, alignment=SAME_WORDS):
        return self.show(before) == self.show(after)

    def likelihood(self, gold, response):
        return sum(response[self.labels.index(answer)] for answer in gold)

    def show(self, value):
        return self.labels[max(range(len(self.labels)), key=value.__getitem__)]

    def show_gold(self, gold):
        return " or ".join(gold)

    def stratum(self, gold):
        return gold[0]

    def constant(self, golds):
        counts = Counter(answer for gold in golds for answer in gold)
        return tuple(float(label == counts.most_common(1)[0][0]) for label in self.labels)

    def class_scores(self, response):
        return dict(zip(self.labels, response, strict=True))


TASK = Answers
'''
PROBE = '''
"""Contexts that say less than the question asks for."""

from __future__ import annotations

from dataclasses import dataclass

from auditor import metrics, text
from auditor.types import Case, ProbeDefaults


@dataclass(frozen=True)
class Settings:
    hidden: int = 3


class Hidden(ProbeDefaults):
    """Hidden answers.

    The last word of a third of the contexts is hidden; in the others the first word stands twice.
    """

    name = "hidden_answers"
    limitation = "noise"
    settings = Settings()

    def metrics(self, task):
        return (metrics.flip_rate(), metrics.drop(task))

    def cases(self, audit):
        for number, example in enumerate(audit.examples("home")):
            words = text.words_of(example.inputs["context"])
            last = len(words) - 1
            hidden = number % audit.settings.hidden == 0
            edit = text.Edit(last, last + 1, ("it",)) if hidden else text.Edit(0, 1, (words[0], words[0]), (" ",))
            yield Case(example, {"field": "context"}, {"context": (edit,)})


PROBE = Hidden()
'''
RULE = """
[[rule]]
probe = "hidden_answers"
metric = "flip_rate"
slice = {{ field = "context" }}
max = {limit}
why = "A third of the answers cannot be known."
"""
CONFIG = """
{task}
[data]
train = "train.jsonl"
test = "test.jsonl"
label_column = "answers"
labels = {{ scarlet = "crimson", crimson = "crimson", red = "red", navy = "navy", blue = "blue", green = "green" }}
[training]
base = "base"
epochs = 3
batch_size = 4
learning_rate = 1e-2
dropout = 0.0
max_length = 32
[probes.noise]
examples = 20
severities = {{ middle = 0.3 }}
perturbations = ["upper case", "deleted word"]
[probes.low_resource]
sizes = [4, 8]
seeds = 2
steps = 30
examples = 10
[probes.training_strategy]
source = "checkpoints"
"""
COLOURS = {"red": ["red", "scarlet"], "crimson": ["crimson", "red"], "blue": ["blue", "navy"], "green": ["green"]}
"""What a context says → the answers that are accepted, as the data spell them."""
MEANT = {"scarlet": "crimson"}
THINGS = ("ball", "box", "car", "door", "cup")


FILLING = ("good", "bad", "film", "movie", "great", "awful", "plot", "a", "not", "and")


def rows(n: int, start: int = 0, *, turned: bool = False) -> list[dict[str, Any]]:
    """Questions about contexts that all differ.

    ``turned``: half of the rows name first what the others name second.
    """
    made = []
    for number in range(start, start + n):
        colour, thing = list(COLOURS)[number % 4], THINGS[number % 5]
        filling = " ".join(FILLING[int(digit)] for digit in f"{number:03}")
        accepted = COLOURS[colour][::-1] if turned and number % 8 < 4 else COLOURS[colour]
        answers: Any = accepted if len(accepted) > 1 else accepted[0]
        context = f"{filling} the {thing} is {colour}"
        made.append({"question": f"what is the {thing}", "context": context, "answers": answers})
    return made


def audit(place: Path, *words: str, code: int = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """``audit`` in a process of its own that finds the package where pip would have put it."""
    found_by = os.pathsep.join((str(ROOT), str(place / "site")))
    env = {**os.environ, "PYTHONPATH": found_by, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "auditor.cli.main", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd or place, env=env, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def lines(examples: list[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in examples)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, a base model and data, and the checkpoint that was trained from them."""
    folder = tmp_path_factory.mktemp("package")
    info = folder / "site" / "toy_qa-1.0.dist-info"
    info.mkdir(parents=True)
    for name, text in (("toy_task.py", TASK), ("toy_probe.py", PROBE), ("toy_policy.toml", RULE.format(limit=0.8))):
        (folder / "site" / name).write_text(text, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-qa\nVersion: 1.0\n", encoding="utf-8")
    entries = "[auditor.tasks]\ntoy = toy_task\n[auditor.probes]\ntoy = toy_probe\n"
    (info / "entry_points.txt").write_text(entries, encoding="utf-8")
    tiny_checkpoint(folder / "base", head=False, words=(*WORDS, *COLOURS, *THINGS, "what", "navy"))
    (folder / "train.jsonl").write_text(lines(rows(160)), encoding="utf-8")
    # One without an answer, one that repeats another, one that contradicts it.
    asked = rows(60, 800, turned=True)
    odd = [{**rows(1, 900)[0], "answers": None}, asked[0], {**asked[0], "answers": ["green"]}]
    (folder / "test.jsonl").write_text(lines([*asked, *odd]), encoding="utf-8")
    (folder / "audit.toml").write_text(CONFIG.format(task='task = "toy-qa"'), encoding="utf-8")
    audit(folder, "train", "--quiet")
    return folder


@pytest.fixture(scope="module")
def audited(place: Path) -> Path:
    done = audit(place, "run", "--model", "ckpt", "--out", "audit")
    assert "release" in done.stdout.lower()
    return place / "audit"


def results_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return found


def cases_of(folder: Path, probe: str) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    return [row for row in pq.read_table(folder / "cases.parquet").to_pylist() if row["probe"] == probe]


def values(folder: Path, probe: str) -> Mapping[str, float]:
    """Metric → value, of those without a class."""
    (record,) = (record for record in results_of(folder)["records"] if record["probe"] == probe)
    return {one["metric"]: one["value"] for one in record["measurements"] if "class" not in one["slice"]}


def right(case: Mapping[str, Any], answer: str, *, first_only: bool = False) -> bool:
    accepted = case["gold"].split(" or ")
    return case[answer] in (accepted[:1] if first_only else accepted)


def test_what_is_trained_is_the_first_accepted_answer(place: Path) -> None:
    record = json.loads((place / "ckpt" / "standard" / "training.json").read_text(encoding="utf-8"))
    assert record["labels"] == ["blue", "crimson", "green", "navy", "red"]
    assert (record["task"], record["train_rows"]) == ({"name": "toy-qa"}, 160)
    assert record["columns"] == {"label": "answers"}


def test_probes_run_or_say_why_they_do_not_apply(audited: Path) -> None:
    content = results_of(audited)
    assert content["task"] == {
        "name": "toy-qa",
        "metric": "exact_match",
        "labels": ["blue", "crimson", "green", "navy", "red"],
        "settings": {"first_only": False},
    }
    said = {record["probe"]: record["reason"] or record["status"] for record in content["records"]}
    of_words = "the task labels texts, not their words"
    assert said == {
        "adversarial": "the task does not support attacks",
        "bias": "the task has more than one text field",
        "calibration": "measured",
        "capabilities": "the task has more than one text field",
        "coverage": "measured",
        "domain_shift": "no other domain given (--domain name=file)",
        "drift": "no later test rows given (--slice name=file), and its settings name no column of dates",
        "entailment_bias": "measured",
        "entities": of_words,
        "entity_bias": of_words,
        "forgetting": "no earlier checkpoint known (audit train --continue-from, or before in its settings)",
        "hidden_answers": "measured",
        "out_of_scope_detection": "no rows out of scope given (--out-of-scope)",
        "label_errors": "measured",
        "interpretability": "measured",
        "kept_cases": "no kept cases given (--cases)",
        "label_noise": "measured",
        "label_swap": "measured",
        "leakage": "measured",
        "low_resource": "measured",
        "noise": "measured",
        "pair_shortcuts": "measured",
        "quality": "measured",
        "dialogue_history": "the task reads no dialogues",
        "distractors": "the task asks no questions about a context",
        "stereotyped_answers": "the task asks no questions about a context",
        "relation_cues": "the task marks no entities in its texts",
        "repeatability": "measured",
        "seen_rows": "measured",
        "shift": "measured",
        "spurious": "measured",
        "training_strategy": "measured",
        "triggers": "measured",
    }
    (skipped,) = next(record["skipped"] for record in content["records"] if record["probe"] == "label_noise")
    assert skipped == {"slice": {}, "reason": "no kind of wrong labels is known of the task", "applies": False}
    (data,) = (rows for rows in content["data"] if rows["name"] == "home")
    counts = {name: data[name] for name in ("rows", "used", "missing_label", "duplicates", "conflicting")}
    assert counts == {"rows": 63, "used": 61, "missing_label": 1, "duplicates": 1, "conflicting": 1}
    assert data["reading"]["labels"]["scarlet"] == "crimson"


def test_its_numbers_follow_from_its_cases(audited: Path) -> None:
    quality, hidden = cases_of(audited, "quality"), cases_of(audited, "hidden_answers")
    assert (len(quality), len(hidden)) == (61, 61)
    golds = {colour: " or ".join(MEANT.get(word, word) for word in COLOURS[colour]) for colour in COLOURS}
    for case in quality:
        context = json.loads(case["before"])["context"]
        assert set(case["gold"].split(" or ")) <= {*golds[context.split()[-1]].split(" or "), "green"}
    accepted = sum(right(case, "answer_after") for case in quality) / 61
    assert values(audited, "quality")["exact_match"] == pytest.approx(accepted)
    assert accepted > 0.5
    flips = sum(case["answer_before"] != case["answer_after"] for case in hidden) / 61
    lost = sum(right(case, "answer_before") - right(case, "answer_after") for case in hidden) / 61
    assert values(audited, "hidden_answers") == pytest.approx({"flip_rate": flips, "drop": lost})
    assert 0.3 < flips < 0.7
    for case in hidden:
        before, after = json.loads(case["before"]), json.loads(case["after"])
        assert before["question"] == after["question"]
        assert before["context"] != after["context"]
    # Noise touches both texts, each in slices of its own or together.
    touched = [(json.loads(case["before"]), json.loads(case["after"])) for case in cases_of(audited, "noise")]
    assert all(any(before[field] != after[field] for before, after in touched) for field in ("question", "context"))


def test_the_gate_judges_by_its_policy_or_by_a_tighter_one(place: Path, audited: Path) -> None:
    assert results_of(audited)["policy"]["name"] == "default for toy-qa"
    assert "release" in audit(place, "gate", "audit").stdout.lower()
    (place / "tight.toml").write_text(RULE.format(limit=0.2), encoding="utf-8")
    refused = audit(place, "gate", "audit", "--policy", "tight.toml", "--json", code=1)
    (verdict,) = json.loads(refused.stdout)["verdicts"]
    assert (verdict["metric"], verdict["outcome"], verdict["limit"]) == ("flip_rate", "fail", {"max": 0.2})
    printed = audit(place, "policy", "--task", "toy-qa").stdout
    assert tomllib.loads(printed) == tomllib.loads(RULE.format(limit=0.8))
    audit(place, "init", "--policy", "--task", "toy-qa", "--out", "own.toml")
    assert (place / "own.toml").read_text(encoding="utf-8") == printed
    unknown = audit(place, "policy", "--task", "toy-q", code=2)
    assert unknown.stderr == "audit policy: unknown task 'toy-q' (did you mean 'toy-qa'?)\n"


def test_the_page_shows_both_texts_and_the_accepted_answers(place: Path, audited: Path) -> None:
    page = (audited / "scorecard.html").read_text(encoding="utf-8")
    audit(place, "report", "audit", "--out", "again.html")
    assert (place / "again.html").read_text(encoding="utf-8") == page
    assert "Hidden answers." in page
    assert "toy-qa" in page
    assert "what is the" in page
    assert '<span class="soft">question: </span>what is the ' in page
    assert '<span class="soft">context: </span>' in page
    assert re.search(r"gold (crimson or red|red or crimson|navy or blue),", page)
    assert "[&#39;" not in page


def test_probes_lists_it(place: Path) -> None:
    listed = {probe["name"]: probe for probe in json.loads(audit(place, "probes", "--json").stdout)}
    assert listed["hidden_answers"]["metrics"]["toy-qa"] == ["flip_rate", "drop"]
    assert listed["bias"]["not_applicable"]["toy-qa"] == "the task has more than one text field"


def test_probes_lists_a_checkpoint_by_the_task_that_it_was_trained_for(place: Path) -> None:
    """Its architecture alone would say text classification."""
    listed = {probe["name"]: probe for probe in json.loads(audit(place, "probes", "--model", "ckpt", "--json").stdout)}
    assert [metric["name"] for metric in listed["hidden_answers"]["metrics"]["toy-qa"]] == ["flip_rate", "drop"]
    assert all({*probe["metrics"], *probe["not_applicable"]} == {"toy-qa"} for probe in listed.values())


def test_without_a_config_a_checkpoint_is_audited_as_it_was_trained(place: Path) -> None:
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    done = audit(place, "run", "--model", "../ckpt", "--dry-run", "--json", cwd=elsewhere)
    assert "labels are matched to the model's: home (test.jsonl) by mapping: blue = blue" in done.stderr


def test_settings_of_its_own_stand_under_task(place: Path) -> None:
    table = '[task]\nname = "toy-qa"\nfirst_only = true'
    (place / "first.toml").write_text(CONFIG.format(task=table), encoding="utf-8")
    words = ("run", "--model", "ckpt", "--probe", "quality", "--policy", "tight.toml")
    (place / "tight.toml").write_text(RULE.format(limit=0.2), encoding="utf-8")
    audit(place, *words, "--config", "first.toml", "--out", "first", code=3)
    content = results_of(place / "first")
    assert content["config"]["task"] == {"name": "toy-qa", "first_only": True}
    assert content["task"]["settings"] == {"first_only": True}
    cases = cases_of(place / "first", "quality")
    first = sum(right(case, "answer_after", first_only=True) for case in cases) / 61
    assert values(place / "first", "quality")["exact_match"] == pytest.approx(first)
    assert first < sum(right(case, "answer_after") for case in cases) / 61
    audit(place, "gate", "first", code=3)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("first_onl = true", "[task]: unknown key 'first_onl' (did you mean 'first_only'?)"),
        ("first_only = 1", "[task]: first_only = 1 should be true or false"),
    ],
)
def test_a_wrong_setting_is_one_line(place: Path, keys: str, said: str) -> None:
    (place / "wrong.toml").write_text(CONFIG.format(task=f'[task]\nname = "toy-qa"\n{keys}'), encoding="utf-8")
    for words in (("train", "--quiet"), ("run", "--model", "ckpt", "--out", "wrong")):
        done = audit(place, *words, "--config", "wrong.toml", code=2)
        assert done.stderr.splitlines()[-1] == f"audit {words[0]}: wrong.toml: {said}"
