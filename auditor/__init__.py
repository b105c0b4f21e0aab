"""`auditor`: measure the limitations of a fine-tuned language model before it is released."""

__version__ = "0.1.0"
