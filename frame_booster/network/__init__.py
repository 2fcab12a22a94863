"""The networks: layers, stages, weights. Imports TensorFlow; nothing here reads or writes video."""
