"""Check that a tokenizer reads texts as the checkpoint's ``tokenizer.json`` says.

transformers 5 builds the tokenizers of some classes (Llama, Gemma, Albert, T5) anew from their vocabulary and drops the
normalizer, the splitting and the special tokens that ``tokenizer.json`` holds. A checkpoint trained with these would be
asked something else than it knows, without a word.
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
"""What two readings of a tokenizer are compared on: case, punctuation, numbers, white space, accents, other scripts."""


def as_saved(tokenizer: Any, path: Path, how: dict[str, Any]) -> Any:
    """The tokenizer itself where it reads texts as ``tokenizer.json`` does, else that file's own reading of them.

    ``how``: further arguments of ``from_pretrained``. The options of BERT's normalizer stand in ``tokenizer_config.json``,
    which both majors of transformers follow: there the class is right.
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
    generic = transformers.PreTrainedTokenizerFast.from_pretrained(str(path), **how)
    generic.model_input_names = tokenizer.model_input_names
    return generic


def _reads_alike(tokenizer: Any, saved: Any) -> bool:
    read = tokenizer(list(TEXTS), verbose=False)["input_ids"]
    return all(list(ids) == saved.encode(text).ids for ids, text in zip(read, TEXTS, strict=True))
