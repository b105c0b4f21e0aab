"""Attacks on texts: TextAttack's searches, behind one guard."""
