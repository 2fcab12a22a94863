"""The training loop: optimizers, steps, runs, checkpoints, TensorBoard."""
