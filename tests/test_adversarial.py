"""Attacks on a model that goes by one word, and the metrics by hand."""

from __future__ import annotations

import functools
import logging
import os
import random
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fakes import asked, words_touched

from auditor.engine.deriving import derived
from auditor.engine.lockstep import Lockstep
from auditor.environment import resources
from auditor.environment.resources import Resource
from auditor.errors import ConfigError
from auditor.evaluation.judging import judge
from auditor.tasks.classification import TextClassification
from auditor.tasks.ner import NamedEntityRecognition
from auditor.testing import FakeAudit, FakeModel
from auditor.types import (
    AttackRecipe,
    Case,
    Encoded,
    Example,
    Judged,
    Probe,
    Request,
    Score,
    ScoredCase,
    Skipped,
    Slice,
    Task,
)
from probes import adversarial
from probes._attack_strength import Settings, strength
from probes.adversarial import PROBE

FILM = "the best film that everybody could hope to watch after a week of rain"


def by_keyword(text: str) -> tuple[float, float]:
    """Positive for the whole word "best"; a little surer with every word."""
    sure = 0.6 + min(len(text.split()), 30) / 100
    return (1 - sure, sure) if "best" in text.split() else (sure, 1 - sure)


TASK = TextClassification(("negative", "positive"))


def audit_of(
    examples: Sequence[Example],
    chosen: Settings | None = None,
    task: Task = TASK,
    *,
    width: int = 1,
    reads: int | None = None,
    kind: type[FakeModel] = FakeModel,
) -> FakeAudit:
    """An audit of a model that goes by a keyword, and reads ``reads`` words of a text."""
    model = kind(lambda request: by_keyword(request.texts[0]), tokens=str.split, reads=reads)
    return FakeAudit(examples, chosen or Settings(), task, model=model, width=width)


def texts_asked(audit: FakeAudit) -> list[str]:
    return [inputs["text"] for inputs in audit.asked]


def example(text: str, gold: str | None = "positive", name: str = "test:2") -> Example:
    return Example(name, {"text": text}, gold)


def settings(recipe: AttackRecipe, **options: Any) -> Settings:
    return replace(Settings(), recipes=(recipe,), **options)


def run(recipe: AttackRecipe, *examples: Example, **options: Any) -> list[Case]:
    audit = audit_of(examples, settings(recipe, **options))
    return [case for case in PROBE.cases(audit) if isinstance(case, Case)]


@pytest.mark.parametrize("recipe", ["deepwordbug", "pruthi", "textbugger"])
def test_side_by_side_every_attack_ends_as_it_does_alone(recipe: AttackRecipe) -> None:
    films = [example(f"{FILM} and {number} more days", name=f"test:{number}") for number in range(7)]
    run(recipe, films[0])  # importing TextAttack sets filters of its own
    before = random.getstate(), str(np.random.get_state()), warnings.filters[:]
    found = {}
    for width in (1, 3, 32):
        audit = audit_of(films, settings(recipe), width=width)
        found[width] = list(PROBE.cases(audit))
    assert found[1] == found[3] == found[32]
    assert (random.getstate(), str(np.random.get_state()), warnings.filters[:]) == before


def test_attacks_side_by_side_share_transformation_and_constraints() -> None:
    from auditor.attacks import attacker as attacking

    lockstep: Lockstep[str, tuple[float, float]] = Lockstep(lambda texts: [by_keyword(one) for one in texts], 4)
    attacker = attacking.Attacker("deepwordbug", lockstep.ask, 50)
    rng = random.Random(0)
    tasks = [functools.partial(attacker.attack, FILM, 1, limit=1, rng=rng) for _ in range(9)]
    assert len(list(lockstep.run(tasks))) == 9
    lanes = [one._attack for one in attacker._free]
    assert len(lanes) == 4
    assert len({id(one.transformation) for one in lanes}) == 1
    shared = [
        constraint for one in lanes for constraint in one.constraints if "EditDistance" in type(constraint).__name__
    ]
    assert len(shared) == 4
    assert len({id(one) for one in shared}) == 1


