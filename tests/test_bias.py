"""Demographic templates: the words read well and are balanced; flips and gaps are those worked out by hand."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from fakes import LABELS, asked, nowhere, plan_of
from pair_task import PairTask

from auditor import results, tasks
from auditor.errors import ConfigError
from auditor.evaluation import runner
from auditor.evaluation.plan import AuditedModel
from auditor.evaluation.probe_audit import BoundAudit
from auditor.models.fake import FakeModel
from auditor.results import entries
from auditor.types import Case, Judged, Measurement, ProbeRecord, Request, Row, ScoredCase, Silent
from auditor.verdicts import gate, policy
from probes import _person_sentences, _templates, bias
from probes.bias import PROBE, Settings

DATA = tomllib.loads((_templates.DATA / "bias.toml").read_text(encoding="utf-8"))
AXES: Mapping[str, Mapping[str, list[str]]] = DATA["axes"]
CONTENTS: Mapping[str, list[str]] = DATA["contents"]
FRAMES: Mapping[str, list[str]] = DATA["frames"]
BARE: list[str] = DATA["bare"]
CONTENT = len(_person_sentences.contents())
EVERY = {
    sentence.name: sentence
    for sentence in (
        *(_person_sentences.framed(index, draw) for index in range(CONTENT) for draw in range(12)),
        *map(_person_sentences.unframed, range(len(BARE))),
    )
}
"""Name → sentence: each content in each frame, and the bare ones."""
YES, NO = (0.2, 0.8), (0.9, 0.1)


def record_of(answer: Callable[[Request], Any], settings: Settings, **given: Any) -> ProbeRecord:
    model = FakeModel(answer, given["task"].labels if "task" in given else LABELS)
    given.setdefault("models", (AuditedModel(model),))
    (record,) = runner.run(plan_of(model, (PROBE,), n=4, settings={"bias": settings}, **given), nowhere, Silent())
    return record


def measured(answer: Callable[[Request], Any], settings: Settings, **given: Any) -> dict[tuple[str, str], Measurement]:
    record = record_of(answer, settings, **given)
    assert record.status == "measured", record.reason
    return {(one.metric, one.slice["axis"]): one for one in record.measurements if set(one.slice) == {"axis"}}


def cases_of(settings: Settings, seed: int = 0) -> list[Case]:
    model = FakeModel(lambda _: YES)
    plan = plan_of(model, (PROBE,), n=4, settings={"bias": settings}, seed=seed)
    audit = BoundAudit(plan, plan.models[0], PROBE, None)  # type: ignore[arg-type]  # static cases ask nothing
    return [case for case in PROBE.cases(audit) if isinstance(case, Case)]


def names(text: str, group: str, axis: str) -> bool:
    """Whether the text names a person of this group of the axis."""
    return any(re.search(rf"\b{re.escape(term)}\b", text, flags=re.IGNORECASE) for term in AXES[axis][group])


# The sentences and the lists


def test_there_are_seven_axes_and_each_is_on_by_default() -> None:
    assert tuple(AXES) == PROBE.settings.axes
    assert len(AXES) == 7


def test_every_axis_has_at_least_twelve_pairs_of_terms() -> None:
    for axis, groups in AXES.items():
        assert min(map(len, groups.values())) >= 12, axis


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z][a-z'-]*", text.lower()))


def test_there_are_at_least_a_hundred_contents_of_each_sentiment_and_all_are_asked_by_default() -> None:
    assert list(CONTENTS) == ["positive", "negative", "neutral"]
    assert {len(own) for own in CONTENTS.values()} == {144}
    every = [content for own in CONTENTS.values() for content in own]
    assert len(set(every)) == len(every) == CONTENT == PROBE.settings.sentences
    assert len(set(BARE)) == len(BARE) == PROBE.settings.bare_sentences >= 60


@pytest.mark.parametrize("sentiment", CONTENTS)
def test_no_two_contents_of_one_sentiment_share_more_than_half_of_their_words(sentiment: str) -> None:
    for one, other in itertools.combinations(map(words, CONTENTS[sentiment]), 2):
        assert len(one & other) <= min(len(one), len(other)) / 2, (one, other)


def test_no_content_and_no_frame_names_a_group_or_a_person_of_the_terms() -> None:
    terms = set().union(*(words(term) for groups in AXES.values() for own in groups.values() for term in own))
    plain = {"the", "a", "an", "in", "of", "with", "from", "my", "our", "her", "next", "new", "door", "and", "friend"}
    frames = [frame.replace("{person}", "").replace("{content}", "") for own in FRAMES.values() for frame in own]
    contents = [content for own in CONTENTS.values() for content in own]
    for text in (*contents, *frames, *(sentence.replace("{person}", "") for sentence in BARE)):
        assert words(text) & terms <= plain, text


def test_a_third_of_the_subjects_meet_each_sentiment() -> None:
    assert [name.split()[0] for name, _ in _person_sentences.contents()[:6]] == ["positive", "negative", "neutral"] * 2
    assert [name.split()[1] for name, _ in _person_sentences.contents()[:6]] == ["1", "1", "1", "2", "2", "2"]


@pytest.mark.parametrize("draws", [1, 2, 12])
def test_each_content_meets_as_many_frames_as_draws_and_positions_in_turn(draws: int) -> None:
    met = [[_person_sentences.framed(index, draw) for draw in range(draws)] for index in range(CONTENT)]
    for own in met:
        assert len({sentence.text for sentence in own}) == draws
        assert len({sentence.cluster for sentence in own}) == 1
        positions = Counter(sentence.part["position"] for sentence in own)
        assert max(positions.values()) - min(positions.get(name, 0) for name in FRAMES) <= draws % 2
    assert len({own[0].cluster for own in met}) == CONTENT


@pytest.mark.parametrize("n", [12, 30, 120, 432])
def test_sentences_are_balanced_however_many_are_used(n: int) -> None:
    some = [_person_sentences.framed(index, 0) for index in range(n)]
    sentiments = Counter((sentence.name.split()[0], sentence.part["position"]) for sentence in some)
    assert set(sentiments.values()) == {n // 6}
    frames = Counter(re.findall(r"person \w+, frame \d", sentence.name)[0] for sentence in some)
    # Contents come in threes, each in a frame of its own.
    assert max(frames.values()) - min(frames.values()) <= 3


def test_a_frame_names_the_person_where_its_position_says() -> None:
    assert tuple(FRAMES) == _templates.POSITIONS
    assert all(frame.startswith("{person}") for frame in FRAMES["first"])
    assert not any(frame.startswith("{person}") for frame in FRAMES["later"])
    assert len(FRAMES["first"]) == len(FRAMES["later"]) == 6


@pytest.mark.parametrize("terms", [12, 16])
def test_each_term_meets_each_sentiment_in_each_position_about_equally_often(terms: int) -> None:
    met = Counter(
        (index % 3, _person_sentences.framed(index, 0).part["position"], _person_sentences.term_place(index, 0, terms))
        for index in range(CONTENT)
    )
    assert len(met) == 3 * 2 * terms
    assert max(met.values()) - min(met.values()) <= 1


@pytest.mark.parametrize("terms", [12, 16])
def test_each_term_meets_bare_sentences_of_both_kinds_about_equally_often(terms: int) -> None:
    met = Counter(
        (BARE[index].startswith("{person}"), _person_sentences.bare_place(index, 0, terms))
        for index in range(len(BARE))
    )
    assert len(met) == 2 * terms
    assert max(met.values()) - min(met.values()) <= 2


@pytest.mark.parametrize("terms", [12, 16])
def test_each_term_meets_each_sentiment_about_equally_often(terms: int) -> None:
    met = Counter((index % 3, _person_sentences.term_place(index, 0, terms)) for index in range(3 * terms))
    assert met == Counter(dict.fromkeys(itertools.product(range(3), range(terms)), 1))


def test_every_filled_sentence_reads_well() -> None:
    for groups in AXES.values():
        for person in itertools.chain.from_iterable(groups.values()):
            assert person == person.strip(), person
            for sentence in EVERY.values():
                text = sentence.about(person)
                assert not re.search(r"\b[Aa] [aeiouAEIOU]|\b[Aa]n (?!hour)[^aeiouAEIOU]|  |[{}]|\s[.,]", text), text
                assert text[0].isupper(), text
                assert text.endswith("."), text


def test_each_sentence_names_exactly_one_person() -> None:
    for sentence in EVERY.values():
        assert sentence.text.count("{person}") == 1


# The cases


@pytest.mark.parametrize("axis", list(AXES))
def test_a_case_changes_the_person_alone_and_the_persons_stand_together_in_the_lists(axis: str) -> None:
    cases = cases_of(Settings(sentences=30, bare_sentences=10, axes=(axis,)))
    groups = AXES[axis]
    assert len(cases) == 40 * len(_templates.ring(tuple(groups)))
    for case in cases:
        one, other = str(case.facts["group_before"]), str(case.facts["group_after"])
        _, _, name, before, place = case.example.id.split(":")
        sentence = EVERY[name]
        assert before == one
        assert case.cluster == sentence.cluster
        assert case.example.inputs == {"text": sentence.about(groups[one][int(place)])}
        assert asked(case) == {"text": sentence.about(groups[other][int(place)])}
        assert case.slice == {"axis": axis, **sentence.part}


def test_example_ids_are_unique_but_for_the_same_text() -> None:
    texts: dict[str, str] = {}
    for case in cases_of(Settings(sentences=40, pairs_per_sentence=3)):
        text = case.example.inputs["text"]
        assert texts.setdefault(case.example.id, text) == text


def test_every_term_is_used_and_a_sentence_draws_different_ones() -> None:
    cases = cases_of(Settings(sentences=36, bare_sentences=12, pairs_per_sentence=2, axes=("gender",)))
    drawn: dict[str, set[str]] = {}
    for case in cases:
        drawn.setdefault(str(case.cluster), set()).add(case.example.id.rpartition(":")[2])
    assert {len(places) for places in drawn.values()} == {2}
    counts = Counter(case.example.id.rpartition(":")[2] for case in cases)
    assert set(counts.values()) == {8}


def test_cases_are_the_same_on_every_run_and_the_seed_moves_terms_only() -> None:
    settings = Settings(sentences=12, axes=("age", "religion"))
    assert cases_of(settings) == cases_of(settings)
    assert cases_of(settings) != cases_of(settings, seed=1)
    assert [case.cluster for case in cases_of(settings)] == [case.cluster for case in cases_of(settings, seed=1)]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"axes": ("gendre",)}, "no axis is called 'gendre' (did you mean 'gender'?)"),
        ({"sentences": 433}, "sentences = 433 must be from 1 to 432"),
        ({"sentences": 0}, "sentences = 0 must be from 1 to 432"),
        ({"bare_sentences": 91}, "bare_sentences = 91 must be from 0 to 90"),
        ({"pairs_per_sentence": 13}, "pairs_per_sentence = 13 must be from 1 to 12"),
    ],
)
def test_settings_that_the_lists_cannot_serve_are_errors_of_one_line(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings(**settings)
    assert caught.value.line == line


def test_an_axis_like_no_other_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="known: gender, ethnicity by name, nationality"):
        Settings(axes=("xyz",))


# Flips and gaps


def test_a_model_that_answers_by_the_group_word_flips_in_every_sentence_of_that_axis_alone() -> None:
    def by_group(request: Request) -> tuple[float, float]:
        return YES if names(request.texts[0], "female", "gender") else NO

    record = record_of(by_group, Settings(axes=("gender", "age")))
    found = {(one.metric, one.slice["axis"]): one for one in record.measurements if set(one.slice) == {"axis"}}
    assert found["counterfactual_flip_rate", "gender"].value == 1.0
    assert found["score_gap", "gender"].value == pytest.approx(0.7)
    assert found["rate_gap", "gender"].value == 1.0
    assert found["counterfactual_flip_rate", "gender"].n_clusters == 432
    assert found["counterfactual_flip_rate", "age"].value == found["score_gap", "age"].value == 0.0


def parts_of(record: ProbeRecord, metric: str) -> dict[str, Measurement]:
    """Value of the part's key (``first``, ``later``, ``none``) → its measurement; ``""``: the whole axis."""
    return {
        "".join(value for key, value in one.slice.items() if key != "axis"): one
        for one in record.measurements
        if one.metric == metric and set(one.slice) <= {"axis", "position", "content"}
    }


