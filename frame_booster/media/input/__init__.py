"""Inputs: decoded frames of one video stream, and the packets of all others, of files, pipes and pictures."""
