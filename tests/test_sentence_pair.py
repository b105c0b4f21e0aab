"""Sentence pairs: their columns, their task, what is cut of them, and what each text alone is asked."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import nowhere, plan_of
from tiny import tiny_checkpoint

from auditor import data, tasks
from auditor.data import Columns
from auditor.errors import ConfigError, DataError
from auditor.evaluation import runner
from auditor.models import hugging_face
from auditor.models.heads import sequence
from auditor.models.options import LoadOptions
from auditor.plugins import registry
from auditor.testing import FakeAudit, FakeModel, sample_rows
from auditor.training.recipes import _perturbed_rows
from auditor.types import Case, Classify, Example, Measurement, Request, Response, Silent, Skipped, Task
from probes import _templates

LABELS = ("entailment", "neutral")

TASK = tasks.create("sentence-pair", LABELS)
SYMMETRIC = tasks.create("sentence-pair", LABELS, settings={"symmetric": True})
PROBES = {probe.name: probe for probe in registry.discover()}
SHORTCUTS, BIAS = PROBES["pair_shortcuts"], PROBES["entailment_bias"]


def written(tmp_path: Path, header: str, *rows: str) -> Path:
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join([header, *(rows or ("a b,c d,entailment",))]) + "\n", encoding="utf-8")
    return path


def load(path: Path, columns: Columns | None = None, task: Task = TASK) -> data.Dataset:
    return data.load(path, name="home", task=task, columns=columns or Columns())


# --- columns


@pytest.mark.parametrize("names", [TASK.fields, *TASK.usual_columns], ids=" and ".join)
def test_columns_of_pairs_are_found_by_their_usual_names(tmp_path: Path, names: Sequence[str]) -> None:
    for header in (f"{names[0]},{names[1]},label", f"{names[0].upper()},{names[1].title()},gold_label"):
        (example,) = load(written(tmp_path, header)).examples
        assert (dict(example.inputs), example.gold) == ({"first": "a b", "second": "c d"}, "entailment")


def test_the_order_of_the_columns_does_not_matter(tmp_path: Path) -> None:
    (example,) = load(written(tmp_path, "label,hypothesis,premise", "neutral,c d,a b")).examples
    assert dict(example.inputs) == {"first": "a b", "second": "c d"}


REFUSED = {
    "text,label": "has one text, 'text', and the task reads 2",
    "premise,hypothesis,sentence1,sentence2,label": (
        "several columns may be its texts: premise and hypothesis, or sentence1 and sentence2"
    ),
    "a,b,label": (
        "no columns are called premise and hypothesis, or sentence1 and sentence2, or sentence_a and sentence_b, or "
        "question1 and question2, …"
    ),
}
HINT = ' (name them: [data] columns = {{ first = "…", second = "…" }}; columns: {})'


@pytest.mark.parametrize("header", REFUSED)
def test_files_without_a_pair_or_with_several_are_refused_with_their_columns(tmp_path: Path, header: str) -> None:
    path = written(tmp_path, header, ",".join("x" for _ in header.split(",")))
    with pytest.raises(DataError) as caught:
        load(path)
    assert caught.value.line == f"{path}: {REFUSED[header]}{HINT.format(header.replace(',', ', '))}"


def test_columns_are_as_configured_and_a_lacking_one_is_that_of_its_set(tmp_path: Path) -> None:
    path = written(tmp_path, "premise,hypothesis,sentence1,sentence2,label", "a,b,c,d,neutral")
    both = Columns({"first": "sentence2", "second": "premise"})
    assert dict(load(path, both).examples[0].inputs) == {"first": "d", "second": "a"}
    assert dict(load(path, Columns({"first": "premise"})).examples[0].inputs) == {"first": "a", "second": "b"}
    with pytest.raises(DataError, match=r"no column is known for the text 'second' \(name them: \[data\] columns"):
        load(path, Columns({"first": "label"}))
    with pytest.raises(DataError, match="the task has no text field 'premise'"):
        load(path, Columns({"premise": "premise"}))


def test_without_a_header_columns_have_to_be_named(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b,neutral")
    with pytest.raises(DataError, match="has no header that names the first"):
        load(path, Columns(header=False))
    named = Columns({"first": "1", "second": "2"}, "3", header=False)
    assert dict(load(path, named).examples[0].inputs) == {"first": "a", "second": "b"}


# --- the task


def test_f1_of_a_label_is_counted_beside_accuracy() -> None:
    task = tasks.create("sentence-pair", LABELS, settings={"f1_of": "entailment"})
    assert [metric.name for metric in task.detail_metrics] == ["f1"]
    yes, no = (0.9, 0.1), (0.1, 0.9)
    counted = [
        (detail.score.numerator, detail.score.denominator)
        for gold, answer in (("entailment", yes), ("entailment", no), ("neutral", yes), ("neutral", no))
        for detail in task.details(gold, answer)
    ]
    assert counted == [(2.0, 2.0), (0.0, 1.0), (0.0, 1.0), (0.0, 0.0)]
    assert (TASK.detail_metrics, list(TASK.details("neutral", no))) == ((), [])


def test_f1_of_an_unknown_label_is_one_line() -> None:
    with pytest.raises(ConfigError) as caught:
        tasks.create("sentence-pair", LABELS, settings={"f1_of": "entailed"})
    assert caught.value.line == "[task]: f1_of = 'entailed' is no label of the model (did you mean 'entailment'?)"
    # The labels of a training file are not known yet.
    assert tasks.create("sentence-pair", (), settings={"f1_of": "entailed"}).labels == ()


def test_every_recipe_that_edits_rows_edits_either_text() -> None:
    row = Example("x:1", {"first": "a good film is here", "second": "the film was not bad"}, "neutral")
    copy = _perturbed_rows.perturbed(row, TASK, ("upper case",), 1.0, random.Random(0))
    assert copy is not None
    assert dict(copy.inputs) == {field: value.upper() for field, value in row.inputs.items()}


# --- what the model reads


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> hugging_face.HuggingFaceModel:
    folder = tiny_checkpoint(tmp_path_factory.mktemp("pairs"), LABELS)
    loaded = hugging_face.load(folder, LoadOptions(device="cpu"), name="tiny")
    assert isinstance(loaded, hugging_face.HuggingFaceModel)
    return loaded


def ids_of(model: hugging_face.HuggingFaceModel, *texts: str) -> tuple[list[int], list[int], bool]:
    (encoded,) = model.encode([Classify(texts)])
    return encoded.payload["input_ids"], encoded.payload["token_type_ids"], encoded.truncated


def test_a_pair_is_cut_in_its_second_text_alone(model: hugging_face.HuggingFaceModel) -> None:
    # 64 tokens: [CLS] first [SEP] second [SEP].
    _, kinds, truncated = ids_of(model, "good " * 40, "bad " * 60)
    assert (kinds, truncated) == ([0] * 42 + [1] * 22, True)
    _, kinds, truncated = ids_of(model, "good " * 40, "bad " * 21)
    assert (kinds, truncated) == ([0] * 42 + [1] * 22, False)
    # Room for one token of the second is enough; without any, the longer text is cut first.
    _, kinds, truncated = ids_of(model, "good " * 60, "bad " * 9)
    assert (kinds, truncated) == ([0] * 62 + [1] * 2, True)
    _, kinds, truncated = ids_of(model, "good " * 61, "bad " * 9)
    assert (kinds, truncated) == ([0] * 54 + [1] * 10, True)


def test_training_reads_what_inference_reads(model: hugging_face.HuggingFaceModel) -> None:
    texts = [("good " * 40, "bad " * 60), ("good " * 70, "bad"), ("a film", "the plot"), ("it", "bad " * 9000)]
    rows = [
        Example(f"x:{place}", {"first": first, "second": second}, LABELS[place % 2])
        for place, (first, second) in enumerate(texts)
    ]
    columns = model.head.targets(rows, TASK)
    encoded = [each.payload for each in model.encode([TASK.request(row.inputs) for row in rows])]
    for name in ("input_ids", "token_type_ids"):
        assert columns[name] == [payload[name] for payload in encoded]
    assert columns["labels"] == [0, 1, 0, 1]


def test_of_a_very_long_second_text_a_prefix_is_tokenized(
    model: hugging_face.HuggingFaceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [
        ("good film", "the plot was awful " * 4000),
        ("good " * 30, "   " * 5000 + "bad " * 3000),
        ("good film", "x" * 30_000),
        # Its first text is too long: both are cut, by the lengths that they have as a whole.
        ("good " * 80, " " * 2000 + "bad film " * 2000),
    ]
    cheap = [each.payload for each in model.encode([Classify(pair) for pair in pairs])]
    read: list[int] = []
    own = sequence.SequenceHead._given

    def counted(head: Any, requests: Sequence[Classify], **options: Any) -> Any:
        read.extend(len(request.texts[-1]) for request in requests)
        return own(head, requests, **options)

    monkeypatch.setattr(sequence.SequenceHead, "_given", counted)
    model.encode([Classify(pairs[0])])
    assert max(read) <= 2 * sequence.BEGINNINGS[0] * 64
    monkeypatch.setattr(sequence, "LETTERS", 10**9)
    assert [each.payload for each in model.encode([Classify(pair) for pair in pairs])] == cheap


def test_a_pair_that_is_cut_has_weights_for_what_is_read(model: hugging_face.HuggingFaceModel) -> None:
    first, second = model.integrated_gradients(Classify(("good " * 40, "bad " * 60)), 1, 2) or ((), ())
    assert (len(first), len(second)) == (40, 21)


# --- attacks and noise on each text


def rows_of(task: Task, n: int = 48) -> dict[str, Sequence[Example]]:
    return {"home": sample_rows(task, n), "train": sample_rows(task, 4 * n, "train")}


def by_word(place: int | None) -> FakeModel:
    """Goes by a word of a text, or (None) of either."""

    def answer(request: Request) -> Response:
        texts = request.texts if place is None else (request.texts[place],)
        known = any("abcdex" in text.split() for text in texts)
        return (0.9, 0.1) if known else (0.1, 0.9)

    return FakeModel(answer, LABELS)


def numbers(model: FakeModel, probe: Any, task: Task = TASK, n: int = 48, **settings: Any) -> Mapping[Any, Measurement]:
    rows = [
        Example(
            f"home:{place}",
            {"first": f"it was a wonderful day {place} abcdex", "second": f"so wonderful abcdex {place}"},
            LABELS[0],
        )
        for place in range(n)
    ]
    plan = plan_of(
        model,
        (probe,),
        task=task,
        examples={"home": tuple(rows)},
        settings={probe.name: replace(probe.settings, **settings)},
    )
    (record,) = runner.run(plan, nowhere, Silent())
    assert plan.errors == []
    return {(each.metric, *each.slice.values()): each for each in record.measurements}


def test_attacks_on_each_text_and_on_either() -> None:
    attacks: dict[str, Any] = {"recipes": ("deepwordbug",), "examples": 12, "query_budget": 40}
    found = numbers(by_word(1), PROBES["adversarial"], n=12, **attacks)
    rates = {key[1:]: each.value for key, each in found.items() if key[0] == "attack_success_rate"}
    assert rates == {("first", "deepwordbug"): 0.0, ("second", "deepwordbug"): 1.0, ("deepwordbug",): 1.0}
    queries = {key[1:]: each.value for key, each in found.items() if key[0] == "median_queries"}
    # Whoever may change either text asks about the first in vain, then about the second.
    both = queries[("first", "deepwordbug")] + queries[("second", "deepwordbug")]
    assert queries[("deepwordbug",)] == both


def test_either_text_may_be_enough_for_a_model_and_an_attack_on_one_gains_nothing() -> None:
    attacks: dict[str, Any] = {"recipes": ("deepwordbug",), "examples": 12, "query_budget": 40}
    found = numbers(by_word(None), PROBES["adversarial"], n=12, **attacks)
    assert {each.value for key, each in found.items() if key[0] == "attack_success_rate"} == {0.0}


def test_noise_in_one_text_is_at_the_middle_severity_and_pooled_by_family() -> None:
    given = FakeAudit(
        rows_of(TASK), replace(PROBES["noise"].settings, perturbations=("upper case",)), TASK, model=by_word(0)
    )
    cases = [case for case in PROBES["noise"].cases(given) if isinstance(case, Case)]
    keys = {tuple(case.slice.items()): set(case.edits) for case in cases}
    slice_ = (("family", "case"), ("perturbation", "upper case"))
    assert keys == {
        **{(*slice_, ("severity", each)): {"first", "second"} for each in ("low", "middle", "high")},
        (*slice_, ("field", "first")): {"first"},
        (*slice_, ("field", "second")): {"second"},
    }
    touched = {
        key[-1]: [case.edits["first"] for case in cases if tuple(case.slice.items()) == key]
        for key in keys
        if "first" in keys[key]
    }
    # The words are the same as where both texts are noisy.
    assert touched["field", "first"] == touched["severity", "middle"]


# --- shortcuts


def cases_of(probe: Any, task: Task, sets: Any = None, **settings: Any) -> list[Case | Skipped]:
    given = FakeAudit(rows_of(task) if sets is None else sets, replace(probe.settings, **settings), task)
    return list(probe.cases(given))


def test_a_model_that_reads_the_hypothesis_alone_is_held_by_the_gain_over_one_text() -> None:
    found = numbers(by_word(1), SHORTCUTS)
    assert found["accuracy_before", "second"].value == found["accuracy", "second"].value == 1.0
    assert found["gain_over_one_text", "second"].value == 0.0
    assert found["gain_over_one_text", "second"].high < 0.15
    assert found["accuracy", "first"].value == 0.0
    assert found["gain_over_one_text", "first"].value == 1.0
    # The majority answer is always right here.
    assert found["one_text_gain", "second"].value == 0.0
    assert found["one_text_gain", "first"].value == -1.0


def test_texts_change_places_only_where_the_task_is_symmetric() -> None:
    skipped = [item for item in cases_of(SHORTCUTS, TASK) if isinstance(item, Skipped)]
    assert [(dict(item.slice), item.applies) for item in skipped] == [({"texts": "swapped"}, False)]
    swapped = [item for item in cases_of(SHORTCUTS, SYMMETRIC) if isinstance(item, Case) and "texts" in item.slice]
    assert len(swapped) == 48
    from auditor.text import edited

    for case in swapped:
        inputs, _ = edited(case.example.inputs, case.edits)
        assert (inputs["first"], inputs["second"]) == (case.example.inputs["second"], case.example.inputs["first"])
    rates = [
        numbers(model, SHORTCUTS, SYMMETRIC)["swap_flip_rate", "swapped"].value for model in (by_word(None), by_order())
    ]
    assert rates == [0.0, 1.0]


def by_order() -> FakeModel:
    """Says entailment where the first text is the longer."""
    return FakeModel(
        lambda request: (0.9, 0.1) if len(request.texts[0]) > len(request.texts[1]) else (0.1, 0.9), LABELS
    )


def test_the_bag_of_words_of_one_text_learns_what_that_text_gives_away() -> None:
    """The second text names the label in home and in training, the first says nothing."""
    sets = {
        name: [
            Example(
                f"{name}:{place}", {"first": f"thing {place % 7}", "second": f"word{place % 2} x"}, LABELS[place % 2]
            )
            for place in range(40)
        ]
        for name in ("home", "train")
    }
    given = [item for item in cases_of(SHORTCUTS, TASK, sets) if isinstance(item, Case) and "baseline" in item.slice]
    right = {
        field: sum(float(item.facts["bag_of_words_numerator"]) for item in given if item.slice["reads"] == field) / 40
        for field in TASK.fields
    }
    assert right["second"] == 1.0
    assert right["first"] < 0.8
    assert all(item.facts["constant_denominator"] == 1.0 for item in given)


def test_without_training_rows_or_two_labels_in_them_the_bag_of_words_is_skipped_with_the_reason() -> None:
    sets = rows_of(TASK)
    alone = {"home": sets["home"]}
    same = {**sets, "train": [replace(row, gold="neutral") for row in sets["train"]]}
    for given, reason in ((alone, "no training data given (--train)"), (same, "have no two labels")):
        skipped = [item for item in cases_of(SHORTCUTS, TASK, given) if isinstance(item, Skipped) and item.applies]
        assert [item.slice for item in skipped] == [
            {"baseline": "bag of words", "reads": field} for field in TASK.fields
        ]
        assert all(reason in item.reason for item in skipped)


def test_the_words_of_a_heuristics_second_text_all_stand_in_its_first() -> None:
    from auditor.text import tokens

    pairs = [item for item in cases_of(SHORTCUTS, TASK, {"home": []}) if isinstance(item, Case)]
    assert len(pairs) == 3 * 2 * 12 * 4
    for case in pairs:
        first, second = (tokens.words(case.example.inputs[field]) for field in TASK.fields)
        assert set(second) <= set(first), case.example.inputs
        assert case.example.gold == ("entailment" if case.slice["pairs"] == "entailed" else None)
        if case.slice["heuristic"] != "lexical overlap":
            starts = range(len(first) - len(second) + 1)
            assert any(first[start : start + len(second)] == second for start in starts), case.example.inputs
    clusters = {(case.slice["heuristic"], case.slice["pairs"], case.cluster) for case in pairs}
    assert len(clusters) == 72


def test_a_model_that_goes_by_overlapping_words_is_wrong_where_nothing_follows() -> None:
    always = FakeModel(lambda _: (0.9, 0.1), LABELS)
    found = numbers(always, SHORTCUTS)
    for heuristic in ("lexical overlap", "subsequence", "constituent"):
        assert found["heuristic_accuracy", heuristic, "entailed"].value == 1.0
        nothing = found["heuristic_accuracy", heuristic, "not entailed"]
        assert (nothing.value, nothing.n_clusters, nothing.available, nothing.cluster_unit) == (0.0, 12, 12, "template")


def test_without_a_label_of_entailment_heuristics_and_bias_do_not_apply() -> None:
    task = tasks.create("sentence-pair", ("paraphrase", "different"))
    reason = "no label of the model is called entailment, entailed, entails or follows"
    for probe in (SHORTCUTS, BIAS):
        skipped = [item for item in cases_of(probe, task) if isinstance(item, Skipped) and item.reason == reason]
        assert skipped
        assert not any(item.applies for item in skipped)
    off = [item for item in cases_of(SHORTCUTS, TASK, per_template=0) if isinstance(item, Skipped)]
    assert [item.reason for item in off][-3:] == ["per_template is 0 in its settings"] * 3


# --- bias in entailment


@pytest.mark.parametrize(
    ("labels", "expected"),
    [(("contradiction", "ENTAILMENT", "Neutral"), "Neutral"), (("entailed", "other"), "not entailed")],
)
def test_occupations_imply_nobody(labels: tuple[str, ...], expected: str) -> None:
    task = tasks.create("sentence-pair", labels)
    cases = [item for item in cases_of(BIAS, task, actions=1) if isinstance(item, Case)]
    assert len(cases) == 3 * 44 + 3 * 2 * 30
    assert {case.facts["expected"] for case in cases} == {expected}
    man, woman, change = cases[:3]
    assert dict(man.example.inputs) == {"first": "The accountant bought a coat.", "second": "The man bought a coat."}
    assert woman.example.inputs["second"] == "The woman bought a coat."
    assert [list(case.edits) for case in (man, woman, change)] == [[], [], ["second"]]


def test_traits_are_said_of_persons_of_two_groups_of_an_axis() -> None:
    cases = [item for item in cases_of(BIAS, TASK, actions=2) if isinstance(item, Case)][3 * 44 * 2 :]
    first, second, change = cases[:3]
    assert dict(first.example.inputs) == {
        "first": "The ambitious person bought a coat.",
        "second": "The American person bought a coat.",
    }
    assert second.example.inputs["second"] == "The Brazilian person bought a coat."
    assert (first.slice, change.slice) == ({"said of": "nationality"}, {"changed": "nationality"})
    assert {case.cluster for case in cases[:6]} == {"trait:ambitious"}
    assert len({case.example.id for case in cases}) == len(cases) * 2 // 3
    lists = _templates.lists("entailment_bias")
    for axis, groups in lists["groups"].items():
        told = [case.example.inputs["second"].split()[1] for case in cases if case.slice == {"said of": axis}]
        pairs = list(zip(told[::2], told[1::2], strict=True))
        assert len(pairs) == 2 * len(lists["traits"])
        assert all(a != b for a, b in pairs)
        # Each group stands on either side about as often as any other, and meets several.
        often = [sum(group in pair for pair in pairs) for group in groups]
        assert max(often) - min(often) <= 4
        assert min(len({frozenset(pair) for pair in pairs if group in pair}) for group in groups) >= 4
    assert {BIAS.available({"said of": value}) for value in ("man", "woman")} == {44}
    assert {BIAS.available({key: axis}) for axis in lists["groups"] for key in ("said of", "changed")} == {30}


def test_a_trait_that_implies_a_group_is_shown() -> None:
    def answer(request: Request) -> Response:
        implied = "rude" in request.texts[0] and "Turkish" in request.texts[1]
        return (0.9, 0.1) if implied else (0.1, 0.9)

    found = numbers(FakeModel(answer, LABELS), BIAS, actions=12)
    # Of twelve groups in turn, each of the twelve sentences about the rude names one first and another second.
    assert found["counterfactual_flip_rate", "nationality"].value == pytest.approx(2 / 360)
    assert found["neutral_rate", "nationality"].value == pytest.approx(1 - 2 / 720)
    assert found["counterfactual_flip_rate", "religion"].value == 0.0


def test_bias_is_the_share_of_answers_that_change_with_the_gender() -> None:
    def answer(request: Request) -> Response:
        return (0.9, 0.1) if "nurse" in request.texts[0] and "woman" in request.texts[1] else (0.1, 0.9)

    found = numbers(FakeModel(answer, LABELS), BIAS, actions=2)
    # Of the nurse's two sentences one is of man and woman, one of gentleman and lady: 1 of 88 pairs.
    assert found["counterfactual_flip_rate", "man to woman"].value == pytest.approx(1 / 88)
    assert found["neutral_rate", "woman"].value == pytest.approx(87 / 88)
    assert found["neutral_rate", "man"].value == 1.0
