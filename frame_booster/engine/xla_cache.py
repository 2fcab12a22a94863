"""What XLA compiles for a GPU, kept on disk: the next process starts without compiling it again.

TensorFlow writes an executable for each computation, and XLA the fastest kernels that it has found by trying, into
folders that are named before TensorFlow is imported. Both read whatever lies there, and a file that is damaged, or
written by another process just then, ends the computation. So each process has a folder of its own: what is whole of
the common one is linked into it at first, and what is new in it is put into the common one when the process ends.

There is one common folder for each release of TensorFlow, driver and kind of card. Not on TensorFlow 2.15, whose
processors' compiler fails at it (tensorflow/tensorflow#57649), and which has not been tried on a card.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.metadata
import os
import re
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from frame_booster.engine.cuda_toolkit import libdevice_is_found, toolkit_elsewhere
from frame_booster.engine.files_on_disk import cache_folder, is_whole, replace_whole
from frame_booster.engine.nvidia import driver_version, gpus

FIRST_RELEASE = (2, 18)
"""Of TensorFlow, from which on compilations are kept."""
KEPT_BYTES = 512 << 20
"""Of a common folder, the files used last; some 30 MiB for a size of frames, since they hold the weights."""
TRIALS = 2
"""Processes that did not come to their end with the folder, after which it is given up: it may be the reason."""
FORGOTTEN_S = 7 * 86400.0
"""After this, s, what such processes have left is removed, and the folder tried again."""
AUTOTUNE_LEVEL = 2
"""XLA tries kernels for speed at this level; at its own, 4, it also compares what they compute, which takes longer."""
KINDS = ("executables", "autotuned")
FLAGS_OF_RELEASES: dict[tuple[int, ...], tuple[str, ...]] = {
    (2, 21): ("--xla_gpu_experimental_enable_fusion_autotuner=false",)
}
"""Flags of XLA's that only some releases of TensorFlow know: one that is not known ends the process.

