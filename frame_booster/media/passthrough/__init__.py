"""Passthrough: what is kept of the source beside its frames: streams, tags, timecode, captions."""
