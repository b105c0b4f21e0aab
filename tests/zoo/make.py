"""Write the zoo with the transformers that is installed: ``python tests/zoo/make.py FOLDER [TASK ...]``.

There is one tiny random checkpoint for each architecture and task, with the answers of transformers alone to one text
at a time. ``fixtures/zoo`` was written so, once by transformers 4.57 and once by 5.24.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import further_tasks
import tokenizers_of as made

LABELS = {
    "text-classification": ("negative", "neutral", "positive"),
    "ner": ("O", "B-PER", "I-PER", "B-LOC", "I-LOC"),
    **further_tasks.LABELS,
}
TEXTS = (
    "a good film",
    "The plot is bad , and the film was awful !",
    "film",
    "It was not half as clever as it would like to be , and nobody knew why . No , not at all .",
    "Jane lives in Rome , and Bob works at Acme in Paris .",
    "\u7535\u5f71 caf\u00e9 \U0001f600 No",
)
"""Of different lengths, so that asked together they are padded; the last one is mostly unknown to the tokenizers."""
EXPECTED = "expected.json"
HEADS = {
    "text-classification": "AutoModelForSequenceClassification",
    "ner": "AutoModelForTokenClassification",
    **further_tasks.HEADS,
}
BERT_LIKE = {
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 136,
}
LLAMA_LIKE = {**BERT_LIKE, "num_key_value_heads": 1, "head_dim": 4}


@dataclass(frozen=True)
class Species:
    """An architecture with the tokenizer that its checkpoints usually have."""

    config: str
    tokenizer: Callable[[Path], Any]
    sizes: dict[str, Any] = field(default_factory=lambda: dict(BERT_LIKE))
    tasks: tuple[str, ...] = ("text-classification", "ner")


def _roberta(_folder: Path) -> Any:
    backend = made.byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], prefix=True)
    framed = made.with_frame(backend, "<s> $A </s>", ["<s>", "</s>"])
    return made.fast(framed, "RobertaTokenizerFast", add_prefix_space=True, **made.CLOSED, **made.WITHOUT_TYPES)


def _roberta_with_an_added_token(folder: Path) -> Any:
    tokenizer = _roberta(folder)
    tokenizer.add_tokens(["<url>"])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<user>"]})
    return tokenizer


def _closed_unigram(_folder: Path) -> Any:
    backend = made.unigram(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    framed = made.with_frame(backend, "<s> $A </s>", ["<s>", "</s>"])
    return made.fast(framed, "XLMRobertaTokenizerFast", **made.CLOSED, **made.WITHOUT_TYPES)


def _albert(_folder: Path) -> Any:
    backend = made.unigram(["[PAD]", "<unk>", "[CLS]", "[SEP]", "[MASK]"])
    special = {**made.ENCODER, "unk_token": "<unk>"}
    framed = made.with_frame(backend, "[CLS] $A [SEP]", ["[CLS]", "[SEP]"])
    return made.fast(framed, "AlbertTokenizerFast", **special)


def _modernbert(_folder: Path) -> Any:
    backend = made.byte_level(["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"])
    framed = made.with_frame(backend, "[CLS] $A [SEP]", ["[CLS]", "[SEP]"])
    return made.fast(framed, "PreTrainedTokenizerFast", **made.ENCODER, **made.WITHOUT_TYPES)


def _gpt2(_folder: Path) -> Any:
    backend = made.byte_level(["<|endoftext|>"], prefix=True)
    special = {**made.DECODER, "pad_token": "<|endoftext|>"}
    return made.fast(backend, "GPT2TokenizerFast", add_prefix_space=True, **special, **made.WITHOUT_TYPES)


def _qwen(_folder: Path) -> Any:
    backend = made.byte_level(["<|endoftext|>", "<|im_end|>"], pattern=made.TIKTOKEN)
    special = {"pad_token": "<|endoftext|>", "eos_token": "<|im_end|>"}
    return made.fast(backend, "Qwen2TokenizerFast", **special, **made.WITHOUT_TYPES)


def _llama(_folder: Path) -> Any:
    backend = made.unigram(["<unk>", "<s>", "</s>"])
    framed = made.with_frame(backend, "<s> $A", ["<s>"])
    return made.fast(framed, "LlamaTokenizerFast", pad_token="</s>", **made.LLAMA, **made.WITHOUT_TYPES)


def _llama3(_folder: Path) -> Any:
    backend = made.byte_level(["<|begin_of_text|>", "<|end_of_text|>", "<|pad|>"], pattern=made.TIKTOKEN)
    framed = made.with_frame(backend, "<|begin_of_text|> $A", ["<|begin_of_text|>"])
    special = {"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>", "pad_token": "<|pad|>"}
    return made.fast(framed, "PreTrainedTokenizerFast", **special, **made.WITHOUT_TYPES)


def _gemma(_folder: Path) -> Any:
    backend = made.unigram(["<pad>", "<eos>", "<bos>", "<unk>"])
    special = {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>"}
    framed = made.with_frame(backend, "<bos> $A", ["<bos>"])
    return made.fast(framed, "GemmaTokenizerFast", **special, **made.WITHOUT_TYPES)


def _t5(_folder: Path) -> Any:
    backend = made.unigram(["<pad>", "</s>", "<unk>"])
    framed = made.with_frame(backend, "$A </s>", ["</s>"])
    return made.fast(framed, "T5TokenizerFast", extra_ids=0, **made.T5, **made.WITHOUT_TYPES)


def _deberta_v3(folder: Path) -> Any:
    """Slow, where transformers still has it so: then ``spm.model`` is the only file of its vocabulary."""
    from transformers import AutoTokenizer

    made.sentencepiece(folder, "spm.model")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "DebertaV2Tokenizer"}', encoding="utf-8")
    return AutoTokenizer.from_pretrained(str(folder), use_fast=False, model_max_length=128)


def _canine(_folder: Path) -> Any:
    from transformers import CanineTokenizer

    return CanineTokenizer(model_max_length=128)


DISTIL = {"dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 16, "max_position_embeddings": 136}
GPT2 = {"n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 136}
BART = {
    "d_model": 8,
    **{
        f"{side}_{part}": value
        for side in ("encoder", "decoder")
        for part, value in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 16))
    },
    "max_position_embeddings": 136,
    "forced_eos_token_id": 2,
}
T5 = {
    "d_model": 8,
    "d_kv": 4,
    "d_ff": 16,
    "num_layers": 1,
    "num_decoder_layers": 1,
    "num_heads": 2,
    "decoder_start_token_id": 0,
}
CANINE = {
    **BERT_LIKE,
    "num_hash_buckets": 160,
    "downsampling_rate": 4,
    "local_transformer_stride": 16,
    "upsampling_kernel_size": 4,
}
ZOO = {
    "bert": Species("bert", lambda folder: made.wordpiece(folder)),
    "distilbert": Species("distilbert", lambda folder: made.wordpiece(folder, "DistilBertTokenizerFast"), DISTIL),
    "electra": Species(
        "electra", lambda folder: made.wordpiece(folder, "ElectraTokenizerFast"), {**BERT_LIKE, "embedding_size": 8}
    ),
    "mpnet": Species("mpnet", lambda folder: made.wordpiece(folder, "MPNetTokenizerFast")),
    "roberta": Species("roberta", _roberta_with_an_added_token),
    "xlm-roberta": Species("xlm-roberta", _closed_unigram),
    "camembert": Species("camembert", _closed_unigram),
    "albert": Species("albert", _albert, {**BERT_LIKE, "embedding_size": 8, "num_hidden_groups": 1}),
    "modernbert": Species("modernbert", _modernbert, {**BERT_LIKE, "local_attention": 8, "reference_compile": False}),
    "deberta-v3": Species(
        "deberta-v2",
        _deberta_v3,
        {**BERT_LIKE, "relative_attention": True, "position_buckets": 8, "pos_att_type": ["p2c", "c2p"]},
    ),
    "gpt2": Species("gpt2", _gpt2, GPT2),
    "llama": Species("llama", _llama, LLAMA_LIKE),
    "llama3": Species("llama", _llama3, {**LLAMA_LIKE, "rope_theta": 500_000.0}),
    "mistral": Species("mistral", _llama, {**LLAMA_LIKE, "sliding_window": 16}),
    "qwen2": Species("qwen2", _qwen, LLAMA_LIKE),
    "qwen3": Species("qwen3", _qwen, LLAMA_LIKE),
    "gemma2": Species("gemma2", _gemma, {**LLAMA_LIKE, "sliding_window": 16}),
    "gemma3": Species("gemma3_text", _gemma, {**LLAMA_LIKE, "sliding_window": 16}, ("text-classification",)),
    "bart": Species("bart", _roberta, BART, ("text-classification",)),
    "t5": Species("t5", _t5, T5),
    "canine": Species("canine", _canine, CANINE, ("text-classification",)),
    "roberta-of-pairs": Species("roberta", further_tasks.roberta_of_pairs, tasks=("question-answering",)),
}
ZOO |= {name: replace(ZOO[name], tasks=(*ZOO[name].tasks, *own)) for name, own in further_tasks.SERVED.items()}
"""Name of the folder → what is in it."""


def write(folder: Path, species: Species, task: str, seed: int) -> None:
    """One checkpoint, as ``save_pretrained`` writes it after a fine-tuning."""
    import torch
    import transformers

    with tempfile.TemporaryDirectory() as scratch:
        tokenizer = species.tokenizer(Path(scratch))
    if task == "relation-extraction":
        tokenizer.add_tokens(list(further_tasks.MARKERS), special_tokens=True)
    names = dict(enumerate(LABELS[task]))
    labels = {"id2label": names, "label2id": {label: index for index, label in names.items()}} if names else {}
    special = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    config = transformers.AutoConfig.for_model(
        species.config,
        **{**species.sizes, **{name: value for name, value in special.items() if value is not None}},
        vocab_size=max(len(tokenizer), 64),
        **labels,
        **further_tasks.CONFIGS.get(task, {}),
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = getattr(transformers, HEADS[task]).from_config(config)
        for parameter in model.parameters():
            # Larger than a fresh model's, so that texts get different answers; in steps, so that git packs them well.
            parameter.data = (torch.randn_like(parameter) * 24).round() / 64
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def answers(folder: Path, task: str) -> list[Any]:
    """The checkpoint's probabilities by transformers alone, one text at a time.

    They are one row for each text, or for each of its words.
    """
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    model = getattr(transformers, HEADS[task]).from_pretrained(str(folder), local_files_only=True).eval()
    if task in further_tasks.LABELS:
        return [further_tasks.answer(model, tokenizer, task, text) for text in further_tasks.texts(task, TEXTS)]
    rows: list[Any] = []
    for text in TEXTS:
        words = text.split() if task == "ner" else text
        encoded = tokenizer(words, is_split_into_words=task == "ner", truncation=True, return_tensors="pt")
        with torch.inference_mode():
            logits = model(**encoded).logits[0]
        probabilities = logits.float().softmax(-1).tolist()
        if task == "ner":
            places = encoded.word_ids(0)
            probabilities = [probabilities[places.index(index)] for index in range(len(words))]
        rows.append(probabilities)
    return rows


def main(folder: Path, tasks: Iterable[str]) -> None:
    """Every species for each of its tasks."""
    shutil.rmtree(folder, ignore_errors=True)
    for task in tasks:
        expected = {}
        for seed, (name, species) in enumerate(ZOO.items()):
            if task in species.tasks:
                write(folder / task / name, species, task, seed)
                expected[name] = _rounded(answers(folder / task / name, task))
        (folder / task / EXPECTED).write_text(json.dumps(expected) + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    return [_rounded(inner) for inner in value] if isinstance(value, list) else round(value, 7)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or LABELS)
