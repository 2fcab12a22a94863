"""Cache on disk of what XLA compiles for a GPU, so that the next process starts without compiling it again.

TensorFlow writes an executable for each computation, and XLA writes the fastest kernels that its autotuning has found,
into folders that must be set before TensorFlow is imported. Both read any file there, and a file that is damaged or
being written by another process ends the computation with an error. So each process uses a folder of its own. At the
start, intact files of the shared folder are linked into it; at the end, new files are copied to the shared folder.

There is a shared folder for each release of TensorFlow, driver and GPU model. TensorFlow 2.15 does not use the cache:
it fails there on processors (tensorflow/tensorflow#57649), and has not been tried on a GPU.
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
"""First release of TensorFlow for which the cache is used."""
KEPT_BYTES = 512 << 20
"""Maximum size of a shared folder; the files used last are kept. A frame size takes some 30 MiB, weights included."""
TRIALS = 2
"""Number of processes that crashed with the folder after which it is not used: it may be the cause."""
FORGOTTEN_S = 7 * 86400.0
"""Age, in s, at which the traces of such processes are removed, so that the folder is used again."""
FORGOTTEN_ELSEWHERE_S = 5 * FORGOTTEN_S
"""The same age for processes of another machine that shares the folder: whether they still run is not known here."""
AUTOTUNE_LEVEL = 2
"""At this level XLA measures kernels; at its default, 4, it also compares their results, which takes longer."""
KINDS = ("executables", "autotuned")
_PARTIAL = re.compile(r".*\.\d+\.\d+")
"""Name of a file while `replace_whole` writes it."""
FLAGS_OF_RELEASES: dict[tuple[int, ...], tuple[str, ...]] = {
    (2, 21): ("--xla_gpu_experimental_enable_fusion_autotuner=false",)
}
"""XLA flags for single releases of TensorFlow; an unknown flag ends the process.

On an H200, the fusion autotuner took 6.5 of the 24 s in which a computation compiled. It chose between variants that
move some weights and all took 3 us; fusions over pixels have a single variant each.
"""


class CompilationFolder:
    """The shared cache folder of one GPU model, and the folder of this process.

    Args:
      common: the shared folder; it is created if needed.
    """

    def __init__(self, common: Path) -> None:
        self.common = common
        self.own: Path | None = None

    def open(self) -> Path | None:
        """Creates the folder of this process; returns None if that fails, or if too many processes crashed with it."""
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
            # The program works without a cache.
            self.close()
            return None
        return self.own

    @property
    def _trial(self) -> Path:
        assert self.own is not None
        return self.common / f"unfinished{self.own.name.removeprefix('run')}"

    @staticmethod
    def _take(path: Path, to: Path) -> None:
        """Links a file of the shared folder into that of this process, or removes it if it is damaged.

        Another process may remove or replace the file at any moment.
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
            # A truncated file would end the computation.
            to.unlink(missing_ok=True)

    def close(self) -> None:
        """Copies new files to the shared folder, and removes the folder of this process."""
        if self.own is None:
            return
        own, trial = self.own, self._trial
        try:
            for kind in KINDS:
                self._keep(own / kind, self.common / kind)
            self._forget()
        finally:
            # This process did not crash, whether or not its files could be kept.
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
            # If one file cannot be kept, for example because the disk is full, the others still are.
            with suppress(OSError):
                # Files that are being written have another suffix.
                if path.is_file() and not kept.exists() and ".tmp" not in path.name:
                    content = path.read_bytes()
                    # The digest comes first: without it the file would count as damaged.
                    replace_whole(_digest_of(kept), hashlib.sha256(content).hexdigest().encode())
                    replace_whole(kept, content)

    def _forget(self) -> None:
        """Removes the files used longest ago beyond `KEPT_BYTES`, and leftovers of processes that crashed."""
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
        """Removes folders and marker files of processes that crashed long ago."""
        for path in (*self.common.glob("run.*"), *self.common.glob("unfinished.*")):
            if _age(path) > (FORGOTTEN_S if _has_ended(path) else FORGOTTEN_ELSEWHERE_S) and not _runs(path):
                _remove(path)


def _kept_in(folder: Path) -> list[Path]:
    """Returns the cached files of a shared folder, without digests and files that are being written."""
    return [path for path in folder.glob("*") if path.suffix != ".sha256" and not _PARTIAL.fullmatch(path.name)]


def _facts(path: Path) -> os.stat_result | None:
    """Returns the status of a file; None if another process has removed it."""
    try:
        return path.stat()
    except OSError:
        return None


def _age(path: Path) -> float:
    """Returns the age of a file in s; 0 if it is gone."""
    facts = _facts(path)
    return 0.0 if facts is None else time.time() - facts.st_mtime


def _remove(path: Path) -> None:
    """Removes a file or folder, and ignores errors."""
    with suppress(OSError):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _host() -> str:
    """Returns the name of this machine as part of a file name, since machines may share the cache folder."""
    return re.sub(r"[^\w-]+", "-", socket.gethostname()) or "-"


def _runs(path: Path) -> bool:
    """Returns whether the process that a folder or marker file names is running on this machine."""
    host, number = _named(path)
    return host == _host() and psutil.pid_exists(number)


def _has_ended(path: Path) -> bool:
    """Returns whether that process ran on this machine and has ended."""
    host, number = _named(path)
    return host == _host() and not psutil.pid_exists(number)


def _named(path: Path) -> tuple[str, int]:
    """Returns the host and process ID in the name of a folder or marker file, `run.HOST.PID.TEXT`."""
    _, host, number, *_ = (*path.name.split("."), "", "")
    return (host, int(number)) if number.isdecimal() else ("", 0)


def _digest_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


_opened = False


def keep_compilations(*, wanted: bool) -> None:
    """Sets up the cache and limits XLA's autotuning; must be called before TensorFlow is imported.

    If XLA would not find CUDA's libdevice, its folder is set as well. Flags that `TF_XLA_FLAGS` and `XLA_FLAGS` already
    contain are not changed. Without a GPU nothing is done.

    Args:
      wanted: whether compilations are cached.
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
    """Returns the flags that make a folder the cache of TensorFlow and XLA, by environment variable."""
    executables, autotuned = (quoted(folder / kind) for kind in KINDS)
    return {
        "TF_XLA_FLAGS": [
            f"--tf_xla_persistent_cache_directory={executables}",
            # Which of the two names counts depends on the release.
            "--tf_xla_persistent_cache_device_types=GPU,XLA_GPU_JIT",
        ],
        "XLA_FLAGS": [f"--xla_gpu_per_fusion_autotune_cache_dir={autotuned}"],
    }


def quoted(path: Path) -> str:
    """Returns a path as the value of a flag; a value with spaces needs quotes, since spaces separate flags.

    Within quotes XLA reads a backslash as an escape character (`parse_flags_from_env.cc`).
    """
    text = str(path)
    if re.search(r"\s", text) is None:
        return text
    escaped = re.sub(r'(["\\])', r"\\\1", text)
    return f'"{escaped}"'


def folder_name() -> str:
    """Returns the name of the shared folder: the versions of TensorFlow, cuDNN and driver, and the GPU models.

    cuDNN's version counts because executables refer to its algorithms by number.
    """
    facts = [importlib.metadata.version("tensorflow"), f"cudnn{_installed(CUDNN)}", driver_version() or ""]
    facts += [card.name for card in gpus()]
    return re.sub(r"[^\w.]+", "-", "_".join(dict.fromkeys(facts)))


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        # Installed with the system, or not at all.
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
