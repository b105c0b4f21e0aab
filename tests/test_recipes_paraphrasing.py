"""Recipes that add copies of rows in other words: EDA and back-translation, and the files that their settings name."""

from __future__ import annotations

import itertools
import json
import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from test_recipes_trained import TABLES
from test_training import LABELS, SETTINGS, TASK, reviews
from test_training_job import CONFIG, train, written
from tiny import tiny_checkpoint, vocabulary

from auditor import config as configs
from auditor import text as texts
from auditor.data import tables
from auditor.environment import resources
from auditor.errors import AuditError, ConfigError
from auditor.evaluation import retrain
from auditor.models.fake import FakeModel
from auditor.perturbations import augmentation
from auditor.testing import started
from auditor.training import job, loop, recipes, record, training_key
from auditor.training.recipes import back_translation, eda
from auditor.types import Example, Silent

ROW = Example("a", {"text": "Good film, but the plot is bad."}, "positive")
KNOWN = {
    str(row["word"]): [
        str(one["synonym"]) for _, one in tables.read(TABLES / "synonyms.csv").rows if one["word"] == row["word"]
    ]
    for _, row in tables.read(TABLES / "synonyms.csv").rows
}


def operated(operation: str, seed: int, share: float = 0.3, row: Example = ROW) -> str:
    found = eda._copy(
        row, TASK, augmentation.OPERATIONS[operation].by(lambda word: KNOWN.get(word, ())), share, random.Random(seed)
    )
    return row.inputs["text"] if found is None else found.inputs["text"]


def many(operation: str, share: float = 0.3) -> set[str]:
    return {operated(operation, seed, share) for seed in range(200)}


def test_synonyms_stand_in_place_of_words_with_their_capitals_and_punctuation() -> None:
    good, film, plot, bad = ("Fine", "First rate"), ("picture,", "motion picture,"), ("story",), ("poor.", "dreadful.")
    wanted = set()
    old = ["Good", "film,", "but", "the", "plot", "is", "bad."]
    for pair in itertools.combinations({0: good, 1: film, 4: plot, 6: bad}.items(), 2):
        for chosen in itertools.product(*(options for _, options in pair)):
            new = list(old)
            for (place, _), word in zip(pair, chosen, strict=True):
                new[place] = word
            wanted.add(" ".join(new))
    # int(0.3 × 7 words) = 2 of them; "but", "the" and "is" are stop words.
    assert many("synonyms") == wanted


def test_one_word_at_least_is_replaced_and_none_where_there_is_no_synonym() -> None:
    assert all(
        sum(a != b for a, b in zip(one.split(), ROW.inputs["text"].split(), strict=False))
        for one in many("synonyms", 0.01)
    )
    plain = replace(ROW, inputs={"text": "The cat is on it"})
    assert operated("synonyms", 0, row=plain) == operated("insertion", 0, row=plain) == "The cat is on it"


def test_an_insertion_adds_synonyms_of_the_texts_own_words() -> None:
    added = set()
    for one in many("insertion", 0.1):
        edits = texts.diff(texts.split(ROW.inputs["text"]), texts.split(one))
        assert [edit.start == edit.end for edit in edits] == [True]
        added.add(" ".join(edits[0].words))
    assert added == {"fine", "first rate", "picture", "motion picture", "story", "poor", "dreadful"}


def test_a_swap_keeps_the_words_and_a_deletion_leaves_one_at_least() -> None:
    old = ROW.inputs["text"].split()
    assert all(sorted(one.split()) == sorted(old) for one in many("swap"))
    one_swap = {tuple(one.split()) for one in many("swap", 0.1)}
    assert len(one_swap) == 21  # every pair of the seven words
    assert all(sum(a != b for a, b in zip(one, old, strict=True)) == 2 for one in one_swap)
    lengths = [len(operated("deletion", seed).split()) for seed in range(400)]
    assert sum(lengths) / 400 == pytest.approx(0.7 * 7, abs=0.2)
    assert {len(one.split()) for one in many("deletion", 1.0)} == {1}
    alone = replace(ROW, inputs={"text": "word"})
    assert {operated(name, 1, 1.0, alone) for name in ("swap", "deletion", "synonyms", "insertion")} == {"word"}


