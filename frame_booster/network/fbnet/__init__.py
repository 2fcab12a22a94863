"""FBNet, the network as published: one file per stage, and the network itself in `network.py`."""
