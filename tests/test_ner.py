"""Named entity recognition: counts like seqeval's, windows over long sentences, training by every recipe, an audit."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas
import pytest
import torch
from seqeval.metrics import classification_report as seqeval_report
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from sklearn.metrics import classification_report as sklearn_report
from test_recipes_trained import NEEDED, TABLES
from test_training import SETTINGS, same, weights
from tiny import tiny_checkpoint

from auditor import metrics, tasks
from auditor.cli.main import main
from auditor.engine.deriving import derived
from auditor.errors import AuditError, ModelError
from auditor.evaluation.judging import judge
from auditor.models import checkpoint, hugging_face
from auditor.models.heads.token import TokenHead, windows
from auditor.models.options import LoadOptions
from auditor.models.rows import Filling
from auditor.tasks import entity_goal
from auditor.tasks.ner import NamedEntityRecognition
from auditor.training import loop, recipes
from auditor.types import Case, Edit, Example, Score, ScoredCase, Span, Tag, Task

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
TASK = NamedEntityRecognition(TAGS)
ANN, PARIS = ("Ann", "Lee"), ("great", "film")
"""Names by the words of the tiny vocabulary's pieces."""


def response(tags: Sequence[str]) -> tuple[tuple[float, ...], ...]:
    """A model that is certain of these tags."""
    return tuple(tuple(float(tag == one) for one in TAGS) for tag in tags)


def sentences(n: int, seed: int = 0) -> list[Example]:
    """Sentences of plain words with a person ("ann lee", "bo") or a place ("paris")."""
    rng, found = random.Random(seed), []
    names = [(("ann", "lee"), "PER"), (("bo",), "PER"), (("paris",), "LOC")]
    for index in range(n):
        before, after = (rng.choices(("the", "film", "was", "good", "it"), k=rng.randint(1, 4)) for _ in range(2))
        name, kind = rng.choice(names)
        tags = ["O"] * len(before) + [f"B-{kind}"] + [f"I-{kind}"] * (len(name) - 1) + ["O"] * len(after)
        found.append(Example(f"train:{index}", {"text": " ".join((*before, *name, *after))}, tuple(tags)))
    return found


def draw(rng: random.Random, n: int) -> list[str]:
    return [rng.choice(TAGS) for _ in range(n)]


def detail(task: Task, gold: tuple[str, ...], answer: Any, metric: str, **slice_: str) -> Score:
    (found,) = (one for one in task.details(gold, answer) if (one.metric, one.slice) == (metric, slice_))
    return found.score


def test_f1_is_seqevals_in_strict_mode() -> None:
    rng = random.Random(1)
    golds = []
    for _ in range(200):
        found = tuple(draw(rng, rng.randint(1, 12)))
        golds.append(tuple(tag if tag[0] != "I" else f"B{tag[1:]}" for tag in found))
    predictions = [draw(rng, len(gold)) for gold in golds]
    scores = [TASK.score(gold, response(tags)) for gold, tags in zip(golds, predictions, strict=True)]
    ours = sum(one.numerator for one in scores) / sum(one.denominator for one in scores)
    library = f1_score([list(gold) for gold in golds], predictions, mode="strict", scheme=IOB2)
    assert ours == pytest.approx(library, abs=1e-12)
    assert 0 < ours < 1


def test_a_model_of_iob1_is_read_as_it_is_meant_when_that_is_said() -> None:
    # The B- of IOB1 is for an entity that follows another of its type at once.
    tags = ("I-PER", "B-PER", "I-PER", "O", "I-LOC")
    gold = ("B-PER", "B-PER", "I-PER", "O", "B-LOC")
    strict, lenient = TASK, tasks.create("ner", TAGS, settings={"lenient": True})
    assert strict.score(gold, response(tags)) == Score(2.0, 4.0)
    assert lenient.score(gold, response(tags)) == Score(6.0, 6.0)
    for task in (strict, lenient):
        assert detail(task, gold, response(tags), "lenient_f1") == Score(6.0, 6.0)
    # The table of tags is of what was read.
    assert detail(lenient, gold, response(tags), "token_recall", tag="B-PER") == Score(2.0, 2.0)
    assert detail(strict, gold, response(tags), "token_recall", tag="B-PER") == Score(1.0, 2.0)
    assert strict.show(response(tags)) == " ".join(tags)
    assert lenient.show(response(tags)) == " ".join(gold)
    assert lenient.other_domain().score(gold, response(tags)) == Score(6.0, 6.0)


