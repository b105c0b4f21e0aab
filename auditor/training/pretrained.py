"""A pretrained model with a new head for the task's labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from auditor.errors import ModelError
from auditor.models import heads, hugging_face, padding
from auditor.models.loading import auto_class, check_config
from auditor.models.rows import Filling
from auditor.training import continued
from auditor.types import Task

DROPOUTS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "classifier_dropout",
    "classifier_dropout_prob",
    "dropout",
    "attention_dropout",
    "activation_dropout",
    "hidden_dropout",
    "seq_classif_dropout",
    "embd_pdrop",
    "attn_pdrop",
    "resid_pdrop",
    "dropout_rate",
    "pooler_dropout",
    "embedding_dropout",
    "mlp_dropout",
)
"""Names of dropouts in the configurations of transformers."""


def load(path: Path, task: Task, dropout: float | None = None, *, continues: bool = False) -> tuple[Any, Any, Filling]:
    """Load model, tokenizer and padding from the folder ``path``.

    The model is on the CPU in float32; its new head is drawn from torch's generator. Afterwards model and tokenizer
    name the same padding token, and the padding side that makes a text's answer independent of the other texts in its
    batch, where there is one. They are saved with these values.

    With ``continues``, the checkpoint's head is kept, with new rows for labels that it does not know, and its adapters.

    ``dropout`` replaces all of the base's own dropouts. Raises ModelError for a task whose head does not exist, when
    the base does not load, when it has no dropout to replace, or when weights of the encoder itself are missing or have
    another shape: transformers would silently draw such weights at random.
    """
    from transformers import AutoConfig

    head = heads.of(task.head, task=task.name)
    check_config(path, head.architecture)
    tokenizer = hugging_face.load_tokenizer(path, words=head.reads_words, base=True)
    names = dict(enumerate(task.labels))
    labels = {"id2label": names, "label2id": {label: index for index, label in names.items()}}
    named = {"num_labels": len(names), **labels} if head.labelled else {}
    changed: dict[str, float] = {}
    if dropout is not None:
        with hugging_face.loading("does not load", path):
            config = AutoConfig.from_pretrained(str(path), local_files_only=True, trust_remote_code=False)
        changed = {name: dropout for name in DROPOUTS if hasattr(config, name)}
        if not changed:
            raise ModelError("the base has no dropout to change", where=str(path), hint="leave dropout out")
    with hugging_face.loading("does not load", path):
        model, info = auto_class(head.architecture).from_pretrained(
            str(path),
            local_files_only=True,
            trust_remote_code=False,  # not None: transformers would ask at the terminal
            use_safetensors=True,
            **named,
            **head.config,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **changed,
        )
        # transformers 5 keeps the precision that a base was saved in; optimizers lose small steps in 16 bits.
        model = model.float()
    # Depending on its release, transformers reports a mismatch as its key, or as its key and both shapes.
    mismatched = [entry if isinstance(entry, str) else entry[0] for entry in info["mismatched_keys"]]
    absent = {*info["missing_keys"], *mismatched}
    # A base pretrained without a pooler (masked language models) gets a new one with its new head.
    lost = sorted(key for key in absent if key.startswith(f"{model.base_model_prefix}.") and ".pooler." not in key)
    if lost:
        raise ModelError(f"lacks weights of the encoder: {', '.join(lost[:3])}", where=str(path), hint="copy it again")
    _add_tokens(model, tokenizer, task.special_tokens)
    if continues:
        model = continued.restored(model, path, mismatched)
    return model, tokenizer, _padding(model, tokenizer, path)


def _add_tokens(model: Any, tokenizer: Any, words: Sequence[str]) -> None:
    """Give each word a token and a new embedding of its own."""
    if not words:
        return
    # Words that the vocabulary has are added too: the tokenizer would still take them apart, as [unused1] of BERT.
    tokenizer.add_tokens(list(words), special_tokens=True)
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        # Means of the other embeddings, as transformers proposes, would make the new ones nearly alike.
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)


def _padding(model: Any, tokenizer: Any, path: Path) -> Filling:
    """Choose how rows are padded, and set it in model and tokenizer."""
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(padding.filling(model, tokenizer).token)
    if not padding.names_padding(model):
        model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
    with hugging_face.loading("does not answer", path):
        tried = hugging_face.wrap(model, tokenizer, name=str(path), max_length=None)
    tokenizer.padding_side = "left" if tried.filling.left else "right"
    return tried.filling