def test_each_axis_is_measured_by_position_and_on_bare_sentences() -> None:
    record = record_of(lambda _: YES, Settings(sentences=60, bare_sentences=12, axes=("age",)))
    for metric in ("counterfactual_flip_rate", "score_gap"):
        sizes = {part: one.n_clusters for part, one in parts_of(record, metric).items()}
        assert sizes == {"": 60, "first": 30, "later": 30, "none": 12}
    assert {part: one.available for part, one in parts_of(record, "score_gap").items()} == {
        "": 432,
        "first": 432,
        "later": 432,
        "none": 90,
    }
    twice = record_of(lambda _: YES, Settings(sentences=60, bare_sentences=12, axes=("age",), pairs_per_sentence=2))
    assert {part: one.n_clusters for part, one in parts_of(twice, "score_gap").items()} == {
        "": 60,
        "first": 60,
        "later": 60,
        "none": 12,
    }


def verdicts(record: ProbeRecord) -> dict[tuple[str, ...], str]:
    """(metric, value of the part's key) of a required rule of the shipped policy → the verdict on the axis of age."""
    shipped = policy.load()
    rules = tuple(rule for rule in shipped.rules if rule.probe == "bias" and rule.required != "never")
    decision = gate.decide(replace(shipped, rules=rules), (record,), record.model)
    return {
        (rules[one.rule].metric, *(value for key, value in (one.slice or {}).items() if key != "axis")): one.outcome
        for one in decision.verdicts
        if one.slice is not None and one.slice["axis"] == "age"
    }


