"""What XLA compiles for a GPU, kept on disk: the next process starts without compiling it again.

TensorFlow writes an executable for each computation, and XLA the fastest kernels that it has found by trying, into
folders that are named before TensorFlow is imported. Both read whatever lies there, and a file that is damaged, or
written by another process just then, ends the computation. So each process has a folder of its own: what is whole of
the common one is linked into it at first, and what is new in it is put into the common one when the process ends.

There is one common folder for each release of TensorFlow, driver and kind of card. Not on TensorFlow 2.15, whose
processors' compiler fails at it (tensorflow/tensorflow#57649), and which has not been tried on a card.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import shutil
import socket
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from frame_booster.engine.cuda_toolkit import CUDNN, libdevice_is_found, toolkit_elsewhere
from frame_booster.engine.files_on_disk import cache_folder, is_whole, replace_whole
from frame_booster.engine.nvidia import driver_version, gpus
from frame_booster.process_end import at_process_end

FIRST_RELEASE = (2, 18)
"""Of TensorFlow, from which on compilations are kept."""
KEPT_BYTES = 512 << 20
"""Of a common folder, the files used last; some 30 MiB for a size of frames, since they hold the weights."""
TRIALS = 2
"""Processes that did not come to their end with the folder, after which it is given up: it may be the reason."""
FORGOTTEN_S = 7 * 86400.0
"""After this, s, what such processes have left is removed, and the folder tried again."""
FORGOTTEN_ELSEWHERE_S = 5 * FORGOTTEN_S
"""The same for another machine that has the folder, too: whether its processes still run is not known here."""
AUTOTUNE_LEVEL = 2
"""XLA tries kernels for speed at this level; at its own, 4, it also compares what they compute, which takes longer."""
KINDS = ("executables", "autotuned")
_PARTIAL = re.compile(r".*\.\d+\.\d+")
"""Name of a file that `replace_whole` is writing."""
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
            self._forget_processes()
            if sum(_has_ended(path) for path in self.common.glob("unfinished.*")) >= TRIALS:
                return None
            self.own = Path(tempfile.mkdtemp(prefix=f"run.{_host()}.{os.getpid()}.", dir=self.common))
            self._trial.touch()
            for kind in KINDS:
                (self.own / kind).mkdir()
                for path in _kept_in(self.common / kind):
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
        """Gives this process a file of the common folder, or removes one that is damaged.

        Another process may remove it, or put another in its place, at any moment.
        """
        try:
            if not is_whole(path):
                path.unlink(missing_ok=True)
                return
            with suppress(OSError):
                os.utime(path)
            try:
                os.link(path, to)
            except OSError:
                shutil.copyfile(path, to)
        except OSError:
            # What is cut short would end the computation.
            to.unlink(missing_ok=True)

    def close(self) -> None:
        """Puts what is new into the common folder, and removes that of this process."""
        if self.own is None:
            return
        own, trial = self.own, self._trial
        try:
            for kind in KINDS:
                self._keep(own / kind, self.common / kind)
            self._forget()
        finally:
            # This process has come to its end with the folder, whatever could be kept.
            self.own = None
            with suppress(OSError):
                trial.unlink(missing_ok=True)
            shutil.rmtree(own, ignore_errors=True)

    @staticmethod
    def _keep(own: Path, common: Path) -> None:
        with suppress(OSError):
            common.mkdir(exist_ok=True)
        for path in own.glob("*"):
            kept = common / path.name
            # A file that cannot be kept, as where the disk is full, is no reason to leave out the others.
            with suppress(OSError):
                # What is still being written has another suffix.
                if path.is_file() and not kept.exists() and ".tmp" not in path.name:
                    content = path.read_bytes()
                    # The digest first: without it the file would be taken for a damaged one.
                    replace_whole(_digest_of(kept), hashlib.sha256(content).hexdigest().encode())
                    replace_whole(kept, content)

    def _forget(self) -> None:
        """Removes all but the files used last, and what processes have left that ended without removing it."""
        found = [(path, _facts(path)) for kind in KINDS for path in _kept_in(self.common / kind)]
        left = KEPT_BYTES
        for path, facts in sorted(found, key=lambda one: one[1].st_mtime if one[1] else 0.0, reverse=True):
            left -= facts.st_size if facts else 0
            if left < 0:
                _remove(path)
                _remove(_digest_of(path))
        for path in (path for kind in KINDS for path in (self.common / kind).glob("*")):
            if _PARTIAL.fullmatch(path.name) and _age(path) > FORGOTTEN_S:
                _remove(path)
        self._forget_processes()

    def _forget_processes(self) -> None:
        """Removes folders and marks of processes that ended long ago without removing them."""
        for path in (*self.common.glob("run.*"), *self.common.glob("unfinished.*")):
            if _age(path) > (FORGOTTEN_S if _has_ended(path) else FORGOTTEN_ELSEWHERE_S) and not _runs(path):
                _remove(path)


def _kept_in(folder: Path) -> list[Path]:
    """Returns the files that are kept in a common folder: neither digests, nor what is being written."""
    return [path for path in folder.glob("*") if path.suffix != ".sha256" and not _PARTIAL.fullmatch(path.name)]


def _facts(path: Path) -> os.stat_result | None:
    """Returns what the system tells of a file; None where another process has removed it."""
    try:
        return path.stat()
    except OSError:
        return None


def _age(path: Path) -> float:
    """Returns how long ago a file was written, s; 0 where it is gone."""
    facts = _facts(path)
    return 0.0 if facts is None else time.time() - facts.st_mtime


def _remove(path: Path) -> None:
    """Removes a file or a folder as far as that can be done."""
    with suppress(OSError):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _host() -> str:
    """Returns the name of this machine as a part of a file name: several may share the folder of a user."""
    return re.sub(r"[^\w-]+", "-", socket.gethostname()) or "-"


def _runs(path: Path) -> bool:
    """Tells whether the process is at work, on this machine, that a folder or a mark of a run names."""
    host, number = _named(path)
    return host == _host() and psutil.pid_exists(number)


def _has_ended(path: Path) -> bool:
    """Tells whether that process was one of this machine, and is no more."""
    host, number = _named(path)
    return host == _host() and not psutil.pid_exists(number)


def _named(path: Path) -> tuple[str, int]:
    """Returns the machine and the process that a folder or a mark of a run names, as `run.HOST.PID.TEXT`."""
    _, host, number, *_ = (*path.name.split("."), "", "")
    return (host, int(number)) if number.isdecimal() else ("", 0)


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
    if toolkit is not None:
        _add("XLA_FLAGS", f"--xla_gpu_cuda_data_dir={quoted(toolkit)}")
    if not wanted or release < FIRST_RELEASE:
        return
    folder = CompilationFolder(cache_folder() / "xla" / folder_name())
    own = folder.open()
    if own is None:
        return
    at_process_end(folder.close)
    for name, flags in flags_of(own).items():
        for flag in flags:
            _add(name, flag)


def flags_of(folder: Path) -> dict[str, list[str]]:
    """Returns the flags by which TensorFlow and XLA keep their files in a folder, by variable."""
    executables, autotuned = (quoted(folder / kind) for kind in KINDS)
    return {
        "TF_XLA_FLAGS": [
            f"--tf_xla_persistent_cache_directory={executables}",
            # Which of the two names is compared depends on the release.
            "--tf_xla_persistent_cache_device_types=GPU,XLA_GPU_JIT",
        ],
        "XLA_FLAGS": [f"--xla_gpu_per_fusion_autotune_cache_dir={autotuned}"],
    }


def quoted(path: Path) -> str:
    """Returns a path as the value of a flag: flags are parted by spaces, and what has some stands in quotes.

    XLA reads a backslash in them as the sign that the next character stands for itself (`parse_flags_from_env.cc`).
    """
    text = str(path)
    if re.search(r"\s", text) is None:
        return text
    escaped = re.sub(r'(["\\])', r"\\\1", text)
    return f'"{escaped}"'


def folder_name() -> str:
    """Returns the name of the common folder: the releases of TensorFlow and cuDNN, the driver and the kinds of card.

    What is kept names cuDNN's ways by numbers of its own.
    """
    facts = [importlib.metadata.version("tensorflow"), f"cudnn{_installed(CUDNN)}", driver_version() or ""]
    facts += [card.name for card in gpus()]
    return re.sub(r"[^\w.]+", "-", "_".join(dict.fromkeys(facts)))


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        # Of the system, or none.
        return ""


def _release() -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in importlib.metadata.version("tensorflow").split(".")[:2])
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return (0,)


def _add(variable: str, flag: str) -> None:
    told = os.environ.get(variable, "")
    if flag.partition("=")[0] not in told:
        os.environ[variable] = f"{told} {flag}".strip()
