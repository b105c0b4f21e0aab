"""How data spell labels, and which of a model's labels they mean."""
