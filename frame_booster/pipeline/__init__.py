"""From file to file: reading, making frames and writing at the same time."""
