"""Training clips as arrays: short videos listed in a manifest, decoded once into one memory-mapped file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from shutil import disk_usage

import av
import numpy as np
from tqdm import tqdm

from frame_booster.errors import InputError, OutputError
from frame_booster.files import atomic
from frame_booster.media.pyav.tag_text import TAGS_AS_BYTES
from frame_booster.training.data.manifest import Clip, FrameArray, read_manifest


class ClipStore:
    """Random access to the decoded frames of all clips.

    The frames are in one file under `cache`. It is written at first use, and again if the list of clips or one of their
    files changes. Runs share it through the page cache.

    Args:
      root: folder of the clips, with `manifest.csv`.
      cache: folder for the decoded file (about 300 KB per frame at 448x256).
      permissive_only: use only the clips that the manifest marks as permissively licensed.

    Raises:
      InputError: a clip does not match the manifest, or cannot be read.
      OutputError: the disk of `cache` has too little space.
    """

    def __init__(self, root: Path, cache: Path, *, permissive_only: bool = True) -> None:
        self.root = root
        self.clips = read_manifest(root, permissive_only=permissive_only)
        # With the folder, since several folders may list clips with equal names and sizes.
        listed = [str(root.resolve()), *((c.path, c.width, c.height, c.frames, *self._state(c)) for c in self.clips)]
        key = hashlib.sha256(json.dumps(listed).encode())
        path = cache / f"clips-{key.hexdigest()[:12]}.rgb"
        if not path.exists():
            cache.mkdir(parents=True, exist_ok=True)
            self._check_space(cache)
            self._decode(root, path)
        self._bytes = np.memmap(path, np.uint8, "r")

    def _state(self, clip: Clip) -> tuple[int, int]:
        """Returns size and modification time of the file of a clip, by which changes are detected."""
        path = self.root / clip.path
        try:
            state = path.stat()
        except OSError as error:
            raise InputError(f"a clip of the manifest cannot be read: {error.strerror}", path=path) from error
        return state.st_size, state.st_mtime_ns

    def _check_space(self, cache: Path) -> None:
        need, free = sum(clip.frames * clip.width * clip.height * 3 for clip in self.clips), disk_usage(cache).free
        if need > free:
            what = f"the decoded frames of {self.root} take {need / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free"
            raise OutputError(what, path=cache, hint="free some space, or give a folder on another disk with --cache")

    def _decode(self, root: Path, path: Path) -> None:
        with atomic(path) as partial, partial.open("wb") as file:
            for clip in tqdm(self.clips, desc="decoding clips", unit="clip", disable=None):
                source = root / clip.path
                with av.open(str(source), **TAGS_AS_BYTES) as container:
                    frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
                shape = clip.height, clip.width, 3
                if len(frames) != clip.frames or any(frame.shape != shape for frame in frames):
                    raise InputError("frames or size are not what the manifest says", path=source)
                for frame in frames:
                    file.write(frame.tobytes())

    def frame(self, clip: Clip, index: int) -> FrameArray:
        """Returns frame `index` of a clip, (H, W, 3) uint8 RGB, as a read-only view."""
        size = clip.width * clip.height * 3
        start = clip.offset + index * size
        return self._bytes[start : start + size].reshape(clip.height, clip.width, 3)
