"""Training and validation data: sources, records, the samples drawn from them, and their flow labels."""