def judged(before: float, after: float, slice_: Slice | None = None, **facts: float) -> Judged:
    scores = Score(before, 1.0), Score(after, 1.0)
    withstood = after == 1.0 if before == 1.0 else None
    return Judged(slice_ or {"recipe": "x"}, "c", *scores, before == after, False, facts, {}, {}, withstood=withstood)


def read(name: str, case: Judged) -> float | None:
    metric = next(one for one in PROBE.metrics(TextClassification(("negative", "positive"))) if one.name == name)
    found = metric.read(case)
    return found[0][1] / found[0][2] if found else None


def test_it_is_a_probe_that_needs_one_text_and_something_to_attack() -> None:
    assert isinstance(PROBE, Probe)
    assert PROBE.needs == {"attack_goal", "package:textattack"}
    assert PROBE.settings == Settings()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"examples": 0}, "examples = 0 must be at least 1"),
        ({"max_words_changed": 0.0}, "max_words_changed = 0.0 must be above 0 and at most 1"),
        ({"max_words_changed": 1.5}, "max_words_changed = 1.5 must be above 0 and at most 1"),
        ({"query_budget": 2}, "query_budget = 2 must be at least 3"),
        ({"recipes": ()}, "recipes = () is empty"),
        ({"recipes": ("pwws", "pwws")}, "recipes names 'pwws' twice"),
    ],
)
def test_settings_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings(**options)
    assert caught.value.line == message


def test_what_is_not_set_is_by_the_task() -> None:
    texts = TextClassification(("negative", "positive"))
    words = NamedEntityRecognition(("O", "B-PER", "I-PER"))
    of_texts, of_words = strength(Settings(), texts), strength(Settings(), words)
    assert of_texts.recipes == ("deepwordbug", "pruthi", "textbugger", "pwws")
    assert of_words.recipes == ("deepwordbug", "textbugger", "pwws", "entity swap")
    assert (of_texts.max_words_changed, of_texts.query_budget) == (0.1, 300)
    assert (of_words.max_words_changed, of_words.query_budget) == (0.2, 100)
    own = Settings(recipes=("pwws", "pruthi"), max_words_changed=0.3, query_budget=7, freedom=True)
    for task in (texts, words):
        found = strength(own, task)
        assert (found.recipes, found.max_words_changed, found.query_budget) == (("pwws", "pruthi"), 0.3, 7)
        assert list(found.slices("pwws")) == [
            ({"recipe": "pwws"}, 0.3),
            ({"recipe": "pwws", "freedom": "unlimited"}, None),
        ]


def test_the_metric_under_attack_reads_every_example_and_the_rate_only_attacked_ones() -> None:
    left_alone, broken, held = (
        judged(0.0, 0.0, attacked=0.0),
        judged(1.0, 0.0, attacked=1.0, queries=12.0, words_touched=0.1, claimed=1.0),
        judged(1.0, 1.0, attacked=1.0, queries=30.0, words_touched=0.0, claimed=0.0),
    )
    cases = (left_alone, broken, held)
    assert [read("accuracy_under_attack", case) for case in cases] == [0.0, 0.0, 1.0]
    assert [read("attack_success_rate", case) for case in cases] == [None, 1.0, 0.0]
    assert [read("median_queries", case) for case in cases] == [None, 12.0, 30.0]
    assert [read("mean_words_changed", case) for case in cases] == [None, 0.1, None]


def test_a_success_that_a_freshly_loaded_model_does_not_confirm_does_not_count() -> None:
    claimed = judged(1.0, 1.0, attacked=1.0, queries=5.0, words_touched=0.1, claimed=1.0)
    assert read("attack_success_rate", claimed) == 0.0
    assert read("mean_words_changed", claimed) is None


