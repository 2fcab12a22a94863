"""Outputs: encoded video and whatever passes through, written beside the final name, checked, renamed."""
