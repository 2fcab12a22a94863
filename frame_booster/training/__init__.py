"""Making weights: clips, sampling, losses, the training run, evaluation. Needs the extra `train`."""
