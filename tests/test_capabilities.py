"""The probe capabilities: planted failures are found where they are, tests are read or refused in one line."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import small_results
from fakes import LABELS, asked, mood, nowhere, plan_of, shipped
from safetensors.numpy import save_file

from auditor import config as configs
from auditor import metrics, tasks
from auditor.cli.main import main
from auditor.config import Config
from auditor.errors import AuditError, ConfigError, DataError
from auditor.evaluation import build_plan, checkpoints, runner
from auditor.models.fake import FakeModel
from auditor.results import entries
from auditor.testing import FakeAudit
from auditor.text import words_of
from auditor.types import Case, Measurement, ProbeRecord, Request, Response, Row, Silent, Skipped, Task
from auditor.verdicts import gate, policy
from probes import _capability_suites, _sentiment_labels
from probes._capability_templates import fillings, parse
from probes.capabilities import FAILURES, NOTHING, Settings
from reports import view

(PROBE,) = shipped("capabilities")
TEXTS = tasks.create("text-classification", LABELS)
THREE = tasks.create("text-classification", ("negative", "neutral", "positive"))
SUITE = tomllib.loads(_capability_suites.OWN.read_text(encoding="utf-8"))
MFT, INV, DIR = "minimum functionality", "invariance", "direction"
CELLS = {
    ("vocabulary", MFT),
    ("negation", MFT),
    ("intensity", DIR),
    ("temporal change", MFT),
    ("names", INV),
    ("neutral details", INV),
}


def reader(task: Task = TEXTS, **defect: bool) -> FakeModel:
    """A model that goes by rules of thumb; a rule may be left out."""
    order = {-1: "negative", 0: "neutral", 1: "positive"}

    def answer(request: Request) -> Response:
        label = order[mood(request.texts[0], **defect)]
        return tuple(0.8 if name == label else 0.2 / (len(task.labels) - 1) for name in task.labels)

    return FakeModel(answer, task.labels)


def record_of(model: FakeModel, settings: Settings = PROBE.settings, task: Task = TEXTS, **given: Any) -> ProbeRecord:
    plan = plan_of(model, (PROBE,), n=4, settings={"capabilities": settings}, task=task, **given)
    (record,) = runner.run(plan, nowhere, Silent())
    assert record.status == "measured", record.reason
    return record


def rates(record: ProbeRecord) -> dict[tuple[str, str], Measurement]:
    return {(number.slice["capability"], number.slice["kind"]): number for number in record.measurements}


def failing(record: ProbeRecord) -> dict[tuple[str, str], float]:
    return {place: number.value for place, number in rates(record).items() if number.value}


def cases_of(settings: Settings = PROBE.settings, task: Task = TEXTS, seed: int = 0) -> list[Case]:
    return [item for item in PROBE.cases(FakeAudit((), settings, task, seed=seed)) if isinstance(item, Case)]


def suite(folder: Path, content: str, name: str = "mine.toml") -> Settings:
    (folder / name).write_text(content, encoding="utf-8")
    return Settings(files=(folder / name,), shipped=False)


# --- planted failures


def test_a_perfect_reader_has_no_failure() -> None:
    for task in (TEXTS, THREE):
        record = record_of(reader(task), task=task)
        assert rates(record).keys() == CELLS
        assert failing(record) == {}
        assert {number.status for number in record.measurements} == {"ok"}
        assert all(number.low == 0.0 < number.high for number in record.measurements)


def test_a_reader_that_ignores_negation_fails_negation_and_that_alone() -> None:
    record = record_of(reader(negation=False))
    assert failing(record) == {("negation", MFT): 1.0}
    assert rates(record)["negation", MFT].detail == "fails most: praise negated 100.0 %, blame negated 100.0 %"
    assert {case.slice["capability"] for case in record.worst} == {"negation"}


def test_a_reader_that_ignores_what_is_past_fails_change_over_time_and_that_alone() -> None:
    # Of ten templates of each test the last four name the past last, which this reader takes for what counts.
    found = failing(record_of(reader(past=False)))
    assert found == {("temporal change", MFT): pytest.approx(0.4)}


def test_a_reader_that_goes_by_a_name_fails_names_and_that_alone() -> None:
    def answer(request: Request) -> Response:
        right = reader()._answer(request)
        return right[::-1] if "Fatima" in request.texts[0] else right

    found = failing(record_of(FakeModel(answer, LABELS), replace(PROBE.settings, per_template=40)))
    assert found.keys() == {("names", INV)}
    # Of 380 ordered pairs of 20 names 38 have Fatima on one side.
    assert found["names", INV] == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize(("drop", "fails"), [(0.09, False), (0.11, True)])
def test_a_probability_may_move_the_wrong_way_by_the_tolerance(drop: float, fails: bool) -> None:
    def answer(request: Request) -> Response:
        stronger = re.search(
            "very|really|extremely|incredibly|truly|exceptional|so |remarkably|unusually", request.texts[0]
        )
        sure = 0.9 - drop * bool(stronger)
        return (1 - sure, sure) if mood(request.texts[0]) > 0 else (sure, 1 - sure)

    record = record_of(FakeModel(answer, LABELS))
    assert failing(record).keys() == ({("intensity", DIR)} if fails else set())
    if fails:
        # 20 of the 24 templates make a text stronger.
        assert failing(record)["intensity", DIR] == pytest.approx(20 / 24)
        assert "blame made weaker" not in rates(record)["intensity", DIR].detail


def test_a_weaker_word_must_not_make_blame_surer() -> None:
    def answer(request: Request) -> Response:
        sure = 0.95 if re.search("bit|somewhat|slightly|little", request.texts[0]) else 0.7
        return (1 - sure, sure) if mood(request.texts[0]) > 0 else (sure, 1 - sure)

    record = record_of(FakeModel(answer, LABELS))
    assert failing(record) == {("intensity", DIR): pytest.approx(4 / 24)}
    assert rates(record)["intensity", DIR].detail == "fails most: blame made weaker 100.0 %"


def test_pairs_that_the_model_reads_as_one_text_are_left_out() -> None:
    names, days = set(SUITE["slots"]["name"]), {"Monday", "Tuesday"}

    def reading(*unread: set[str]) -> FakeModel:
        def tokens(text: str) -> list[str]:
            bare = [word.strip(",.") for word in words_of(text)]
            return ["?" if any(word in each for each in unread) else word for word in bare]

        return FakeModel(reader()._answer, LABELS, tokens=tokens)

    record = record_of(reading(names))
    assert ("names", INV) not in rates(record)
    gap = next(gap for gap in record.skipped if gap.slice == {"capability": "names", "kind": INV})
    assert (gap.reason, gap.applies) == ("the model reads both texts of every pair as one", False)
    # Two days that are read as one: of the days' 48 pairs some are left out, and of the towns' none.
    number = rates(record_of(reading(days)))["neutral details", INV]
    assert (number.n_cases, number.status) == (round(96 * (1 - number.vacuous)), "ok")
    assert 0.0 < number.vacuous < 0.1


# --- the shipped suite


def test_the_suite_has_ten_templates_and_more_of_each_capability_without_repeats() -> None:
    templates: Counter[tuple[str, str]] = Counter()
    for table in SUITE["test"]:
        every = table.get("pairs", table.get("templates"))
        assert len({json.dumps(entry) for entry in every}) == len(every), table["name"]
        templates[table["capability"], table["kind"]] += len(every)
    assert templates.keys() == CELLS
    assert min(templates.values()) >= 12
    assert SUITE["licence"] == "Apache-2.0"


def test_no_capability_but_negation_negates_and_none_but_change_tells_of_the_past() -> None:
    for case in cases_of():
        for text in {case.example.inputs["text"], asked(case)["text"]}:
            assert (mood(text) != mood(text, negation=False)) == (case.slice["capability"] == "negation"), text
            if case.slice["capability"] != "temporal change":
                assert mood(text) == mood(text, past=False) != 0, text


def test_cases_are_drawn_by_the_seed_alone_and_within_a_template_all_differ() -> None:
    assert cases_of() == cases_of()
    assert cases_of() != cases_of(seed=1)
    by_template: dict[str | None, list[tuple[str, str]]] = {}
    for case in cases_of(replace(PROBE.settings, per_template=30)):
        by_template.setdefault(case.cluster, []).append((case.example.inputs["text"], asked(case)["text"]))
    for texts in by_template.values():
        assert len(set(texts)) == len(texts)
    assert len({case.example.id for case in cases_of()}) == len(cases_of())


@pytest.mark.parametrize(
    ("labels", "mapping", "given", "moods"),
    [
        (("negative", "positive"), {}, {}, ("negative", "positive")),
        (("NEG", "NEU", "POS"), {}, {}, ("negative", "neutral", "positive")),
        (("very positive", "neutral", "somewhat_negative"), {}, {}, ("positive", "neutral", "negative")),
        (
            ("1 star", "2 stars", "3 stars", "4 stars", "5 stars"),
            {},
            {},
            ("negative", "negative", "neutral", "positive", "positive"),
        ),
        (("LABEL_0", "LABEL_1"), {"negative": "LABEL_0", "positive": "LABEL_1"}, {}, ("negative", "positive")),
        (("LABEL_0", "LABEL_1"), {}, {"LABEL_0": "negative", "LABEL_1": "positive"}, ("negative", "positive")),
        (("LABEL_0", "LABEL_1"), {}, {}, ()),
        (("spam", "ham"), {}, {}, ()),
        (("positive", "other"), {}, {}, ()),
        (("positive", "neutral"), {}, {}, ()),
        (("negative for antibodies", "positive or negative"), {}, {}, ()),
        (("1", "2", "3", "4", "5"), {}, {}, ()),
    ],
)
def test_labels_read_as_sentiment_where_every_one_says_so(
    labels: tuple[str, ...], mapping: dict[str, str], given: Any, moods: tuple[str, ...]
) -> None:
    task = tasks.create("text-classification", labels, mapping)
    assert tuple(_sentiment_labels.read(task, given).moods.values()) == moods


def test_without_sentiment_and_files_it_does_not_apply_and_says_why() -> None:
    task = tasks.create("text-classification", ("spam", "ham"))
    audit = FakeAudit((), PROBE.settings, task)
    assert list(PROBE.cases(audit)) == [Skipped({"capability": "none", "kind": "none"}, NOTHING, applies=False)]
    planned = PROBE.planned(audit)
    assert planned is not None
    assert (planned.cases, planned.reason) == (0, NOTHING)


def test_tests_of_a_label_that_the_model_lacks_are_named() -> None:
    (gap,) = record_of(reader()).skipped
    assert (gap.slice["test"], gap.reason, gap.applies) == ("facts", "no label of the model is neutral", False)
    assert record_of(reader(THREE), task=THREE).skipped == ()


# --- intervals


def test_intervals_of_templates_cover_and_those_of_single_questions_do_not() -> None:
    """Failure rates that differ between templates: 24 templates of 8 questions, 300 suites."""
    rng, covered, alone = np.random.default_rng(0), 0, 0
    for _ in range(300):
        failed = rng.binomial(8, rng.beta(0.6, 1.4, 24))  # of mean 0.3
        rows = [Row(f"template {place}", "", float(count), 8.0) for place, count in enumerate(failed)]
        found = metrics.measurement(FAILURES, {}, rows, n_cases=192)
        covered += found.low <= 0.3 <= found.high
        single = [
            Row(f"{place} {number}", "", float(number < count), 1.0)
            for place, count in enumerate(failed)
            for number in range(8)
        ]
        by_question = metrics.measurement(FAILURES, {}, single, n_cases=192)
        alone += by_question.low <= 0.3 <= by_question.high
    assert covered / 300 >= 0.93
    assert alone / 300 < 0.8


def test_the_rate_is_the_mean_over_templates_worked_out_by_hand(tmp_path: Path) -> None:
    # The first template has one filling, which fails; the second has four, of which two fail: (1 + 1/2) / 2.
    settings = suite(
        tmp_path,
        '[[test]]\ncapability = "mine"\nkind = "MFT"\nname = "x"\nlabel = "positive"\n'
        'templates = ["It is bad.", "It is {w}."]\nslots = { w = ["good", "great", "poor", "awful"] }\n',
    )
    found = rates(record_of(reader(), settings))["mine", MFT]
    assert (found.value, found.n_cases, found.n_clusters, found.status) == (0.75, 5, 2, "too_few")


# --- templates


def test_a_template_is_filled_and_its_braces_are_kept() -> None:
    template = parse("{a} and {{b}} and {a} {c d}")
    assert template.slots == ("a", "c d")
    assert template.filled({"a": "x", "c d": "y"}) == "x and {b} and x y"


@pytest.mark.parametrize("text", ["{a", "a}", "{a!r}", "{a:2}", "{}", "{a.b}", "{0[x]}"])
def test_what_is_no_slot_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no slot|no partner"):
        parse(text)


def test_every_filling_is_drawn_once_where_there_are_few() -> None:
    import random

    slots = {"a": ("1", "2"), "b": ("x", "y", "z")}
    plain = [tuple(before.values()) for before, _ in fillings(slots, None, 100, random.Random(0))]
    assert sorted(plain) == [(a, b) for a in "12" for b in "xyz"]
    pairs = [(before, after) for before, after in fillings(slots, "b", 100, random.Random(0))]
    assert len(pairs) == len({(*before.values(), *after.values()) for before, after in pairs}) == 2 * 3 * 2
    assert all(before["a"] == after["a"] and before["b"] != after["b"] for before, after in pairs)


# --- tests of the user's own


MINE = """
[slots]
thing = ["food", "room"]

