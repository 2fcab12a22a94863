"""What the driver tells of its cards, by libraries that stand for it."""

from __future__ import annotations

from typing import Any

import pytest

from frame_booster.engine import nvidia
from frame_booster.engine.nvidia import NvidiaGpu, free_gpu_memory

CARDS = {
    b"00000000:01:00.0": ("NVIDIA L4", (8, 9), 24 << 30, 20 << 30),
    b"00000000:41:00.0": ("NVIDIA H200", (9, 0), 141 << 30, 3 << 30),
}
"""Name, compute capability, memory in all and free, by their places; CUDA counts them in this order."""


class _Cuda:
    """The CUDA Driver API, as far as it is asked."""

    def cuDeviceGetCount(self, count: Any) -> int:
        count._obj.value = len(CARDS)
        return 0

    def cuDeviceGet(self, device: Any, index: int) -> int:
        device._obj.value = 10 + index
        return 0

    @staticmethod
    def _card(device: Any) -> tuple[bytes, tuple[Any, ...]]:
        return list(CARDS.items())[device.value - 10]

    def cuDeviceGetName(self, name: Any, size: int, device: Any) -> int:
        name.value = self._card(device)[1][0].encode()
        return 0

    def cuDeviceTotalMem_v2(self, memory: Any, device: Any) -> int:
        memory._obj.value = self._card(device)[1][2]
        return 0

    def cuDeviceGetPCIBusId(self, bus: Any, size: int, device: Any) -> int:
        bus.value = self._card(device)[0]
        return 0

    def cuDeviceGetAttribute(self, number: Any, attribute: int, device: Any) -> int:
        number._obj.value = self._card(device)[1][1][{75: 0, 76: 1}[attribute]]
        return 0


class _Nvml:
    """NVML, which counts cards in an order of its own."""

    def nvmlDeviceGetHandleByPciBusId_v2(self, bus: bytes, handle: Any) -> int:
        handle._obj.value = 1 + sorted(CARDS, reverse=True).index(bus)
        return 0

    def nvmlDeviceGetMemoryInfo(self, handle: Any, memory: Any) -> int:
        _, _, total, free = CARDS[sorted(CARDS, reverse=True)[handle.value - 1]]
        memory._obj.total, memory._obj.free, memory._obj.used = total, free, total - free
        return 0


@pytest.fixture
def two_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "_driver", _Cuda)
    monkeypatch.setattr(nvidia, "_management", _Nvml)
    monkeypatch.setattr(nvidia, "nvidia_gpus", nvidia.nvidia_gpus.__wrapped__)
    monkeypatch.setattr(nvidia, "gpus", nvidia.gpus.__wrapped__)


@pytest.mark.usefixtures("two_cards")
def test_cards_are_told_in_the_order_of_cuda() -> None:
    assert nvidia.nvidia_gpus() == 2
    assert nvidia.gpus() == tuple(
        NvidiaGpu(name, capability, total, bus.decode()) for bus, (name, capability, total, _) in CARDS.items()
    )


@pytest.mark.usefixtures("two_cards")
def test_free_memory_is_that_of_the_card_that_cuda_counts_so() -> None:
    assert [free_gpu_memory(index) for index in range(3)] == [20 << 30, 3 << 30, None]
