"""Reading and writing video with PyAV. Never imports TensorFlow."""