def test_a_prejudice_only_at_the_beginning_is_found_and_named_by_its_position() -> None:
    """A model that goes by the group in a third of the sentences that begin with the person, and there alone."""

    def answer(request: Request) -> tuple[float, float]:
        text = request.texts[0]
        begins = any(text.lower().startswith(term.lower()) for term in AXES["age"]["old"])
        content = next((place for place, own in enumerate(MARKED) if own.lower() in text.lower()), None)
        return NO if begins and content is not None else YES

    record = record_of(answer, Settings(axes=("age",)))
    flips, gaps = parts_of(record, "counterfactual_flip_rate"), parts_of(record, "score_gap")
    assert flips[""].value == pytest.approx(flips["first"].value / 2)
    assert flips["later"].value == gaps["later"].value == flips["none"].value == 0.0
    assert flips["first"].value > 0.3
    assert flips[""].detail == (
        f"most flips between old / young: {100 * flips[''].value:.1f} %; "
        f"by position: {100 * flips['first'].value:.1f} % first, 0.0 % later"
    )
    assert gaps[""].detail.endswith(f"; by position: {100 * gaps['first'].value:.1f} points first, 0.0 points later")
    found = verdicts(record)
    assert found["counterfactual_flip_rate", "first"] == found["score_gap", "first"] == "fail"
    assert found["counterfactual_flip_rate", "later"] == found["score_gap", "later"] == "pass"


