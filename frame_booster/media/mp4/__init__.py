"""MP4 and MOV: their boxes, and what of them FFmpeg does not carry over."""