def test_an_answer_that_the_engine_finds_wrong_before_the_attack_is_no_attacked_one() -> None:
    assert read("attack_success_rate", judged(0.0, 0.0, attacked=1.0)) is None
    task = TextClassification(("negative", "positive"))
    for gold, before, expected in (("positive", 0.9, True), ("positive", 0.1, None), (None, 0.9, None)):
        case = Case(example(FILM, gold), {"recipe": "x"}, facts={"attacked": 1.0})
        scored = ScoredCase(case, derived(case, task), (1 - before, before), (0.1, 0.9), False)
        found = judge(scored, task, attacked=True)
        assert found.withstood is expected
        assert read("attack_success_rate", found) == (None if expected is None else 0.0)
        assert judge(scored, task).withstood is None


def test_the_metric_before_and_under_attack_alone_may_be_compared_between_models() -> None:
    metrics = PROBE.metrics(TextClassification(("a", "b")))
    assert [(metric.name, metric.comparable) for metric in metrics] == [
        ("accuracy_before", True),
        ("accuracy_under_attack", True),
        ("attack_success_rate", False),
        ("median_queries", False),
        ("mean_words_changed", False),
        ("unconfirmed_successes", False),
        ("nothing_to_change", False),
    ]


@pytest.mark.parametrize("recipe", ["deepwordbug", "pruthi", "textbugger"])
def test_a_recipe_breaks_the_one_word_that_the_model_goes_by(recipe: AttackRecipe) -> None:
    (case,) = run(recipe, example(FILM))
    after = asked(case)["text"].split(" ")
    assert case.slice == {"recipe": recipe}
    assert by_keyword(asked(case)["text"])[0] > 0.5
    others = [word for word in FILM.split(" ") if word != "best"]
    assert [word for word in after if word in others] == others
    assert case.facts["attacked"] == case.facts["claimed"] == 1.0
    assert 2 <= float(case.facts["queries"]) <= 300
    assert words_touched(case) == pytest.approx(1 / 14)


@pytest.mark.parametrize("recipe", ["deepwordbug", "pruthi", "textbugger"])
def test_an_attack_that_fails_ends_with_the_text_as_it_was(recipe: AttackRecipe) -> None:
    (case,) = run(recipe, example("a dull film", "negative"))
    assert not case.edits
    assert (case.facts["attacked"], case.facts["claimed"]) == (1.0, 0.0)


def test_a_wrong_answer_is_not_attacked() -> None:
    audit = audit_of([example("dull", "negative"), example(FILM, "negative", "test:3")], settings("deepwordbug"))
    _, case = PROBE.cases(audit)
    assert isinstance(case, Case)
    assert not case.edits
    assert case.facts == {"attacked": 0.0}
    assert texts_asked(audit).count(FILM) == 1
    assert not any("film" in text for text in texts_asked(audit) if text != FILM)


def test_the_same_example_is_attacked_in_the_same_way_whatever_ran_before() -> None:
    alone = run("textbugger", example(FILM, name="test:9"))
    after_another = run("textbugger", example(FILM, name="test:8"), example(FILM, name="test:9"))
    assert after_another[1] == alone[0]


def test_global_generators_and_logging_are_left_as_they_were() -> None:
    random.seed(3)
    np.random.seed(3)
    ours = logging.getLogger("auditor.tests")
    state, numbers = random.getstate(), np.random.get_state(legacy=False)["state"]["key"].tolist()
    environment = dict(os.environ)
    run("deepwordbug", example(FILM))
    assert random.getstate() == state
    assert np.random.get_state(legacy=False)["state"]["key"].tolist() == numbers
    assert dict(os.environ) == environment
    assert not ours.disabled