[[test]]
capability = "sarcasm"
kind = "minimum functionality"
name = "thanks a lot"
label = "negative"
templates = ["Great {thing}, I left after a minute.", "Thanks for the {thing}."]

[[test]]
capability = "negation"
kind = "invariance"
name = "another verb"
pairs = [["The {thing} was not good.", "The {thing} isn't good."]]
"""


def test_tests_of_ones_own_take_the_place_of_shipped_ones_of_their_capability(tmp_path: Path) -> None:
    settings = replace(suite(tmp_path, MINE), shipped=True)
    found = rates(record_of(reader(), settings))
    assert found.keys() == (CELLS - {("negation", MFT)}) | {("sarcasm", MFT), ("negation", INV)}
    # The reader takes "great" for praise, and has no word for the second template, which it answers "negative".
    assert (found["sarcasm", MFT].value, found["negation", INV].value) == (0.5, 0.0)
    assert rates(record_of(reader(), suite(tmp_path, MINE))).keys() == {("sarcasm", MFT), ("negation", INV)}


def test_files_of_ones_own_do_for_labels_of_any_kind(tmp_path: Path) -> None:
    task = tasks.create("text-classification", ("spam", "ham"))
    settings = replace(suite(tmp_path, "text,label\nbuy now,spam\nsee you,ham\n", "rows.csv"), shipped=True)
    record = record_of(FakeModel(lambda _: (0.9, 0.1), task.labels), settings, task)
    (number,) = record.measurements
    assert (number.slice, number.value, number.n_cases) == ({"capability": "rows", "kind": MFT}, 0.5, 2)


ROWS = [
    {"text": "fine by me", "label": "positive"},
    {"text": "not bad", "label": "positive|negative", "capability": "negation", "test": "both do"},
    {"text": "The food was good.", "changed": "The food was good !", "capability": "marks"},
    {"text": "good", "changed": "good, bad", "label": "positive", "direction": "not higher", "capability": "more"},
    {"text": "bad", "changed": "good", "label": "negative", "kind": "INV", "capability": "words", "template": "t"},
    {"text": "bad", "changed": "poor", "label": "", "kind": "invariance", "capability": "words", "template": "t"},
]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_rows_of_any_kind_are_read_alike(tmp_path: Path, kind: str) -> None:
    columns = ("text", "changed", "label", "direction", "kind", "capability", "test", "template")
    if kind == "jsonl":
        content = "".join(json.dumps(row) + "\n" for row in ROWS)
    else:
        mark = "," if kind == "csv" else "\t"
        quoted = (mark.join(f'"{row.get(name, "")}"' for name in columns) for row in ROWS)
        content = "\n".join([mark.join(f'"{name}"' for name in columns), *quoted]) + "\n"
    found = rates(record_of(reader(), suite(tmp_path, content, f"mine.{kind}")))
    assert {place: (number.value, number.n_cases, number.n_clusters) for place, number in found.items()} == {
        ("mine", MFT): (1.0, 1, 1),  # the reader knows no word of it, and answers with its first label
        ("negation", MFT): (0.0, 1, 1),
        ("marks", INV): (0.0, 1, 1),
        ("more", DIR): (0.0, 1, 1),
        ("words", INV): (0.5, 2, 1),
    }


def test_rows_with_the_same_texts_are_one_cluster_and_a_seeded_sample_is_asked(tmp_path: Path) -> None:
    rows = "".join(f"text {number % 40},positive\n" for number in range(80))
    settings = suite(tmp_path, f"text,label\n{rows}", "many.csv")
    (number,) = record_of(reader(), settings).measurements
    assert (number.n_cases, number.n_clusters, number.available) == (80, 40, 40)
    assert len(cases_of(replace(settings, rows=30))) == 30
    assert cases_of(replace(settings, rows=30)) == cases_of(replace(settings, rows=30))


def test_a_folder_is_read_file_by_file_and_its_pickle_is_left_alone(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv"):
        (tmp_path / name).write_text("text,label\ngood,positive\n", encoding="utf-8")
    (tmp_path / "sentiment_suite.pkl").write_bytes(b"never loaded")
    cases = cases_of(Settings(files=(tmp_path,), shipped=False))
    assert [case.example.id for case in cases] == ["a.csv:2", "b.csv:2"]


def test_no_text_of_a_user_is_in_names_of_cases(tmp_path: Path) -> None:
    rows = "text,label,template\nsecret words,positive,the secret template\nmore secret,positive,\n"
    for settings in (suite(tmp_path, rows, "mine.csv"), suite(tmp_path, MINE)):
        for case in cases_of(settings):
            said = f"{case.example.id} {case.cluster} {dict(case.facts)} {dict(case.slice)}"
            assert "secret" not in said
            assert "minute" not in said


class Exported:
    """What a test of CheckList has, as far as the script of the guide reads it."""

    def __init__(self, data: list[Any], passes: Callable[[int, int], bool | None], labels: Any = None) -> None:
        """``passes``: number of a case, and of the answer to its texts → whether it passes; None: it does not apply."""
        self.data, self.labels, self._passes = data, labels, passes
        self.meta = self.name = self.capability = self.description = None

    def run(self, predict: Callable[[list[str]], Any], *, overwrite: bool, verbose: bool) -> None:
        assert overwrite
        assert not verbose
        texts = [text for case in self.data for text in ([case] if isinstance(case, str) else case)]
        answers, confidences = predict(texts)
        assert len(answers) == len(confidences) == len(texts)
        assert {int(sure.argmax()) for sure in confidences} == set(answers)
        self.results = SimpleNamespace(passed=[self._passes(case, answers[0]) for case in range(len(self.data))])


def test_the_guides_script_writes_checklists_tests_as_rows_that_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (Path(__file__).parent.parent / "docs" / "how-to" / "test-capabilities.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```python\n(.*?)```", text[text.index("### CheckList's released suites") :], re.DOTALL)
    long = "Hard: a negation of positive words, with neutral stuff in the middle of them"
    labels, kinds = [0, 2], {"INV": "typos", "DIR": "intensifiers"}
    suite = SimpleNamespace(
        tests={
            "words": Exported(["good", "great"], lambda _, answer: answer == 2, labels=2),
            long: Exported(
                ["not bad", "not good"], lambda case, answer: answer == labels[case], labels=np.array(labels)
            ),
            # Labelled neutral, where the code of the expectation takes what is not negative.
            "Q & A: no": Exported(["Was it bad? No"], lambda _, answer: answer != 0, labels=[1]),
            "groups": Exported([["a good day", "a great day"]], lambda _, answer: answer == 2, labels=2),
            "anything": Exported(["whatever"], lambda *_: True),
            "nothing": Exported(["it depends"], lambda *_: None),
            "typos": Exported([["I like it.", "I liek it.", "I like it. ", "I lik eit."]], lambda *_: True),
            "intensifiers": Exported([["It is good.", "It is very good."]], lambda *_: True),
            "reducers": Exported([["It is good.", "It is a bit good."]], lambda *_: True),
        }
    )
    suite.info = {
        name: {"capability": "Robustness" if name == "typos" else "Vocabulary", "type": "MFT"} for name in suite.tests
    }
    for kind, name in kinds.items():
        suite.info[name]["type"] = kind
    suite.info["reducers"]["type"] = "DIR"
    fake: Any = ModuleType("checklist.test_suite")
    fake.TestSuite = SimpleNamespace(from_file=lambda path: suite if path == "suite.pkl" else None)
    monkeypatch.setitem(sys.modules, "checklist", ModuleType("checklist"))
    monkeypatch.setitem(sys.modules, "checklist.test_suite", fake)
    monkeypatch.setattr(sys, "argv", ["export.py", "suite.pkl"])
    monkeypatch.chdir(tmp_path)
    directed = script.replace("DIRECTIONS = {}", "DIRECTIONS = {'intensifiers': ('positive', 'not lower')}")
    assert directed != script

    def read(code: str, task: Task) -> list[tuple[Any, ...]]:
        exec(compile(code, "export.py", "exec"), {})
        return [
            (
                case.facts["test"],
                case.slice["kind"],
                case.example.inputs["text"],
                asked(case)["text"],
                *(value for key, value in case.facts.items() if key.startswith(("label", "expected"))),
            )
            for case in cases_of(Settings(files=(tmp_path / "release",), shipped=False), task)
        ]

    first = [
        ("words", MFT, "good", "good", "positive"),
        ("words", MFT, "great", "great", "positive"),
        (long[:60], MFT, "not bad", "not bad", "negative"),
        (long[:60], MFT, "not good", "not good", "positive"),
    ]
    rest = [
        ("groups", MFT, "a good day", "a good day", "positive"),
        ("groups", MFT, "a great day", "a great day", "positive"),
        ("typos", INV, "I like it.", "I liek it."),
        ("typos", INV, "I like it.", "I lik eit."),
    ]
    either = [("Q & A: no", MFT, "Was it bad? No", "Was it bad? No", "neutral", "positive")]
    direction = [("intensifiers", DIR, "It is good.", "It is very good.", "positive", "not lower")]
    assert sorted(read(script, THREE)) == sorted([*first, *either, *rest])
    assert sorted(read(directed, THREE)) == sorted([*first, *either, *rest, *direction])
    two = script.replace('MODEL = {"negative", "neutral", "positive"}', 'MODEL = {"negative", "positive"}')
    assert sorted(read(two, TEXTS)) == sorted([*first, ("Q & A: no", MFT, *either[0][2:4], "positive"), *rest])
    clusters = Counter(case.cluster for case in cases_of(Settings(files=(tmp_path / "release",), shipped=False)))
    # A test of single texts is one cluster, a group of texts one of its own.
    assert sorted(clusters.values()) == [1, 2, 2, 2, 2]


TEST = '[[test]]\ncapability = "c"\nkind = "MFT"\nname = "n"\nlabel = "positive"\ntemplates = ["a {thing}"]\n'
SLOTS = '[slots]\nthing = ["x", "y"]\n'
PAIRS = '[[test]]\ncapability = "c"\nkind = "DIR"\nname = "n"\nlabel = "positive"\ndirection = "not lower"\n'
BROKEN = {
    "no TOML": ("[[test]\n", "mine.toml: not valid TOML: "),
    "nothing": ("", "mine.toml: no [[test]] in it (write [[test]] above each test)"),
    "unknown key": ("[slot]\n", "mine.toml: unknown key 'slot' (did you mean 'slots'?)"),
    "empty list": ("[slots]\nthing = []\n" + TEST, "mine.toml: slots.thing is empty (give at least one)"),
    "no list": ('[slots]\nthing = "x"\n' + TEST, "mine.toml: slots.thing = 'x' should be a list of texts in quotes"),
    "no word": ("[slots]\nthing = [1]\n" + TEST, "mine.toml: slots.thing holds 1, which is no word"),
    "twice": ('[slots]\nthing = ["x", "x"]\n' + TEST, "mine.toml: slots.thing names 'x' twice"),
    "unknown slot": (
        '[slots]\nthings = ["x"]\n' + TEST,
        "mine.toml: test 1 'n': templates 1: unknown slot {thing} (did you mean 'things'?; lists of words ",
    ),
    "brace": (
        SLOTS + TEST.replace("a {thing}", "a {thing"),
        "mine.toml: test 1 'n': templates 1: a brace has no partner",
    ),
    "blank": (SLOTS + TEST.replace("a {thing}", " "), "mine.toml: test 1 'n': templates 1: is blank"),
    "no templates": (SLOTS + TEST.replace('["a {thing}"]', "[]"), "mine.toml: test 1 'n': templates is empty"),
    "no text": (SLOTS + TEST.replace('["a {thing}"]', "[2]"), "mine.toml: test 1 'n': templates 1: 2 should be a text"),
    "label": (
        SLOTS + TEST.replace('"positive"', '"postive"'),
        "mine.toml: test 1 'n': label 'postive' is no label of the model (did you mean 'positive'?)",
    ),
    "no label": (
        SLOTS + TEST.replace('label = "positive"\n', ""),
        "mine.toml: test 1 'n': a test of minimum functionality has label and templates; this one has templates",
    ),
    "empty label": (
        SLOTS + TEST.replace('"positive"', "[]"),
        "mine.toml: test 1 'n': label is empty (give at least one)",
    ),
    "kind": (
        SLOTS + TEST.replace("MFT", "invarance"),
        "mine.toml: test 1 'n': kind 'invarance' is unknown (did you mean 'invariance'?)",
    ),
    "no kind": (SLOTS + TEST.replace('kind = "MFT"\n', ""), "mine.toml: test 1 'n': kind is missing or no text"),
    "key of a test": (
        SLOTS + TEST + "lable = 1\n",
        "mine.toml: test 1 'n': unknown key 'lable' (did you mean 'label'?)",
    ),
    "name": (SLOTS + TEST.replace('"n"', '" "'), "mine.toml: test 1 ' ': name ' ' is no name"),
    "direction": (
        PAIRS.replace("not lower", "higher") + 'pairs = [["a", "b"]]',
        "mine.toml: test 1 'n': direction 'higher' is unknown (one of not lower, not higher)",
    ),
    "same": (PAIRS + 'pairs = [["a", "a"]]', "mine.toml: test 1 'n': pairs 1: both texts are the same"),
    "no pair": (PAIRS + 'pairs = [["a"]]', "mine.toml: test 1 'n': pairs 1: ['a'] should be [\"before\", \"after\"]"),
    "vary": (
        SLOTS + TEST.replace('label = "positive"', 'vary = "who"').replace("MFT", "INV"),
        "mine.toml: test 1 'n': templates 1: lacks the slot {who}, which vary names",
    ),
    "one word": (
        SLOTS.replace(', "y"', "") + TEST.replace('label = "positive"', 'vary = "thing"').replace("MFT", "INV"),
        "mine.toml: test 1 'n': slot thing has one word alone, so that nothing varies (give it two words or more)",
    ),
}
BROKEN_ROWS = {
    "no text column": ("words,label\na,positive\n", "mine.csv: no column is called text or "),
    "label": (
        "text,label\ngood,positive\nbad,negativ\n",
        "mine.csv: row 3, column 'label': label 'negativ' is no label of the model (did you mean 'negative'?)",
    ),
    "column": (
        "text,label,directon\na,positive,not lower\n",
        "mine.csv: column 'directon' is unknown (did you mean 'direction'? known: text, label, changed, ",
    ),
    "no expectation": (
        "text\na\n",
        "mine.csv: row 2: a row of minimum functionality has label; this one has none of these",
    ),
    "no direction": (
        "text,changed,label\na,b,positive\n",
        "mine.csv: row 2: has changed and label, but no direction (direction: not lower or not higher; ",
    ),
    "direction": ("text,changed,label,direction\na,b,positive,up\n", "mine.csv: row 2: direction 'up' is unknown"),
    "half a direction": (
        "text,direction,label\na,not lower,positive\n",
        "mine.csv: row 2: a row of direction has changed and direction and label; this one has direction and label",
    ),
    "kind": (
        "text,label,kind\na,positive,MTF\n",
        "mine.csv: row 2: kind 'MTF' is unknown (known: minimum functionality",
    ),
    "same": ("text,changed\na,a\n", "mine.csv: row 2: text and changed are the same"),
    "blank": ("text,label\n ,positive\n", "mine.csv: row 2: has no text"),
    "no rows": ("text,label\n", "mine.csv: has no rows"),
    "two kinds": (
        "text,label,kind,type\na,positive,MFT,MFT\n",
        "mine.csv: columns 'kind' and 'type' are both the kind",
    ),
    "long name": (f"text,label,test\na,positive,{'x' * 61}\n", "mine.csv: row 2: test 'xxx"),
}


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        *(("mine.toml", *case) for case in BROKEN.values()),
        *(("mine.csv", *case) for case in BROKEN_ROWS.values()),
    ],
    ids=[*BROKEN, *(f"rows: {name}" for name in BROKEN_ROWS)],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = suite(Path(), content, name)
    with pytest.raises(DataError) as caught:
        PROBE.check(settings, TEXTS)
    assert caught.value.line.startswith(line)
    assert "\n" not in caught.value.line


def test_files_that_are_not_there_not_read_or_named_alike_are_refused(tmp_path: Path) -> None:
    pickle, folder = tmp_path / "suite.pkl", tmp_path / "release"
    folder.mkdir()
    pickle.write_bytes(b"x")
    (folder / "tests_n500").write_text("a text\n", encoding="utf-8")
    said = {}
    for name, path in {"missing": tmp_path / "no.csv", "pickle": pickle, "folder": folder}.items():
        with pytest.raises(DataError) as caught:
            PROBE.check(Settings(files=(path,)), TEXTS)
        said[name] = caught.value.line.removeprefix(f"{path}: ")
    assert said["missing"] == "no such file"
    assert said["pickle"].startswith("is a pickle, which can run any code, and is not read (export its texts to .csv: ")
    assert said["folder"].startswith("holds no file of tests (.toml, .csv, .tsv, .jsonl, .parquet) (export its tests")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.csv").write_text("text,label\ngood,positive\n", encoding="utf-8")
    with pytest.raises(DataError, match=re.escape("x.csv: has the name of ")):
        PROBE.check(Settings(files=(tmp_path / "one" / "x.csv", tmp_path / "two")), TEXTS)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"spam": "negative"}, "'spam' is no label of the model (known: LABEL_0, LABEL_1)"),
        ({"LABEL_0": "negative"}, "does not say what LABEL_1 means (each label is one of positive, negative, neutral)"),
        (
            {"LABEL_0": "negative", "LABEL_1": "neutral"},
            "names nothing positive, or nothing negative (each label is one of positive, negative, neutral)",
        ),
    ],
)
def test_a_sentiment_that_does_not_fit_the_labels_is_refused(given: Mapping[str, Any], line: str) -> None:
    task = tasks.create("text-classification", ("LABEL_0", "LABEL_1"))
    with pytest.raises(ConfigError) as caught:
        PROBE.check(Settings(sentiment=given), task)
    assert caught.value.line == f"[probes.capabilities] sentiment: {line}"


# --- in an audit


def test_a_rule_of_the_user_passes_a_sound_reader_and_fails_one_that_ignores_negation() -> None:
    table = {
        "probe": "capabilities",
        "metric": "failure_rate",
        "slice": {"capability": "*", "kind": "*"},
        "max": 0.1,
        "margin": 0.1,
        "why": "A test.",
    }
    rules = policy.Policy("mine", "", (policy.rule_of(table, "a rule"),))
    policy.check(rules, {"capabilities": {FAILURES.name: FAILURES}})
    for defect, failed in ({}, set()), ({"negation": False}, {"negation"}):
        record = record_of(reader(TEXTS, **defect))
        decision = gate.decide(rules, (record,), record.model)
        by_outcome = {(verdict.slice or {})["capability"]: verdict.outcome for verdict in decision.verdicts}
        assert {name for name, outcome in by_outcome.items() if outcome == "fail"} == failed
        assert "not_measured" not in by_outcome.values()
        assert (decision.exit_code == 1) == bool(failed)


def test_paths_are_seen_from_the_config_and_written_from_the_root(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    suite(tmp_path / "conf", MINE)
    (tmp_path / "conf" / "audit.toml").write_text('[probes.capabilities]\nfiles = ["mine.toml"]\n', encoding="utf-8")
    config = configs.load(tmp_path / "conf" / "audit.toml")
    settings = build_plan.probe_settings(config, (PROBE,))["capabilities"]
    assert settings.files == (tmp_path / "conf" / "mine.toml",)
    entry = entries.record_dict(record_of(reader(), settings, root=tmp_path))
    assert entry["settings"]["files"] == ["conf/mine.toml"]
    from auditor.results import provenance

    assert provenance.constant_facts(config, False, tmp_path)["config"]["probes"] == {
        "capabilities": {"files": ["conf/mine.toml"]}
    }
    # Whoever reads the results, a remedy for example, finds the file from there.
    again = configs.recorded(provenance.constant_facts(config, False, tmp_path)["config"])
    again._folder = tmp_path
    assert build_plan.probe_settings(again, (PROBE,))["capabilities"] == settings
    assert configs.probe_tables(Config(probes={"x": {"files": ["a"]}}), {}, str) == {"x": {"files": ["a"]}}


def described_checkpoint(folder: Path) -> None:
    """What describes a checkpoint; its weights are never loaded."""
    folder.mkdir()
    names = dict(enumerate(LABELS))
    config = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "id2label": names}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    save_file({"weight": np.zeros(1, dtype=np.float32)}, folder / "model.safetensors")


def test_a_file_is_refused_before_a_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    described_checkpoint(tmp_path / "ckpt")
    Path("test.csv").write_text("text,label\ngood,positive\nbad,negative\n", encoding="utf-8")
    Path("audit.toml").write_text('[probes.capabilities]\nfiles = ["mine.csv"]\n', encoding="utf-8")
    Path("mine.csv").write_text("text,label\ngood,postive\n", encoding="utf-8")
    refuse: Callable[..., Any] = lambda *_, **__: pytest.fail("loaded")  # noqa: E731
    monkeypatch.setattr(checkpoints, "load", refuse)
    assert main(["run", "--model", "ckpt", "--data", "test.csv", "--config", "audit.toml"]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].endswith(
        "mine.csv: row 2, column 'label': label 'postive' is no label of the model (did you mean 'positive'?)"
    )


def test_a_check_that_crashes_is_told_as_the_probes_fault() -> None:
    from auditor.plugins import registry

    broken: Any = type("Broken", (type(PROBE),), {"check": lambda *_: 1 / 0})()
    with pytest.raises(
        AuditError, match=re.escape("probe capabilities: check(settings, task) raises ZeroDivisionError")
    ):
        registry.check_settings(broken, PROBE.settings, TEXTS)


# --- on the page


def test_the_page_has_a_matrix_of_capabilities_and_kinds_that_says_every_number(tmp_path: Path) -> None:
    own = suite(tmp_path, MINE)
    written = small_results.write(tmp_path / "out", "quality", "capabilities", settings={"capabilities": own})
    content = json.loads((written / "results.json").read_text("utf-8"))
    (page,) = (each for each in view.build(content)["probes"] if each["name"] == "capabilities")
    (picture,) = page["matrices"]
    # The model's one word of these sentences is "great" and "good": of two templates one is answered "positive".
    told = [
        (row["name"], [(cell["label"], cell["value"], cell["shade"]) for cell in row["cells"]])
        for row in picture["rows"]
    ]
    assert told == [
        ("sarcasm", [("minimum functionality", "50.0 %", 4)]),
        ("negation", [("invariance", "0.0 %", 0)]),
    ]
