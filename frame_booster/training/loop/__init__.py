"""The training loop: optimizer, step, run, checkpoints, TensorBoard."""
