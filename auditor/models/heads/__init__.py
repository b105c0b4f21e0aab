"""A head per kind of output."""
