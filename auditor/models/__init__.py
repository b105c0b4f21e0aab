"""Interface between auditor and models: local checkpoints, and a fake for tests."""
