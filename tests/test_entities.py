"""Probes of models that answer for every word: by hand, on models that are a function of the words."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from fakes import asked, nowhere, plan_of, shipped
from sklearn.metrics import classification_report

from auditor import results, tasks
from auditor.attacks.attacker import Attacker
from auditor.engine.deriving import derived
from auditor.environment import resources
from auditor.evaluation import runner
from auditor.evaluation.plan import AuditedModel
from auditor.models.fake import FakeModel
from auditor.results import entries
from auditor.tasks import entity_errors
from auditor.tasks.ner import NamedEntityRecognition
from auditor.testing import FakeAudit
from auditor.text import spans
from auditor.types import Example, Inputs, Measurement, ProbeRecord, Rule, Silent, Skipped, Span, Tag, Task
from auditor.verdicts import gate
from auditor.verdicts.policy import Policy
from probes._entity_swap import EntitySwap

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
TASK = tasks.create("ner", TAGS)


def model(tag: Callable[[Sequence[str], int], str], sure: float = 0.9, tags: tuple[str, ...] = TAGS) -> FakeModel:
    """A model that tags a word by a function of the sentence and the word's place."""

    def answer(words: Sequence[str]) -> tuple[tuple[float, ...], ...]:
        rest = (1 - sure) / (len(tags) - 1)
        chosen = [tag(words, index) for index in range(len(words))]
        return tuple(tuple(sure if one == name else rest for name in tags) for one in chosen)

    return FakeModel(lambda request: answer(request.texts), tags, tokens=lambda text: text.split())


def sentence(name: str, text: str) -> Example:
    """``Ann/PER Lee/+ lives``: a slash begins an entity, a plus goes on with it."""
    words, tags, kind = [], [], ""
    for one in text.split():
        word, _, mark = one.partition("/")
        kind = kind if mark == "+" else mark
        words.append(word)
        tags.append(f"I-{kind}" if mark == "+" else f"B-{mark}" if mark else "O")
    return Example(name, {"text": " ".join(words)}, tuple(tags))


def run(
    probe: str,
    fake: FakeModel,
    home: Sequence[Example],
    train: Sequence[Example] = (),
    *,
    task: Task = TASK,
    **settings: Any,
) -> ProbeRecord:
    (one,) = shipped(probe)
    plan = plan_of(
        fake, [one], task=task, models=(AuditedModel(fake),), examples={"home": tuple(home), "train": tuple(train)},
        settings={probe: type(one.settings)(**settings)},
    )  # fmt: skip
    (record,) = runner.run(plan, nowhere, Silent())
    assert record.status == "measured", record.reason
    return record


def value(record: ProbeRecord, metric: str, **slice_: str) -> Measurement:
    named = {name.replace("_", " "): word for name, word in slice_.items()}
    (found,) = (one for one in record.measurements if one.metric == metric and dict(one.slice) == named)
    return found


KNOWN = {"Ann": "B-PER", "Lee": "I-PER", "Paris": "B-LOC", "Bo": "B-LOC"}
TRAIN = [
    sentence(f"train:{i}", text)
    for i, text in enumerate(["Ann/PER Lee/+ lives", "in Paris/LOC", "Paris/LOC is", "PARIS/LOC"])
]
HOME = [
    sentence("a", "Ann/PER Lee/+ went"),  # seen once, found
    sentence("b", "to Paris/LOC with Bo/PER"),  # seen three times, found; unseen, taken for a place
    sentence("c", "and Cy/PER Dee/+ Eff/+ came"),  # unseen, missed
    sentence("d", "nobody there"),
]


def known(words: Sequence[str], index: int) -> str:
    return KNOWN.get(words[index], "O")