def test_the_query_budget_ends_an_attack() -> None:
    budget = 20
    given = [example("a dull film with many words that nobody wants to hear", "negative")]
    audit = audit_of(given, settings("pruthi", query_budget=budget))
    (case,) = PROBE.cases(audit)
    assert isinstance(case, Case)
    assert case.facts["queries"] == budget
    assert len(audit.asked) <= 1 + budget


def test_a_small_budget_is_spent_on_all_words_not_on_the_first_ones() -> None:
    names = "alpha bravo charlie foxtrot golf hotel india juliet kilo lima mike november"
    words = names.split()
    audit = audit_of([example(" ".join(words), "negative")], settings("pruthi", query_budget=60))
    assert len(list(PROBE.cases(audit))) == 1
    touched = {index for text in texts_asked(audit) for index, word in enumerate(text.split()) if word != words[index]}
    assert len(touched) >= 10


def test_a_tenth_of_the_words_may_change_unless_the_recipe_is_set_free() -> None:
    from auditor.attacks.attacker import Attacker

    def both_needed(texts: Sequence[str]) -> list[list[float]]:
        left = [sum(word in text.split() for word in ("best", "hope")) for text in texts]
        return [[0.9, 0.1] if not count else [0.5 - 0.2 * count, 0.5 + 0.2 * count] for count in left]

    attacker = Attacker("textbugger", both_needed, 300)
    assert not attacker.attack(FILM, 1, limit=1, rng=random.Random(0)).success
    free = attacker.attack(FILM, 1, limit=None, rng=random.Random(0))
    assert free.success
    assert "best" not in free.text.split()
    assert "hope" not in free.text.split()


def test_the_recipe_s_own_freedom_is_a_second_slice() -> None:
    cases = run("deepwordbug", example(FILM), freedom=True)
    assert [case.slice for case in cases] == [
        {"recipe": "deepwordbug"},
        {"recipe": "deepwordbug", "freedom": "unlimited"},
    ]


def test_pruthi_changes_one_word_by_itself_so_that_it_has_no_second_strength() -> None:
    audit = audit_of([example(FILM)], settings("pruthi", freedom=True))
    first, second = PROBE.cases(audit)
    assert isinstance(first, Case)
    assert second == Skipped(
        {"recipe": "pruthi", "freedom": "unlimited"}, "the recipe itself changes one word: no other strength", False
    )


def test_pwws_without_wordnet_is_skipped_with_the_resource_and_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent = Resource("NLTK WordNet", False, "get it with: python -m nltk.downloader wordnet")
    monkeypatch.setattr(resources, "wordnet", lambda: absent)
    audit = audit_of([example(FILM)], settings("pwws"))
    assert list(PROBE.cases(audit)) == [
        Skipped({"recipe": "pwws"}, "NLTK WordNet is missing: get it with: python -m nltk.downloader wordnet")
    ]


def test_pwws_swaps_a_synonym_in_an_order_that_hashes_do_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    from textattack.transformations.word_swaps import word_swap_wordnet

    from auditor.attacks.recipes import _Synonyms

    def synsets(word: str, lang: str) -> list[Any]:
        assert lang == "eng"
        lemmas = ["finest", "best", "top", "better_off", "greatest"] if word == "best" else []
        return [SimpleNamespace(lemma_names=lambda **_: lemmas)]

    monkeypatch.setattr(word_swap_wordnet, "wordnet", SimpleNamespace(synsets=synsets))
    monkeypatch.setattr(resources, "wordnet", lambda: Resource("NLTK WordNet", True, ""))
    assert _Synonyms()._get_replacement_words("best") == ["finest", "greatest", "top"]
    (case,) = run("pwws", example(FILM))
    assert asked(case)["text"] in {FILM.replace("best", word) for word in ("finest", "greatest", "top")}
    assert words_touched(case) == pytest.approx(1 / 14)


