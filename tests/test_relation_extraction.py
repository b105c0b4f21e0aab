"""Relation extraction: reading files, F1 as SemEval counts it, edits of marked texts, the probe of its cues."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fakes import nowhere, plan_of, shipped
from hypothesis import given
from hypothesis import strategies as st
from tiny import tiny_checkpoint

from auditor import data, tasks, text
from auditor.cli.main import main
from auditor.errors import ConfigError, DataError
from auditor.evaluation import runner
from auditor.models.fake import FakeModel
from auditor.tasks import relation_averages
from auditor.text import marked_entities
from auditor.training import pretrained
from auditor.training.recipes import _perturbed_rows
from auditor.types import Edit, Example, ProbeRecord, Request, Response, Silent
from auditor.verdicts import gate, policy
from probes import relation_cues

LABELS = ("Other", "Use(e1,e2)", "Use(e2,e1)", "Part(e1,e2)", "Part(e2,e1)")
TASK = tasks.create("relation-extraction", LABELS)
(PROBE,) = shipped("relation_cues")
PEN = "the <e1> hand </e1> holds a <e2> blue pen </e2> ."


def sure(label: str) -> tuple[float, ...]:
    return tuple(float(name == label) for name in LABELS)


@pytest.mark.parametrize(
    ("given_text", "spaced"),
    [
        ("the <e1>hand</e1> holds a <e2>blue pen</e2>.", PEN),
        ("the<e1> hand </e1>holds\ta <e2>blue\npen</e2>", "the <e1> hand </e1> holds\ta <e2> blue\npen </e2>"),
        ("<e2>tea</e2><e1>cup</e1>", "<e2> tea </e2> <e1> cup </e1>"),
        (f"  {PEN}\n", f"  {PEN}\n"),
    ],
)
def test_each_mark_becomes_a_word(given_text: str, spaced: str) -> None:
    assert marked_entities.spaced(given_text) == spaced
    assert marked_entities.spaced(spaced) == spaced


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ("no marks at all", "has no mark <e1>"),
        ("<e1>a</e1> <e2>b", "has no mark </e2>"),
        ("<e1>a</e1> <e1>b</e1> <e2>c</e2>", "has 2 marks <e1>"),
        ("<e1>a <e2>b</e2></e1>", "has its marks in the order <e1> <e2> </e2> </e1>"),
        ("<e1>a</e1> <e2> </e2>", "has nothing between <e2> and </e2>"),
    ],
)
def test_wrong_marks_are_refused_with_their_row(tmp_path: Path, wrong: str, problem: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'text,label\n"{PEN}","Use(e1,e2)"\n"{wrong}",Other\n')
    with pytest.raises(DataError) as caught:
        data.load(path, name="home", task=TASK)
    assert caught.value.line.startswith(f"{path}: row 3: {problem} (")


def test_every_layout_gives_the_same_text(tmp_path: Path) -> None:
    plain = "the hand holds a blue pen ."
    files = {
        "a.csv": 'text,label\n"the <e1>hand</e1> holds a <e2>blue pen</e2>.","Use(e1,e2)"\n',
        "b.csv": f'text,e1_start,e1_end,e2_start,e2_end,label\n"{plain}",4,8,17,25,"Use(e1,e2)"\n',
        "c.json": json.dumps(
            [
                {
                    "id": "1",
                    "token": plain.split(),
                    **{"subj_start": 1, "subj_end": 1, "obj_start": 4, "obj_end": 5, "relation": "Use(e1,e2)"},
                }
            ]
        ),
        "d.txt": '1\t"the <e1>hand</e1> holds a <e2>blue pen</e2>."\r\nUse(e1,e2)\r\nComment: none\r\n\r\n',
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
        loaded = data.load(tmp_path / name, name="home", task=TASK)
        assert [(row.inputs["text"], row.gold) for row in loaded.examples] == [(PEN, "Use(e1,e2)")], name


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.json", "{", "a.json: is not JSON"),
        ("a.json", '{"token": []}', "a.json: is no list of objects"),
        ("a.txt", "1\tno relation below\n\n", "row 1: is no text with its relation in SemEval's format"),
        ("a.txt", "no number\nOther\n", "row 1: is no text with its relation in SemEval's format"),
        ("a.csv", "text,e1_start,e1_end,e2_start,e2_end,label\nab c,0,2,3,9,Other\n", "row 2: e1_start 0, e1_end 2"),
        ("a.csv", "text,e1_start,e1_end,e2_start,e2_end,label\nab c,0,2,1,4,Other\n", "the entities [0, 2) and [1, 4)"),
        (
            "a.csv",
            "text,e1_start,e1_end,e2_start,e2_end,label\nab c,x,2,1,4,Other\n",
            "e1_start 'x' is no",
        ),
        ("a.csv", "words,e1_start,e1_end,e2_start,e2_end,label\nab c,0,2,3,4,Other\n", "no column called text"),
        (
            "a.jsonl",
            '{"token": "a b", "subj_start": 0, "subj_end": 0, "obj_start": 1, "obj_end": 1, "relation": "Other"}\n',
            "row 1: 'token' is no list of texts",
        ),
        (
            "a.jsonl",
            '{"token": ["a"], "subj_start": 0, "subj_end": 0, "obj_start": 1, "obj_end": 1, "relation": "Other"}\n',
            "no places of 1 tokens",
        ),
    ],
)
def test_wrong_places_are_refused(tmp_path: Path, name: str, content: str, problem: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError) as caught:
        data.load(tmp_path / name, name="home", task=TASK)
    assert problem in caught.value.line


def test_the_model_reads_the_marks_of_the_settings() -> None:
    settings = {"markers": ["[E1]", "[/E1]", "[E2]", "[/E2]"], "special_tokens": False}
    task = tasks.create("relation-extraction", LABELS, settings=settings)
    assert task.request({"text": PEN}).texts == ("the [E1] hand [/E1] holds a [E2] blue pen [/E2] .",)
    assert task.special_tokens == ()
    assert TASK.special_tokens == marked_entities.MARKERS
    assert TASK.request({"text": PEN}).texts == (PEN,)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"markers": ["a", "b", "c"]}, "['a', 'b', 'c'] are not four different words"),
        ({"markers": ["a", "b", "a", "b"]}, "markers names 'a' twice"),
        ({"markers": ["a b", "b", "c", "d"]}, "are not four different words"),
        ({"no_relation": "Othr"}, "'Othr' is no label of the model (did you mean 'Other'?)"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        tasks.create("relation-extraction", LABELS, settings=settings)
    assert problem in caught.value.line


def test_no_relation_is_found_by_its_usual_names() -> None:
    def named(labels: tuple[str, ...]) -> object:
        return tasks.create("relation-extraction", labels).no_relation  # type: ignore[attr-defined]

    assert named(LABELS) == "Other"
    assert named(("per:title", "no_relation")) == "no_relation"
    assert named(("a", "b")) is None


def published(pairs: list[tuple[str, str]]) -> float:
    """SemEval-2010's official score: macro F1 over relations, (9+1)-way, directionality taken into account.

    As its README and scorer say: of each relation, right are the answers with the right direction; precision divides
    by all answers of the relation in either direction, recall by all golds of it; Other is left out of the mean.
    """
    bare = re.compile(r"\(.*\)")
    relations = sorted({bare.sub("", label) for pair in pairs for label in pair} - {"Other"})
    scores = []
    for relation in relations:
        right = sum(gold == answer and bare.sub("", gold) == relation for gold, answer in pairs)
        answered = sum(bare.sub("", answer) == relation for _, answer in pairs)
        wanted = sum(bare.sub("", gold) == relation for gold, _ in pairs)
        precision, recall = right / answered if answered else 0.0, right / wanted if wanted else 0.0
        scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    return sum(scores) / len(scores)


def macro(pairs: list[tuple[str, str]]) -> float:
    sums: dict[tuple[str, str], dict[str, tuple[float, float]]] = {}
    for number, (gold, answer) in enumerate(pairs):
        for detail in TASK.details(gold, sure(answer)):
            if detail.slice:
                key = detail.metric, detail.slice["relation"]
                sums.setdefault(key, {})[f"x:{number}"] = detail.score.numerator, detail.score.denominator
    (measured,) = relation_averages.RelationAverages()(sums)
    assert measured.low <= measured.value <= measured.high
    return measured.value


def test_macro_f1_on_a_case_by_hand() -> None:
    pairs = [
        ("Use(e1,e2)", "Use(e1,e2)"),
        ("Use(e1,e2)", "Use(e2,e1)"),  # wrong direction: an answer and a gold of Use, none right
        ("Use(e2,e1)", "Other"),
        ("Part(e1,e2)", "Part(e1,e2)"),
        ("Other", "Part(e2,e1)"),
        ("Other", "Other"),
    ]
    # Use: right 1, answers 2, golds 3: F1 2/5. Part: right 1, answers 2, golds 1: F1 2/3.
    assert macro(pairs) == pytest.approx((2 / 5 + 2 / 3) / 2)
    assert published(pairs) == pytest.approx((2 / 5 + 2 / 3) / 2)


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=2, max_size=40))
def test_macro_f1_is_the_published_rule(pairs: list[tuple[str, str]]) -> None:
    if any(label != "Other" for pair in pairs for label in pair):
        assert macro(pairs) == pytest.approx(published(pairs))


def test_micro_f1_leaves_no_relation_out() -> None:
    scores = {
        ("Use(e1,e2)", "Use(e1,e2)"): (2.0, 2.0),
        ("Use(e1,e2)", "Use(e2,e1)"): (0.0, 2.0),
        ("Use(e1,e2)", "Other"): (0.0, 1.0),
        ("Other", "Use(e1,e2)"): (0.0, 1.0),
        ("Other", "Other"): (0.0, 0.0),
    }
    for (gold, answer), score in scores.items():
        made = TASK.score(gold, sure(answer))
        assert (made.numerator, made.denominator) == score


def test_the_constant_answer_is_the_commonest_relation() -> None:
    assert TASK.constant(["Other", "Other", "Part(e1,e2)", None]) == sure("Part(e1,e2)")
    assert TASK.constant(["Other"]) is None


def test_exchanged_marks_turn_the_relation() -> None:
    edits = {"text": marked_entities.exchange(PEN)}
    inputs, alignment = text.edited({"text": PEN}, edits)
    assert inputs["text"] == "the <e2> hand </e2> holds a <e1> blue pen </e1> ."
    assert TASK.follow("Use(e1,e2)", alignment) == "Use(e2,e1)"
    assert TASK.follow("Other", alignment) == "Other"
    assert TASK.follow(None, alignment) is None
    assert TASK.same(sure("Use(e1,e2)"), sure("Use(e2,e1)"), alignment)
    assert not TASK.same(sure("Use(e1,e2)"), sure("Use(e1,e2)"), alignment)
    one_way = tasks.create("relation-extraction", ("Other", "Use(e1,e2)", "per:title"))
    assert one_way.follow("Use(e1,e2)", alignment) is one_way.follow("per:title", alignment) is None


def test_edits_of_words_keep_the_relation() -> None:
    _, alignment = text.edited({"text": PEN}, {"text": (Edit(0, 1, ("a",)),)})
    assert TASK.follow("Use(e1,e2)", alignment) == "Use(e1,e2)"
    assert not TASK.same(sure("Use(e1,e2)"), sure("Use(e2,e1)"), alignment)


def test_marks_and_entities_are_fixed() -> None:
    example = Example("x", {"text": PEN}, "Use(e1,e2)")
    assert TASK.fixed(example) == TASK.protected(example) == {"text": {1, 2, 3, 6, 7, 8, 9}}


THINGS = ("cup", "pen", "hammer", "needle", "kettle", "spoon", "ladder", "bucket", "pencil", "towel", "basket", "rope")
PEOPLE = ("boy", "girl", "nurse", "cook", "pilot", "judge", "monk", "clerk", "baker", "miner", "tailor", "farmer")


def examples() -> tuple[Example, ...]:
    rows = []
    for number in range(48):
        person, thing = PEOPLE[number % 12], THINGS[(number * 5 + number // 12) % 12]
        verb, label = (("uses", "Use(e1,e2)"), ("owns", "Part(e1,e2)"))[number % 2]
        far = "very often and with great care" if number % 3 else ""
        marked = f"the <e1> {person} </e1> {verb} {far} a <e2> {thing} </e2>"
        rows.append(Example(f"home:{number}", {"text": marked}, label))
    return tuple(rows)


def by_text(request: Request) -> Response:
    """Reads the verb, and which entity is the first."""
    words = request.texts[0].split()
    name = "Use" if "uses" in words else "Part" if "owns" in words else None
    forward = words.index("<e1>") < words.index("<e2>")
    return sure("Other" if name is None else f"{name}({'e1,e2' if forward else 'e2,e1'})")


def by_names(request: Request) -> Response:
    """Knows by heart which names had which relation, and reads nothing else."""
    known = {names_of(row.inputs["text"]): row.gold for row in examples()}
    return sure(known.get(names_of(request.texts[0]), "Other"))


def by_verb(request: Request) -> Response:
    """Reads the verb, not which entity is the first."""
    return sure("Use(e1,e2)" if "uses" in request.texts[0].split() else "Part(e1,e2)")


def names_of(marked: str) -> frozenset[str]:
    return frozenset({*PEOPLE, *THINGS}.intersection(marked.split()))


def audited(answer: Callable[[Request], Response], rows: Sequence[Example] = ()) -> tuple[ProbeRecord, ...]:
    plan = plan_of(FakeModel(answer, LABELS), [PROBE], task=TASK, examples={"home": tuple(rows) or examples()})
    return runner.run(plan, nowhere, Silent())


def measured(answer: Callable[[Request], Response]) -> dict[tuple[str, str], float]:
    ((record),) = audited(answer)
    return {(item.metric, *item.slice.values()): round(item.value, 2) for item in record.measurements}  # type: ignore[misc]


def outcomes(answer: Callable[[Request], Response]) -> dict[str, str]:
    """Value of the slice → outcome of the shipped policy's rules on the probe."""
    shipped_policy = policy.load(None, TASK.name)
    rules = tuple(rule for rule in shipped_policy.rules if rule.probe == PROBE.name)
    judged = gate.decide(replace(shipped_policy, rules=rules), audited(answer), "fake")
    return {verdict.slice["entities"]: verdict.outcome for verdict in judged.verdicts if verdict.slice}


