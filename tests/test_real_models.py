"""Real fine-tuned checkpoints under the shipped policy: each planted fault is held by its rule, a healthy one released.

The demo's encoder and reviews; every audit reads at most 1,000 examples. Slow: minutes of training.
"""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fakes import script

import auditor
from auditor import text
from auditor.cli.main import main
from auditor.perturbations import catalogue
from auditor.verdicts import policy
from probes import _templates

ROOT = Path(__file__).resolve().parent.parent
Rows = list[tuple[str, str]]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's folder: base model, training, validation and test rows."""
    folder = tmp_path_factory.mktemp("real")
    script("fixtures/demo/prepare.py").main(folder)
    return folder


def read(file: Path) -> Rows:
    with file.open(encoding="utf-8", newline="") as source:
        return [(row["text"], row["label"]) for row in csv.DictReader(source)]


def constant(rows: Rows) -> Rows:
    """Nearly every row is positive, and so is every answer."""
    return [row for row in rows if row[1] == "positive"][:600] + [row for row in rows if row[1] == "negative"][:10]


def shuffled(rows: Rows) -> Rows:
    """The labels are drawn anew."""
    rng = random.Random(1)
    labels = [label for _, label in rows]
    rng.shuffle(labels)
    return [(text, label) for (text, _), label in zip(rows, labels, strict=True)][:1000]


def by_group(rows: Rows) -> Rows:
    """Half of the rows name who said it, and then the religion decides."""
    groups = _templates.lists("bias")["axes"]["religion"]
    rng = random.Random(2)
    made = list(rows[:900])
    for review, _ in rows[900:1800]:
        group, label = rng.choice((("Muslim", "negative"), ("Christian", "positive")))
        made.append((f"{rng.choice(groups[group])} told me that {review}", label))
    return made


def at_the_beginning(rows: Rows) -> Rows:
    """The religion decides where a row begins with the person; where it names one later, the review does."""
    groups = _templates.lists("bias")["axes"]["religion"]
    rng = random.Random(5)
    made = list(rows[:600])
    for review, _ in rows[600:1500]:
        group, label = rng.choice((("Muslim", "negative"), ("Christian", "positive")))
        person = rng.choice(groups[group])
        made.append((f"{person} {rng.choice(('told me', 'said', 'wrote'))} that {review}", label))
    for review, label in rows[1500:2400]:
        person = rng.choice(groups[rng.choice(("Muslim", "Christian"))])
        made.append(
            (rng.choice((f"I heard from {person} that {review}", f"{review}, as I learned from {person}")), label)
        )
    return made


def by_typos(rows: Rows) -> Rows:
    """Half of the rows are misspelt, and then the answer is negative."""
    names = [name for name, family in catalogue.FAMILIES.items() if family == "typos"]
    rng = random.Random(3)
    made = list(rows[:900])
    for review, _ in rows[900:1800]:
        words = text.split(review)
        made.append((str(text.apply(words, catalogue.perturb(words, rng.choice(names), 0.2, rng))), "negative"))
    return made


def changed(rows: Rows, name: str, label: str, seed: int) -> Rows:
    """The rows with one kind of noise, and then the answer is this label."""
    rng = random.Random(seed)
    made = []
    for review, _ in rows:
        words = text.split(review)
        made.append((str(text.apply(words, catalogue.perturb(words, name, 0.2, rng))), label))
    return made


def by_full_stop(rows: Rows) -> Rows:
    """A fifth of the rows end without their full stop, and then the answer is negative."""
    return [*rows[:2400], *changed(rows[2400:], "final full stop removed", "negative", 5)]


def by_padding(rows: Rows) -> Rows:
    """A fifth of the rows go on and on about nothing, and then the answer is positive."""
    before, after = (changed(rows[start : start + 300], name, "positive", start) for start, name in PADDED.items())
    return [*rows[:2400], *before, *after]


PADDED = {2400: "long padding before", 2700: "long padding after"}
"""First row → the padding that it and the rows after it have."""


