"""Publishing weights: a file with its facts, a SavedModel, ONNX."""