def test_a_model_that_reads_the_text_passes() -> None:
    values = measured(by_text)
    assert values["f1", "the whole text"] == values["f1", "the context alone"] == 1.0
    assert values["f1", "the entities alone"] == 0.0
    assert values["entity_change_rate", "renamed"] == values["entity_change_rate", "exchanged"] == 0.0
    assert values["drop", "the entities alone"] == 1.0
    assert ("drop", "the whole text") not in values
    assert values["f1", "0 to 2"] == values["f1", "6 to 10"] == 1.0
    assert outcomes(by_text) == {"exchanged": "pass", "renamed": "pass", "misspelled": "pass"}


def test_a_model_that_knows_names_alone_is_held() -> None:
    values = measured(by_names)
    assert values["f1", "the whole text"] == values["f1", "the entities alone"] == 1.0
    assert values["f1", "the context alone"] == 0.0
    assert values["entity_change_rate", "renamed"] > 0.7
    assert values["entity_change_rate", "exchanged"] == 1.0
    assert outcomes(by_names)["renamed"] == outcomes(by_names)["exchanged"] == "fail"


def test_a_model_that_does_not_tell_the_entities_apart_is_held() -> None:
    values = measured(by_verb)
    assert values["entity_change_rate", "renamed"] == 0.0
    assert values["entity_change_rate", "exchanged"] == 1.0
    assert outcomes(by_verb)["exchanged"] == "fail"


