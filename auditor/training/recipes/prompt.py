"""Prompt tuning: learned virtual tokens before the text of a frozen encoder."""

from __future__ import annotations

from auditor.models.adapter_files import PROMPT
from auditor.training.recipes._virtual_tokens import VirtualTokens


class Prompt(VirtualTokens):
    """Training of virtual tokens before the text.

    Lester, Al-Rfou & Constant (2021), "The power of scale for parameter-efficient prompt tuning", through peft. The
    virtual tokens are initialised with embeddings of pieces drawn from the vocabulary. An encoder that answers from its
    first position (BERT's [CLS]) answers from the first virtual token. Pooler and head are trained in full. The recipe
    refuses decoders, which would answer from the last position of the batch.
    """

    name = "prompt"
    kind = PROMPT


RECIPE = Prompt
