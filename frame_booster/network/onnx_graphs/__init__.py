"""The networks as ONNX graphs, built straight from their weights: no TensorFlow. A file each, beside the operators."""
