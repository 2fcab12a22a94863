"""Compilations on disk: whole, of one card and release, and no reason to fail."""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from frame_booster.engine import xla_cache
from frame_booster.engine.nvidia import NvidiaGpu
from frame_booster.engine.xla_cache import CompilationFolder, flags_of, folder_name, keep_compilations


def opened(common: Path) -> tuple[CompilationFolder, Path]:
    folder = CompilationFolder(common)
    own = folder.open()
    assert own is not None
    return folder, own / "executables"


def test_what_one_process_compiles_the_next_finds(tmp_path: Path) -> None:
    folder, own = opened(tmp_path)
    (own / "one.pb").write_bytes(b"compiled")
    (own / "two.pb.tmp1").write_bytes(b"half")
    folder.close()
    assert not own.exists(), "its own folder is gone"
    again, own = opened(tmp_path)
    assert [path.name for path in own.iterdir()] == ["one.pb"]
    assert (own / "one.pb").read_bytes() == b"compiled"
    again.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["autotuned", "executables"]


def test_processes_at_the_same_time_do_not_meet(tmp_path: Path) -> None:
    (first, one), (second, two) = opened(tmp_path), opened(tmp_path)
    (third, three), (fourth, _) = opened(tmp_path), opened(tmp_path)
    (one / "a.pb").write_bytes(b"a")
    (two / "a.pb").write_bytes(b"a")
    (three / "b.pb").write_bytes(b"b")
    assert list(two.iterdir()) == [two / "a.pb"]
    for folder in (first, second, third, fourth):
        folder.close()
    last, own = opened(tmp_path)
    assert sorted(path.name for path in own.iterdir()) == ["a.pb", "b.pb"]
    last.close()


@pytest.mark.parametrize("damage", ["cut", "changed", "no digest", "damaged digest"])
def test_a_damaged_file_is_not_given_to_the_compiler(tmp_path: Path, damage: str) -> None:
    folder, own = opened(tmp_path)
    (own / "one.pb").write_bytes(b"compiled")
    folder.close()
    kept = tmp_path / "executables" / "one.pb"
    if damage == "no digest":
        kept.with_name("one.pb.sha256").unlink()
    elif damage == "damaged digest":
        kept.with_name("one.pb.sha256").write_bytes(b"\xff" * 64)
    else:
        kept.write_bytes(b"comp" if damage == "cut" else b"compiles")
    again, own = opened(tmp_path)
    assert list(own.iterdir()) == []
    (own / "one.pb").write_bytes(b"anew")
    again.close()
    last, own = opened(tmp_path)
    assert (own / "one.pb").read_bytes() == b"anew"
    last.close()


def left_by(common: Path, end: str, times: int) -> None:
    """Has processes open a folder, one after the other, and end in some way."""
    script = (
        "import os, sys; from pathlib import Path; from frame_booster import process_end\n"
        "from frame_booster.engine.xla_cache import CompilationFolder\n"
        f"folder = CompilationFolder(Path(sys.argv[1])); folder.open()\n{end}"
    )
    for _ in range(times):
        subprocess.run([sys.executable, "-c", script, str(common)], check=False, timeout=60)


def test_a_folder_at_which_processes_die_is_given_up(tmp_path: Path) -> None:
    left_by(tmp_path, "os.kill(os.getpid(), 9)", times=xla_cache.TRIALS)
    assert CompilationFolder(tmp_path).open() is None
    folder, _ = opened(tmp_path / "other")
    folder.close()


def test_a_folder_that_was_given_up_is_tried_again_after_a_week(tmp_path: Path) -> None:
    left_by(tmp_path, "os.kill(os.getpid(), 9)", times=xla_cache.TRIALS)
    assert CompilationFolder(tmp_path).open() is None
    long_ago = time.time() - xla_cache.FORGOTTEN_S - 60
    for path in tmp_path.iterdir():
        os.utime(path, (long_ago, long_ago))
    folder, own = opened(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.*")) == sorted(
        [own.parent.name, f"unfinished{own.parent.name.removeprefix('run')}"]
    )
    folder.close()


def test_a_process_that_ends_at_once_has_come_to_its_end_with_the_folder(tmp_path: Path) -> None:
    """Ctrl-C in a network that computes: Python's own end is not waited for."""
    end = "process_end.at_process_end(folder.close); (folder.own / 'executables' / 'one.pb').write_bytes(b'x')\n"
    left_by(tmp_path, f"{end}process_end.end_at_once(130)", times=xla_cache.TRIALS + 1)
    folder, own = opened(tmp_path)
    assert [path.name for path in own.iterdir()] == ["one.pb"]
    folder.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["autotuned", "executables"]