def test_the_table_of_tags_of_a_scheme_with_ends_is_that_of_what_it_says() -> None:
    labels = ("O", "B-PER", "I-PER", "E-PER", "S-PER")
    task = NamedEntityRecognition(labels)
    gold = ("B-PER", "I-PER", "I-PER", "O", "B-PER")
    right = tuple(tuple(float(tag == one) for one in labels) for tag in ("B-PER", "I-PER", "E-PER", "O", "S-PER"))
    assert task.show(right) == " ".join(gold)
    assert task.score(gold, right) == Score(4.0, 4.0)
    found = [one for one in task.details(gold, right) if one.metric.startswith("token")]
    assert all(one.score.numerator == one.score.denominator > 0 for one in found)
    assert {one.slice["tag"] for one in found} == {"O", "B-PER", "I-PER"}


def test_lenient_f1_is_that_of_seqevals_default_mode() -> None:
    rng = random.Random(2)
    golds = [
        tuple(tag if tag[0] != "I" else f"B{tag[1:]}" for tag in draw(rng, rng.randint(1, 12))) for _ in range(200)
    ]
    predictions = [draw(rng, len(gold)) for gold in golds]
    scores = [detail(TASK, gold, response(tags), "lenient_f1") for gold, tags in zip(golds, predictions, strict=True)]
    ours = sum(one.numerator for one in scores) / sum(one.denominator for one in scores)
    assert ours == pytest.approx(f1_score([list(gold) for gold in golds], predictions), abs=1e-12)


def test_a_score_counts_boundaries_and_types() -> None:
    gold = ("B-PER", "I-PER", "O", "B-LOC")
    for tags, right, seen in (
        (gold, 2, 2),
        (("B-PER", "O", "O", "B-LOC"), 1, 2),
        (("B-LOC", "I-LOC", "O", "B-LOC"), 1, 2),
        (("O", "I-PER", "O", "O"), 0, 0),
        (("B-PER", "I-PER", "B-PER", "B-LOC"), 2, 3),
    ):
        assert TASK.score(gold, response(tags)) == Score(2.0 * right, float(seen + 2))
    assert TASK.score(gold, ()) == Score(0.0, 2.0)
    assert TASK.constant([gold, None]) == ()
    assert TASK.constant([None]) is None
    assert (TASK.stratum(gold), TASK.class_scores(response(gold))) == (None, {})
    assert TASK.show(response(gold)) == "B-PER I-PER O B-LOC"


def test_words_that_the_answer_does_not_reach_are_surely_outside() -> None:
    assert TASK.likelihood(("B-PER", "I-PER", "O", "B-LOC"), response(("B-PER", "I-PER"))) == 3 / 4


def test_a_changed_text_is_judged_by_where_its_words_went() -> None:
    example = Example("a", {"text": "ann lee saw paris"}, ("B-PER", "I-PER", "O", "B-LOC"))
    before = response(example.gold)
    case = Case(example, {}, {"text": (Edit(0, 0, ("so",)), Edit(3, 4, ("pa", "ris"), (" ",)))})
    after = response(("O", "B-PER", "I-PER", "O", "B-LOC", "I-LOC"))
    judged = judge(ScoredCase(case, derived(case, TASK), before, after, vacuous=False), TASK)
    assert (judged.before, judged.after, judged.same) == (Score(4.0, 4.0), Score(4.0, 4.0), True)
    shifted = response(("B-PER", "I-PER", "O", "B-LOC", "O", "O"))
    judged = judge(ScoredCase(case, derived(case, TASK), before, shifted, vacuous=False), TASK)
    assert (judged.after, judged.same) == (Score(0.0, 4.0), False)
    assert metrics.drop(TASK).ratio