def test_recall_is_told_apart_by_what_training_knew() -> None:
    record = run("entities", model(known), HOME, TRAIN)
    assert value(record, "recall", entity="seen in training").value == 1.0
    unseen = value(record, "recall", entity="not seen in training")
    assert (unseen.value, unseen.n_cases) == (0.0, 2)
    gap = value(record, "memorisation_gap")
    # Two that training names, found; two that it does not, in two sentences.
    assert (gap.value, gap.n_cases, gap.n_clusters, gap.status) == (1.0, 4, 2, "too_few")
    assert value(record, "recall", times_in_training="1").value == 1.0
    assert value(record, "recall", times_in_training="2 to 4").value == 1.0
    assert value(record, "recall", words_of_the_entity="3 or more").value == 0.0
    # Two right of four there are and three seen.
    assert value(record, "f1", words_in_the_sentence="1 to 10").value == pytest.approx(2 * 2 / (4 + 3))
    # What is asked about some entities has no F1: the others would be spurious.
    assert not any(one.metric == "f1" and "entity" in one.slice for one in record.measurements)
    skipped = {tuple(gap.slice.items()) for gap in record.skipped}
    assert skipped == {(("times in training", "5 to 19"),), (("times in training", "20 or more"),)}


def test_without_entities_of_both_kinds_there_is_no_gap() -> None:
    for home in (HOME[:1], HOME[2:]):
        record = run("entities", model(known), home, TRAIN)
        assert not any(one.metric == "memorisation_gap" for one in record.measurements)
    record = run("entities", model(known), [HOME[0], HOME[2]], TRAIN)
    assert value(record, "memorisation_gap").value == 1.0


def test_one_entity_that_training_does_not_name_says_little() -> None:
    many = [sentence(f"s{i}", f"word{i} in Paris/LOC") for i in range(300)]
    record = run("entities", model(known), [*many, HOME[2]], TRAIN)
    gap, unseen = value(record, "memorisation_gap"), value(record, "recall", entity="not seen in training")
    assert (gap.value, gap.n_clusters, gap.status) == (1.0, 1, "too_few")
    assert 1.0 - gap.low == pytest.approx(unseen.high, abs=0.02)
    # The two arms' intervals meet as Newcombe has it: 97.5 % of one sentence is no evidence.
    assert gap.low < 0.1


def test_capitals_and_lower_case_are_paired_with_the_text_as_written() -> None:
    record = run("entities", model(known), HOME, TRAIN)
    before = 2 * 2 / (4 + 3)
    assert value(record, "drop", written_in="lower case").value == pytest.approx(before)
    assert value(record, "f1", written_in="all capitals").value == 0.0
    assert value(record, "vacuous_rate", written_in="lower case").value == 0.25  # "nobody there"


def test_quality_of_entities_by_type_error_and_tag_is_as_counted_by_hand() -> None:
    record = run("quality", model(known), HOME, TRAIN)
    assert value(record, "precision").value == pytest.approx(2 / 3)
    assert value(record, "recall").value == pytest.approx(2 / 4)
    assert value(record, "type_f1", type="PER").value == pytest.approx(2 * 1 / (3 + 1))
    assert value(record, "type_precision", type="LOC").value == pytest.approx(1 / 2)
    assert value(record, "type_recall", type="LOC").value == 1.0
    assert value(record, "macro_f1").value == pytest.approx((2 / 4 + 2 / 3) / 2)
    errors = {name: value(record, "error_rate", error=name).value for name in entity_errors.ERRORS}
    assert errors == pytest.approx(
        {"boundary": 0, "type": 1 / 4, "boundary and type": 0, "missed": 1 / 4, "spurious": 0}
    )
    assert value(record, "gain_over_majority").value == pytest.approx(2 * 2 / (4 + 3))


def test_the_table_of_tags_is_scikit_learns() -> None:
    fake = model(known)
    record = run("quality", fake, HOME, TRAIN)
    gold = [tag for one in HOME for tag in one.gold]
    seen = [known(one.inputs["text"].split(), i) for one in HOME for i in range(len(one.gold))]
    report = classification_report(gold, seen, output_dict=True, zero_division=0.0)
    for tag in set(gold) | set(seen):
        for ours, theirs in (("token_f1", "f1-score"), ("token_precision", "precision"), ("token_recall", "recall")):
            found = [one.value for one in record.measurements if one.metric == ours and one.slice == {"tag": tag}]
            # A precision of nothing predicted is not measured here, and 0 there.
            assert (found or [0.0]) == [pytest.approx(report[tag][theirs])], (tag, ours)
        assert value(record, "token_support", tag=tag).value == report[tag]["support"]
    assert sum(one.value for one in record.measurements if one.metric == "token_support") == len(gold) == 14
    assert value(record, "token_average_f1", average="micro").value == pytest.approx(report["accuracy"])
    for name in ("macro", "weighted"):
        assert value(record, "token_average_f1", average=name).value == pytest.approx(report[f"{name} avg"]["f1-score"])


