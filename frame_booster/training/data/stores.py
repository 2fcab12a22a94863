"""Opening a folder of training data, whichever of both kinds it is."""

from __future__ import annotations

from pathlib import Path

from frame_booster.training.data.clips import ClipStore
from frame_booster.training.data.manifest import FrameStore, read_manifest
from frame_booster.training.data.records import RecordStore, is_record_set


def open_store(root: Path, cache: Path, *, permissive_only: bool = True) -> FrameStore:
    """Opens a folder of training data: a set of TFRecords, or clips listed in a manifest.

    Args:
      root: the folder.
      cache: folder for decoded clips; see `ClipStore`.
      permissive_only: use only what the manifest marks as permissively licensed.

    Raises:
      InputError: it is neither, or not whole.
    """
    if is_record_set(root):
        return RecordStore(root, read_manifest(root, permissive_only=permissive_only))
    return ClipStore(root, cache, permissive_only=permissive_only)
