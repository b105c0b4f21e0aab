"""Prefix tuning: every layer attends to learned keys and values besides the text's."""

from __future__ import annotations

from auditor.models.adapter_files import PREFIX
from auditor.training.recipes._virtual_tokens import VirtualTokens


class Prefix(VirtualTokens):
    """Li & Liang (2021), "Prefix-tuning: Optimizing continuous prompts for generation", as for understanding by
    Liu et al. (2022), "P-Tuning: Prompt tuning can be comparable to fine-tuning across scales and tasks" (P-Tuning v2):
    without the network that the first paper makes prefixes by. Through peft; pooler and head are trained whole. For BERT and
    decoders: other classifiers take no past keys and values, and are refused.
    """

    name = "prefix"
    kind = PREFIX


RECIPE = Prefix