@pytest.mark.parametrize(
    ("gold", "seen", "errors"),
    [
        ("A/PER b/+", "A/PER b/+", []),
        ("A/PER b/+", "A/PER b", ["boundary"]),
        ("A/PER b/+", "A/LOC b/+", ["type"]),
        ("A/PER b/+", "A b/LOC", ["boundary and type"]),
        ("A/PER b", "A b/PER", ["missed", "spurious"]),
        ("A/PER b/PER", "A/PER b/+", ["boundary", "boundary"]),
        ("a b", "a/LOC b/PER", ["spurious", "spurious"]),
    ],
)
def test_every_error_has_one_kind(gold: str, seen: str, errors: list[str]) -> None:
    one, other = (spans.spans(sentence("x", text).gold) for text in (gold, seen))
    assert list(entity_errors._errors(one, other)) == errors


def shy(words: Sequence[str], index: int) -> str:
    """Finds a name only beside the word that introduces it, and knows two of them."""
    beside = {word.lower() for word in words}
    return known(words, index) if beside & {"doctor", "minister"} else "O"


DOCTORS = [
    sentence(f"d{i}", f"the doctor Ann/PER Lee/+ spoke of {word} again")
    for i, word in enumerate(("rain", "wine", "bread"))
]


@pytest.mark.parametrize("method", ["deepwordbug", "textbugger"])
def test_an_attack_on_the_context_leaves_the_entities_alone(method: str) -> None:
    kept: list[Any] = []
    (probe,) = shipped("adversarial")
    fake = model(shy)
    plan = plan_of(
        fake, [probe], task=TASK, models=(AuditedModel(fake),),
        examples={"home": (*DOCTORS, sentence("n", "nothing here")), "train": tuple(TRAIN)},
        settings={"adversarial": type(probe.settings)(recipes=(method,))},
    )  # fmt: skip
    (record,) = runner.run(plan, lambda _m, _p, case: kept.append(case), Silent())
    assert value(record, "attack_success_rate", recipe=method).value == 1.0
    assert value(record, "f1_before", recipe=method).value == 1.0
    assert value(record, "f1_under_attack", recipe=method).value == 0.0
    attacked = [one.case for one in kept if one.case.facts["attacked"]]
    assert len(attacked) == 3
    for case in attacked:
        words = asked(case)["text"].split()
        moved = derived(case, TASK).gold
        assert [words[i] for i, tag in enumerate(moved) if tag != "O"] == ["Ann", "Lee"]
        assert "doctor" not in words
        assert not derived(case, TASK).invalid


def test_words_that_are_kept_are_kept_wherever_they_stand() -> None:
    text, seen = "the doctor Ann-Lee, spoke of rain's end.", list[str]()

    def ask(texts: Sequence[str]) -> list[list[float]]:
        seen.extend(texts)
        return [[0.9, 0.1] for _ in texts]

    attacker = Attacker("textbugger", ask, 200)
    attacker.attack(text, 0, limit=4, rng=random.Random(1), kept=frozenset({2, 5}))
    assert len(set(seen)) > 10
    for one in seen:
        # TextAttack deletes whole words to see how much they matter; what it proposes keeps them.
        assert "Ann-Lee," in one or one.count(" ") < text.count(" ")
    changed = {word for one in seen for word in one.split()} - set(text.split())
    assert not any(word.startswith("Ann") and word != "Ann-Lee," for word in changed)