def test_how_surely_an_entity_is_held_goes_by_the_models_own_tags() -> None:
    """Of a scheme with ends, and of one without beginnings."""
    ends = NamedEntityRecognition(("O", "B-PER", "E-PER", "S-PER"))
    single = Span(0, 1, "PER")
    assert entity_goal.confidence(ends, ((0.1, 0.0, 0.2, 0.7),), [single]) == pytest.approx(0.85)
    assert entity_goal.confidence(ends, ((0.6, 0.3, 0.0, 0.1),), [single]) == pytest.approx(0.3 * 0.49)
    only = NamedEntityRecognition(("O", "S-PER", "B-LOC"))
    assert entity_goal.confidence(only, ((0.9, 0.1, 0.0),), [single]) == pytest.approx(0.1 * 0.49)
    assert entity_goal.confidence(only, ((0.9, 0.0, 0.1), (0.8, 0.0, 0.2)), [Span(0, 2, "LOC")]) == pytest.approx(0.049)
    assert entity_goal.confidence(only, ((0.9, 0.0, 0.1),), [Span(0, 1, "MISC")]) == 0.0
    bare = NamedEntityRecognition(("O", "I-PER"))
    assert bare.spans_found(Example("a", {"text": "ann said"}, ("B-PER", "O")), ((0.2, 0.8), (0.9, 0.1))) == (single,)
    assert entity_goal.confidence(bare, ((0.2, 0.8), (0.9, 0.1)), [single]) == pytest.approx(0.9)
    assert entity_goal.confidence(bare, ((0.7, 0.3), (0.9, 0.1)), [single]) == pytest.approx(0.3 * 0.49)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("base"), head=False)


@pytest.mark.parametrize("length", [8, 9, 12, 64])
@pytest.mark.parametrize(
    "text", ["good", "it was a great film", "paris " * 30, "good paris ann lee " * 9, "supercalifragilistic"]
)
def test_every_word_is_answered_once_in_the_window_with_most_context(base: Path, length: int, text: str) -> None:
    tokenizer = hugging_face.load_tokenizer(base, words=True)
    words = tuple(text.split())
    (found,) = windows(tokenizer, [Tag(words)], length)
    assert sorted(word for part in found for word, _ in part.words) == list(range(len(words)))
    whole = tokenizer(list(words), is_split_into_words=True)
    for part in found:
        assert len(part.ids) <= length
        assert part.ids[0] == tokenizer.cls_token_id
        assert part.ids[-1] == tokenizer.sep_token_id
        for word, place in part.words:
            # The piece that stands there is the word's first one.
            first = whole["input_ids"][whole.word_ids(0).index(word)]
            assert part.ids[place] == first
    if len(whole["input_ids"]) <= length:
        assert [list(part.ids) for part in found] == [whole["input_ids"]]
    # Without its overlap a window would leave its last words without what follows.
    for one, other in itertools.pairwise(found):
        assert max(word for word, _ in one.words) < min(word for word, _ in other.words)


def test_labels_stand_on_first_pieces_and_nowhere_else(base: Path) -> None:
    tokenizer = hugging_face.load_tokenizer(base, words=True)
    example = Example("a", {"text": "the paris film"}, ("O", "B-LOC", "O"))
    head = TokenHead(tokenizer, name="m", max_length=64)
    columns = head.targets([example], TASK)
    pieces = tokenizer.convert_ids_to_tokens(columns["input_ids"][0])
    assert pieces == ["[CLS]", "the", "p", "##a", "##r", "##i", "##s", "film", "[SEP]"]
    assert columns["labels"] == [[-100, 0, 3, -100, -100, -100, -100, 0, -100]]
    batch = head.collate(head.targets([example, *sentences(1)], TASK), [1, 0], Filling(0), "cpu")
    assert batch["labels"].shape == batch["input_ids"].shape
    assert bool((batch["labels"][batch["attention_mask"] == 0] == -100).all())
    with pytest.raises(AuditError, match="label 'B-XYZ' is not known"):
        head.targets([replace(example, gold=("O", "B-XYZ", "O"))], TASK)


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [(("O", "I-PER", "I-LOC"), [1, 1, 0, 2]), (("O", "B-LOC", "I-LOC", "B-PER"), [3, 3, 0, 1]), (TAGS, [1, 2, 0, 3])],
)
def test_a_head_without_a_tag_learns_its_type(base: Path, labels: tuple[str, ...], wanted: list[int]) -> None:
    tokenizer = hugging_face.load_tokenizer(base, words=True)
    example = Example("a", {"text": "good film the plot"}, ("B-PER", "I-PER", "O", "B-LOC"))
    columns = TokenHead(tokenizer, name="m", max_length=64).targets([example], NamedEntityRecognition(labels))
    assert [one for one in columns["labels"][0] if one >= 0] == wanted


