"""FBNet, the network as published: a file for each stage, and the network in `network.py`."""