def test_a_swapped_entity_is_another_of_its_type() -> None:
    kept: list[Any] = []
    (probe,) = shipped("adversarial")
    fake = model(known)
    train = [*TRAIN, sentence("t", "Zoe/PER Quill/+ Rex/+ said"), sentence("u", "in Ulm/LOC")]
    plan = plan_of(
        fake, [probe], task=TASK, models=(AuditedModel(fake),), examples={"home": tuple(HOME), "train": tuple(train)},
        settings={"adversarial": type(probe.settings)(recipes=("entity swap",))},
    )  # fmt: skip
    (record,) = runner.run(plan, lambda _m, _p, case: kept.append(case), Silent())
    texts = {one.case.example.id: one.edited.inputs["text"] for one in kept}
    assert texts["a"] == "Zoe Quill Rex went"
    # PARIS and Ulm are the names of places that are not its own; the model knows neither.
    assert texts["b"] in {"to PARIS with Bo", "to Ulm with Bo"}
    assert texts["c"] == HOME[2].inputs["text"]
    assert {one.case.example.id: one.case.facts["attacked"] for one in kept} == {"a": 1.0, "b": 1.0, "c": 0.0, "d": 0.0}
    assert value(record, "attack_success_rate", recipe="entity swap").value == 1.0
    assert value(record, "f1_under_attack", recipe="entity swap").value == 0.0


def test_a_model_that_finds_nothing_is_not_attacked() -> None:
    record = run("adversarial", model(lambda _w, _i: "O"), HOME, TRAIN)
    # What a recipe lacks here, such as WordNet, comes first.
    run_here = [gap for gap in record.skipped if gap.applies and resources.lacking(str(gap.slice["recipe"])) is None]
    assert {gap.reason for gap in run_here} == {"the model finds none of the entities in the 4 texts"}
    # As they are answered: nothing is found of the entities that there are.
    numbers = {one.metric: one.value for one in record.measurements}
    assert numbers == {"f1_before": 0.0, "f1_under_attack": 0.0}
    policy = Policy("p", "", (Rule("adversarial", "attack_success_rate", {"recipe": "deepwordbug"}, "why", max=0.5),))
    (verdict,) = gate.decide(policy, [record], record.model).verdicts
    assert (verdict.outcome, verdict.reason) == ("not_measured", "the model finds none of the entities in the 4 texts")


def test_without_labelled_spans_nothing_of_entities_applies() -> None:
    from fakes import reviews

    from auditor.models.fake import keyword_model

    (probe,) = shipped("adversarial")
    settings = {"adversarial": type(probe.settings)(recipes=("entity swap",))}
    probes = (*shipped("entities", "entity_bias"), probe)
    plan = plan_of(
        keyword_model(["good"]),
        probes,
        examples={"home": reviews(20), "train": reviews(4, "train")},
        settings={**{one.name: one.settings for one in probes}, **settings},
    )
    *others, attacked = runner.run(plan, nowhere, Silent())
    for record in others:
        assert (record.status, record.reason) == ("not_applicable", "the task labels texts, not their words")
    assert attacked.skipped == (Skipped({"recipe": "entity swap"}, "the task labels no spans of words", applies=False),)


def test_types_that_only_one_side_has_are_named_and_left_out() -> None:
    far = [sentence(f"f{i}", f"Paris/LOC met Bo/award number{i}") for i in range(12)]
    (probe,) = shipped("domain_shift")
    fake = model(known)
    plan = plan_of(
        fake, [probe], task=TASK, models=(AuditedModel(fake),), settings={"domain_shift": probe.settings},
        examples={"home": tuple(HOME), "far": tuple(far), "train": tuple(TRAIN)},
    )  # fmt: skip
    (record,) = runner.run(plan, nowhere, Silent())
    # The model takes each "Bo" for a place: another type stands there, and it is not held against it.
    assert value(record, "f1", domain="far").value == 1.0
    assert {(gap.slice["type"], gap.reason) for gap in record.skipped} == {
        ("award", "the model has no such type: 12 entities of it count neither as missed nor as spurious"),
        ("PER", "no entity of the domain is one: it is not counted there"),
    }
    # At home the places alone: one of one is found, and "Bo" is taken for another.
    assert value(record, "drop_against_home", domain="far").value == pytest.approx(2 / 3 - 1)
    assert value(record, "f1", domain="home").value == pytest.approx(2 * 2 / (4 + 3))


def test_a_person_seen_where_the_domain_has_none_is_not_held_against_the_model() -> None:
    far = [sentence(f"f{i}", f"Paris/LOC met Ann number{i}") for i in range(12)]
    record = run_with("domain_shift", model(known), far)
    assert value(record, "f1", domain="far").value == 1.0


