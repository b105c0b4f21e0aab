"""What third parties add, by listing, entry point or file."""