@pytest.mark.parametrize("text", ["", "!!! ... ?", "  \n ", "<SPLIT> best or not", "the and of a", "x y z"])
def test_a_text_without_a_word_to_change_is_no_attack_withstood(text: str) -> None:
    gold = "positive" if "best" in text else "negative"
    audit = audit_of([example(FILM), example(text, gold, "test:3")], settings("deepwordbug"))
    attacked, nothing = PROBE.cases(audit)
    assert isinstance(attacked, Case)
    assert isinstance(nothing, Case)
    assert attacked.facts["attacked"] == 1.0
    assert (nothing.edits, nothing.facts) == ({}, {"attacked": 0.0, "nothing_to_change": 1.0})


def test_texts_that_mostly_offer_nothing_are_not_attacked_and_the_slice_does_not_apply() -> None:
    given = [example(FILM), *(example("!!!", "negative", f"test:{number}") for number in range(3, 5))]
    audit = audit_of(given, settings("pruthi", freedom=True))
    reason = (
        "2 of the 3 texts that the model decides rightly offer nothing to change: "
        "pruthi changes words of four letters or more that are no English stop words"
    )
    assert list(PROBE.cases(audit)) == [
        Skipped({"recipe": "pruthi"}, reason, applies=False),
        Skipped({"recipe": "pruthi", "freedom": "unlimited"}, reason, applies=False),
    ]
    assert len(audit.asked) == 3


def test_a_model_that_answers_nothing_rightly_is_not_measured_but_for_that() -> None:
    audit = audit_of([example(FILM, "negative"), example("dull", "positive", "test:3")], settings("deepwordbug"))
    gap, *cases = PROBE.cases(audit)
    assert gap == Skipped({"recipe": "deepwordbug"}, "the model decides none of the 2 texts rightly")
    assert [case.facts for case in cases if isinstance(case, Case)] == [{"attacked": 0.0}] * 2


@pytest.mark.parametrize("recipe", ["deepwordbug", "pruthi", "textbugger"])
def test_words_that_the_model_does_not_read_are_left_alone(recipe: AttackRecipe) -> None:
    value = "alpha bravo charlie foxtrot golf hotel india juliet best lima mike november"
    audit = audit_of([example(value)], settings(recipe), reads=4)
    (case,) = PROBE.cases(audit)
    assert isinstance(case, Case)
    assert not case.edits
    assert (case.facts["attacked"], case.facts["claimed"]) == (1.0, 0.0)
    assert all(text.endswith(" golf hotel india juliet best lima mike november") for text in texts_asked(audit))
    assert any(not text.startswith("alpha bravo charlie foxtrot") for text in texts_asked(audit))


def test_a_share_of_the_words_read_may_change_and_is_what_the_facts_say() -> None:
    value = f"{FILM} {'x ' * 600}"
    audit = audit_of([example(value)], settings("deepwordbug"), reads=14)
    (case,) = PROBE.cases(audit)
    assert isinstance(case, Case)
    assert words_touched(case) == pytest.approx(1 / 14)
    assert asked(case)["text"].endswith("x " * 600)


class Guarding(TextClassification):
    """A task that keeps one word of every text."""

    def protected(self, example: Example) -> Mapping[str, frozenset[int]]:
        words = example.inputs["text"].split()
        return {"text": frozenset(place for place, word in enumerate(words) if word == "best")}


class ReadsTheEnd(FakeModel):
    """A model that reads the last words of a text."""

    def encode(self, requests: Sequence[Request]) -> list[Encoded]:
        words = [request.texts[0].split() for request in requests]
        every = zip(requests, words, strict=True)
        return [Encoded(" ".join(one[-4:]), 0, len(one) > 4, request) for request, one in every]