def test_the_copies_take_the_operations_in_turn_and_follow_from_the_seed() -> None:
    made = recipes.create("eda", {"copies": 5, "synonyms": TABLES / "synonyms.csv"})

    def copies(seed: int) -> Sequence[Example]:
        started(made, TASK, seed=seed).prepare(None)
        return made.examples([ROW] * 40, 0)

    found = copies(1)
    assert list(found[:40]) == [ROW] * 40
    assert {one.gold for one in found} == {"positive"}
    assert {one.id for one in found} == {"a"}
    assert list(copies(1)) == list(found)
    assert made.examples([ROW] * 40, 1) == found
    assert list(copies(2)) != list(found)
    # A deletion may leave all words where they were: such a copy is none.
    texts_made = [one.inputs["text"] for one in found[40:]]
    assert set(texts_made[:40]) <= many("synonyms", 0.1)
    assert 160 <= len(texts_made) <= 200


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"copies": -1}, "[training.recipe.eda]: copies = -1 must be at least 0"),
        ({"words": 0}, "[training.recipe.eda]: words = 0 must be above 0 and at most 1"),
        (
            {"operations": []},
            "[training.recipe.eda]: operations is empty (leave it out for synonyms, insertion",
        ),
        (
            {"operations": ["synonym"]},
            "[training.recipe.eda]: [operations] 0 = \"synonym\" should be 'synonyms',",
        ),
    ],
)
def test_settings_that_make_no_sense_are_one_line(given: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        recipes.create("eda", given)
    assert caught.value.line.startswith(line)


def absent(monkeypatch: pytest.MonkeyPatch, present: bool = False) -> None:
    monkeypatch.setattr(resources, "wordnet", lambda: resources.Resource("NLTK WordNet", present, ""))


def test_without_wordnet_it_is_said_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch)
    with pytest.raises(ConfigError) as caught:
        recipes.create("eda", {}).check(TASK, SETTINGS)
    assert caught.value.line == (
        "[training.recipe.eda]: needs WordNet for synonyms (python -m nltk.downloader wordnet, "
        'synonyms = "a table", or operations = ["swap", "deletion"])'
    )
    for given in ({"operations": ["swap", "deletion"]}, {"copies": 0}, {"synonyms": TABLES / "synonyms.csv"}):
        recipes.create("eda", given).check(TASK, SETTINGS)


def test_an_attack_by_synonyms_without_wordnet_is_refused_before_anything_is_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent(monkeypatch)
    made = recipes.create("attack", {"method": "pwws", "first": 0})
    with pytest.raises(ConfigError) as caught:
        made.check(TASK, SETTINGS)
    assert caught.value.line == "[training.recipe.attack]: NLTK WordNet is missing:  (or choose another method)"
    recipes.create("attack", {"method": "pwws", "share": 0.0}).check(TASK, SETTINGS)
    recipes.create("attack", {"first": 0}).check(TASK, SETTINGS)
    absent(monkeypatch, present=True)
    made.check(TASK, SETTINGS)


def test_wordnet_gives_lemmas_in_alphabetical_order(monkeypatch: pytest.MonkeyPatch) -> None:
    class Synset:
        def __init__(self, *lemmas: str) -> None:
            self.lemma_names = lambda: lemmas

    class WordNet:
        @staticmethod
        def synsets(word: str) -> list[Synset]:
            return [Synset("film", "motion_picture"), Synset("Picture_show", "film")] if word == "film" else []

        @staticmethod
        def get_version() -> str:
            return "3.0"

    import nltk.corpus

    monkeypatch.setattr(nltk.corpus, "wordnet", WordNet)
    absent(monkeypatch, present=True)
    augmentation.by_wordnet.cache_clear()
    made = recipes.create("eda", {})
    made.check(TASK, SETTINGS)
    known = made._synonyms()  # type: ignore[attr-defined]
    assert known("film") == ("motion picture", "picture show")
    assert known("plot") == ()
    assert made.reads()["wordnet"] == "3.0"
    augmentation.by_wordnet.cache_clear()


def bad_table(folder: Path, content: str) -> Path:
    (folder / "table.csv").write_text(content, encoding="utf-8")
    return folder / "table.csv"


@pytest.mark.parametrize(
    ("name", "setting", "column"), [("eda", "synonyms", "synonym"), ("back_translation", "table", "paraphrase")]
)
def test_a_table_without_its_columns_or_not_there_is_one_line(
    tmp_path: Path, name: str, setting: str, column: str
) -> None:
    table = bad_table(tmp_path, "word,text,meaning\na,b,c\n")
    with pytest.raises(AuditError) as caught:
        recipes.create(name, {setting: table}).check(TASK, SETTINGS)
    assert caught.value.line == f"{table}: no column is called {column!r} (columns are: word, text, meaning)"
    with pytest.raises(AuditError) as caught:
        recipes.create(name, {setting: tmp_path / "nowhere.csv"}).check(TASK, SETTINGS)
    assert caught.value.line.startswith(f"{tmp_path / 'nowhere.csv'}: no such file")
    with pytest.raises(AuditError) as caught:
        recipes.create(name, {setting: tmp_path / "nowhere.csv"}).reads()
    assert "cannot be read" in caught.value.line