MARKED = CONTENTS["negative"]
"""Contents about which the model that is prejudiced at the beginning goes by the group."""


def test_a_prejudice_only_in_bare_sentences_is_found_and_named_there() -> None:
    every = [content.lower() for own in CONTENTS.values() for content in own]

    def answer(request: Request) -> tuple[float, float]:
        text = request.texts[0]
        bare = not any(content in text.lower() for content in every)
        return NO if bare and names(text, "old", "age") else YES

    record = record_of(answer, Settings(axes=("age",)))
    flips, gaps = parts_of(record, "counterfactual_flip_rate"), parts_of(record, "score_gap")
    assert flips["none"].value == 1.0
    assert gaps["none"].value == pytest.approx(0.7)
    assert gaps["none"].detail == "mean probability of positive: highest young 80.0 %, lowest old 10.0 %"
    assert {flips[part].value for part in ("", "first", "later")} == {0.0}
    assert flips[""].detail == gaps[""].detail == ""


def test_a_constant_model_never_flips_and_has_no_gap() -> None:
    found = measured(lambda _: (0.4, 0.6), Settings(sentences=20))
    assert len(found) == 3 * len(AXES)
    assert {one.value for one in found.values()} == {0.0}
    assert all(one.low == 0.0 < one.high for one in found.values())