def train(base: Path, recipe: recipes.Recipe, rows: Sequence[Example] | None = None, **more: Any) -> loop.Trained:
    settings = replace(SETTINGS, **more)
    recipe.check(TASK, settings)
    own, earlier = rows or sentences(24), (sentences(6, seed=8),)
    return loop.train(loop.TrainingRun(base, own, (), TASK, recipe, settings, seed=3, device="cpu", earlier=earlier))


NEEDED_HERE: dict[str, dict[str, Any]] = {
    **NEEDED,
    "back_translation": {"share": 1.0, "table": TABLES / "stretches.csv"},
    "attack": {"first": 5, "share": 1.0, "max_words_changed": 1.0},
}
LONGER: dict[str, dict[str, Any]] = {"attack": {"epochs": 8, "learning_rate": 1e-2}}
"""Recipe → the training that it needs: there is nothing to attack before a model finds an entity."""


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_trains_it(base: Path, tmp_path: Path, name: str) -> None:
    more = LONGER.get(name, {})
    trained = train(base, recipes.create(name, NEEDED_HERE.get(name, {})), **more)
    standard = train(base, recipes.create("standard", {}), **more)
    assert same(weights(trained), weights(standard)) is (name == "standard")
    loop.save(trained, tmp_path / "m")
    model = hugging_face.load(tmp_path / "m", LoadOptions(head="token", device="cpu"), name="m")
    assert model.labels == TAGS
    asked = [TASK.request(one.inputs) for one in sentences(5, seed=9)]
    assert model.run(model.encode(asked)) == (known := loop.as_model(trained, name="m")).run(known.encode(asked))


def test_training_learns_the_names(base: Path) -> None:
    rows = sentences(200)
    standard, settings = recipes.create("standard", {}), replace(SETTINGS, epochs=6, learning_rate=1e-2)
    validation = sentences(40, seed=5)
    trained = loop.train(loop.TrainingRun(base, rows, validation, TASK, standard, settings, seed=3, device="cpu"))
    assert trained.history[-1]["validation_f1"] > 0.9


@pytest.fixture(scope="module")
def model(base: Path) -> hugging_face.HuggingFaceModel:
    standard, settings = recipes.create("standard", {}), replace(SETTINGS, epochs=4, learning_rate=1e-2)
    trained = loop.train(loop.TrainingRun(base, sentences(200), (), TASK, standard, settings, seed=3, device="cpu"))
    return loop.as_model(trained, name="m")


def test_a_batch_answers_as_each_of_its_texts_alone(model: hugging_face.HuggingFaceModel) -> None:
    asked = [
        Tag(words) for words in ((), ("paris",), ("good",) * 100, ("ann", "lee", "was", "good"), ("\u200b", "paris"))
    ]
    together = model.run(model.encode(asked))
    assert [len(one) for one in together] == [0, 1, 100, 4, 2]
    for one, request in zip(together, asked, strict=True):
        (alone,) = model.run(model.encode([request]))
        for row, other in zip(one, alone, strict=True):
            assert row == pytest.approx(other, abs=1e-6)
    # The tokenizer makes nothing of the first word: it is no entity.
    assert together[4][0] == (1.0, 0.0, 0.0, 0.0, 0.0)
    assert model.encode(asked)[2].length > 64
    assert not any(one.truncated for one in model.encode(asked))


def test_the_same_pieces_of_other_words_are_another_question(model: hugging_face.HuggingFaceModel) -> None:
    one, other, again = model.encode([Tag(("don't",)), Tag(("don", "'", "t")), Tag(("don't",))])
    assert one.payload["windows"][0].ids == other.payload["windows"][0].ids
    assert one.key != other.key
    assert one.key == again.key


@pytest.mark.parametrize(
    ("gold", "words"),
    [
        ("B-PER O O", "'B-PER O O' is not one tag per word"),
        (("O", "O"), "2 tags for 3 words"),
        (None, "None is not one tag per word"),
    ],
)
def test_a_gold_that_is_not_a_tag_for_each_word_is_not_trained_on(base: Path, gold: Any, words: str) -> None:
    tokenizer = hugging_face.load_tokenizer(base, words=True)
    with pytest.raises(AuditError, match=f"train:7: {words}"):
        TokenHead(tokenizer, name="m", max_length=64).targets(
            [Example("train:7", {"text": "ann lee came"}, gold)], TASK
        )


