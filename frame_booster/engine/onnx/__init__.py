"""The second engine: the networks as ONNX graphs, run by ONNX Runtime or, on a processor, by OpenVINO."""
