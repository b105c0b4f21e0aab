"""Prompt tuning: virtual tokens before the text are all that is learned below the head."""

from __future__ import annotations

from auditor.models.adapter_files import PROMPT
from auditor.training.recipes._virtual_tokens import VirtualTokens


class Prompt(VirtualTokens):
    """Lester, Al-Rfou & Constant (2021), "The power of scale for parameter-efficient prompt tuning", through peft.

    The virtual tokens begin as embeddings of pieces drawn from the vocabulary. An encoder that answers from its first
    position (BERT's [CLS]) answers from the first virtual token. Pooler and head are trained whole. Decoders, which would
    answer from the last position of the batch, are refused.
    """

    name = "prompt"
    kind = PROMPT


RECIPE = Prompt