def test_relations_without_direction_are_not_exchanged() -> None:
    rows = [replace(row, gold="Other") for row in examples()]
    ((record),) = audited(by_text, rows)
    (gap,) = record.skipped
    assert (gap.slice, gap.reason, gap.applies) == ({"entities": "exchanged"}, relation_cues.UNDIRECTED, False)


def test_noise_and_templates_leave_marks_alone() -> None:
    names = {"noise", "bias", "capabilities"}
    probes = shipped(*sorted(names))
    plan = plan_of(FakeModel(by_text, LABELS), probes, task=TASK, examples={"home": examples()[:6]})
    records = {record.probe: record for record in runner.run(plan, nowhere, Silent())}
    assert records["bias"].missing == records["capabilities"].missing == ("plain_text",)
    assert records["noise"].measurements
    marks = [
        [word for word in case.after["text"].split() if word in marked_entities.MARKERS]
        for record in records.values()
        for case in record.worst
    ]
    assert all(sorted(words) == sorted(marked_entities.MARKERS) for words in marks)


def test_copies_for_training_leave_marks_alone() -> None:
    row = Example("x", {"text": PEN}, "Use(e1,e2)")
    for number in range(20):
        copy = _perturbed_rows.perturbed(
            row, TASK, ["swapped words", "keyboard typo", "upper case"], 0.5, random.Random(number)
        )
        assert copy is None or marked_entities.spaced(copy.inputs["text"]) == copy.inputs["text"]


