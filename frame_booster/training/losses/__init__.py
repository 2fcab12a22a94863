"""Losses of the interpolated frame and of its optical flow, and losses for parts of a single network."""