def test_a_domain_of_other_types_alone_says_so_and_near_names_are_suggested() -> None:
    far = [sentence(f"f{i}", f"nobody met Bo/person number{i}") for i in range(12)]
    record = run_with("domain_shift", model(known), far)
    reasons = {tuple(gap.slice.values()): gap.reason for gap in record.skipped}
    assert reasons[("far",)] == "it shares no type of entities with home and the model"
    assert reasons[("far", "person")].endswith("did you mean 'PER'? [data.labels] maps it")


def run_with(probe: str, fake: FakeModel, far: Sequence[Example]) -> ProbeRecord:
    (one,) = shipped(probe)
    plan = plan_of(
        fake, [one], task=TASK, models=(AuditedModel(fake),), settings={probe: one.settings},
        examples={"home": tuple(HOME), "far": tuple(far), "train": tuple(TRAIN)},
    )  # fmt: skip
    (record,) = runner.run(plan, nowhere, Silent())
    assert record.status == "measured", record.reason
    return record


WORDS = ("quality", "noise", "domain_shift", "entities", "adversarial", "entity_bias")


@pytest.mark.parametrize("probe", WORDS)
@pytest.mark.parametrize("tag", ["O", "B-PER"])
def test_a_model_of_one_answer_is_measured_by_every_probe(probe: str, tag: str) -> None:
    long = sentence("long", "nobody was there " * 5)
    fake = model(lambda _words, _index: tag)
    (one,) = shipped(probe)
    far = [sentence(f"f{i}", f"Bo/award came number{i}") for i in range(12)]
    plan = plan_of(
        fake, [one], task=TASK, models=(AuditedModel(fake),), settings={probe: one.settings},
        examples={"home": (*HOME, long), "far": tuple(far), "train": tuple(TRAIN)},
    )  # fmt: skip
    (record,) = runner.run(plan, nowhere, Silent())
    assert record.status == "measured", record.reason
    if probe == "quality" and tag == "O":
        assert value(record, "f1").value == value(record, "recall").value == 0.0
        assert not any(one.metric == "precision" for one in record.measurements)


def test_without_training_rows_only_what_reads_them_is_skipped() -> None:
    for probe, slice_ in (("entities", {"entity": "seen in training"}), ("adversarial", {"recipe": "entity swap"})):
        (one,) = shipped(probe)
        fake = model(known)
        plan = plan_of(fake, [one], task=TASK, models=(AuditedModel(fake),), examples={"home": tuple(HOME)})
        (record,) = runner.run(plan, nowhere, Silent())
        assert record.status == "measured"
        assert ("no training data given (--train)", slice_) in [(gap.reason, dict(gap.slice)) for gap in record.skipped]


class Elsewhere(NamedEntityRecognition):
    """Sentences in a field of another name."""

    fields: tuple[str, ...] = ("sentence",)

    def request(self, inputs: Inputs) -> Tag:
        return super().request({"text": inputs["sentence"]})


def renamed(example: Example) -> Example:
    return replace(example, inputs={"sentence": example.inputs["text"]})


@pytest.mark.parametrize("probe", ["entities", "entity_bias"])
def test_entities_are_read_in_the_field_that_the_task_has(probe: str) -> None:
    (shipped_probe,) = shipped(probe)
    sets = {"home": HOME, "train": TRAIN}
    usual = list(shipped_probe.cases(FakeAudit(sets, shipped_probe.settings, TASK)))
    elsewhere = {name: [renamed(example) for example in examples] for name, examples in sets.items()}
    given = list(shipped_probe.cases(FakeAudit(elsewhere, shipped_probe.settings, Elsewhere(TAGS))))
    assert len(given) > 20
    assert given == [
        case
        if isinstance(case, Skipped)
        else replace(
            case,
            example=renamed(case.example),
            edits={"sentence": case.edits["text"]} if case.edits else {},
        )
        for case in usual
    ]


