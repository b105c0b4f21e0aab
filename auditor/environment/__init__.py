"""Optional packages and resources of this machine."""
