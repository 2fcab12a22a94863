"""The machines of a cluster, compared before the work: what differs between them would differ in the output."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from frame_booster._version import __version__
from frame_booster.engine.device import tensorflow
from frame_booster.engine.model import shipped_weights
from frame_booster.errors import ModelError
from frame_booster.options import BoostOptions

_LOOK_S = 2.0
_PATIENCE_S = 120.0
"""How long machines have to answer; a cold disk is slow to import."""


@dataclass(frozen=True)
class Machine:
    """What a machine says of itself."""

    host: str
    version: str
    """Of Frame Booster."""
    tensorflow: str
    pyav: str
    weights: str
    """SHA-256 of the file; empty where there is none."""
    processor: str
    """Model of the processor, by which a network without a GPU may compute other last bits."""
    cores: int


def this_machine(model: str, weights: str | None) -> Machine:
    """Returns the facts of the machine that this runs on.

    Args:
      model: name of the network.
      weights: file, None for the one that ships.
    """
    try:
        path = shipped_weights(model) if weights is None else Path(weights)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (ModelError, OSError):
        digest = ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(
        socket.gethostname(), __version__, _version("tensorflow"), _version("av"), digest, _processor(), cores
    )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(errors="replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "CPU part"))]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def ask(ray: Any, nodes: Iterable[Mapping[str, Any]], options: BoostOptions) -> list[Machine]:
    """Asks the machines of a cluster for their facts.

    Args:
      ray: connected.
      nodes: of Ray, alive.
      options: name the network and its weights.

    Raises:
      ModelError: one does not answer, or has no Frame Booster.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked = ray.remote(num_cpus=0, max_retries=1)(this_machine)
    waiting: dict[Any, Mapping[str, Any]] = {}
    for node in nodes:
        strategy = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        waiting[asked.options(scheduling_strategy=strategy).remote(options.model, options.weights)] = node
    machines, deadline = [], time.monotonic() + _PATIENCE_S
    while waiting and time.monotonic() < deadline:
        done, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=_LOOK_S)
        # What has died meanwhile, or had before the cluster took note of it, has no say.
        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        for one in done:
            try:
                machines.append(ray.get(one))
            except ray.exceptions.RayError as error:
                if waiting[one]["NodeID"] in alive:
                    raise _unfit(error, waiting[one]["NodeManagerHostname"]) from error
            del waiting[one]
        waiting = {one: node for one, node in waiting.items() if node["NodeID"] in alive}
    if waiting:
        late = sorted({node["NodeManagerHostname"] for node in waiting.values()})
        raise ModelError(
            f"{', '.join(late)} did not answer in {_PATIENCE_S:.0f} s",
            hint="`ray status` and the logs of Ray there tell more",
        )
    return machines


def _unfit(error: Exception, host: str) -> ModelError:
    reason = str(error).strip().rpartition("\n")[2]
    return ModelError(
        f"a worker of the cluster cannot run on {host}: {reason}",
        hint="pip install frame-booster, of the same version, on all machines",
    )


def check_alike(machines: Iterable[Machine], head: Machine) -> None:
    """Checks that all machines make the same of a frame, and encode it alike.

    Raises:
      ModelError: versions or weights differ.
    """
    machines = list(machines)
    for name, what, own in (
        ("version", "Frame Booster", head.version),
        ("weights", "weights", head.weights),
        # Joined packets must fit the headers that the head's encoder writes.
        ("pyav", "PyAV", head.pyav),
        ("tensorflow", "TensorFlow", machines[0].tensorflow if machines else ""),
    ):
        hosts: dict[str, list[str]] = {}
        for machine in machines:
            hosts.setdefault(getattr(machine, name), []).append(machine.host)
        if set(hosts) <= {own}:
            continue
        told = "; ".join(
            f"{_shown(value)} on {', '.join(sorted(set(there))[:5])}" for value, there in sorted(hosts.items())
        )
        here = "" if name == "tensorflow" else f", {_shown(own)} here"
        raise ModelError(f"the machines of the cluster differ in {what}: {told}{here}", hint="install the same on all")


def _shown(value: str) -> str:
    return "none" if not value else value[:12] if len(value) == 64 else value


def kind_of(device: str) -> str:
    """Returns the model of a device, by TensorFlow's name of it: of a GPU, or of the processor."""
    if "GPU" not in device:
        return _processor()
    config = tensorflow().config
    gpu = config.list_physical_devices("GPU")[int(device.rpartition(":")[2])]
    return str(config.experimental.get_device_details(gpu).get("device_name", "GPU"))


def kinds(machines: Iterable[Machine], accelerators: Iterable[str], *, gpus: bool) -> set[str]:
    """Returns the kinds of what computes: one kind gives the same bits everywhere."""
    return set(accelerators) if gpus else {machine.processor for machine in machines}