def test_processes_of_another_machine_are_neither_counted_nor_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(xla_cache.socket, "gethostname", lambda: "other.example.org")
        others = [opened(tmp_path)[1].parent for _ in range(xla_cache.TRIALS)]
    assert all(path.name.startswith(f"run.other-example-org.{os.getpid()}.") for path in others)
    past_a_week = time.time() - xla_cache.FORGOTTEN_S - 60
    for path in tmp_path.iterdir():
        os.utime(path, (past_a_week, past_a_week))
    folder, _ = opened(tmp_path)
    folder.close()
    assert all(path.is_dir() for path in others)
    long_past = time.time() - xla_cache.FORGOTTEN_ELSEWHERE_S - 60
    for path in tmp_path.iterdir():
        os.utime(path, (long_past, long_past))
    opened(tmp_path)[0].close()
    assert not list(tmp_path.glob("*.*"))


def test_a_process_that_opens_or_closes_while_another_closes_takes_nothing_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, own = opened(tmp_path)
    for name in ("one.pb", "two.pb"):
        (own / name).write_bytes(b"compiled")
    replace, between = Path.replace, []

    def replaced(self: Path, to: Path) -> Path:
        if not between:
            between.append(self)
            opened(tmp_path)[0].close()
        return replace(self, to)

    monkeypatch.setattr(Path, "replace", replaced)
    folder.close()
    assert between
    kept = [f"{name}.pb{suffix}" for name in ("one", "two") for suffix in ("", ".sha256")]
    assert sorted(path.name for path in (tmp_path / "executables").iterdir()) == kept
    assert not list(tmp_path.glob("*.*"))


def test_a_file_that_cannot_be_kept_leaves_neither_a_mark_nor_the_others_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, own = opened(tmp_path)
    for name in ("one.pb", "two.pb"):
        (own / name).write_bytes(b"compiled")
    usual = xla_cache.replace_whole

    def full(path: Path, content: bytes) -> None:
        if path.name.startswith("one"):
            raise OSError(28, "No space left on device")
        usual(path, content)

    monkeypatch.setattr(xla_cache, "replace_whole", full)
    folder.close()
    assert sorted(path.name for path in (tmp_path / "executables").iterdir()) == ["two.pb", "two.pb.sha256"]
    assert not list(tmp_path.glob("*.*"))


def test_what_was_cut_short_while_it_was_written_is_removed_in_time(tmp_path: Path) -> None:
    opened(tmp_path)[0].close()
    partial, new = (tmp_path / "executables" / f"one.pb.{number}.7" for number in (1, 2))
    for path in (partial, new):
        path.write_bytes(b"comp")
    long_ago = time.time() - xla_cache.FORGOTTEN_S - 60
    os.utime(partial, (long_ago, long_ago))
    folder, own = opened(tmp_path)
    assert list(own.iterdir()) == []
    folder.close()
    assert [path.name for path in (tmp_path / "executables").iterdir()] == [new.name]


def test_only_the_files_used_last_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, own = opened(tmp_path)
    for k in range(4):
        (own / f"{k}.pb").write_bytes(b"x" * 8)
    folder.close()
    for k, name in enumerate("2013"):
        os.utime(tmp_path / "executables" / f"{name}.pb", (k + 1, k + 1))
    monkeypatch.setattr(xla_cache, "KEPT_BYTES", 20)
    folder._forget()
    left = [f"{k}.pb{suffix}" for k in (1, 3) for suffix in ("", ".sha256")]
    assert sorted(path.name for path in (tmp_path / "executables").iterdir()) == left


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert CompilationFolder(tmp_path / "file" / "xla").open() is None


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FRAME_BOOSTER_CACHE", str(tmp_path))
    for variable in ("XLA_FLAGS", "TF_XLA_FLAGS"):
        monkeypatch.setenv(variable, "")
    monkeypatch.setattr(xla_cache, "gpus", lambda: (NvidiaGpu("NVIDIA H100 80GB", (9, 0), 80 << 30, "0"),) * 2)
    monkeypatch.setattr(xla_cache, "driver_version", lambda: "550.54")
    monkeypatch.setattr(xla_cache, "_opened", False)
    monkeypatch.setattr(xla_cache, "_release", lambda: (2, 21))
    monkeypatch.setattr(xla_cache, "libdevice_is_found", lambda: True)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    closed: list[object] = []
    monkeypatch.setattr(xla_cache, "at_process_end", closed.append)
    return tmp_path


