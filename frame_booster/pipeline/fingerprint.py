"""The fingerprint of a run, which identifies segments on disk that belong to the same input, options and weights.

A run that was started with others must not be resumed: the result would be a mixture.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

from frame_booster._version import __version__
from frame_booster.media.frames.mask import Mask
from frame_booster.media.input.pictures import files_of
from frame_booster.options import BoostOptions

_HASHED = 1 << 20
"""Bytes hashed at each end of a file, in addition to its size and modification time."""


def fingerprint(source: Path, weights: Path, options: BoostOptions, mask: Mask | None = None) -> str:
    """Returns a hash of the input, the options that affect the result, the weights, the mask and the version."""
    chosen = asdict(options)
    harmless = ("overwrite", "keep_partial", "allow_truncated", "device", "batch_size", "max_memory", "threads")
    for name in (*harmless, "max_device_memory", "cache"):
        chosen.pop(name)
    chosen["source"].pop("threads")
    chosen["segment"] = options.segment_length
    # The content counts: the file of the mask may be changed or moved.
    chosen["mask"] = None if mask is None else mask.digest
    facts = [__version__, repr(sorted(chosen.items()))]
    facts.append(hashlib.sha256(weights.read_bytes()).hexdigest())
    for path in files_of(source):
        status = path.stat()
        facts.append(f"{path.name} {status.st_size} {status.st_mtime_ns} {_ends(path)}")
    return hashlib.sha256("\n".join(facts).encode(errors="surrogateescape")).hexdigest()


def _ends(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(_HASHED))
        file.seek(max(path.stat().st_size - _HASHED, 0))
        digest.update(file.read(_HASHED))
    return digest.hexdigest()
