"""What third parties add: found by listing, by entry point, or as a file."""
