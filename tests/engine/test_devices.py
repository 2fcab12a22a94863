"""Several devices: on the processor cut in two, since code that names its device cares for nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from frame_booster.engine.maker import Request
from frame_booster.engine.multi_device import MultiDeviceInterpolator
from tests.conftest import decoded, make_video

SCRIPT = """
import json, sys
import tensorflow as tf
[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration() for _ in range(2)])
from frame_booster.pipeline.boost import boost, load
from frame_booster.options import BoostOptions
source, one, two = sys.argv[1:]
facts = []
for device, output in (("cpu", one), ("cpu:0,cpu:1", two)):
    result = boost(source, output, device=device, precision="float32", engine="tensorflow", codec="ffv1", batch_size=2)
    facts.append(result.as_json())
model = load(BoostOptions(device="cpu:1", precision="float32", engine="tensorflow"))
places = sorted({tf.convert_to_tensor(v).device for v in model.network.trainable_variables})
print(json.dumps({"runs": facts, "places": places}))
"""


def test_two_devices_make_the_frames_of_one(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", pts=range(9))
    outputs = [tmp_path / "one.mkv", tmp_path / "two.mkv"]
    command = [sys.executable, "-c", SCRIPT, *map(str, (source, *outputs))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    facts = json.loads(done.stdout.splitlines()[-1])
    assert [run["device"] for run in facts["runs"]] == ["/CPU:0", "/CPU:0,/CPU:1"]
    assert [run["frames_out"] for run in facts["runs"]] == [18, 18]
    assert decoded(outputs[0]) == decoded(outputs[1])
    assert all(place.endswith("CPU:1") for place in facts["places"])


class _Numbered:
    """Says which maker made which request."""

    at_once = 1

    def __init__(self, number: int, batch_size: int) -> None:
        self.number, self.batch_size = number, batch_size

    def make(self, frames: list[int], requests: list[Request]) -> list[tuple[int, int, int]]:
        return [(self.number, frames[r.first], frames[r.second]) for r in requests]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8])
def test_ranges_are_in_order_and_nothing_is_left_out(count: int) -> None:
    makers = MultiDeviceInterpolator([_Numbered(k, size) for k, size in enumerate((2, 4, 2))])  # type: ignore[list-item]
    assert makers.batch_size == 8
    frames = list(range(100, 100 + count + 1))
    requests = [Request(k, k + 1) for k in range(count)]
    made = makers.make(frames, requests)  # type: ignore[arg-type]
    assert [pair[1:] for pair in made] == [(100 + k, 101 + k) for k in range(count)]
    assert [pair[0] for pair in made] == sorted(pair[0] for pair in made)
    if count == 8:
        assert [sum(pair[0] == k for pair in made) for k in range(3)] == [2, 4, 2]


FORKED = """
import os, subprocess, sys
import numpy as np
from frame_booster.engine import device
from frame_booster.engine.interpolator import Interpolator
from frame_booster.errors import ModelError
from frame_booster.pipeline.boost import boost

frame = np.zeros((8, 8, 3), np.uint8)
network = Interpolator(None)
uses = [lambda: network.interpolate(frame, frame), lambda: boost("nothing.mp4"), device.begin_work]

def refused():
    for use in uses:
        try:
            use()
        except ModelError as error:
            assert "spawn" in str(error)
            continue
        return False
    return True

def in_fork(task):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if task() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

# Before any use a fork may use a network of its own.
assert in_fork(lambda: device.begin_work() is None)
device.begin_work()
device.begin_work()
assert in_fork(refused)
done = subprocess.run([sys.executable, "-c", "from frame_booster.engine import device; device.begin_work()"])
assert done.returncode == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_of_a_process_at_work_is_told_to_spawn() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