def test_a_tokenizer_of_another_model_is_refused(base: Path) -> None:
    tokenizer = hugging_face.load_tokenizer(base, words=True)
    head = TokenHead(tokenizer, name="m", max_length=64, pieces=3, labels=TAGS)
    with pytest.raises(ModelError, match="has no embedding for token id"):
        head.encode([Tag(("good",))])


LENIENT = '[task]\nname = "ner"\nlenient = true'
CONFIG = """
task = "ner"
[data]
train = "train.txt"
validation = "dev.txt"
test = "test.txt"
domains = { far = "far.txt" }
[training]
base = "base"
epochs = 4
batch_size = 8
learning_rate = 1e-2
max_length = 32
[probes.noise]
examples = 20
severities = { middle = 0.3 }
[probes.low_resource]
steps = 60
[probes.label_noise]
rates = [0.3]
rows = 60
steps = 30
[probes.training_strategy]
rows = 60
steps = 60
noisy = 10
attacked = 10
sentences = 20
[probes.entity_bias]
names_per_sentence = 1
"""


def columns(rows: Sequence[Example]) -> str:
    text = ""
    for one in rows:
        text += (
            "".join(f"{word}\t{tag}\n" for word, tag in zip(one.inputs["text"].split(), one.gold, strict=True)) + "\n"
        )
    return text


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ner")
    tiny_checkpoint(folder / "base", head=False)
    (folder / "audit.toml").write_text(CONFIG, "utf-8")
    for name, n, seed in (("train", 200, 0), ("dev", 30, 1), ("test", 60, 2), ("far", 40, 3)):
        (folder / f"{name}.txt").write_text(columns(sentences(n, seed)), "utf-8")
    with (folder / "far.txt").open("a", encoding="utf-8") as file:
        file.write("it\tO\nbad\tB-award\nwas\tO\n\n" * 12)
    assert main(["train", "--config", str(folder / "audit.toml")]) == 0
    return folder


def test_a_checkpoint_of_words_is_trained_and_audited_by_the_commands(place: Path) -> None:
    words = ["run", "--config", str(place / "audit.toml"), "--model", str(place / "ckpt" / "standard")]
    assert main([*words, "--out", str(place / "audit")]) in (0, 1, 3)
    found = json.loads((place / "audit" / "results.json").read_text("utf-8"))
    labels = [TAGS[0], *TAGS[3:], *TAGS[1:3]]
    assert found["task"] == {"name": "ner", "metric": "f1", "labels": labels, "settings": {"lenient": False}}
    trained = json.loads((place / "ckpt" / "standard" / "training.json").read_text("utf-8"))
    assert trained["settings"]["labels_of_words"] == "on the first piece of each"
    records = {one["probe"]: one for one in found["records"]}
    named = [one for one in records["low_resource"]["measurements"] if one["metric"] == "entities_named"]
    # Every sentence of the training file names one entity.
    assert {one["slice"]["labels"]: one["value"] for one in named} == {"30": 30.0, "100": 100.0, "all": 200.0}
    drawn = [one for one in records["low_resource"]["measurements"] if one["metric"] == "f1_by_entities"]
    assert [one["slice"] for one in drawn] == [{"entities": "30"}, {"entities": "100"}, {"entities": "200"}]
    assert {name: one["status"] for name, one in records.items() if one["status"] == "failed"} == {}
    wrong = {tuple(one["slice"].values()) for one in records["label_noise"]["measurements"]}
    assert wrong == {(kind, share) for kind in ("missing", "symmetric") for share in ("0", "0.3")}
    assert records["training_strategy"]["status"] == "measured"
    values = {one["metric"]: one["value"] for one in records["quality"]["measurements"]}
    assert values["f1"] > 0.9
    assert records["noise"]["status"] == records["domain_shift"]["status"] == "measured"
    assert (place / "audit" / "scorecard.html").stat().st_size > 10_000
    again = [word for probe in ("quality", "low_resource", "entity_bias") for word in ("--probe", probe)]
    assert main([*words, *again, "--out", str(place / "again"), "--fresh"]) in (0, 1, 3)
    for record in json.loads((place / "again" / "results.json").read_text("utf-8"))["records"]:
        if record["probe"] in again:
            assert record["measurements"] == records[record["probe"]]["measurements"]


