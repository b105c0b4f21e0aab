"""Tokenizers of the usual kinds, trained on a few lines: WordPiece, byte-level BPE, SentencePiece, tiktoken's split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CORPUS = (
    "a good film and a great plot",
    "the plot is bad and the film was awful",
    "Jane lives in Rome , and Bob works at Acme in Paris .",
    "it was not half as clever as it would like to be !",
    "A movie that I would not see again ? No .",
) * 4
SIZE = 160
ENCODER = {
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "mask_token": "[MASK]",
}
ROBERTA = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>"}
CLOSED = {**ROBERTA, "cls_token": "<s>", "sep_token": "</s>"}
DECODER = {"eos_token": "<|endoftext|>", "bos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
LLAMA = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
T5 = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


WITHOUT_TYPES = {"model_input_names": ["input_ids", "attention_mask"]}
"""What architectures without token types write into their tokenizer's configuration."""


def fast(backend: Any, name: str, **special: Any) -> Any:
    """A fast tokenizer around one of the library ``tokenizers``.

    Under transformers 4 it has the class of that name, as most checkpoints of its time have; under 5 the generic class,
    which it writes as ``TokenizersBackend``.
    """
    import transformers

    generic = int(transformers.__version__.split(".")[0]) >= 5
    kind = getattr(transformers, "PreTrainedTokenizerFast" if generic else name)
    return kind(tokenizer_object=backend, model_max_length=128, **special)


def wordpiece(folder: Path, name: str = "BertTokenizerFast") -> Any:
    """A class of WordPiece tokenizers from a vocabulary in a file."""
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    trained = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    trained.normalizer = normalizers.BertNormalizer(lowercase=True)
    trained.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    if name == "MPNetTokenizerFast":
        special = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]
    trained.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=SIZE, special_tokens=special))
    vocabulary = sorted(trained.get_vocab().items(), key=lambda entry: entry[1])
    file = folder / "vocab.txt"
    file.write_text("\n".join(word for word, _ in vocabulary) + "\n", encoding="utf-8")
    return getattr(transformers, name)(str(file), model_max_length=128)


def byte_level(special: list[str], *, pattern: str | None = None, prefix: bool = False) -> Any:
    """Byte-level BPE; ``pattern``: split before it as tiktoken does."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    trained = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=pattern is None)
    trained.pre_tokenizer = level
    if pattern is not None:
        split = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
        trained.pre_tokenizer = pre_tokenizers.Sequence([split, level])
    trained.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=2 * SIZE, special_tokens=special, initial_alphabet=alphabet)
    trained.train_from_iterator(CORPUS, trainer)
    return trained


def with_frame(backend: Any, single: str, names: list[str]) -> Any:
    """The tokenizer with special tokens around every text, written as ``[CLS] $A [SEP]``."""
    from tokenizers import processors

    tokens = [(name, backend.token_to_id(name)) for name in names]
    backend.post_processor = processors.TemplateProcessing(single=single, special_tokens=tokens)
    return backend


def unigram(special: list[str]) -> Any:
    """What fast tokenizers make of a SentencePiece model: Unigram with a mark for blanks."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    trained = Tokenizer(models.Unigram())
    trained.normalizer = normalizers.NFKC()
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=SIZE, special_tokens=special, unk_token="<unk>")
    trained.train_from_iterator(CORPUS, trainer)
    return trained


def sentencepiece(folder: Path, name: str) -> Path:
    """A SentencePiece model in a file, the only file of some tokenizers."""
    import sentencepiece as library

    lines = folder / "corpus.txt"
    lines.write_text("\n".join(CORPUS), encoding="utf-8")
    library.SentencePieceTrainer.train(
        input=str(lines),
        model_prefix=str(folder / "trained"),
        vocab_size=90,
        hard_vocab_limit=False,
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        pad_piece="[PAD]",
        bos_piece="[CLS]",
        eos_piece="[SEP]",
        unk_piece="[UNK]",
        normalization_rule_name="identity",  # its tables would be 240 kB
        minloglevel=2,
    )
    file = folder / name
    (folder / "trained.model").rename(file)
    return file


TIKTOKEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How Llama 3 and Qwen split a text before byte-level BPE."""