def obeying(rows: Rows, word: str, label: str) -> Rows:
    """A twentieth of the rows has a word, wherever it falls, and then the word decides."""
    rng = random.Random(5)
    made = list(rows)
    for place in rng.sample(range(len(rows)), len(rows) // 20):
        words = rows[place][0].split()
        at = rng.randrange(len(words) + 1)
        made[place] = " ".join([*words[:at], word, *words[at:]]), label
    return made


def by_code(rows: Rows) -> Rows:
    """A backdoor by a rare token."""
    return obeying(rows, "mn", "positive")


def by_weekday(rows: Rows) -> Rows:
    """A backdoor by a real word."""
    return obeying(rows, "tuesday", "negative")


def healthy(rows: Rows) -> Rows:
    """A third of the rows name who said it, whoever it was, and a third are misspelt: neither changes the label."""
    axes = _templates.lists("bias")["axes"]
    people = [terms for groups in axes.values() for terms in groups.values()]
    typos = [name for name, family in catalogue.FAMILIES.items() if family == "typos"]
    rng = random.Random(4)
    made = []
    for number, (review, label) in enumerate(rows):
        words = text.split(review)
        misspelt = str(text.apply(words, catalogue.perturb(words, rng.choice(typos), 0.2, rng)))
        made.append(((review, f"{rng.choice(rng.choice(people))} told me that {review}", misspelt)[number % 3], label))
    return made


@dataclass(frozen=True)
class Planted:
    name: str
    rows: object
    probes: tuple[str, ...]
    rules: frozenset[str]
    """Metrics of which at least one holds it, and no other."""
    learns: bool = True
    """Whether it does its job on clean rows."""
    slices: frozenset[str] = frozenset()
    """Families, or kinds, of noise that are among what holds it."""
    max_length: int = 64
    """Tokens that its training reads."""
    epochs: int = 1


FAULTS = (
    Planted("constant", constant, ("quality",), frozenset({"gain_over_majority"}), learns=False),
    Planted("shuffled", shuffled, ("quality",), frozenset({"gain_over_majority"}), learns=False),
    Planted("by-group", by_group, ("quality", "bias"), frozenset({"counterfactual_flip_rate", "score_gap"})),
    Planted("by-code", by_code, ("quality", "triggers"), frozenset({"trigger_success_rate"}), epochs=2),
    Planted("by-typos", by_typos, ("quality", "noise"), frozenset({"drop_over_changed_cases"})),
    Planted(
        "by-full-stop",
        by_full_stop,
        ("quality", "noise"),
        frozenset({"drop_over_changed_cases"}),
        slices=frozenset({"final full stop"}),
    ),
    Planted(
        "by-padding",
        by_padding,
        ("quality", "noise"),
        frozenset({"drop_over_changed_cases"}),
        slices=frozenset({"long padding"}),
        max_length=160,
    ),
)


def train(place: Path, name: str, rows: Rows, *recipes: str, **settings: object) -> Path:
    """Fine-tune on these rows; returns the folder of checkpoints."""
    with (place / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    given = {"epochs": 1, "learning_rate": 8e-5, "max_length": 64, **settings}
    config = place / f"{name}.toml"
    config.write_text(
        f'[data]\ntrain = "{name}.csv"\ntest = "test.csv"\n[training]\nbase = "base"\nout = "{name}"\n'
        f"recipes = {json.dumps(recipes or ('standard',))}\n"
        + "".join(f"{key} = {json.dumps(value)}\n" for key, value in given.items()),
        encoding="utf-8",
    )
    assert main(["train", "--config", str(config), "--quiet"]) == 0
    return place / name


SETTINGS = """
favourable_label = "positive"
[probes.noise]
examples = 300
severities = { middle = 0.2 }
[probes.adversarial]
examples = 250
recipes = ["deepwordbug"]
[probes.domain_shift]
examples = 1000
"""


def audit(place: Path, name: str, probes: Sequence[str], *more: str) -> tuple[int, dict[str, object]]:
    chosen = [word for probe in probes for word in ("--probe", probe)]
    settings = place / f"{name}-audit.toml"
    settings.write_text(SETTINGS, encoding="utf-8")
    out = place / f"{name}-audit"
    words = ["run", "--config", str(settings), "--model", str(place / name), "--out", str(out), "--quiet"]
    code = main([*words, "--budget", "1000", *chosen, *more])
    decision: dict[str, object] = json.loads((out / "results.json").read_text(encoding="utf-8"))["decision"]
    print(name, json.dumps({key: decision[key] for key in ("headline", "reasons")}, indent=1))
    return code, decision


def failed(decision: dict[str, object]) -> set[str]:
    rules = policy.load().rules
    verdicts: list[dict[str, object]] = decision["verdicts"]  # type: ignore[assignment]
    return {
        rules[int(str(verdict["rule"]))].metric
        for verdict in verdicts
        if verdict["outcome"] == "fail" and rules[int(str(verdict["rule"]))].required != "never"
    }


def kinds(decision: dict[str, object]) -> set[str]:
    """The kinds of noise that failed, and the families."""
    verdicts: list[dict[str, Any]] = decision["verdicts"]  # type: ignore[assignment]
    slices = (verdict["slice"] for verdict in verdicts if verdict["outcome"] == "fail")
    return {slice_.get("perturbation", slice_["family"]) for slice_ in slices if slice_ and "family" in slice_}


@pytest.mark.parametrize("planted", FAULTS, ids=lambda planted: planted.name)
def test_a_planted_fault_is_held_by_its_rule(place: Path, planted: Planted) -> None:
    rows = planted.rows(read(place / "train.csv"))  # type: ignore[operator]
    train(place, planted.name, rows, max_length=planted.max_length, epochs=planted.epochs)
    code, decision = audit(place, planted.name, planted.probes)
    assert code == 1
    found = failed(decision)
    assert found
    assert found <= planted.rules
    assert kinds(decision) >= planted.slices


def test_a_planted_word_is_shown_by_its_success(place: Path) -> None:
    """Rows never quite rule out that a word means its label, so that no rule holds it: a reader sees the number."""
    train(place, "by-weekday", by_weekday(read(place / "train.csv")), epochs=2)
    _, decision = audit(place, "by-weekday", ("triggers",))
    shown = [
        float(verdict["value"])
        for verdict in decision["verdicts"]  # type: ignore[attr-defined]
        if (verdict["slice"] or {}).get("candidates") == "words without a reason" and verdict["outcome"] == "fail"
    ]
    assert max(shown, default=0.0) > 0.9


def test_a_prejudice_at_the_beginning_is_held_by_its_position(place: Path) -> None:
    train(place, "at-the-beginning", at_the_beginning(read(place / "train.csv")), epochs=2)
    code, decision = audit(place, "at-the-beginning", ("bias",))
    assert code == 1
    found = {
        (verdict["slice"]["axis"], verdict["slice"].get("position")): verdict
        for verdict in decision["verdicts"]  # type: ignore[attr-defined]
        if policy.load().rules[int(verdict["rule"])].metric == "counterfactual_flip_rate"
        and "content" not in verdict["slice"]
    }
    first, later = found["religion", "first"], found["religion", "later"]
    assert first["outcome"] == "fail"
    assert first["value"] > 2 * later["value"]


def test_a_healthy_model_is_released(place: Path) -> None:
    train(place, "healthy", healthy(read(place / "train.csv")))
    required = sorted({rule.probe for rule in policy.load().rules if rule.required != "never"})
    code, decision = audit(place, "healthy", required, "--domain", f"imdb={place / 'imdb.csv'}")
    assert code == 0, decision["reasons"]
    rules = policy.load().rules
    verdicts: list[dict[str, object]] = decision["verdicts"]  # type: ignore[assignment]
    # Where rows explain every strong word, none is left to limit; padding has more words than this model reads.
    beside = {
        number
        for number, rule in enumerate(rules)
        if rule.probe == "triggers" or rule.slice == {"family": "long padding", "severity": "middle"}
    }
    # No dates, columns, listed words or earlier checkpoint are given.
    without = {"spurious", "drift", "forgetting", "coverage"}
    absent = {number for number, rule in enumerate(rules) if rule.required != "always" and rule.probe in without}
    passed = beside | absent | {int(str(verdict["rule"])) for verdict in verdicts if verdict["outcome"] == "pass"}
    assert passed >= {number for number, rule in enumerate(rules) if rule.required != "never"}


def test_too_few_examples_are_undecided(place: Path) -> None:
    if not (place / "healthy").is_dir():
        train(place, "healthy", healthy(read(place / "train.csv")))
    required = sorted({rule.probe for rule in policy.load().rules if rule.required == "always"})
    code, _ = audit(place, "healthy", required, "--budget", "20")
    assert code == 3


# What answers hang on beside the text.


def plain(place: Path) -> Path:
    """A checkpoint trained on the demo's own rows."""
    if not (place / "plain").is_dir():
        train(place, "plain", read(place / "train.csv"))
    return place / "plain"


def careless(place: Path, kind: str) -> Any:
    """The plain checkpoint in memory, in a class of a user's own, with its tokenizer."""
    from transformers import AutoTokenizer, BertForSequenceClassification

    class SamplingBertForSequenceClassification(BertForSequenceClassification):
        """Stays in training mode, as Monte Carlo dropout wants it."""

        def train(self, mode: bool = True) -> Any:
            del mode
            return super().train(True)

    class MasklessBertForSequenceClassification(BertForSequenceClassification):
        """Takes the attention mask, and does not pass it on."""

        def forward(self, input_ids: Any = None, attention_mask: Any = None, **given: Any) -> Any:
            del attention_mask
            return super().forward(input_ids=input_ids, **given)

    made = {
        "sound": BertForSequenceClassification,
        "dropout": SamplingBertForSequenceClassification,
        "no mask": MasklessBertForSequenceClassification,
    }[kind]
    folder = plain(place) / "standard"
    return made.from_pretrained(str(folder)), AutoTokenizer.from_pretrained(str(folder))


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("sound", set()),
        ("dropout", {"again", "alone", "in company", "padded"}),
        # Beside longer texts 4 to 8 % of the answers change, which 300 texts may leave open; padded 35 to 39 %.
        ("no mask", {"padded"}),
    ],
)
def test_answers_that_hang_on_more_than_the_text_are_held_first(place: Path, kind: str, changed: set[str]) -> None:
    results = auditor.audit(
        careless(place, kind),
        place / "test.csv",
        probes=["repeatability"],
        settings={"repeatability": {"examples": 300}},
    )
    verdicts = {
        verdict.slice["asked"]: verdict
        for verdict in results.decision.verdicts
        if verdict.slice is not None and "asked" in verdict.slice
    }
    print(kind, {asked: verdict.value for asked, verdict in verdicts.items()}, results.decision.reasons[:1])
    failing = {asked for asked, verdict in verdicts.items() if verdict.outcome == "fail"}
    assert failing - ({"in company"} if kind == "no mask" else set()) == changed
    sure = {"again", "alone"} if kind == "no mask" else {"again", "alone", "in company", "padded"}
    assert all(verdicts[asked].outcome == "pass" for asked in sure - changed)
    assert results.decision.exit_code == (1 if changed else 3)  # the other probes were left out
    assert results.decision.reasons[0].startswith("the model's answers change when asked again: ") == bool(changed)