The fusion autotuner took 6.5 of 24 s that a computation was compiled in on an H200, to choose between ways of moving
some weights that all took 3 us; of the fusions over pixels there is one way each.
"""


class CompilationFolder:
    """The common folder of one card, and one of this process.

    Args:
      common: made if needed.
    """

    def __init__(self, common: Path) -> None:
        self.common = common
        self.own: Path | None = None

    def open(self) -> Path | None:
        """Makes the folder of this process; returns None where that cannot be, or the common one is given up."""
        try:
            self.common.mkdir(parents=True, exist_ok=True)
            if sum(not _is_alive(path) for path in self.common.glob("unfinished.*")) >= TRIALS:
                return None
            self.own = Path(tempfile.mkdtemp(prefix=f"run.{os.getpid()}.", dir=self.common))
            self._trial.touch()
            for kind in KINDS:
                (self.own / kind).mkdir()
                for path in (self.common / kind).glob("*"):
                    self._take(path, self.own / kind / path.name)
        except OSError:
            # A cache is no reason to fail.
            self.close()
            return None
        return self.own

    @property
    def _trial(self) -> Path:
        assert self.own is not None
        return self.common / f"unfinished{self.own.name.removeprefix('run')}"

    @staticmethod
    def _take(path: Path, to: Path) -> None:
        if path.suffix == ".sha256":
            return
        if not is_whole(path):
            path.unlink(missing_ok=True)
            return
        with suppress(OSError):
            os.utime(path)
        try:
            os.link(path, to)
        except OSError:
            shutil.copyfile(path, to)

    def close(self) -> None:
        """Puts what is new into the common folder, and removes that of this process."""
        if self.own is None:
            return
        # Where the disk is full there is nothing to keep.
        with suppress(OSError):
            for kind in KINDS:
                (self.common / kind).mkdir(exist_ok=True)
                for path in (self.own / kind).glob("*"):
                    kept = self.common / kind / path.name
                    # What is still being written has another suffix.
                    if path.is_file() and not kept.exists() and ".tmp" not in path.name:
                        content = path.read_bytes()
                        # The digest first: without it the file would be taken for a damaged one.
                        replace_whole(_digest_of(kept), hashlib.sha256(content).hexdigest().encode())
                        replace_whole(kept, content)
            self._forget()
            self._trial.unlink(missing_ok=True)
        shutil.rmtree(self.own, ignore_errors=True)
        self.own = None

    def _forget(self) -> None:
        """Removes all but the files used last, and folders of processes that ended without removing them."""
        found = [path for kind in KINDS for path in (self.common / kind).glob("*") if path.suffix != ".sha256"]
        left = KEPT_BYTES
        for path in sorted(found, key=lambda file: file.stat().st_mtime, reverse=True):
            left -= path.stat().st_size
            if left < 0:
                path.unlink(missing_ok=True)
                _digest_of(path).unlink(missing_ok=True)
        for path in (*self.common.glob("run.*"), *self.common.glob("unfinished.*")):
            if path.stat().st_mtime < time.time() - FORGOTTEN_S and not _is_alive(path):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _is_alive(path: Path) -> bool:
    """Tells whether the process is there that a folder or a mark of a run names."""
    return psutil.pid_exists(int(path.name.split(".")[1]))


def _digest_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


_opened = False


def keep_compilations(*, wanted: bool) -> None:
    """Has what XLA compiles for GPUs kept, and its trials bounded; to be called before TensorFlow is imported.

    Where XLA would not find CUDA's libdevice, it is told where that is.

    What the variables `TF_XLA_FLAGS` and `XLA_FLAGS` say already is left as it is. Nothing is done without a card.

    Args:
      wanted: whether it is to be kept.
    """
    global _opened
    if _opened or "tensorflow" in sys.modules or not gpus():
        return
    _opened = True
    release = _release()
    for flag in (f"--xla_gpu_autotune_level={AUTOTUNE_LEVEL}", *FLAGS_OF_RELEASES.get(release, ())):
        _add("XLA_FLAGS", flag)
    toolkit = None if libdevice_is_found() else toolkit_elsewhere()
    # Flags are parted by spaces.
    if toolkit is not None and " " not in str(toolkit):
        _add("XLA_FLAGS", f"--xla_gpu_cuda_data_dir={toolkit}")
    if not wanted or release < FIRST_RELEASE:
        return
    folder = CompilationFolder(cache_folder() / "xla" / folder_name())
    own = folder.open()
    if own is None:
        return
    atexit.register(folder.close)
    for name, flags in flags_of(own).items():
        for flag in flags:
            _add(name, flag)


def flags_of(folder: Path) -> dict[str, list[str]]:
    """Returns the flags by which TensorFlow and XLA keep their files in a folder, by variable."""
    executables, autotuned = (folder / kind for kind in KINDS)
    return {
        "TF_XLA_FLAGS": [
            f"--tf_xla_persistent_cache_directory={executables}",
            # Which of the two names is compared depends on the release.
            "--tf_xla_persistent_cache_device_types=GPU,XLA_GPU_JIT",
        ],
        "XLA_FLAGS": [f"--xla_gpu_per_fusion_autotune_cache_dir={autotuned}"],
    }


def folder_name() -> str:
    """Returns the name of the common folder: the release of TensorFlow, the driver and the kinds of card."""
    facts = [importlib.metadata.version("tensorflow"), driver_version() or "", *(card.name for card in gpus())]
    return re.sub(r"[^\w.]+", "-", "_".join(dict.fromkeys(facts)))


def _release() -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in importlib.metadata.version("tensorflow").split(".")[:2])
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return (0,)


def _add(variable: str, flag: str) -> None:
    told = os.environ.get(variable, "")
    if flag.partition("=")[0] not in told:
        os.environ[variable] = f"{told} {flag}".strip()
