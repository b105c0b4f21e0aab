"""Labels in data, and the model labels that they mean."""
