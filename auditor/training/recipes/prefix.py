"""Prefix tuning: every layer attends to additional learned keys and values."""

from __future__ import annotations

from auditor.models.adapter_files import PREFIX
from auditor.training.recipes._virtual_tokens import VirtualTokens


class Prefix(VirtualTokens):
    """Training of a prefix of keys and values for every layer.

    Li & Liang (2021), "Prefix-tuning: Optimizing continuous prompts for generation", in the version of Liu et al.
    (2022), "P-Tuning: Prompt tuning can be comparable to fine-tuning across scales and tasks" (P-Tuning v2), which
    omits the network that generates the prefixes in the first paper; through peft. Pooler and head are trained in full.
    The recipe supports BERT and decoders, and refuses other classifiers, which take no past keys and values.
    """

    name = "prefix"
    kind = PREFIX


RECIPE = Prefix
