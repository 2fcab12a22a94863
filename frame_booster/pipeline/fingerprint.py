"""The fingerprint of a run, by which segments on disk are known to be of this input, these options and weights.

What was begun with other ones must not be gone on with: the result would be neither the one nor the other.
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
"""Bytes at each end of a file by which it is known again, beside its size and time."""


def fingerprint(source: Path, weights: Path, options: BoostOptions, mask: Mask | None = None) -> str:
    """Returns a text that changes when the input, the options, the weights or the version do."""
    chosen = asdict(options)
    harmless = ("overwrite", "keep_partial", "allow_truncated", "device", "batch_size", "max_memory", "threads")
    for name in (*harmless, "max_device_memory", "cache"):
        chosen.pop(name)
    chosen["source"].pop("threads")
    chosen["segment"] = options.segment_length
    # A picture may be changed, or lie elsewhere.
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
