"""Dialogues: their columns, their clusters, what is cut of them, and what the history does to the answer."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import asked as asked_of
from fakes import nowhere, plan_of
from tiny import tiny_checkpoint

from auditor import data, tasks
from auditor.data import Columns, in_memory, out_of_scope
from auditor.errors import DataError
from auditor.evaluation import data_notes, runner
from auditor.models import dialogues, hugging_face
from auditor.models.options import LoadOptions
from auditor.plugins import registry
from auditor.results import provenance
from auditor.testing import FakeAudit, FakeModel
from auditor.text import turns
from auditor.types import Case, Classify, Encoded, Example, Measurement, Request, Silent, Skipped, Task
from auditor.verdicts import gate, policy
from reports import view

LABELS = ("no", "yes")
TASK = tasks.create("dialogue-classification", LABELS)
SPOKEN = tasks.create("dialogue-classification", LABELS, settings={"speakers": True})
PROBE = {probe.name: probe for probe in registry.discover()}["dialogue_history"]


def load(rows: Sequence[Mapping[str, Any]], columns: Columns | None = None, task: Task = TASK) -> data.Dataset:
    source = in_memory.source([{"label": "yes", **row} for row in rows], "test")
    return data.load(source, name="home", task=task, columns=columns or Columns())


def inputs(row: Mapping[str, Any], columns: Columns | None = None, task: Task = TASK) -> tuple[str, str]:
    (example,) = load([row], columns, task).examples
    return example.inputs["history"], example.inputs["turn"]


# --- columns


def said(*texts: str) -> list[dict[str, str]]:
    return [{"speaker": "A B" if number % 2 else "C", "text": text} for number, text in enumerate(texts)]


LAYOUTS: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "list": ({"history": ["a b", "c\n d"], "turn": "e"}, {}),
    "JSON list": ({"history": '["a b", "c d"]', "turn": "e"}, {}),
    "lines": ({"history": "a b\n\n c d \n", "turn": "e"}, {}),
    "objects": ({"history": said("a b", "c d"), "turn": {"role": "C", "content": "e"}}, {}),
    "JSON objects": ({"history": json.dumps(said("a b", "c d")), "turn": "e"}, {}),
    "JSON object": ({"history": ["a b", "c d"], "turn": json.dumps(said("e")[0])}, {}),
    "bytes": ({"p": b"a b", "q": "c d", "r": b"e"}, {"history": "p, q", "turn": "r"}),
    "usual names": ({"Context": ["a b", "c d"], "utterance": "e"}, {}),
    "whole dialogue": ({"messages": said("a b", "c d", "e")}, {}),
    "named whole dialogue": ({"x": ["a b", "c d", "e"]}, {"history": "x[:-1]", "turn": "x[-1]"}),
    "numbered columns": ({"turn1": "a b", "turn2": "c d", "turn3": "e"}, {}),
    "named columns": ({"p": "a b", "q": "c d", "r": "e"}, {"history": "p, q", "turn": "r"}),
    "blank turns": ({"history": ["", "a b", " ", "c d"], "turn": "e"}, {}),
    "a turn named": ({"history": ["a b", "c d"], "reply": "e"}, {"turn": "reply"}),
    "a history named": ({"before": ["a b", "c d"], "text": "e"}, {"history": "before"}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_dialogue(layout: str) -> None:
    row, columns = LAYOUTS[layout]
    assert inputs(row, Columns(columns)) == ("a b\nc d", "e")


@pytest.mark.parametrize("history", [None, "", [], "[]", " ", float("nan")])
def test_a_first_turn_has_no_history(history: object) -> None:
    assert inputs({"history": history, "turn": "hello"}) == ("", "hello")


def test_lines_in_brackets_are_no_list() -> None:
    for lines in ("[laughs] well\n[1] so", "[ ] milk\n[x] bread", "[1, 2]"):
        assert inputs({"history": lines, "turn": "e"}) == (lines, "e")


def test_speakers_stand_before_their_turns_where_the_settings_say_so() -> None:
    row = {"history": said("hello", "well: no"), "turn": {"speaker": "C", "text": "so what"}}
    assert inputs(row) == ("hello\nwell: no", "so what")
    assert inputs(row, task=SPOKEN) == ("C: hello\nA_B: well: no", "C: so what")
    (example,) = load([row], task=SPOKEN).examples
    kept = {"history": frozenset({0, 2}), "turn": frozenset({0})}
    assert SPOKEN.fixed(example) == SPOKEN.protected(example) == kept
    assert TASK.fixed(example) == {}
    (plain,) = load([{**row, "turn": "so what"}], task=SPOKEN).examples
    assert SPOKEN.fixed(plain) == {**kept, "turn": frozenset()}


def test_a_turn_may_be_json_itself() -> None:
    for call in ('{"name": "book"}', '{"text": 5}', '{"text": "a"', "{ }"):
        assert inputs({"history": call, "turn": call}) == (call, call)


REFUSED: dict[str, tuple[Mapping[str, Any], str]] = {
    "number": ({"history": 5, "turn": "e"}, "column 'history': 5 is no list of turns"),
    "object": ({"history": {"a": 1}, "turn": "e"}, "column 'history': {'a': 1} is no list of turns"),
    "Python": ({"history": "['a', 'b']", "turn": "e"}, "column 'history': \"['a', 'b']\" is no JSON list"),
    "JSON object": ({"history": '{"text": "a"}', "turn": "e"}, "column 'history': {'text': 'a'} is no list of turns"),
    "no text": (
        {"history": [{"text": "a"}, {"speaker": "x"}], "turn": "e"},
        "column 'history': turn 2 has no text: {'speaker': 'x'}",
    ),
    "blank text": ({"history": [{"text": " "}], "turn": "e"}, "column 'history': turn 1 has no text: {'text': ' '}"),
    "null": (
        {"history": ["a", None], "turn": "e"},
        "column 'history': turn 2, None, is neither a text nor an object",
    ),
    "empty dialogue": ({"messages": []}, "column 'messages': an empty dialogue"),
    "missing turn": ({"history": ["a"], "turn": None}, "column 'turn': the last turn is missing"),
    "blank turn": ({"history": ["a"], "turn": " "}, "column 'turn': the last turn is missing"),
    "last turn blank": ({"turn1": "a", "turn2": "b", "turn3": ""}, "column 'turn3': the last turn is missing"),
    "a list as a turn": ({"history": [], "turn": ["a"]}, "column 'turn': a list, not a turn"),
    "a list among columns": (
        {"turn1": ["a"], "turn2": "b", "turn3": "c"},
        "column 'turn1': a list, not a turn",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_dialogue_is_refused_with_row_and_column(kind: str) -> None:
    row, problem = REFUSED[kind]
    with pytest.raises(DataError) as caught:
        load([row])
    assert caught.value.line.startswith(f"test: row 1: {problem} (")
    assert "\n" not in caught.value.line


def test_a_missing_speaker_is_refused_where_speakers_are_read() -> None:
    with pytest.raises(DataError, match=r"row 1: column 'history': turn 1 has no speaker: .*\[task\] speakers"):
        load([{"history": [{"text": "a"}], "turn": "e"}], task=SPOKEN)


def test_several_dialogues_or_none_are_refused_with_the_columns() -> None:
    with pytest.raises(DataError) as caught:
        load([{"history": ["a"], "turn": "b", "messages": ["c"]}])
    told = "test: several columns may be its dialogue: history and turn, or messages[:-1] and messages[-1] "
    assert caught.value.line == told + '(name them: [data] columns = { history = "…", turn = "…" })'
    named = Columns({"history": "messages[:-1]", "turn": "messages[-1]"})
    assert inputs({"history": ["a"], "turn": "b", "messages": ["c", "d"]}, named) == ("c", "d")
    with pytest.raises(DataError, match=r"has one text, 'text', and the task reads 2"):
        load([{"text": "b"}])
    with pytest.raises(DataError, match=r"no column 'lines'"):
        load([{"text": "b"}], Columns({"history": "lines", "turn": "text"}))
    with pytest.raises(DataError, match="the task has no text field 'premise'"):
        load([{"text": "b"}], Columns({"premise": "text"}))


@pytest.mark.parametrize(
    ("columns", "hint"),
    [
        ({"history": "chat", "turn": "chat[-1]"}, r'name its parts, history = "chat\[:-1\]" and turn = "chat\[-1\]"'),
        ({"history": "chat[:-1]", "turn": "chat"}, "name its parts"),
        ({"history": "chat[-1]", "turn": "chat[:-1]"}, "name its parts"),
        ({"history": "p, chat", "turn": "chat"}, r"leave it out of \[data\] columns.history"),
    ],
)
def test_a_history_that_holds_the_turn_is_refused(columns: Mapping[str, str], hint: str) -> None:
    with pytest.raises(DataError, match=f"test: column 'chat': the history holds the turn too .*{hint}"):
        load([{"chat": ["a", "b"], "p": "c"}], Columns(columns))


def test_an_empty_dialogue_beside_a_history_is_refused() -> None:
    with pytest.raises(DataError, match="row 1: column 'chat': an empty dialogue"):
        load([{"before": ["a"], "chat": []}], Columns({"history": "before", "turn": "chat[-1]"}))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(DataError, match="column 'turn': holds bytes that are not UTF-8 text"):
        load([{"history": [], "turn": b"\xff"}])


def test_two_dialogues_in_numbered_columns_are_refused() -> None:
    row = {"turn1": "a", "turn2": "b", "utterance_1": "c", "utterance_2": "d"}
    with pytest.raises(
        DataError, match="several columns may be its dialogue: turn1 and turn2, or utterance_1 and utter"
    ):
        load([row])


def test_csv_files_hold_lists_as_json_and_columns_by_number(tmp_path: Path) -> None:
    path = tmp_path / "dialogues.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([['["a", "b, c"]', "d", "yes"], ["[]", "e", "no"]])
    columns = Columns({"history": "1", "turn": "2"}, "3", header=False)
    examples = data.load(path, name="home", task=TASK, columns=columns).examples
    assert [tuple(row.inputs.values()) for row in examples] == [("a\nb, c", "d"), ("", "e")]


def test_turns_of_a_list_are_no_lines_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "dialogues.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = [["history", "turn", "label"], ['["a", "b"]', "d", "yes"], ["[]", "e\nf", "no"], ["[]", "g", "no"]]
        csv.writer(file).writerows(rows)
    reading = data.load(path, name="home", task=TASK).reading
    assert reading is not None
    assert reading.note == "1 of 3 rows span several lines"


def test_parquet_files_hold_lists_of_objects(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"messages": [said("a", "b"), said("c")], "label": ["yes", "no"]})
    pq.write_table(table, tmp_path / "dialogues.parquet")
    examples = data.load(tmp_path / "dialogues.parquet", name="home", task=TASK).examples
    assert [tuple(row.inputs.values()) for row in examples] == [("a", "b"), ("", "c")]


# --- clusters


def test_rows_that_begin_with_the_same_two_turns_are_one_dialogue() -> None:
    first, second, third, lone, other = turns.dialogues(
        [["hi"], ["hi", "how are you"], ["hi", "how are you", "fine"], ["who is there"], ["hm", "hi"]]
    )
    assert first == second == third
    assert lone is other is None
    assert str(first).startswith("dialogue ")


def test_a_first_turn_of_several_dialogues_is_alone() -> None:
    names = turns.dialogues([["hi"], ["hi", "a"], ["hi", "a", "d"], ["hi", "b"], ["hi", "b", "c"]])
    assert names[0] is None
    assert names[1] == names[2] != names[3] == names[4]


def test_clusters_are_dialogues_or_the_group_columns() -> None:
    rows = [
        {"history": [], "turn": "hi", "id": "1"},
        {"history": ["hi", "yes?"], "turn": "a film", "id": "1"},
        {"history": ["no", "why"], "turn": "a film", "id": "2"},
    ]
    first, second, third = (row.cluster for row in load(rows).examples)
    assert first == second != third == "home:3"
    assert first.startswith("group:dialogue ")
    named = load(rows, Columns(group="id")).examples
    assert [row.cluster for row in named] == ["group:1", "group:1", "group:2"]


def test_blanks_and_line_breaks_of_the_last_turn_split_no_dialogue() -> None:
    rows = [
        {"history": [], "turn": "say , Jim \n"},
        {"history": ["say , Jim \n"], "turn": " well\nno "},
        {"history": ["say , Jim \n", " well\nno "], "turn": "so"},
    ]
    first, second, third = (row.group for row in load(rows).examples)
    assert first == second == third is not None


def test_rows_out_of_scope_are_of_their_dialogue_too() -> None:
    rows = [{"history": ["a", "b"], "turn": "c"}, {"history": ["a", "b", "c"], "turn": "d", "label": "oos"}]
    dataset = load(rows, Columns(out_of_scope={"all": "oos"}))
    assert dataset.examples[0].group == dataset.outside["all"][0].group is not None


# --- what the model reads

SEP, CLS = 3, 2


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> hugging_face.HuggingFaceModel:
    folder = tiny_checkpoint(tmp_path_factory.mktemp("dialogues"), LABELS)
    loaded = hugging_face.load(folder, LoadOptions(device="cpu"), name="tiny")
    assert isinstance(loaded, hugging_face.HuggingFaceModel)
    return loaded


def asked(history: str, turn: str, task: Task = TASK) -> Request:
    return task.request({"history": history, "turn": turn})


def tokens(model: hugging_face.HuggingFaceModel, history: str, turn: str, task: Task = TASK) -> list[str]:
    (encoded,) = model.encode([asked(history, turn, task)])
    read: list[str] = model.head.tokenizer.convert_ids_to_tokens(encoded.payload["input_ids"])
    return read


def test_the_tokenizers_separator_stands_between_turns(model: hugging_face.HuggingFaceModel) -> None:
    whole = "[CLS] a film [SEP] it was bad [SEP] the plot [SEP]"
    assert tokens(model, "a film\nit was bad", "the plot") == whole.split()
    assert tokens(model, "", "the plot") == ["[CLS]", "[SEP]", "the", "plot", "[SEP]"]
    assert tokens(model, "a film", "the\nplot") == ["[CLS]", "a", "film", "[SEP]", "the", "plot", "[SEP]"]
    dots = tasks.create("dialogue-classification", LABELS, settings={"separator": " . "})
    assert tokens(model, "a film\nit was bad", "the", dots) == [
        "[CLS]",
        "a",
        "film",
        ".",
        "it",
        "was",
        "bad",
        "[SEP]",
        "the",
        "[SEP]",
    ]


@pytest.mark.parametrize(
    ("history", "turn", "read", "cut", "last_cut"),
    [
        # 64 tokens: [CLS] history [SEP] turn [SEP], so that 61 are left for both.
        ("the\n" + "good " * 30, "bad " * 29, ["the", "[SEP]", *["good"] * 30, *["bad"] * 29], False, False),
        ("the\n" + "good " * 30, "bad " * 30, ["[SEP]", *["good"] * 30, *["bad"] * 30], True, False),
        ("the\n" + "good " * 30, "bad " * 31, [*["good"] * 30, *["bad"] * 31], True, False),
        ("the\n" + "good " * 30, "bad " * 60, ["good", *["bad"] * 60], True, False),
        ("the\n" + "good " * 30, "bad " * 61, ["bad"] * 61, True, False),
        ("the\n" + "good " * 30, "film " + "bad " * 61, ["film", *["bad"] * 60], True, True),
        ("", "film " + "bad " * 61, ["film", *["bad"] * 60], True, True),
        ("", "bad " * 61, ["bad"] * 61, False, False),
    ],
)
def test_the_history_loses_its_oldest_tokens_and_the_last_turn_its_end(
    model: hugging_face.HuggingFaceModel, history: str, turn: str, read: list[str], cut: bool, last_cut: bool
) -> None:
    own = tokens(model, history, turn)
    place = len(read) - sum(word in {"bad", "film"} for word in read)
    assert own == ["[CLS]", *read[:place], "[SEP]", *read[place:], "[SEP]"]
    (encoded,) = model.encode([asked(history, turn)])
    assert (encoded.truncated, encoded.last_turn_cut) == (cut, last_cut)
    kinds = encoded.payload["token_type_ids"]
    assert kinds == [0] * (place + 2) + [1] * (len(read) - place + 1)


def test_training_reads_what_inference_reads(model: hugging_face.HuggingFaceModel) -> None:
    texts = [("a\nfilm", "the plot"), ("good " * 70 + "\nit", "bad " * 9), ("it", "bad " * 900), ("", "bad")]
    rows = [
        Example(f"x:{place}", {"history": history, "turn": turn}, LABELS[place % 2])
        for place, (history, turn) in enumerate(texts)
    ]
    columns = model.head.targets(rows, TASK)
    encoded = [each.payload for each in model.encode([TASK.request(row.inputs) for row in rows])]
    for name in ("input_ids", "token_type_ids"):
        assert columns[name] == [payload[name] for payload in encoded]
    assert model.head.tokenizer.truncation_side == "right"


def test_dialogues_leave_pairs_as_they_are(model: hugging_face.HuggingFaceModel) -> None:
    pair = Classify(("good " * 40, "bad " * 60))
    alone = model.encode([pair])[0].payload
    assert model.encode([asked("good " * 80, "bad"), pair, asked("it", "bad " * 80)])[1].payload == alone


def test_weights_stand_where_their_words_are(model: hugging_face.HuggingFaceModel) -> None:
    history, turn = "a film\nit was", "the plot"
    first, second = model.integrated_gradients(asked(history, turn), 1, 2) or ((), ())
    assert [history[weight.start : weight.end] for weight in first] == ["a", "film", "it", "was"]
    assert [turn[weight.start : weight.end] for weight in second] == ["the", "plot"]
    cut = "good " * 70 + "\nit"
    first, _ = model.integrated_gradients(asked(cut, turn), 1, 2) or ((), ())
    # 61 − 2 tokens of the history: 57 words, a separator, and its last word.
    assert [cut[weight.start : weight.end] for weight in first] == [*["good"] * 57, "it"]
    first, second = model.integrated_gradients(asked(cut, "bad " * 70), 1, 2) or ((), ())
    assert (len(first), len(second)) == (0, 61)


def test_places_in_a_history() -> None:
    places = [dialogues.place("ab\ncd", "[SEP]", start, end) for start, end in ((0, 2), (2, 7), (7, 9), (1, 3))]
    assert places == [(0, 2), None, (3, 5), None]


# --- the probe


def kinds(request: Request) -> tuple[list[str], str]:
    history, turn = request.texts
    return turns.turns_of(history), turn


def sure(label: int) -> tuple[float, float]:
    return (0.9, 0.1) if label == 0 else (0.1, 0.9)


def by_both(request: Request) -> tuple[float, float]:
    """The turn says it, or the first turn of the history where the turn is "again"."""
    history, turn = kinds(request)
    return sure(int((history[0] if turn == "again" and history else turn) == "yes"))


def by_turn(request: Request) -> tuple[float, float]:
    return sure(int(kinds(request)[1] == "yes"))


def by_history(request: Request) -> tuple[float, float]:
    history, turn = kinds(request)
    return sure(int((history[0] if history else turn) == "yes"))


def rows() -> list[Example]:
    """40 dialogues: a first turn, a second that says its own label, a third that repeats the first."""
    made = []
    for number in range(40):
        first, second = LABELS[number % 2], LABELS[number // 2 % 2]
        for place, (history, turn, gold) in enumerate(
            (("", first, first), (first, second, second), (f"{first}\n{second}", "again", first))
        ):
            texts = {"history": history, "turn": turn}
            made.append(Example(f"home:{3 * number + place}", texts, gold, group=f"{number}"))
    return made


def findings(answer: Any) -> dict[tuple[str, str], Measurement]:
    model = FakeModel(answer, LABELS)
    plan = plan_of(model, [PROBE], task=TASK, examples={"home": rows()})
    record = runner.run(plan, nowhere, Silent())[0]
    assert record.status == "measured", record.reason
    return {(each.metric, " ".join(map(" ".join, each.slice.items()))): each for each in record.measurements}


OUT, FOREIGN = "history left out", "history of another dialogue"


def test_by_hand() -> None:
    """Of 80 rows with a history 40 hang on it; "again" alone is answered no, which is right for half of these."""
    measured = findings(by_both)
    for turn in ("1", "2", "3"):
        assert (measured["accuracy", f"turn {turn}"].value, measured["accuracy", f"turn {turn}"].n_cases) == (1.0, 40)
    assert measured["history_gain", OUT].value == 0.25
    assert measured["answers_changed_by_history", OUT].value == 0.25
    assert measured["history_gain", OUT].n_cases == 80
    assert ("drop_with_another_history", OUT) not in measured
    assert ("history_gain", FOREIGN) not in measured
    # Rows that are right alone: 40 second turns, which stay right, and 20 third turns, of which a wrong first turn
    # misleads those that get another dialogue's "yes".
    assert measured["swayed_rate", FOREIGN].n_cases == 60
    assert 0.0 < measured["swayed_rate", FOREIGN].value < 20 / 60


def test_a_model_that_ignores_the_history_gains_nothing_by_it() -> None:
    measured = findings(by_turn)
    assert measured["history_gain", OUT].value == measured["answers_changed_by_history", OUT].value == 0.0
    assert measured["history_gain", OUT].high < 0.1
    assert measured["swayed_rate", FOREIGN].value == measured["drop_with_another_history", FOREIGN].value == 0.0
    assert measured["accuracy", "turn 3"].value == 0.5


def test_a_model_that_reads_the_history_alone_is_swayed_by_another() -> None:
    measured = findings(by_history)
    assert measured["swayed_rate", FOREIGN].low > 0.2
    assert measured["accuracy", "turn 2"].value == 0.5


def test_turns_are_binned() -> None:
    audit = FakeAudit(
        [Example(f"x:{n}", {"history": "\n".join("a" * n), "turn": "b"}, "no") for n in range(12)], PROBE.settings, TASK
    )
    numbers = [case.slice["turn"] for case in PROBE.cases(audit) if isinstance(case, Case) and "turn" in case.slice]
    assert numbers == ["1", "2", "3", "4", *["5 to 8"] * 4, *["9 and later"] * 4]


@pytest.mark.parametrize(
    ("histories", "reasons"),
    [(("", ""), ["no row with a label has a history"] * 2), (("a", ""), ["no second dialogue has a history"])],
)
def test_what_cannot_be_exchanged_says_why(histories: Sequence[str], reasons: list[str]) -> None:
    examples = [Example(f"x:{n}", {"history": own, "turn": "b"}, "no") for n, own in enumerate(histories)]
    skipped = [item for item in PROBE.cases(FakeAudit(examples, PROBE.settings, TASK)) if isinstance(item, Skipped)]
    assert [item.reason for item in skipped] == reasons
    assert all(item.applies for item in skipped)


@pytest.mark.parametrize("histories", [("", "", ""), ("a", "a", "")])
def test_no_model_is_released_on_rows_without_histories(histories: Sequence[str]) -> None:
    """A column of the history that was read as blank must not look like a sound model."""
    examples = [Example(f"x:{n}", {"history": own, "turn": f"b {n}"}, "no") for n, own in enumerate(histories)]
    plan = plan_of(FakeModel(lambda _: (1.0, 0.0), LABELS), [PROBE], task=TASK, examples={"home": examples})
    rules = policy.load(task=TASK.name)
    own = replace(rules, rules=tuple(rule for rule in rules.rules if rule.probe == PROBE.name))
    verdicts = gate.decide(own, runner.run(plan, nowhere, Silent()), plan.candidate).verdicts
    waiting = {own.rules[verdict.rule].metric: verdict.outcome for verdict in verdicts}
    assert waiting["swayed_rate"] == "not_measured"


def test_the_history_of_another_dialogue_is_put_in_whole() -> None:
    cases = [case for case in PROBE.cases(FakeAudit(rows(), PROBE.settings, TASK)) if isinstance(case, Case)]
    exchanged = [case for case in cases if case.slice.get("history") == "of another dialogue"]
    histories = {row.inputs["history"]: row.cluster for row in rows()}
    assert len(exchanged) == 80
    for case in exchanged:
        own, put = case.example.inputs, asked_of(case)
        assert put["turn"] == own["turn"]
        assert own["history"] != put["history"] in histories


# --- what is said of cuts


def encoded(cut: bool, last: bool) -> Encoded:
    return Encoded("key", 9, cut, None, last)


def test_dialogues_that_are_cut_in_the_last_turn_are_counted_apart(tmp_path: Path) -> None:
    dataset = load([{"history": ["a"], "turn": str(number)} for number in range(4)])
    rows = [encoded(True, True), encoded(True, False), encoded(True, False), encoded(False, False)]
    facts = provenance.data_facts(dataset, 0, tmp_path, rows)
    assert (facts["truncated"], facts["last_turn_truncated"]) == (3, 1)
    assert list(data_notes.of_rows({"home": dataset}, {"home": rows}, [facts])) == [
        "3 of 4 dialogues of test are cut at the beginning of the history, 1 of them lose all of it and the end of the "
        "last turn"
    ]
    whole = provenance.data_facts(dataset, 0, tmp_path, rows[1:])
    assert "last_turn_truncated" not in whole
    assert list(data_notes.of_rows({"home": dataset}, {"home": rows[1:]}, [whole])) == []
    cells = [view._data(own)["cells"][-1] for own in (facts, whole)]
    assert cells == ["3, 1 of them in the last turn", "2"]


# --- files out of scope, and training


def test_a_file_of_dialogues_out_of_scope_is_read_as_any_other(tmp_path: Path) -> None:
    path = tmp_path / "oos.jsonl"
    path.write_text('{"context": ["a", "b"], "text": "c"}\n{"context": [], "text": "d"}\n', encoding="utf-8")
    rows = out_of_scope.read(path, name="out of scope", task=TASK, columns=Columns()).examples
    assert [dict(row.inputs) for row in rows] == [{"history": "a\nb", "turn": "c"}, {"history": "", "turn": "d"}]


def test_a_file_of_pairs_out_of_scope_has_its_usual_columns(tmp_path: Path) -> None:
    path = tmp_path / "oos.csv"
    path.write_text("premise,hypothesis\na b,c\n", encoding="utf-8")
    pairs = tasks.create("sentence-pair", LABELS)
    (row,) = out_of_scope.read(path, name="out of scope", task=pairs, columns=Columns()).examples
    assert dict(row.inputs) == {"first": "a b", "second": "c"}