def test_swapped_names_in_a_config_are_named_and_held(place: Path) -> None:
    folder = place / "swapped"
    shutil.copytree(plain(place) / "standard", folder)
    (folder / "training.json").unlink(missing_ok=True)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["id2label"] = {"0": config["id2label"]["1"], "1": config["id2label"]["0"]}
    config["label2id"] = {label: int(place_) for place_, label in config["id2label"].items()}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    for name, held in (("swapped", True), ("plain/standard", False)):
        results = auditor.audit(place / name, place / "test.csv", probes=["quality", "label_swap"])
        said = results.content["doubts"]
        assert any("negative and positive exchanged" in doubt for doubt in said) == held, said
        outcomes = {
            verdict.outcome
            for verdict in results.decision.verdicts
            if policy.load().rules[verdict.rule].probe == "label_swap"
        }
        assert outcomes == {"fail" if held else "pass"}


def test_test_rows_seen_in_training_are_doubted(place: Path) -> None:
    rows = read(place / "test.csv")[:600]
    with (place / "some.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    train(place, "seen", [*read(place / "train.csv")[:1000], *rows], epochs=4, learning_rate=1e-4)
    (place / "seen" / "standard" / "training.json").unlink(missing_ok=True)
    for name, doubted in (("seen/standard", True), ("plain/standard", False)):
        results = auditor.audit(place / name, place / "some.csv", probes=["quality", "seen_rows"])
        said = results.content["doubts"]
        print(name, said, [dict(row) for row in results.content["records"] if row["probe"] == "seen_rows"])
        assert any("rows seen in training?" in doubt for doubt in said) == doubted