def test_flags_are_set_for_a_card_before_tensorflow_is_there(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_autotune_level=0")
    keep_compilations(wanted=True)
    [own] = (card / "xla" / folder_name()).glob("run.*")
    assert os.environ["TF_XLA_FLAGS"].split() == flags_of(own)["TF_XLA_FLAGS"]
    known = xla_cache.FLAGS_OF_RELEASES[2, 21]
    assert os.environ["XLA_FLAGS"].split() == ["--xla_gpu_autotune_level=0", *known, *flags_of(own)["XLA_FLAGS"]]
    assert "550.54" in folder_name()
    assert folder_name().endswith("NVIDIA-H100-80GB")


def test_another_cudnn_has_a_folder_of_its_own(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept names cuDNN's ways of a convolution by numbers that are cuDNN's own."""
    usual, installed = importlib.metadata.version, {xla_cache.CUDNN: "9.10.2.21"}
    monkeypatch.setattr(importlib.metadata, "version", lambda name: installed.get(name) or usual(name))
    before = folder_name()
    installed[xla_cache.CUDNN] = "9.28.0.42"
    assert before != folder_name()
    assert folder_name().endswith("NVIDIA-H100-80GB")


@pytest.mark.parametrize("name", ["cuda", "cuda 12", r'the "new" \cuda'])
def test_a_toolkit_that_xla_would_not_find_is_named(
    card: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setattr(xla_cache, "toolkit_elsewhere", lambda: tmp_path / name)
    keep_compilations(wanted=False)
    assert "cuda_data_dir" not in os.environ["XLA_FLAGS"], "it is found"
    monkeypatch.setattr(xla_cache, "_opened", False)
    monkeypatch.setattr(xla_cache, "libdevice_is_found", lambda: False)
    keep_compilations(wanted=False)
    assert f"--xla_gpu_cuda_data_dir={tmp_path / name}" in shlex.split(os.environ["XLA_FLAGS"])


def test_a_folder_whose_name_has_a_space_is_one_word_of_the_flags(tmp_path: Path) -> None:
    """Else XLA writes what it compiles into another folder, named by what comes before the space."""
    folder = tmp_path / "my cache"
    words = [word for flags in flags_of(folder).values() for word in shlex.split(" ".join(flags))]
    assert {word.partition("=")[2] for word in words} >= {str(folder / kind) for kind in xla_cache.KINDS}
    assert all(word.startswith("--") for word in words)


@pytest.mark.parametrize("why", ["not wanted", "an old release", "no GPU", "too late"])
def test_nothing_is_kept(card: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    if why == "an old release":
        monkeypatch.setattr(xla_cache, "_release", lambda: (2, 15))
    if why == "no GPU":
        monkeypatch.setattr(xla_cache, "gpus", lambda: ())
    if why == "too late":
        monkeypatch.setitem(sys.modules, "tensorflow", object())
    keep_compilations(wanted=why != "not wanted")
    assert list(card.iterdir()) == []
    assert os.environ["TF_XLA_FLAGS"] == ""
    bounded = [f"--xla_gpu_autotune_level={xla_cache.AUTOTUNE_LEVEL}"]
    of_release = xla_cache.FLAGS_OF_RELEASES[2, 21]
    expected = {"not wanted": [*bounded, *of_release], "an old release": bounded}
    assert os.environ["XLA_FLAGS"].split() == expected.get(why, [])


def test_this_release_knows_all_the_flags_it_is_given(tmp_path: Path) -> None:
    """XLA ends a process that gives it a flag it does not know, and keeps what it compiles where it is told."""
    folder = tmp_path / "my cache"
    (folder / "executables").mkdir(parents=True)
    script = (
        "import os\nfrom frame_booster.engine import xla_cache as cache\nfrom pathlib import Path\n"
        "release = cache._release()\nflags = list(cache.FLAGS_OF_RELEASES.get(release, ()))\n"
        "flags.append(f'--xla_gpu_autotune_level={cache.AUTOTUNE_LEVEL}')\n"
        f"folder = Path({str(folder)!r})\nflags.append(f'--xla_gpu_cuda_data_dir={{cache.quoted(folder)}}')\n"
        "if release >= cache.FIRST_RELEASE:\n"
        "    kept = cache.flags_of(folder)\n    flags += kept['XLA_FLAGS']\n"
        "    told = ' '.join(kept['TF_XLA_FLAGS']).replace('XLA_GPU_JIT', 'XLA_CPU_JIT')\n"
        "    os.environ['TF_XLA_FLAGS'] = told.replace('GPU,', 'CPU,')\n"
        "os.environ['XLA_FLAGS'] = ' '.join(flags)\nimport tensorflow as tf\n"
        "print(float(tf.function(lambda x: x + 1.0, jit_compile=True)(tf.ones([]))))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "2.0", done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["my cache"]
    assert any((folder / "executables").iterdir()) == (xla_cache._release() >= xla_cache.FIRST_RELEASE)


FBNET = """
import os
from frame_booster.engine import nvidia, xla_cache
xla_cache.gpus = lambda: (nvidia.NvidiaGpu("NVIDIA H100 80GB", (9, 0), 80 << 30, "0"),)
from frame_booster.cli.fbnet.shared import import_tensorflow
import_tensorflow()
print(os.environ["XLA_FLAGS"])
"""


def test_training_tells_xla_what_a_run_tells_it(tmp_path: Path) -> None:
    """Without it nothing that is compiled is kept, and a toolkit of the system is not found."""
    kept = {name: value for name, value in os.environ.items() if name not in ("XLA_FLAGS", "TF_XLA_FLAGS")}
    environment = {**kept, "FRAME_BOOSTER_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", FBNET], capture_output=True, text=True, timeout=100, env=environment)
    assert f"--xla_gpu_autotune_level={xla_cache.AUTOTUNE_LEVEL}" in done.stdout, done.stderr