def test_new_marks_get_tokens_of_their_own(tmp_path: Path) -> None:
    tiny_checkpoint(tmp_path / "base", ("a", "b"), seed=0)
    torch.manual_seed(0)
    model, tokenizer, _ = pretrained.load(tmp_path / "base", TASK)
    ids = tokenizer(" ".join(marked_entities.MARKERS), add_special_tokens=False)["input_ids"]
    assert len(set(ids)) == len(ids) == 4
    assert model.get_input_embeddings().num_embeddings == len(tokenizer) == model.config.vocab_size
    again, _, _ = pretrained.load(tmp_path / "base", tasks.create("text-classification", LABELS))
    assert again.get_input_embeddings().num_embeddings < len(tokenizer)


def test_answers_without_a_direction_need_not_turn() -> None:
    task = tasks.create("relation-extraction", (*LABELS, "Near"))
    _, alignment = text.edited({"text": PEN}, {"text": marked_entities.exchange(PEN)})
    for label in ("Near", "Other"):
        answer = tuple(float(name == label) for name in task.labels)
        assert task.same(answer, answer, alignment)


def test_texts_with_the_models_own_marks_are_refused() -> None:
    settings = {"markers": ["[E1]", "[/E1]", "[E2]", "[/E2]"]}
    task = tasks.create("relation-extraction", LABELS, settings=settings)
    with pytest.raises(DataError, match=r"holds '\[E1\]', which the model reads as a mark"):
        task.read({"text": f"{PEN} [E1]"}, {"text": "text"})