def test_seqeval_and_scikit_learn_find_the_same_in_the_written_predictions(place: Path) -> None:
    short = CONFIG.replace("epochs = 4", "epochs = 1").replace("learning_rate = 1e-2", "learning_rate = 4e-3")
    (place / "short.toml").write_text(short.replace('base = "base"', 'base = "base"\nout = "short"'), "utf-8")
    assert main(["train", "--config", str(place / "short.toml")]) == 0
    words = ["run", "--config", str(place / "short.toml"), "--model", str(place / "short" / "standard")]
    assert main([*words, "--probe", "quality", "--out", str(place / "predicted")]) in (1, 3)
    records = json.loads((place / "predicted" / "results.json").read_text("utf-8"))["records"]
    (record,) = (one for one in records if one["probe"] == "quality")
    ours = {(one["metric"], *one["slice"].values()): one["value"] for one in record["measurements"]}
    cases = pandas.read_parquet(place / "predicted" / "cases.parquet")
    golds, predictions = ([one.split() for one in cases[name]] for name in ("gold", "answer_after"))
    assert 0.1 < ours["f1",] < 0.9
    # The results file holds nine digits.
    report = seqeval_report(golds, predictions, mode="strict", scheme=IOB2, output_dict=True)
    wanted: dict[tuple[str, ...], Any] = {
        ("f1",): f1_score(golds, predictions, mode="strict", scheme=IOB2),
        ("lenient_f1",): f1_score(golds, predictions),
        ("precision",): report["micro avg"]["precision"],
        ("recall",): report["micro avg"]["recall"],
        ("macro_f1",): report["macro avg"]["f1-score"],
        ("macro_precision",): report["macro avg"]["precision"],
        ("macro_recall",): report["macro avg"]["recall"],
        **{("type_f1", kind): report[kind]["f1-score"] for kind in ("LOC", "PER")},
    }
    flat = [[tag for tags in some for tag in tags] for some in (golds, predictions)]
    table = sklearn_report(*flat, output_dict=True, zero_division=0)
    for ours_name, theirs in (("f1", "f1-score"), ("precision", "precision"), ("recall", "recall")):
        for average in ("macro", "weighted"):
            wanted[f"token_average_{ours_name}", average] = table[f"{average} avg"][theirs]
        # Every word has one tag: they are all the share of right ones.
        wanted[f"token_average_{ours_name}", "micro"] = table["accuracy"]
    for tag in set(flat[0]):
        wanted["token_support", tag] = table[tag]["support"]
        wanted["token_f1", tag] = table[tag]["f1-score"]
    assert {name: ours[name] for name in wanted} == {name: round(float(value), 9) for name, value in wanted.items()}


STRICT = """
[[rule]]
probe = "noise"
metric = "drop_over_changed_cases"
slice = { family = "*", severity = "middle" }
max = 0.01
why = "No answer may be lost."
[[rule]]
probe = "adversarial"
metric = "attack_success_rate"
slice = { recipe = ["deepwordbug", "textbugger"] }
max = 0.01
why = "No attack may succeed."
"""