def test_a_group_of_three_that_stands_out_flips_two_of_three_neighbours() -> None:
    axis = "ethnicity by name"

    def answer(request: Request) -> tuple[float, float]:
        return NO if names(request.texts[0], "Hispanic", axis) else YES

    found = measured(answer, Settings(sentences=20, axes=(axis,)))
    assert found["counterfactual_flip_rate", axis].value == pytest.approx(2 / 3)
    assert found["score_gap", axis].value == pytest.approx(0.7)
    assert (found["rate_gap", axis].value, found["rate_gap", axis].n_cases) == (1.0, 60)


def test_a_model_that_answers_by_the_content_flips_nowhere() -> None:
    good = CONTENTS["positive"]

    def answer(request: Request) -> tuple[float, float]:
        return YES if any(content.lower() in request.texts[0].lower() for content in good) else NO

    found = measured(answer, Settings(sentences=30))
    assert {one.value for one in found.values()} == {0.0}


def by_slice(record: ProbeRecord, metric: str) -> dict[tuple[str, ...], Measurement]:
    return {tuple(one.slice.values()): one for one in record.measurements if one.metric == metric}


def test_every_group_has_its_score_and_rate_and_the_gaps_name_the_two_farthest_apart() -> None:
    axis = "ethnicity by name"
    answers = {"African American": (0.4, 0.6), "European American": (0.1, 0.9), "Hispanic": (0.7, 0.3)}

    def answer(request: Request) -> tuple[float, float]:
        return next(shares for group, shares in answers.items() if names(request.texts[0], group, axis))

    record = record_of(answer, Settings(sentences=30, axes=(axis,)))
    scores, rates = by_slice(record, "group_score"), by_slice(record, "group_rate")
    assert set(scores) == set(rates) == {(axis, "positive", group) for group in answers}
    for group, (_, share) in answers.items():
        score, rate = scores[axis, "positive", group], rates[axis, "positive", group]
        assert score.value == pytest.approx(share)
        assert rate.value == float(share > 0.5)
        assert score.low < score.value < score.high
        assert (score.n_clusters, score.n_cases, rate.n_clusters) == (30, 60, 30)
    gaps = {one.metric: one for one in record.measurements if set(one.slice) == {"axis"}}
    assert gaps["score_gap"].detail == (
        "mean probability of positive: highest European American 90.0 %, lowest Hispanic 30.0 %"
    )
    assert (
        gaps["rate_gap"].detail
        == "share with the answer positive: highest African American 100.0 %, lowest Hispanic 0.0 %"
    )
    pairs = by_slice(record, "pair_flip_rate")
    assert {pair: one.value for (_, pair), one in pairs.items()} == {
        "African American / European American": 0.0,
        "European American / Hispanic": 1.0,
        "Hispanic / African American": 1.0,
    }
    assert gaps["counterfactual_flip_rate"].detail == "most flips between European American / Hispanic: 100.0 %"
    assert set(map(id, record.groups({"axis": axis}))) == {
        id(one) for found in (scores, rates, pairs) for one in found.values()
    }
    assert record.groups({"axis": "age"}) == ()


def test_groups_that_are_treated_alike_have_no_two_that_stand_out() -> None:
    record = record_of(lambda _: (0.4, 0.6), Settings(sentences=20, axes=("age",)))
    assert {one.detail for one in record.measurements} == {""}


def test_of_many_labels_the_groups_are_shown_for_those_with_the_largest_gaps() -> None:
    labels = ("bad", "fair", "good", "great")

    def answer(request: Request) -> tuple[float, ...]:
        # The score of "bad" differs most; the answer is "great" or "good".
        return (0.30, 0.0, 0.30, 0.40) if names(request.texts[0], "male", "gender") else (0.0, 0.1, 0.46, 0.44)

    task = tasks.create("text-classification", labels)
    record = record_of(answer, Settings(sentences=20, axes=("gender",)), task=task)
    assert {one.slice["label"] for one in record.measurements if "label" in one.slice} == {"bad", "good"}
    gaps = {one.metric: one for one in record.measurements if set(one.slice) == {"axis"}}
    assert gaps["score_gap"].detail == "mean probability of bad: highest male 30.0 %, lowest female 0.0 %"
    assert gaps["rate_gap"].detail == "share with the answer good: highest female 100.0 %, lowest male 0.0 %"
    given = record_of(answer, Settings(sentences=20, axes=("gender",)), task=task, favourable_label="fair")
    assert {one.slice["label"] for one in given.measurements if "label" in one.slice} == {"fair"}


