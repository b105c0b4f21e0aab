"""Pages rendered from ``results.json`` alone.

Rendering uses no model, no data file, no clock and no network.
"""
