"""The probes: one module each, found by listing this package.

Modules whose names start with ``_`` are what several probes share.
"""
