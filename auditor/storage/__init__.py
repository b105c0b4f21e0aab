"""Files and folders: read with limits, written whole."""