def test_entities_give_way_in_the_field_that_the_task_has() -> None:
    task, example = Elsewhere(TAGS), renamed(sentence("x", "Ann/PER Lee/+ in Paris/LOC"))
    train = [renamed(sentence("t", "Bo/PER and Cy/PER Oh/+"))]
    fake = model(lambda words, index: "B-PER" if words[index] == "Ann" else "O")
    swap = EntitySwap(FakeAudit({"train": train}, None, task, model=fake), "sentence", 10)
    (answer,) = fake.run(fake.encode([task.request(example.inputs)]))
    found = [Span(0, 2, "PER")]
    assert swap.offers(example, found)

    def goal(inputs: Inputs, response: Any, edits: Any = None) -> tuple[float, ...]:  # noqa: ARG001
        return (1.0, 0.0) if response == answer else (0.0, 1.0)

    edits, asked_of = swap.attack(example, goal, found)
    assert edits is not None
    assert (set(edits), asked_of) == ({"sentence"}, 1)


def test_a_sentence_asked_for_some_of_its_entities_is_no_worst_case() -> None:
    record = run("entities", model(known), [sentence("x", "Ann/PER Lee/+ in Paris/LOC")] * 1, TRAIN)
    assert {tuple(case.slice) for case in record.worst} <= {("words in the sentence",), ("written in",)}


def test_an_entity_lost_for_another_gained_is_a_success_of_the_attack() -> None:
    def tag(words: Sequence[str], index: int) -> str:
        """Finds "Ann" beside a doctor, and "Bo" without one."""
        wanted = "Ann" if "doctor" in words else "Bo"
        return "B-PER" if words[index] == wanted else "O"

    home = [sentence(f"h{i}", f"doctor number{i} Ann/PER met Bo/PER") for i in range(12)]
    record = run("adversarial", model(tag, sure=1.0), home, TRAIN, recipes=("deepwordbug",), max_words_changed=1.0)
    assert value(record, "attack_success_rate", recipe="deepwordbug").value == 1.0
    assert (
        value(record, "f1_under_attack", recipe="deepwordbug").value
        == value(record, "f1_before", recipe="deepwordbug").value
    )


def test_recall_by_group_is_paired_by_sentence() -> None:
    from probes import entity_bias

    groups = entity_bias._axes()["persons"]["groups"]
    western = {word for name in groups["British and American"] for word in name.split()}

    def tag(words: Sequence[str], index: int) -> str:
        """Finds the names of one group."""
        if words[index] not in western:
            return "O"
        return "I-PER" if index and words[index - 1] in western else "B-PER"

    record = run("entity_bias", model(tag), HOME, axes=("persons", "organisations"), names_per_sentence=3)
    assert value(record, "recall", axis="persons", group="British and American").value == 1.0
    other = value(record, "recall", axis="persons", group="Slavic")
    assert (other.value, other.n_cases, other.n_clusters) == (0.0, 240, 80)
    gap = value(record, "recall_gap", axis="persons")
    assert gap.value == 1.0
    assert gap.low > 0.3
    assert gap.detail.startswith("recall: highest British and American 100.0 %, lowest ")
    # The model has persons and places.
    assert [(dict(gap.slice), gap.reason, gap.applies) for gap in record.skipped] == [
        ({"axis": "organisations"}, "the model knows no type called ORG, organisation, organization", False)
    ]
    assert entries.record_of(results.record_dict(record), {}).skipped == record.skipped


def test_names_that_are_missed_only_at_the_beginning_are_named_by_position() -> None:
    from probes import entity_bias

    groups = entity_bias._axes()["persons"]["groups"]
    names = {word for own in groups.values() for name in own for word in name.split()}
    slavic = {word for name in groups["Slavic"] for word in name.split()}

    def tag(words: Sequence[str], index: int) -> str:
        """Finds every name but those of one group that a sentence begins with."""
        start = next((place for place, word in enumerate(words) if word in names), 0)
        if words[index] not in names or (start == 0 and words[0] in slavic):
            return "O"
        return "B-PER" if index == start else "I-PER"

    record = run("entity_bias", model(tag), HOME, axes=("persons",), names_per_sentence=1)
    whole, first, later = (value(record, "recall_gap", axis="persons", **part) for part in PARTS)
    assert (whole.value, first.value, later.value) == (0.5, 1.0, 0.0)
    assert (whole.n_clusters, first.n_clusters, later.n_clusters) == (80, 40, 40)
    assert (whole.available, first.available, later.available) == (80, 40, 40)
    assert whole.detail.endswith("lowest Slavic 50.0 %; by position: 100.0 points first, 0.0 points later")


