"""Training and validation data: sources, records, samples and their flow labels."""
