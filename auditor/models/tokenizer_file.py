"""Check that a tokenizer reads texts as the checkpoint's ``tokenizer.json`` says.

transformers 5 rebuilds the tokenizers of some classes (Llama, Gemma, Albert, T5) from their vocabulary and drops the
normalizer, the splitting and the special tokens in ``tokenizer.json``. A checkpoint trained with these would silently
get other input than in its training.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

FILE = "tokenizer.json"
TEXTS = (
    "a good film",
    "The plot is bad, and the film was awful!",
    "Jane (born 1987) lives in Rome; it's 3.50 € a day.",
    "  two  blanks\tand a tab\nand a line ",
    "café naïve Ünïcode 電影 ﬁ № ½",
)
"""Texts on which two versions of a tokenizer are compared.

They cover case, punctuation, numbers, white space, accents and other scripts.
"""


def as_saved(tokenizer: Any, path: Path, arguments: dict[str, Any]) -> Any:
    """Return a tokenizer that reads texts as ``tokenizer.json`` does.

    That is the tokenizer itself if it does so, and one loaded from that file otherwise. ``arguments`` contains further
    arguments of ``from_pretrained``. The options of BERT's normalizer are in ``tokenizer_config.json``, which both
    major versions of transformers follow: for those, the tokenizer's class is right.
    """
    import transformers
    from tokenizers import Tokenizer, normalizers

    if not tokenizer.is_fast or not (path / FILE).is_file() or int(transformers.__version__.split(".")[0]) < 5:
        return tokenizer
    saved = Tokenizer.from_file(str(path / FILE))
    saved.no_truncation()
    saved.no_padding()
    if isinstance(saved.normalizer, normalizers.BertNormalizer) or _reads_alike(tokenizer, saved):
        return tokenizer
    generic = transformers.PreTrainedTokenizerFast.from_pretrained(str(path), **arguments)
    generic.model_input_names = tokenizer.model_input_names
    return generic


def _reads_alike(tokenizer: Any, saved: Any) -> bool:
    read = tokenizer(list(TEXTS), verbose=False)["input_ids"]
    return all(list(ids) == saved.encode(text).ids for ids, text in zip(read, TEXTS, strict=True))