def test_paraphrases_of_a_table_are_added_beside_their_rows() -> None:
    made = recipes.create("back_translation", {"share": 1.0, "table": TABLES / "paraphrases.csv"})
    started(made, TASK).prepare(FakeDevice())
    rows = [*reviews(3), ROW]
    found = made.examples(rows, 0)
    assert list(found[:4]) == rows
    assert [(one.id, one.inputs["text"], one.gold) for one in found[4:]] == [
        (rows[0].id, "a poor and dreadful picture", "negative"),
        (rows[1].id, "a fine and grand picture, the story", "positive"),
        (rows[2].id, "a poor and dreadful picture, the story, the story", "negative"),
    ]
    assert made.examples(rows, 1) == found


class FakeDevice:
    device = "cpu"


def test_a_share_of_the_rows_is_paraphrased() -> None:
    made = recipes.create("back_translation", {"share": 0.5, "table": TABLES / "paraphrases.csv"})
    started(made, TASK, seed=5).prepare(FakeDevice())
    assert 20 < len(made.examples(reviews(80), 0)) - 80 < 60


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"translators": ["a"]},
        {"translators": ["a", "b"], "table": "c.csv"},
        {"translators": ["a"], "table": "c.csv"},
        {"translators": ["a", "b", "c"]},
    ],
)
def test_one_source_of_paraphrases_is_needed(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        recipes.create("back_translation", given).check(TASK, SETTINGS)
    assert caught.value.line == (
        "[training.recipe.back_translation]: needs two translators, there and back, or a table, and not both "
        '(translators = ["en-de", "de-en"], or table = "paraphrases.csv")'
    )


def translator(folder: Path, seed: int) -> Path:
    """A tiny random BART, with the tiny checkpoints' tokenizer."""
    from transformers import BartConfig, BartForConditionalGeneration

    tiny_checkpoint(folder)
    (folder / "model.safetensors").unlink()
    size = len(vocabulary())
    config = BartConfig(
        vocab_size=size, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=24,
        pad_token_id=0, bos_token_id=2, eos_token_id=3, decoder_start_token_id=2, init_std=1.0,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        BartForConditionalGeneration(config).save_pretrained(folder)
    return folder


def by_hand(folder: Path, text: str) -> str:
    """The best of four beams, one text at a time."""
    from transformers import AutoTokenizer, BartForConditionalGeneration

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = BartForConditionalGeneration.from_pretrained(str(folder)).eval()
    ids = tokenizer(text, return_tensors="pt", truncation=True, max_length=24)["input_ids"]
    made = model.generate(ids, num_beams=4, do_sample=False, max_length=24)
    return str(tokenizer.decode(made[0], skip_special_tokens=True))


def test_a_text_goes_through_both_translators(tmp_path: Path) -> None:
    there, back = translator(tmp_path / "there", 1), translator(tmp_path / "back", 2)
    made = recipes.create("back_translation", {"share": 1.0, "translators": [there, back], "prefixes": ["the ", ""]})
    made.check(TASK, SETTINGS)
    started(made, TASK).prepare(FakeDevice())
    rows = reviews(40)
    before = torch.random.get_rng_state()
    found = made.examples(rows, 0)[40:]
    assert torch.equal(torch.random.get_rng_state(), before)
    originals = {one.id: one.inputs["text"] for one in rows}
    assert len(found) == 40
    for one in found[:8]:
        assert one.inputs["text"] == by_hand(back, by_hand(there, "the " + originals[one.id]))


def test_a_translator_saved_in_16_bits_translates_in_float32(tmp_path: Path) -> None:
    from transformers import AutoModelForSeq2SeqLM

    folder = translator(tmp_path / "there", 1)
    AutoModelForSeq2SeqLM.from_pretrained(folder).bfloat16().save_pretrained(folder)
    model, _ = back_translation._loaded(folder, "cpu")
    assert {weights.dtype for weights in model.parameters()} == {torch.float32}


def test_a_folder_that_is_no_translator_is_one_line(tmp_path: Path) -> None:
    there, encoder = translator(tmp_path / "there", 1), tiny_checkpoint(tmp_path / "encoder")
    with pytest.raises(AuditError) as caught:
        back_translation._translated(["good"], encoder, "", 1, "cpu")
    assert caught.value.line.startswith(f"{encoder}: does not load: ")
    made = recipes.create("back_translation", {"translators": [there, tmp_path / "nowhere"]})
    with pytest.raises(AuditError) as caught:
        made.check(TASK, SETTINGS)
    assert caught.value.line == (
        f"{tmp_path / 'nowhere'}: not a translation model: no config.json here "
        "(translators = the folders of two translation models)"
    )
    made = recipes.create("back_translation", {"translators": [there, encoder]})
    with pytest.raises(AuditError) as caught:
        made.check(TASK, SETTINGS)
    assert caught.value.line == f"{encoder}: is a BertForSequenceClassification, no sequence-to-sequence model"


def test_a_translators_own_generation_settings_do_not_decide(tmp_path: Path) -> None:
    there = translator(tmp_path / "there", 1)
    found = back_translation._translated(["good film"], there, "", 4, "cpu")
    settings = json.loads((there / "generation_config.json").read_text("utf-8"))
    asked = {"max_new_tokens": 1, "do_sample": True, "num_return_sequences": 2, "return_dict_in_generate": True}
    (there / "generation_config.json").write_text(json.dumps({**settings, **asked}), "utf-8")
    assert back_translation._translated(["good film"], there, "", 4, "cpu") == found


def test_a_translator_that_lacks_weights_is_refused(tmp_path: Path) -> None:
    there = translator(tmp_path / "there", 1)
    whole = load_file(there / "model.safetensors")
    kept = {name: value for name, value in whole.items() if ".decoder.layers.0.fc1" not in name}
    save_file(kept, there / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(AuditError) as caught:
        back_translation._translated(["good film"], there, "", 4, "cpu")
    assert caught.value.line.startswith(f"{there}: lacks weights: model.decoder.layers.0.fc1.bias")


def test_whatever_a_translator_cannot_do_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = translator(tmp_path / "there", 1)
    model, tokenizer = back_translation._loaded(there, "cpu")

    def generate(**_: Any) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr(model, "generate", generate)
    monkeypatch.setattr(back_translation, "_loaded", lambda *_: (model, tokenizer))
    with pytest.raises(AuditError) as caught:
        back_translation._translated(["good film"], there, "", 4, "cpu")
    assert caught.value.line == f"{there}: does not translate: no such thing"


@pytest.mark.parametrize("file", ["generation_config.json", "source.spm"])
def test_every_file_of_a_translator_belongs_to_the_key(tmp_path: Path, file: str) -> None:
    there, back = translator(tmp_path / "there", 1), translator(tmp_path / "back", 2)
    made = recipes.create("back_translation", {"translators": [there, back]})
    before = made.reads()
    assert made.reads() == before
    (there / file).write_text("{}", "utf-8")
    assert made.reads() != before


def test_tables_that_match_no_row_are_refused(tmp_path: Path) -> None:
    table = bad_table(tmp_path, "text,paraphrase\na,b\n")
    made = recipes.create("back_translation", {"table": table})
    started(made, TASK).prepare(FakeDevice())
    with pytest.raises(AuditError) as caught:
        made.examples(reviews(4), 0)
    assert caught.value.line == f"{table}: none of the training rows' texts is in it (the first is 'bad awful film')"
    table = bad_table(tmp_path, "word,synonym\na,b\n")
    made = recipes.create("eda", {"synonyms": table, "operations": ["synonyms", "insertion"]})
    started(made, TASK)
    with pytest.raises(AuditError) as caught:
        made.examples(reviews(4), 0)
    assert caught.value.line == f"{table}: has no synonym for any word of the training rows"


def test_what_was_translated_is_kept_with_an_interrupted_training() -> None:
    made = recipes.create("back_translation", {"share": 1.0, "table": TABLES / "paraphrases.csv"})
    started(made, TASK).prepare(FakeDevice())
    found = made.examples(reviews(4), 0)
    other = recipes.create("back_translation", {"share": 1.0, "table": "gone.csv"})
    started(other, TASK).prepare(FakeDevice())
    other.load_state(made.state())
    assert other.examples(reviews(4), 1) == found


PARAPHRASED = f"""{CONFIG}
[training.recipe.back_translation]
share = 1.0
table = "paraphrases.csv"
"""


def paraphrasing(folder: Path) -> Any:
    config = PARAPHRASED.replace('["standard", "fgm"]', '["back_translation"]')
    assert config != PARAPHRASED
    folder.mkdir()
    shutil.copy(TABLES / "paraphrases.csv", folder / "paraphrases.csv")
    found = (folder / "paraphrases.csv").read_text("utf-8")
    (folder / "paraphrases.csv").write_text(found + "good film 0,a fine picture\n", "utf-8")
    return written(folder, config)


def test_a_table_is_seen_from_the_config_and_recorded_as_seen_from_the_checkpoint(tmp_path: Path) -> None:
    found = []
    for name in ("here", "there"):
        (folder,) = train(paraphrasing(tmp_path / name))
        written_record = record.read(folder)
        assert written_record is not None
        assert written_record.recipe_settings["table"] == "../../paraphrases.csv"
        found.append((folder, written_record))
    # Wherever the files lie, the training is the same; what they hold decides.
    assert found[0][1] == found[1][1]
    (folder, old), config = found[0], tmp_path / "here" / "paraphrases.csv"
    made = recipes.create("back_translation", old.recipe_settings, folder)
    assert made.settings.table.resolve() == config
    before = made.reads()
    config.write_text(config.read_text("utf-8") + "a,b\n", "utf-8")
    assert made.reads() != before


def test_a_probe_trains_again_with_the_table_that_the_checkpoint_was_trained_with(tmp_path: Path) -> None:
    config = paraphrasing(tmp_path / "here")
    (folder,) = train(config)
    audited = retrain.audited(
        FakeModel(lambda _: (0.5, 0.5), ("no", "yes")), folder, record.read(folder),
        task=replace_labels(), config=config, base=None, device="cpu", fresh=True, load=None,  # type: ignore[arg-type]
    )  # fmt: skip
    assert audited.fit is not None
    rows = [replace(one, gold={"negative": "no", "positive": "yes"}[str(one.gold)]) for one in reviews(8)]
    model = audited.fit(rows, seed=1, steps=2, batch_size=4)
    assert model.labels == ("no", "yes")
    # A probe that trains by a recipe which lacks what it needs says so in one line.
    lacking = retrain.audited(
        FakeModel(lambda _: (0.5, 0.5), ("no", "yes")), folder, record.read(folder),
        task=replace_labels(), config=replace_recipe(config), base=None, device="cpu", fresh=True, load=None,  # type: ignore[arg-type]
    )  # fmt: skip
    assert lacking.train is not None
    with pytest.raises(AuditError) as caught:
        lacking.train("back_translation", rows, seed=1, steps=2, batch_size=4)
    assert "needs two translators, there and back, or a table" in caught.value.line
    (tmp_path / "here" / "paraphrases.csv").unlink()
    with pytest.raises(AuditError) as caught:
        audited.fit(rows, seed=2, steps=2, batch_size=4)
    assert "paraphrases.csv: no such file" in caught.value.line


def replace_recipe(config: Any) -> Any:
    return config.model_copy(update={"training": config.training.model_copy(update={"recipe": {}})})


def test_a_table_that_was_moved_is_recorded_where_it_is_now(tmp_path: Path) -> None:
    config = paraphrasing(tmp_path / "here")
    (folder,) = train(config)
    weights = (folder / "model.safetensors").stat().st_mtime_ns
    (tmp_path / "here" / "paraphrases.csv").rename(tmp_path / "here" / "moved.csv")
    toml = tmp_path / "here" / "audit.toml"
    toml.write_text(toml.read_text("utf-8").replace("paraphrases.csv", "moved.csv"), "utf-8")
    (found,) = job.train(configs.load(toml), out=None, device="cpu", progress=Silent())
    assert (folder / "model.safetensors").stat().st_mtime_ns == weights
    assert record.read(folder) == found.record
    assert found.record.recipe_settings["table"] == "../../moved.csv"


def replace_labels() -> Any:
    from auditor import tasks

    return tasks.create("text-classification", ("no", "yes"))


def test_paths_of_settings_do_not_decide_the_key_and_contents_do(tmp_path: Path) -> None:
    base = tiny_checkpoint(tmp_path / "base", head=False)

    def key(table: Path) -> str:
        made = recipes.create("eda", {"synonyms": table})
        return training_key.key(
            loop.TrainingRun(base, reviews(4), (), TASK, made, loop.Settings(), seed=0, device="cpu")
        )

    other = Path(shutil.copy(TABLES / "synonyms.csv", tmp_path / "other.csv"))
    assert key(other) == key(TABLES / "synonyms.csv")
    other.write_text(other.read_text("utf-8") + "a,b\n", "utf-8")
    assert key(other) != key(TABLES / "synonyms.csv")
    assert TASK.labels == LABELS
