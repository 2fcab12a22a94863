"""Frames: between PyAV's and the planes the engine works on, and what can be told of one or two of them."""
