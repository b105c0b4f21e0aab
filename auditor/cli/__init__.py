"""Command line: arguments to exit code, without logic of its own."""
