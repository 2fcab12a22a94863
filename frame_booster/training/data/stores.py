"""Opens folders of training data: sets of TFRecords, or listed clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from frame_booster.training.data.clips import ClipStore
from frame_booster.training.data.manifest import Clip, FrameArray, FrameStore, read_manifest
from frame_booster.training.data.records import RecordStore, is_record_set


class JoinedStore:
    """The clips of several folders as one store; the path of a clip is prefixed with the number of its folder.

    Args:
      stores: stores of the folders.
      roots: the folders.
    """

    def __init__(self, stores: Sequence[FrameStore], roots: Sequence[Path]) -> None:
        self.root = roots[0]
        self._from: dict[str, tuple[FrameStore, Clip, Path]] = {}
        self.clips: list[Clip] = []
        for number, (store, root) in enumerate(zip(stores, roots, strict=True)):
            for clip in store.clips:
                joined = replace(clip, path=f"{number}/{clip.path}")
                self.clips.append(joined)
                self._from[joined.path] = store, clip, root

    def frame(self, clip: Clip, index: int) -> FrameArray:
        """Returns frame `index` of a clip, (H, W, 3) uint8 RGB."""
        store, own, _ = self._from[clip.path]
        return store.frame(own, index)

    def place(self, clip: Clip) -> tuple[Path, str]:
        """Returns the folder of a clip, and its path there."""
        _, own, root = self._from[clip.path]
        return root, own.path


def place_of(store: FrameStore, clip: Clip) -> tuple[Path, str]:
    """Returns the folder of a clip of a store, and its path in the manifest of that folder."""
    if isinstance(store, JoinedStore):
        return store.place(clip)
    return store.root, clip.path


def open_store(root: Path, cache: Path, *, permissive_only: bool = True) -> FrameStore:
    """Opens a folder of training data: a set of TFRecords, or clips listed in a manifest.

    Args:
      root: the folder.
      cache: folder for decoded clips; see `ClipStore`.
      permissive_only: use only what the manifest marks as permissively licensed.

    Raises:
      InputError: the folder is neither, or it is incomplete.
    """
    if is_record_set(root):
        return RecordStore(root, read_manifest(root, permissive_only=permissive_only))
    return ClipStore(root, cache, permissive_only=permissive_only)


def open_stores(roots: Sequence[Path], cache: Path, *, permissive_only: bool = True) -> FrameStore:
    """Opens one or several folders, as `open_store` opens one."""
    stores = [open_store(root, cache, permissive_only=permissive_only) for root in roots]
    return stores[0] if len(stores) == 1 else JoinedStore(stores, roots)