def test_what_failed_has_a_remedy_that_is_trained_and_audited(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "strict.toml").write_text(STRICT, "utf-8")
    words = ["--config", str(place / "audit.toml"), "--model", str(place / "ckpt" / "standard"), "--budget", "30"]
    probes = [one for name in ("quality", "noise", "adversarial") for one in ("--probe", name)]
    words += ["--policy", str(place / "strict.toml"), "--out", str(place / "ill")]
    assert main(["run", *words, *probes]) in (1, 3)
    capsys.readouterr()
    assert main(["remedy", str(place / "ill"), "--train", "--quiet", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "→ remedy-noise: recipe online, trained on " in said
    assert "→ remedy-attack: recipe attack, trained on pruthi; held out: deepwordbug, textbugger" in said
    assert "adversarial f1_under_attack [recipe deepwordbug, held out]: " in said
    trained = json.loads((place / "ill-remedy" / "ckpt" / "remedy-attack" / "training.json").read_text("utf-8"))
    assert (trained["recipe"], trained["recipe_settings"]["method"]) == ("attack", "pruthi")


def test_files_of_other_kinds_are_read_by_their_own_names(place: Path) -> None:
    rows = [{"tokens": one.inputs["text"].split(), "ner_tags": list(one.gold)} for one in sentences(40, seed=7)]
    (place / "other.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    words = ["run", "--model", str(place / "ckpt" / "standard"), "--data", str(place / "other.jsonl")]
    assert main([*words, "--probe", "quality", "--out", str(place / "other")]) == 3
    trained = json.loads((place / "ckpt" / "standard" / "training.json").read_text("utf-8"))
    assert trained["columns"] == {}


def test_a_config_says_that_tags_are_read_leniently(place: Path) -> None:
    (place / "lenient.toml").write_text(CONFIG.replace('task = "ner"', LENIENT), "utf-8")
    words = ["run", "--config", str(place / "lenient.toml"), "--model", str(place / "ckpt" / "standard")]
    assert main([*words, "--probe", "quality", "--out", str(place / "lenient")]) == 3
    found = json.loads((place / "lenient" / "results.json").read_text("utf-8"))
    assert found["config"]["task"] == {"name": "ner", "lenient": True}
    assert found["task"]["settings"] == {"lenient": True}
    values = {one["metric"]: one["value"] for one in found["records"][0]["measurements"]}
    assert values["f1"] == values["lenient_f1"] > 0.9


def test_the_task_of_a_checkpoint_is_known_by_what_it_is(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "--model", str(place / "ckpt" / "standard"), "--probe", "quality", "--out", str(place / "told")]
    assert main(words) == 3
    assert json.loads((place / "told" / "results.json").read_text("utf-8"))["task"]["name"] == "ner"
    (place / "wrong.toml").write_text('task = "text-classification"\n', "utf-8")
    assert main([*words, "--config", str(place / "wrong.toml")]) == 2
    assert "is a BertForTokenClassification, not a ...ForSequenceClassification" in capsys.readouterr().err


def test_what_is_no_checkpoint_has_no_head(tmp_path: Path) -> None:
    assert checkpoint.head_of(tmp_path) is None
    (tmp_path / "config.json").write_text('{"architectures": ["BertModel"]}', "utf-8")
    assert checkpoint.head_of(tmp_path) is None
    (tmp_path / "config.json").write_text("{}", "utf-8")
    assert checkpoint.head_of(tmp_path) is None


def test_an_epoch_is_as_long_as_its_windows(base: Path) -> None:
    long = Example("long", {"text": "good film " * 60}, ("O",) * 120)
    trained = train(base, recipes.create("standard", {}), [long] * 8, epochs=3, max_length=16, batch_size=4)
    tokenizer = hugging_face.load_tokenizer(base, words=True)
    parts = len(windows(tokenizer, [TASK.request(long.inputs)], 16)[0])
    assert parts > 5
    assert (trained.steps, len(trained.history)) == (3 * 8 * parts // 4, 3)


def test_a_sentence_that_the_tokenizer_makes_nothing_of_does_not_end_a_training(base: Path) -> None:
    nothing = Example("nothing", {"text": "\u200b"}, ("O",))
    trained = train(base, recipes.create("standard", {}), [nothing, *sentences(3)], batch_size=1)
    assert trained.steps == 2 * 3


def test_padding_on_the_left_is_no_difference(model: hugging_face.HuggingFaceModel) -> None:
    encoded = model.encode([Tag(("paris",)), Tag(("good", "film", "the", "film", "ann", "lee"))])
    known = model.run(encoded)
    filling = replace(model.filling, left=True)
    left = filling.padded(model.rows(encoded))
    assert int(left["attention_mask"][0, 0]) == 0
    # As of an architecture that counts positions from the first token.
    scores = torch.zeros(2, left["input_ids"].shape[1], len(TAGS))
    pieces = len(encoded[0].payload["windows"][0].ids)
    scores[0, left["input_ids"].shape[1] - pieces + 1, 3] = 9.0  # 1 without the padding
    assert TASK.tags(model.head.decode(scores.tolist(), encoded, filling)[0]) == ("B-LOC",)
    assert model.run(encoded) == known


def test_onnx_runtime_answers_for_words_as_torch_does(place: Path) -> None:
    for package in ("onnxruntime", "onnx"):
        pytest.importorskip(package, reason="compares with the real package: pip install onnxruntime onnx")
    from auditor.models import onnx

    path = place / "ckpt" / "standard"
    one = onnx.load(path, LoadOptions(head="token", device="cpu"), name="m")
    other = hugging_face.load(path, LoadOptions(head="token", device="cpu"), name="m")
    asked = [Tag(("ann", "lee", "was", "good")), Tag(("paris",) * 50), Tag(())]
    for ours, known in zip(one.run(one.encode(asked)), other.run(other.encode(asked)), strict=True):
        assert len(ours) == len(known)
        for row, wanted in zip(ours, known, strict=True):
            assert row == pytest.approx(wanted, abs=1e-5)


def test_a_checkpoint_trained_on_a_datasets_folder_knows_its_data_and_its_repairs(tmp_path: Path) -> None:
    import datasets

    tiny_checkpoint(tmp_path / "base", head=False)
    for name, n in (("train", 40), ("test", 20)):
        rows = sentences(n, seed=n)
        columns = {"tokens": [one.inputs["text"].split() for one in rows], "tags": [list(one.gold) for one in rows]}
        columns["tokens"].append(["it", "bo"])
        columns["tags"].append(["O", "I-PER"])
        datasets.Dataset.from_dict(columns).save_to_disk(tmp_path / name)
    config = (
        CONFIG.replace(".txt", "")
        .replace('validation = "dev"', "repair = true")
        .replace('domains = { far = "far" }', "")
    )
    (tmp_path / "audit.toml").write_text(config.replace("epochs = 4", "epochs = 1"), "utf-8")
    assert main(["train", "--config", str(tmp_path / "audit.toml")]) == 0
    (tmp_path / "audit.toml").unlink()
    words = [
        "run",
        "--model",
        str(tmp_path / "ckpt" / "standard"),
        "--out",
        str(tmp_path / "audit"),
        "--probe",
        "entities",
    ]
    (tmp_path / "ner.toml").write_text('task = "ner"\n', "utf-8")
    assert main([*words, "--config", str(tmp_path / "ner.toml")]) in (0, 1, 3)
    found = json.loads((tmp_path / "audit" / "results.json").read_text("utf-8"))
    assert {one["name"]: one["rows"] for one in found["data"]} == {"home": 21, "train": 41}


def test_a_model_of_texts_is_not_one_of_words(place: Path, base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tiny_checkpoint(place / "texts")
    words = ["run", "--config", str(place / "audit.toml"), "--model", str(other), "--out", str(place / "x")]
    assert main(words) == 2
    assert "is a BertForSequenceClassification, not a ...ForTokenClassification" in capsys.readouterr().err
    with pytest.raises(ModelError, match="it has no classification head"):
        checkpoint.describe(base, "token", task="ner")


def test_a_comparison_counts_the_types_that_model_and_data_have() -> None:
    task = tasks.create("ner", ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"))
    golds = [("B-LOC", "O", "B-Person"), None, ("O",), ("B-PER", "B-DATE", "B-DATE")]
    labels = task.comparable(golds)
    assert labels is not None
    assert labels.counted == ("PER", "LOC")
    assert dict(labels.left_out) == {
        "DATE": "the model has no such type: 2 entities of it count neither as missed nor as spurious",
        "Person": "the model has no such type: 1 entities of it count neither as missed nor as spurious; "
        "did you mean 'PER'? [data.labels] maps it",
        "ORG": "no entity of the domain is one: it is not counted there",
    }
    # The further score that it names adds up to the task's metric, over all of the types.
    gold, answer = ("B-LOC", "O", "B-PER"), response(("B-LOC", "O", "B-LOC"))
    details = [detail for detail in TASK.details(gold, answer) if detail.metric == labels.metric]
    assert {labels.key} == {key for detail in details for key in detail.slice}
    sums = [sum(getattr(detail.score, part) for detail in details) for part in ("numerator", "denominator")]
    assert Score(*sums) == TASK.score(gold, answer) == Score(2.0, 4.0)
    assert tasks.create("text-classification", ("a", "b")).comparable(["a"]) is None