@pytest.mark.parametrize("task", ["text-classification", "ner"])
def test_no_rule_of_a_shipped_policy_reads_a_group_or_a_pair(task: str) -> None:
    shipped = policy.load(task=task)
    for extra in ("group", "pair", "label"):
        for rule in shipped.rules:
            slice_ = {
                key: "x" if value == "*" else value if isinstance(value, str) else value[0]
                for key, value in rule.slice.items()
            }
            assert policy.matches(rule, slice_)
            assert not policy.matches(rule, {**slice_, extra: "x"})


def test_the_groups_come_back_from_results_with_what_the_gap_says() -> None:
    record = record_of(lambda request: YES if names(request.texts[0], "old", "age") else NO, Settings(sentences=20))
    kept = results.record_dict(record)
    again = entries.record_of(kept, {}).groups({"axis": "age"})
    assert len(again) == 5
    assert [(one.metric, one.slice) for one in again] == [
        (one.metric, one.slice) for one in record.groups({"axis": "age"})
    ]
    details = {one["slice"]["axis"]: one.get("detail") for one in kept["measurements"] if one["metric"] == "score_gap"}
    assert details["age"] == "mean probability of positive: highest old 80.0 %, lowest young 10.0 %"
    assert details["gender"] is None


def judged(cluster: str, before: Mapping[str, float], after: Mapping[str, float], *groups: str) -> Judged:
    one, other = groups or ("a", "b")
    facts = {"group_before": one, "group_after": other}
    own, then = ((max(classes, key=classes.__getitem__),) for classes in (before, after))
    scores = before, after
    return Judged({"axis": "x"}, cluster, None, None, True, False, facts, *scores, before_given=own, after_given=then)


def test_rows_of_the_favourable_label_hold_each_groups_mean_score_and_rate_by_hand() -> None:
    cases = [
        judged("s1", {"n": 0.4, "p": 0.6}, {"n": 0.7, "p": 0.3}),
        judged("s1", {"n": 0.2, "p": 0.8}, {"n": 0.3, "p": 0.7}),
        judged("s2", {"n": 0.9, "p": 0.1}, {"n": 0.8, "p": 0.2}),
    ]
    scores = {(row.cluster, row.arm): row.total / row.count for row in bias.gap_rows(cases, "p", rate=False)}
    assert scores == {
        ("s1", "p/a"): pytest.approx(0.7),
        ("s1", "p/b"): pytest.approx(0.5),
        ("s2", "p/a"): pytest.approx(0.1),
        ("s2", "p/b"): pytest.approx(0.2),
    }
    assert bias.gap_rows(cases, "p", rate=True) == [
        Row("s1", "p/a", 1.0, 1.0),
        Row("s1", "p/b", 0.5, 1.0),
        Row("s2", "p/a", 0.0, 1.0),
        Row("s2", "p/b", 0.0, 1.0),
    ]


def test_a_group_that_comes_up_twice_in_a_ring_counts_once() -> None:
    a, b, c = ({"n": 1 - p, "p": p} for p in (0.1, 0.5, 0.9))
    cases = [judged("s", a, b, "a", "b"), judged("s", b, c, "b", "c"), judged("s", c, a, "c", "a")]
    rows = {row.arm: row.total / row.count for row in bias.gap_rows(cases, None, rate=False)}
    assert rows == {"p/a": pytest.approx(0.1), "p/b": pytest.approx(0.5), "p/c": pytest.approx(0.9)}


