"""Weights for others: a file with its facts, a SavedModel, ONNX."""
