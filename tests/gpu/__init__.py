"""The pieces of ``gpu_check.py``."""
