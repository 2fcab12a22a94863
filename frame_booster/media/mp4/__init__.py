"""MP4 and MOV: access to boxes that FFmpeg does not read or write."""