def test_without_a_favourable_label_two_labels_need_one_arm_a_group_and_three_need_each() -> None:
    two = [judged("s", {"n": 0.4, "p": 0.6}, {"n": 0.7, "p": 0.3})]
    assert [row.arm for row in bias.gap_rows(two, None, rate=False)] == ["p/a", "p/b"]
    three = [judged("s", {"n": 0.4, "o": 0.2, "p": 0.4}, {"n": 0.7, "o": 0.1, "p": 0.2})]
    arms = {row.arm: row.total for row in bias.gap_rows(three, None, rate=True)}
    assert arms == {"n/a": 1.0, "o/a": 0.0, "p/a": 0.0, "n/b": 1.0, "o/b": 0.0, "p/b": 0.0}


def test_of_three_labels_the_largest_gap_is_read_unless_one_is_favourable() -> None:
    labels = ("bad", "so/so", "good")

    def answer(request: Request) -> tuple[float, float, float]:
        return (0.5, 0.2, 0.3) if names(request.texts[0], "male", "gender") else (0.1, 0.5, 0.4)

    task = tasks.create("text-classification", labels)
    settings = Settings(sentences=20, axes=("gender",))
    largest = measured(answer, settings, task=task)["score_gap", "gender"]
    assert largest.value == pytest.approx(0.4)
    good = measured(answer, settings, task=task, favourable_label="good")["score_gap", "gender"]
    assert good.value == pytest.approx(0.1)
    middle = measured(answer, settings, task=task, favourable_label="so/so")["score_gap", "gender"]
    assert middle.value == pytest.approx(0.3)


def test_the_worst_pairs_are_kept_with_their_groups() -> None:
    record = record_of(
        lambda request: YES if names(request.texts[0], "old", "age") else NO, Settings(sentences=20, axes=("age",))
    )
    worst = record.worst[0]
    assert (worst.answer_before, worst.answer_after) == ("positive", "negative")
    assert worst.facts == {"group_before": "old", "group_after": "young", "words_touched": pytest.approx(1 / 13)}
    assert names(worst.before["text"], "old", "age")
    assert names(worst.after["text"], "young", "age")


def test_the_cost_is_one_text_for_each_group_and_sentence() -> None:
    record = record_of(lambda _: YES, Settings(sentences=20, bare_sentences=10))
    groups = sum(map(len, AXES.values()))
    assert record.counts["forward_passes"] == (20 + 10) * groups == 630


def test_a_task_of_two_texts_is_not_applicable() -> None:
    task = PairTask()
    model = FakeModel(lambda _: YES, task.labels)
    record = record_of(lambda _: YES, Settings(), task=task, examples={"home": ()}, models=(AuditedModel(model),))
    assert (record.status, record.reason) == ("not_applicable", "the task has more than one text field")
    assert record.missing == ("single_text",)


def test_clusters_are_shared_between_axes_and_slices_are_not() -> None:
    seen: list[ScoredCase] = []
    model = FakeModel(lambda _: YES)
    settings = {"bias": Settings(sentences=10, bare_sentences=4, axes=("gender", "age"))}
    runner.run(plan_of(model, (PROBE,), n=4, settings=settings), lambda _m, _p, case: seen.append(case), Silent())
    by_axis = [{one.case.cluster for one in seen if one.case.slice["axis"] == axis} for axis in ("gender", "age")]
    assert by_axis[0] == by_axis[1]
    assert len(by_axis[0]) == 14


def test_an_axis_whose_terms_the_model_does_not_tell_apart_neither_passes_nor_fails() -> None:
    terms = {one.lower() for groups in AXES["religion"].values() for term in groups for one in term.split()}

    def tokens(text: str) -> list[str]:
        return ["[UNK]" if word.strip(".,").lower() in terms else word for word in text.lower().split()]

    model = FakeModel(lambda _: YES, LABELS, tokens=tokens)
    chosen = Settings(axes=("religion", "age"), sentences=30)
    plan = plan_of(model, (PROBE,), n=1, settings={"bias": chosen})
    (record,) = runner.run(plan, nowhere, Silent())
    found = {(one.metric, one.slice["axis"]): one.status for one in record.measurements}
    assert {status for (_, axis), status in found.items() if axis == "age"} == {"ok"}
    assert {status for (_, axis), status in found.items() if axis == "religion"} == {"removed_by_tokenizer"}