@pytest.mark.parametrize("recipe", ["deepwordbug", "pruthi", "textbugger"])
def test_words_that_the_task_protects_stay_wherever_the_part_read_begins(recipe: AttackRecipe) -> None:
    value = "alpha bravo charlie foxtrot golf hotel best lima mike"
    for task, attacked in (
        (TextClassification(("negative", "positive")), True),
        (Guarding(("negative", "positive")), False),
    ):
        audit = audit_of([example(value)], settings(recipe), task, kind=ReadsTheEnd)
        (case,) = PROBE.cases(audit)
        assert isinstance(case, Case)
        assert bool(case.edits) is (case.facts["claimed"] == 1.0) is attacked
        assert not case.invalid
        assert all(one.startswith("alpha bravo charlie foxtrot golf ") for one in texts_asked(audit))
        # An attack asks without a word to see how much it matters; what it proposes has them all.
        proposed = [one.split() for one in texts_asked(audit) if len(one.split()) == 9 and "[UNK]" not in one]
        assert all("best" in words for words in proposed) is not attacked


@pytest.mark.parametrize("recipe", ["deepwordbug", "pruthi", "textbugger"])
def test_whitespace_and_punctuation_around_the_changed_word_stay(recipe: AttackRecipe) -> None:
    text = " \tA story,  told twice\n(at least); best of all — naïve, good-ish & 'quoted' 100 % \u200bя  "
    (case,) = run(recipe, example(text))
    start, end = text.split("best")
    assert asked(case)["text"].startswith(start)
    assert asked(case)["text"].endswith(end)


def test_stop_words_are_left_alone() -> None:
    def dislikes_and(texts: Sequence[str]) -> list[list[float]]:
        return [[0.1, 0.9] if "and" in text.split() else [0.9, 0.1] for text in texts]

    from auditor.attacks.attacker import Attacker

    outcome = Attacker("deepwordbug", dislikes_and, 300).attack("nice and easy", 1, limit=3, rng=random.Random(0))
    assert (outcome.success, outcome.text) == (False, "nice and easy")


def test_an_answer_that_changed_between_two_batches_is_no_success() -> None:
    from auditor.attacks.attacker import Attacker

    outcome = Attacker("deepwordbug", lambda texts: [[0.9, 0.1]] * len(texts), 300).attack(
        "nice", 1, limit=1, rng=random.Random(0)
    )
    assert (outcome.success, outcome.text, outcome.queries) == (False, "nice", 1)


def test_probabilities_that_add_up_only_nearly_are_taken_as_they_are() -> None:
    from auditor.attacks.searching import Model, _Goal

    goal = _Goal.__new__(_Goal)
    scores = goal._process_model_outputs(["a"], Model(lambda _: [[0.2501, 0.75]])(["a"]))
    assert scores.tolist() == [[0.2501, 0.75]]


def test_without_labels_nothing_can_be_attacked() -> None:
    audit = audit_of([example(FILM, None)], settings("deepwordbug"))
    assert list(PROBE.cases(audit)) == [Skipped({"recipe": "deepwordbug"}, "no example has a label")]
    assert audit.asked == []


def test_a_download_during_an_attack_is_blocked() -> None:
    import nltk

    from auditor.attacks.attacker import Attacker

    def downloads(_texts: Sequence[str]) -> list[list[float]]:
        nltk.download("omw-1.4")
        raise AssertionError

    with pytest.raises(resources.DownloadBlockedError):
        Attacker("deepwordbug", downloads, 300).attack("nice", 1, limit=1, rng=random.Random(0))


def test_the_probe_itself_loads_neither_textattack_nor_torch() -> None:
    code = (
        "import sys\nimport probes.adversarial\n"
        "sys.exit(str([name for name in ('torch', 'textattack', 'nltk') if name in sys.modules] or ''))"
    )
    root = Path(adversarial.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=root)
    assert done.stderr.strip() == ""


@pytest.mark.slow
def test_pwws_finds_a_synonym_in_the_real_wordnet() -> None:
    if not resources.wordnet().present:
        pytest.skip("WordNet is not here")
    (case,) = run("pwws", example(FILM))
    assert by_keyword(asked(case)["text"])[0] > 0.5
