"""Losses: of the interpolated frame, of its optical flow, and of what only one network has."""
