"""The probes: one module each, found by listing this package; names that start with ``_`` are helpers."""
