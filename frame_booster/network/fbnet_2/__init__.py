"""FBNet-2, the network that learns its motion: a file for each stage, and the network in `network.py`."""