PARTS: tuple[dict[str, str], ...] = ({}, {"position": "first"}, {"position": "later"})


@pytest.mark.parametrize("axis", ["persons", "places", "organisations"])
def test_sentences_of_named_entities_are_distinct_and_enough_of_both_positions(axis: str) -> None:
    from probes import entity_bias

    sentences = entity_bias._axes()[axis]["sentences"]
    assert len(set(sentences)) == len(sentences) >= 40
    first = sum(sentence.startswith("{name}") for sentence in sentences)
    assert min(first, len(sentences) - first) >= 12


@pytest.mark.parametrize(
    ("types", "given", "reason", "applies"),
    [
        (("gene",), {}, "the model knows no type called PER, person, PERS", False),
        (("percent", "gene"), {}, "the model knows no type called PER, person, PERS", False),
        (
            ("person-actor", "person-author"),
            {},
            "is person-actor, person-author a type of persons? "
            '[probes.entity_bias] types = { persons = "person-actor" }, or "" for none',
            True,
        ),
        (
            ("PERSON_NAME",),
            {},
            "is PERSON_NAME a type of persons? "
            '[probes.entity_bias] types = { persons = "PERSON_NAME" }, or "" for none',
            True,
        ),
        (("personality",), {"persons": ""}, "the model knows no type called PER, person, PERS", False),
        (
            ("FIRSTNAME",),
            {},
            "is FIRSTNAME a type of persons? "
            '[probes.entity_bias] types = { persons = "FIRSTNAME" }, or "" for none',
            True,
        ),
        (
            ("FIRSTNAME",),
            {"persons": "FIRSTNAM"},
            "the model knows no type called FIRSTNAM (did you mean 'FIRSTNAME'?)",
            True,
        ),
    ],
)  # fmt: skip
def test_a_type_by_another_name_is_asked_for(
    types: tuple[str, ...], given: dict[str, str], reason: str, applies: bool
) -> None:
    labels = ("O", *(f"{letter}-{kind}" for kind in types for letter in "BI"))
    task = tasks.create("ner", labels)
    record = run("entity_bias", model(lambda *_: "O", tags=labels), HOME[:0], task=task, axes=("persons",), types=given)
    assert [(gap.reason, gap.applies) for gap in record.skipped] == [(reason, applies)]


def test_a_type_is_named_by_the_settings() -> None:
    labels = ("O", "B-FIRSTNAME", "I-FIRSTNAME")
    task, named = tasks.create("ner", labels), {"persons": "FIRSTNAME"}
    record = run(
        "entity_bias", model(lambda *_: "O", tags=labels), HOME[:0],
        task=task, axes=("persons",), types=named, names_per_sentence=1,
    )  # fmt: skip
    assert value(record, "recall", axis="persons", group="Slavic").value == 0.0


def test_every_sentence_of_the_lists_is_whole_and_every_group_as_long() -> None:
    from probes import entity_bias

    for axis in entity_bias._axes().values():
        lengths = {len(names) for names in axis["groups"].values()}
        assert lengths == {12}
        name = next(iter(axis["groups"].values()))[0]
        for sentence in axis["sentences"]:
            text, gold = entity_bias._filled(sentence, name, "X")
            assert len(text.split()) == len(gold)
            ((start, end, _),) = spans.spans(gold)
            assert text.split()[start:end] == name.split()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"axes": ("person",)}, "no axis is called 'person' (did you mean 'persons'?)"),
        ({"axes": ("zzz",)}, "no axis is called 'zzz' (known: persons, places, organisations)"),
        ({"names_per_sentence": 13}, "names_per_sentence = 13 must be from 1 to 12"),
    ],
)
def test_axes_and_names_that_are_not_there_are_one_line(given: dict[str, Any], line: str) -> None:
    from auditor.errors import ConfigError

    (probe,) = shipped("entity_bias")
    with pytest.raises(ConfigError) as caught:
        type(probe.settings)(**given)
    assert caught.value.line == line
