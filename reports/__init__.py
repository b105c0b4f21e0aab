"""Results in, pages out. Reads ``results.json`` alone: no model, no data file, no clock, no network."""
