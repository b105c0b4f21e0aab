"""English data stay English: initials, units and a few foreign rows do not make another language of them."""

from __future__ import annotations

import pytest

from auditor import languages
from auditor.evaluation import spoken
from auditor.types import Example

HEADLINES = ("U.S. stocks fall", "N.J. man dies", "U.S. court rules against D.C. mayor", "U.S. dollar rises")
GOODS = ("iPhone 5 s case", "USB C to C cable 2 m", "Samsung S 8 plus d")
FRENCH = "Je ne sais pas si les clients sont contents de la nouvelle version"
GERMAN = "Das ist ein Satz, der nicht auf Englisch und auch nicht auf Spanisch ist"
ENGLISH = "This is a sentence that is not in German and it is not in Spanish"


@pytest.mark.parametrize(
    "texts", [HEADLINES * 10, GOODS * 10, (*("Reset", "Login failed", "Printer broken") * 16, FRENCH, FRENCH)]
)
def test_short_english_texts_are_no_other_language(texts: tuple[str, ...]) -> None:
    assert languages.detect(texts).code in (None, "en")


def test_rows_from_all_over_a_sorted_file_are_read() -> None:
    rows = [Example(str(number), {"text": GERMAN if number < 500 else ENGLISH}) for number in range(5000)]
    facts = spoken.facts(rows, None)
    assert facts["code"] == "en"
    assert set(facts["shares"]) == {"en", "de"}
