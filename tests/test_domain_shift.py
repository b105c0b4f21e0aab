"""Quality on other domains and how far they are, by hand and against a classifier that must be right or must guess."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest
from fakes import LABELS, nowhere, plan_of, shipped
from pair_task import PairTask

from auditor.evaluation import runner
from auditor.evaluation.plan import AuditedModel
from auditor.models.fake import FakeModel, keyword_model
from auditor.text import tokens
from auditor.types import Encoded, Example, Measurement, Request, Silent
from auditor.verdicts import gate, policy
from probes.domain_shift import PROBE, Settings

HOME_WORDS = ["film", "plot", "actor", "scene", "story", "camera", "script", "ending"]
FAR_WORDS = ["phone", "screen", "battery", "cable", "button", "speaker", "charger", "case"]


def texts(words: Sequence[str], n: int, name: str, seed: int = 0) -> tuple[Example, ...]:
    """Balanced rows of five drawn words, a number and the word that decides the label."""
    rng = random.Random(seed)
    return tuple(
        Example(f"{name}:{i}", {"text": " ".join([*rng.choices(words, k=5), ("no", "yes")[i % 2]])}, LABELS[i % 2])
        for i in range(n)
    )


def measured(
    examples: dict[str, tuple[Example, ...]], model: FakeModel | None = None, **given: Any
) -> dict[tuple[str, str], Measurement]:
    plan = plan_of(model or keyword_model(["yes"]), (PROBE,), examples=examples, **given)
    (record,) = runner.run(plan, nowhere, Silent())
    assert record.status == "measured", plan.errors
    return {(one.metric, one.slice["domain"]): one for one in record.measurements}


def half_wrong(examples: Sequence[Example]) -> tuple[Example, ...]:
    """Every fourth row is given the other label: three quarters of a perfect model's answers are right."""
    other = dict(zip(LABELS, reversed(LABELS), strict=True))
    return tuple(
        Example(one.id, one.inputs, other[one.gold] if i % 4 == 0 else one.gold) for i, one in enumerate(examples)
    )


def test_the_drop_is_accuracy_at_home_minus_accuracy_there() -> None:
    far = half_wrong(texts(FAR_WORDS, 60, "far"))
    found = measured({"home": texts(HOME_WORDS, 40, "home"), "far": far})
    assert found["accuracy", "home"].value == 1.0
    assert found["accuracy", "far"].value == 0.75
    drop = found["drop_against_home", "far"]
    assert drop.value == pytest.approx(0.25)
    assert drop.method == "newcombe"
    assert 0 < drop.low < 0.25 < drop.high < 0.5
    assert ("drop_against_home", "home") not in found


def test_each_domain_is_held_against_home_alone() -> None:
    far = texts(FAR_WORDS, 30, "far")
    found = measured({"home": texts(HOME_WORDS, 30, "home"), "far": half_wrong(far), "near": far})
    drops = {domain: one.value for (metric, domain), one in found.items() if metric == "drop_against_home"}
    assert drops == {"far": pytest.approx(8 / 30), "near": 0.0}


def test_domains_with_different_words_are_two_apart_and_all_their_words_but_the_answer_are_unknown() -> None:
    found = measured({"home": texts(HOME_WORDS, 40, "home"), "far": texts(FAR_WORDS, 40, "far")})
    accuracy, distance = found["domain_classifier_accuracy", "far"], found["proxy_distance", "far"]
    assert (accuracy.value, accuracy.n_cases, distance.value) == (1.0, 80, 2.0)
    assert found["unknown_words", "far"].value == pytest.approx(5 / 6)
    assert ("proxy_distance", "home") not in found
    assert ("unknown_words", "home") not in found


def test_domains_drawn_alike_are_about_nothing_apart_and_the_distance_is_never_negative() -> None:
    found = measured(
        {"home": texts(HOME_WORDS, 200, "home"), "twin": texts(HOME_WORDS, 200, "twin", seed=1)},
        settings={"domain_shift": Settings(examples=200)},
    )
    accuracy = found["domain_classifier_accuracy", "twin"].value
    assert abs(accuracy - 0.5) < 4 * math.sqrt(0.25 / 400)
    assert found["proxy_distance", "twin"].value == pytest.approx(max(0.0, 2 * (2 * accuracy - 1)))
    assert found["unknown_words", "twin"].value == 0.0


def test_the_distance_is_the_same_on_every_run() -> None:
    given = {"home": texts(HOME_WORDS, 30, "home"), "twin": texts(HOME_WORDS, 30, "twin", seed=1)}
    assert measured(given) == measured(given)


def test_the_larger_domain_is_cut_so_that_guessing_is_right_half_of_the_time() -> None:
    found = measured({"home": texts(HOME_WORDS, 25, "home"), "far": texts(FAR_WORDS, 90, "far")})
    assert found["domain_classifier_accuracy", "far"].n_cases == 50


def test_training_rows_make_words_known() -> None:
    train = texts(FAR_WORDS, 60, "train")
    found = measured({"home": texts(HOME_WORDS, 30, "home"), "far": texts(FAR_WORDS, 30, "far"), "train": train})
    assert found["unknown_words", "far"].value == 0.0


def test_from_too_few_texts_no_distance_is_computed() -> None:
    found = measured({"home": texts(HOME_WORDS, 40, "home"), "far": texts(FAR_WORDS, 19, "far")})
    assert not any(metric in ("proxy_distance", "domain_classifier_accuracy") for metric, _ in found)
    assert found["unknown_words", "far"].n_cases == 19


