"""Perturbations of texts: one catalogue for probes and recipes."""
