"""Benchmarks by name: each alone in its process, so that XLA is told before TensorFlow is imported."""

from __future__ import annotations

import importlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as benchmarks
from benchmarks.clips import MOTION, frame_of, scene

ROOT = Path(__file__).resolve().parents[2]
ON_A_CARD = """
import json, os, sys
from frame_booster.engine import xla_cache
from frame_booster.engine.nvidia import NvidiaGpu
xla_cache.gpus = lambda: (NvidiaGpu("NVIDIA H200", (9, 0), 1 << 37, "0"),)
xla_cache._release = lambda: (2, 21)
from benchmarks import __main__, gpu
def task(options):
    told = {"flags": os.environ["XLA_FLAGS"], "kept": os.environ.get("TF_XLA_FLAGS")}
    yield told | {"imported": "tensorflow" in sys.modules}
gpu._TASKS["speed"] = task
__main__.main(["gpu", "speed", "--json", sys.argv[1]])
"""


def test_a_gpu_is_measured_with_the_xla_of_a_run(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "TF_XLA_FLAGS")}
    command = [sys.executable, "-c", ON_A_CARD, str(tmp_path / "rows.json")]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    [row] = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert "--xla_gpu_autotune_level=2" in row["flags"]
    assert "--xla_gpu_experimental_enable_fusion_autotuner=false" in row["flags"]
    assert row["kept"] is None, "`ready` is told without what an earlier process has compiled"
    assert not row["imported"], "it would be too late to tell XLA"


def test_one_benchmark_imports_no_other() -> None:
    code = "import sys; from benchmarks.__main__ import main; sys.argv[1:] = ['pipeline', '--help']\n"
    code += "try: main()\nexcept SystemExit: print(sorted(n for n in sys.modules if n.startswith('benchmarks.')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "['benchmarks.__main__', 'benchmarks.clips', 'benchmarks.pipeline']"


def test_all_names_are_benchmarks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ran = []
    for kind in benchmarks.KINDS:
        module = importlib.import_module(f"benchmarks.{kind}")
        monkeypatch.setattr(module, "run", lambda options, kind=kind: ran.append((kind, options.repeat)))
    benchmarks.main(["gpu", "memory", "--repeat", "2"])
    assert ran == [("gpu", 2)]
    benchmarks.main([])
    assert ran[1:] == [(kind, 5) for kind in benchmarks.KINDS if kind != "gpu"]
    with pytest.raises(SystemExit, match="2"):
        benchmarks.main(["another"])
    assert "invalid choice: 'another'" in capsys.readouterr().err


def test_a_scene_moves_by_whole_pixels() -> None:
    (right, down), frames = MOTION, [frame.to_ndarray(format="gray") for frame in scene(3, 96, 64, 4)]
    assert np.array_equal(frames[0], frame_of(4, 96, 64).to_ndarray(format="gray"))
    for one, after in itertools.pairwise(frames):
        assert np.array_equal(one[:-down, :-right], after[down:, right:])
