"""Tiny random checkpoints: BERT with a vocabulary made in place."""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path

from auditor.models.libraries import quiet

WORDS = ("good", "bad", "film", "movie", "the", "a", "is", "was", "not", "great", "awful", "plot", "it", "and", "of")


def vocabulary(words: Sequence[str] = WORDS) -> list[str]:
    letters = string.ascii_lowercase + string.digits + ".,!?'-"
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    return list(dict.fromkeys((*special, *letters, *(f"##{letter}" for letter in letters), *words)))


def tiny_checkpoint(
    folder: Path,
    labels: Sequence[str] = ("negative", "positive"),
    seed: int = 0,
    words: Sequence[str] = WORDS,
    *,
    head: bool = True,
) -> Path:
    """Write a two-layer BERT (hidden size 16) with random weights and its tokenizer; without a head: a bare encoder."""
    import torch
    from transformers import (  # type: ignore[attr-defined] # transformers 5 has BertTokenizerFast as another name
        BertConfig,
        BertForSequenceClassification,
        BertModel,
        BertTokenizerFast,
    )

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(vocabulary(words)), encoding="utf-8")
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=64)
    config = BertConfig(
        vocab_size=len(vocabulary(words)),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = BertForSequenceClassification(config) if head else BertModel(config)
    with quiet():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
