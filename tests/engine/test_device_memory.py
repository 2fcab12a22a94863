"""Memory of a GPU: pairs at once by what is free, on cards that are simulated."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from frame_booster.engine import device_memory, nvidia
from frame_booster.engine import model as model_module
from frame_booster.engine.device_memory import (
    RESERVED,
    begin_on_gpus,
    bytes_on_gpu,
    frame_bytes,
    pairs_at_once,
    room_of,
)
from frame_booster.engine.memory_plan import Plan, make_plan, needed_bytes
from frame_booster.errors import InputError, ModelError
from frame_booster.network.presets import PRESETS
from frame_booster.option_values import parse_batch_size
from frame_booster.options import BoostOptions
from frame_booster.pixels import PixelLayout
from tests.conftest import MeanModel

FBNET_2 = PRESETS["fbnet-2"]
SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160), "8K": (7680, 4320)}


def layout(name: str) -> PixelLayout:
    return PixelLayout(*SIZES[name], "yuv", 8, 1, 1)


def card(monkeypatch: pytest.MonkeyPatch, gib: float) -> None:
    monkeypatch.setattr(device_memory, "free_gpu_memory", lambda index: int(gib * (1 << 30)))


def model_on_gpu(room: int | None, precision: str = "bfloat16") -> MeanModel:
    model = MeanModel()
    model.device, model.preset, model.precision, model.device_room = "/GPU:0", FBNET_2, precision, room
    return model


@pytest.mark.parametrize("gib", [4, 8, 12, 24, 80, 140])
@pytest.mark.parametrize("size", ["720p", "1080p", "4K"])
def test_what_is_planned_fits_and_is_a_power_of_two(monkeypatch: pytest.MonkeyPatch, gib: int, size: str) -> None:
    card(monkeypatch, gib)
    room = room_of(0, None)
    plan = make_plan(layout(size), model_on_gpu(room), at_once=3)
    assert plan.batch_size & (plan.batch_size - 1) == 0
    assert plan.at_once == (3 if plan.strips == 1 else 1)
    if plan.strips == 1:
        needed = frame_bytes(layout(size), FBNET_2, "bfloat16", plan.flow_downscale) * plan.batch_size
        assert needed <= room <= (gib << 30) - RESERVED


def test_a_card_of_8_gb_runs_4k_and_a_large_one_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    card(monkeypatch, 7.5)
    small = make_plan(layout("4K"), model_on_gpu(room_of(0, None)))
    assert small.strips == 1
    card(monkeypatch, 140)
    busy = [make_plan(layout(size), model_on_gpu(room_of(0, None))).batch_size for size in ("720p", "1080p", "4K")]
    assert busy == [16, 8, 2]


def test_float32_has_half_the_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    half, full = (pairs_at_once(layout("1080p"), FBNET_2, kind, 0, 2 << 30) for kind in ("bfloat16", "float32"))
    assert half == 2 * full


def test_a_card_with_room_for_three_pairs_runs_two() -> None:
    """So that few sizes are ever compiled."""
    pair = frame_bytes(layout("720p"), FBNET_2, "bfloat16", 0)
    rooms = [pairs_at_once(layout("720p"), FBNET_2, "bfloat16", 0, int(pair * count) + 1) for count in (1, 3, 7, 9)]
    assert rooms == [1, 2, 4, 8]


@pytest.mark.parametrize("flow_downscale", [0, 1, 2])
def test_a_pair_is_counted_as_the_plan_counts_it(flow_downscale: int) -> None:
    preset = PRESETS["fbnet-r"]
    planned = needed_bytes(Plan(1, flow_downscale), layout("1080p"), bytes_on_gpu(preset, "float32"))
    assert round(frame_bytes(layout("1080p"), preset, "float32", flow_downscale)) == planned


def test_a_limit_counts_where_it_is_less_than_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    card(monkeypatch, 80)
    limited = room_of(0, 8 << 30)
    assert limited == int(((8 << 30) - RESERVED) * device_memory.SHARE)
    card(monkeypatch, 4)
    assert room_of(0, 8 << 30) == room_of(0, None) < limited
    card(monkeypatch, 0.25)
    assert room_of(0, None) == 0, "less than what is taken beside frames"
    assert pairs_at_once(layout("720p"), FBNET_2, "bfloat16", 0, 0) == 0
    monkeypatch.setattr(device_memory, "free_gpu_memory", lambda index: None)
    assert room_of(0, 8 << 30) == limited
    assert room_of(0, None) is None
    assert make_plan(layout("720p"), model_on_gpu(None)).batch_size >= 1


def test_memory_is_that_of_the_card_that_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is built where the test runs: only the name of its device is a card's."""
    usual = model_module.tensorflow()
    monkeypatch.setattr(model_module, "choose_device", lambda name: "/GPU:1")
    monkeypatch.setattr(model_module, "room_of", lambda index, limit: (index, limit))
    monkeypatch.setattr(model_module, "begin_on_gpus", lambda tf, limit: None)
    monkeypatch.setattr(usual, "device", lambda name: nullcontext())
    model = model_module.Model("fbnet-2", device="gpu:1", precision="float32", device_memory=7, cache=False)
    assert model.device_room == (1, 7)
    assert model.as_computations


def test_a_frame_that_does_not_fit_is_made_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    card(monkeypatch, 4)
    plan = make_plan(layout("8K"), model_on_gpu(room_of(0, None)), at_once=3)
    assert plan.strips > 1
    assert (plan.batch_size, plan.at_once) == (1, 1)


def test_a_batch_that_is_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_plan(layout("4K"), model_on_gpu(1 << 30), batch_size=3).batch_size == 3


class Gpus:
    """TensorFlow's configuration of two GPUs."""

    def __init__(self, *, at_work: bool = False) -> None:
        self.done: list[Any] = []
        self.at_work = at_work
        self.config = SimpleNamespace(
            list_physical_devices=lambda kind: ["a", "b"],
            get_logical_device_configuration=lambda gpu: None,
            set_logical_device_configuration=lambda gpu, wanted: self._set(gpu, wanted[0]),
            LogicalDeviceConfiguration=lambda memory_limit: memory_limit,
            experimental=SimpleNamespace(set_memory_growth=lambda gpu, growth: self._set(gpu, growth)),
        )

    def _set(self, gpu: str, value: Any) -> None:
        if self.at_work:
            raise RuntimeError("cannot be modified after being initialized")
        self.done.append((gpu, value))


def test_tensorflow_takes_what_it_needs_and_no_more_than_a_limit() -> None:
    free, limited = Gpus(), Gpus()
    begin_on_gpus(free, None)
    assert free.done == [("a", True), ("b", True)]
    begin_on_gpus(limited, 8 << 30)
    assert limited.done == [("a", 8192), ("b", 8192)]
    begin_on_gpus(Gpus(at_work=True), None)
    with pytest.raises(ModelError, match="only be limited before a network is loaded"):
        begin_on_gpus(Gpus(at_work=True), 8 << 30)


def test_the_driver_is_asked_once_and_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    if nvidia.nvidia_gpus():
        pytest.skip("there is a driver here")
    assert nvidia.gpus() == ()
    assert nvidia.free_gpu_memory(0) is None
    assert nvidia.driver_version() is None


def test_options() -> None:
    assert parse_batch_size("auto") is None
    assert parse_batch_size("8") == 8
    for bad in ("much", "-1", "1.5", ""):
        with pytest.raises(InputError, match="not a batch size"):
            parse_batch_size(bad)
    with pytest.raises(InputError, match=r"at least 1G of device memory.*--max-device-memory"):
        BoostOptions(max_device_memory=1 << 20)