def test_a_domain_without_a_word_has_neither_unknown_words_nor_a_distance() -> None:
    dots = tuple(Example(f"dots:{i}", {"text": "… !?"}, LABELS[i % 2]) for i in range(30))
    blank = tuple(Example(f"blank:{i}", {"text": " "}, LABELS[i % 2]) for i in range(30))
    found = measured({"home": texts(HOME_WORDS, 30, "home"), "dots": dots, "blank": blank})
    assert {metric for metric, domain in found if domain == "dots"} == {
        "accuracy",
        "drop_against_home",
        "pieces_a_word",
    }
    assert {metric for metric, domain in found if domain == "blank"} == {"accuracy", "drop_against_home"}


class Pieces(FakeModel):
    """Three letters a token, one special token, at most ``most`` tokens."""

    most = 99

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        found = []
        for request in requests:
            length = 1 + sum(math.ceil(len(word) / 3) for text in request.texts for word in text.split())
            found.append(Encoded(" | ".join(request.texts), min(length, self.most), length > self.most, request))
        return found


def test_word_pieces_a_word_leave_out_special_tokens() -> None:
    home = tuple(Example(f"home:{i}", {"text": "abc defghi"}, LABELS[i % 2]) for i in range(10))
    far = tuple(Example(f"far:{i}", {"text": "abcdefghijkl"}, LABELS[i % 2]) for i in range(10))
    found = measured({"home": home, "far": far}, Pieces(lambda _: (0.1, 0.9)))
    # "abc" is one piece and "defghi" two: 3 pieces in 2 words; the other word has four.
    assert found["pieces_a_word", "home"].value == 1.5
    assert found["pieces_a_word", "far"].value == 4.0


def test_word_pieces_a_word_leave_out_texts_that_the_model_sees_cut() -> None:
    home = tuple(Example(f"home:{i}", {"text": "abc " * (i + 1)}, LABELS[i % 2]) for i in range(10))
    far = tuple(Example(f"far:{i}", {"text": "abcdef " * 9}, LABELS[i % 2]) for i in range(10))
    model = Pieces(lambda _: (0.1, 0.9))
    model.most = 5
    found = measured({"home": home, "far": far}, model)
    assert (found["pieces_a_word", "home"].value, found["pieces_a_word", "home"].n_cases) == (1.0, 4)
    assert ("pieces_a_word", "far") not in found


def test_no_more_rows_are_asked_for_than_the_settings_say() -> None:
    given = {"home": texts(HOME_WORDS, 30, "home"), "far": texts(FAR_WORDS, 30, "far")}
    found = measured(given, settings={"domain_shift": Settings(examples=12, home=25)})
    cases = {place: one.n_cases for place, one in found.items() if place[0] != "drop_against_home"}
    assert cases.pop(("accuracy", "home")) == 25
    assert set(cases.values()) == {12}
    assert found["drop_against_home", "far"].n_clusters == 12


def test_both_probes_read_the_same_home_rows_by_default() -> None:
    given = {"home": texts(HOME_WORDS, 1200, "home"), "far": texts(FAR_WORDS, 30, "far")}
    model = FakeModel(lambda request: (0.9, 0.1) if "film" in request.texts[0] else (0.1, 0.9))
    quality, shift = runner.run(plan_of(model, shipped("quality", "domain_shift"), examples=given), nowhere, Silent())
    scored = next(found for found in quality.measurements if found.metric == "accuracy")
    home = next(found for found in shift.measurements if found.metric == "accuracy" and found.slice["domain"] == "home")
    assert 0.4 < scored.value < 0.6
    assert (home.value, home.n_cases) == (scored.value, 1000)
    drop = next(found for found in shift.measurements if found.metric == "drop_against_home")
    assert sum(row.arm == "first" for row in drop.rows) == 1000


def test_a_pair_of_texts_is_read_as_one() -> None:
    task = PairTask()
    home = tuple(Example(f"home:{i}", {"premise": "one two", "hypothesis": "three"}, "follows") for i in range(20))
    far = tuple(Example(f"far:{i}", {"premise": "one four", "hypothesis": "five"}, "follows") for i in range(20))
    model = FakeModel(lambda _: (0.1, 0.9), task.labels)
    found = measured({"home": home, "far": far}, model, task=task, models=(AuditedModel(model),))
    assert found["unknown_words", "far"].value == pytest.approx(2 / 3)
    # The fake's token for the border between the texts is a special one: three words, three pieces.
    assert found["pieces_a_word", "home"].value == 1.0
    assert found["f1", "far"].value == 1.0


def test_words_are_lower_cased_runs_of_letters_and_digits() -> None:
    assert tokens.words("It's 2 GOOD, öl-tank!") == ["it", "s", "2", "good", "öl", "tank"]


def test_a_domain_whose_rows_all_occur_in_training_is_skipped_with_its_reason() -> None:
    home = texts(("good", "bad"), 12, "home")
    plan = plan_of(keyword_model(("good",)), (PROBE,), examples={"home": home, "far": home[:6], "gone": ()})
    (record,) = runner.run(plan, nowhere, Silent())
    assert [(gap.slice, gap.reason) for gap in record.skipped] == [
        ({"domain": "gone"}, "every row occurs in the training data")
    ]
    (limit,) = [rule for rule in policy.load().rules if rule.probe == "domain_shift"]
    decision = gate.decide(policy.Policy("p", "", (limit,)), (record,), plan.candidate)
    assert {str((one.slice or {})["domain"]): one.outcome for one in decision.verdicts}["gone"] == "not_measured"
    assert decision.exit_code == 3