@pytest.mark.parametrize("label", ["Other", "no-relation", "no_rel", "N/A", "NA", " none "])
def test_no_relation_is_known_in_any_spelling(label: str) -> None:
    assert tasks.create("relation-extraction", ("Use(e1,e2)", label)).no_relation == label  # type: ignore[attr-defined]


LEFT = 'name another with [task] no_relation = "…"'


@pytest.mark.parametrize(
    ("labels", "settings", "said"),
    [
        (("Other", "Use(e1,e2)"), {}, ()),
        (("nothing", "Use(e1,e2)"), {"no_relation": "nothing"}, ()),
        (("Other", "NA"), {"no_relation": "NA"}, ()),
        ((), {}, ()),
        (
            ("nothing", "Use(e1,e2)"),
            {},
            (
                'no label is taken for "no relation" (nothing, Use(e1,e2): none has a usual name such as Other, '
                f"no_relation or NA), and all count in F1; {LEFT}",
            ),
        ),
        (
            ("NA", "Use(e1,e2)", "Other"),
            {},
            (f"'NA' is taken for \"no relation\", not 'Other', which counts in F1; {LEFT}",),
        ),
    ],
)
def test_what_is_taken_for_no_relation_is_said_where_it_is_doubtful(
    labels: tuple[str, ...], settings: dict[str, object], said: tuple[str, ...]
) -> None:
    assert tasks.create("relation-extraction", labels, settings=settings).notes == said
    assert tasks.create("text-classification", ("a", "b")).notes == ()


def test_training_and_audit_say_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_checkpoint(tmp_path / "base", head=False)
    rows = [f"the <e1>a{n}</e1> in the <e2>b</e2>,{('Use', 'nothing')[n % 2]}" for n in range(12)]
    for name, own in (("train", rows[:8]), ("test", [row.replace("the", "one", 1) for row in rows])):
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,label", *own]) + "\n", encoding="utf-8")
    (tmp_path / "audit.toml").write_text(
        'task = "relation-extraction"\n[data]\ntrain = "train.csv"\ntest = "test.csv"\n'
        '[training]\nbase = "base"\nepochs = 1\n',
        encoding="utf-8",
    )
    config = ["--config", str(tmp_path / "audit.toml")]
    assert main(["train", *config]) == 0
    assert 'no label is taken for "no relation" (Use, nothing: ' in capsys.readouterr().err
    more = ["--model", str(tmp_path / "ckpt"), "--probe", "quality", "--fixed", "--out", str(tmp_path / "out")]
    assert main(["run", *config, *more]) in (0, 1, 3)
    assert f"and all count in F1; {LEFT}" in capsys.readouterr().err
