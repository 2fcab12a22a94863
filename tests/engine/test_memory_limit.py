"""What is left for a plan of the memory that a process may take, and what is given up where it does not suffice."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from frame_booster.engine import memory_plan
from frame_booster.engine.expected import ExpectedNetwork
from frame_booster.engine.memory_plan import (
    BASE_BYTES,
    FRAMES_IN_FLIGHT,
    QUEUE_BYTES,
    Plan,
    free_memory,
    make_plan,
    needed_bytes,
    queue_bytes,
)
from frame_booster.errors import InputError
from frame_booster.network.presets import PRESETS
from frame_booster.pixels import PixelLayout

FBNET_2 = PRESETS["fbnet-2"]
MODEL = ExpectedNetwork("fbnet-2", FBNET_2, "/CPU:0", "float32", BASE_BYTES, None)


@pytest.mark.parametrize("sides", [(256, 144), (1920, 1080), (3840, 2160)])
def test_frames_that_wait_and_those_under_way_count(sides: tuple[int, int]) -> None:
    layout, plans = PixelLayout(*sides, "yuv", 10, 1, 1), []
    for limit in range(1 << 30, 4 << 30, 8 << 20):
        try:
            plans.append(make_plan(layout, MODEL, max_memory=limit, at_once=2))
        except InputError:
            assert not plans, "more memory is enough where less was"
            continue
        waiting = 2 * queue_bytes(limit) + FRAMES_IN_FLIGHT * layout.frame_bytes
        assert BASE_BYTES + waiting + needed_bytes(plans[-1], layout, FBNET_2.bytes_per_pixel) <= limit
    assert plans


def test_frames_wait_in_a_sixteenth_of_a_small_memory() -> None:
    assert [queue_bytes(limit) for limit in (None, 16 << 30, 1 << 30)] == [QUEUE_BYTES, QUEUE_BYTES, 64 << 20]


@pytest.mark.parametrize(("most", "tried"), [(0, 0), (1, 1), (4, 4)])
def test_no_scale_is_tried_that_the_network_has_not(most: int, tried: int) -> None:
    class Facts:
        multiple, any_timestep, max_flow_downscale = 16, True, most

    plan, seen = Plan(), [0]
    while (smaller := plan.smaller(Facts(), 1 << 14)) is not None:
        plan = smaller
        seen.append(plan.flow_downscale)
    assert max(seen) == tried
    assert plan.strips > 1, "then strips"


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that stands for that of control groups, on a machine with 8 GiB free."""
    # psutil's fields differ between systems; only this one is asked for.
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=8 << 30))
    names = [tuple(path.replace("/sys/fs/cgroup", str(tmp_path)) for path in names) for names in memory_plan._LIMITS]
    monkeypatch.setattr(memory_plan, "_LIMITS", names)
    (tmp_path / "memory").mkdir()
    return tmp_path


GROUPS = [
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    ),
]
"""Names of Linux (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst)."""


@pytest.mark.parametrize(("limit", "used", "facts", "cache"), GROUPS, ids=["version 2", "version 1"])
def test_a_container_has_no_more_memory_than_its_limit(
    container: Path, limit: str, used: str, facts: str, cache: str
) -> None:
    assert free_memory() == 8 << 30
    (container / limit).write_text("max\n")
    (container / used).write_text("1000\n")
    assert free_memory() == 8 << 30
    (container / limit).write_text(f"{3 << 30}\n")
    (container / used).write_text(f"{1 << 30}\n")
    assert free_memory() == 2 << 30
    (container / used).write_text(f"{4 << 30}\n")
    assert free_memory() == 0


@pytest.mark.parametrize(("limit", "used", "facts", "cache"), GROUPS, ids=["version 2", "version 1"])
def test_files_that_a_container_has_read_can_be_taken_back(
    container: Path, limit: str, used: str, facts: str, cache: str
) -> None:
    """A video that was read or written fills a container's memory up to its limit, and is given up for a process."""
    (container / limit).write_text(f"{4 << 30}\n")
    (container / used).write_text(f"{4 << 30}\n")
    (container / facts).write_text(f"anon {1 << 30}\n{cache} {3 << 30}\nactive_file 5\n")
    assert free_memory() == 3 << 30
    for damaged in ("anon 7\n", f"{cache}\n", f"{cache} many\n"):
        (container / facts).write_text(damaged)
        assert free_memory() == 0
