"""TextAttack's searches, behind one guard."""
