"""Passthrough: carries everything but the frames into the output: other streams, tags, timecode, captions."""
