"""What tasks of two texts have in common: fields, columns, attacks."""

from __future__ import annotations

from auditor.types import AttackDefaults

FIELDS = ("first", "second")
USUAL_COLUMNS = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("sentence_a", "sentence_b"),
    ("question1", "question2"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("text", "text_pair"),
    ("question", "sentence"),
    ("question", "passage"),
    ("question", "context"),
    ("query", "passage"),
    ("#1 string", "#2 string"),
)
"""What the columns of both texts are called together, in small letters."""
ATTACKS = AttackDefaults(query_budget=200)
"""Each text is attacked by itself, and pairs are mostly of single sentences."""
