"""Dispositions: FFmpeg's flags for the purpose of a stream (dub, comment, forced subtitles), and which ones are lost.

Players choose tracks by them, and show forced subtitles without being asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from av.stream import Disposition

_OF_USE = (
    *("dub", "original", "comment", "lyrics", "karaoke", "forced", "hearing_impaired", "visual_impaired"),
    *("clean_effects", "non_diegetic", "captions", "descriptions"),
)
"""Dispositions that tell a user the purpose of a stream; the others describe how it is stored."""


def _chosen(streams: Mapping[int, tuple[str, int]]) -> dict[str, int]:
    """Returns, for each kind of stream, the index of the one that players select by default."""
    chosen: dict[str, int] = {}
    for kind in {kind for kind, _ in streams.values()}:
        those = {index: flags for index, (of, flags) in sorted(streams.items()) if of == kind}
        chosen[kind] = next((index for index, flags in those.items() if flags & Disposition.default), min(those))
    return chosen


def lost_dispositions(wanted: Mapping[int, tuple[str, int]], found: Mapping[int, int]) -> dict[int, list[str]]:
    """Returns the names of dispositions that a container has lost, by stream index.

    A lost `default` is included only if players would select another stream because of it.

    Args:
      wanted: kind and flags of each written stream, by index.
      found: flags that were read back, by index; streams missing here are ignored.
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
