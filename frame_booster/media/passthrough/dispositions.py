"""Dispositions: FFmpeg's flags of what a stream is for (a dub, a comment, forced subtitles), and which are kept.

Players choose tracks by them, and show forced subtitles without being asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from av.stream import Disposition

_OF_USE = (
    *("dub", "original", "comment", "lyrics", "karaoke", "forced", "hearing_impaired", "visual_impaired"),
    *("clean_effects", "non_diegetic", "captions", "descriptions"),
)
"""Names of those that tell a listener or a reader what a stream is for; the others are about how it is stored."""


def _chosen(streams: Mapping[int, tuple[str, int]]) -> dict[str, int]:
    """Returns, for each kind of stream, the index of the one that players take of themselves."""
    chosen: dict[str, int] = {}
    for kind in {kind for kind, _ in streams.values()}:
        those = {index: flags for index, (of, flags) in sorted(streams.items()) if of == kind}
        chosen[kind] = next((index for index, flags in those.items() if flags & Disposition.default), min(those))
    return chosen


def lost_dispositions(wanted: Mapping[int, tuple[str, int]], found: Mapping[int, int]) -> dict[int, list[str]]:
    """Returns the names of what a container has not kept, by index of the stream.

    A default that is lost is told of only where players would take another stream for it.

    Args:
      wanted: kind and flags of each stream that was written.
      found: flags that were read back; streams that are not there are passed over.
    """
    there = {index: (kind, flags) for index, (kind, flags) in wanted.items() if index in found}
    instead = _chosen({index: (kind, found[index]) for index, (kind, _) in there.items()})
    lost: dict[int, list[str]] = {}
    for index, (kind, flags) in sorted(there.items()):
        gone = flags & ~found[index]
        names = [name for name in _OF_USE if gone & getattr(Disposition, name, 0)]
        default = gone & Disposition.default and _chosen(there)[kind] == index != instead[kind]
        if default or names:
            lost[index] = ["default"] * bool(default) + names
    return lost
