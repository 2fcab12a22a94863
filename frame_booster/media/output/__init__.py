"""Outputs: encoded video and other streams, written to a hidden file beside the final name, checked, then renamed."""
