"""Which files of a folder are videos."""

from __future__ import annotations

from pathlib import Path

VIDEOS = frozenset({".mp4", ".mkv", ".mov", ".m4v", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg"}) | frozenset(
    {".mpeg", ".wmv", ".flv", ".3gp", ".ogv", ".mxf", ".nut", ".y4m", ".vob", ".gif"}
)
"""Suffixes of what is taken for a video where no pattern is given."""


def find_videos(folder: Path, pattern: str | None, *, without: Path | None = None) -> list[Path]:
    """Returns the videos below a folder, sorted; hidden files and what lies below `without` left out."""
    found = []
    for path in folder.rglob(pattern or "*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        inside = without is not None and without != folder and without in path.parents
        if path.is_file() and not hidden and not inside and (pattern or path.suffix.lower() in VIDEOS):
            found.append(path)
    return sorted(found)
