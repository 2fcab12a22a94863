"""The pipeline from input to output: reads, interpolates and writes at the same time."""
