"""Facts about the machines of a cluster, compared before the work: a difference could change the output."""

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
from frame_booster.engine.contract import LoadedNetwork
from frame_booster.engine.device import tensorflow
from frame_booster.engine.weights import shipped_weights
from frame_booster.errors import ModelError
from frame_booster.options import BoostOptions
from frame_booster.processor import cpu_facts

_ENGINES = {"tensorflow": "TensorFlow", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
"""Libraries that compute frames: their versions must be equal on all workers, but may differ from the head's."""
_LOOK_S = 2.0
_PATIENCE_S = 120.0
"""Timeout for the answers of machines, in s; imports from a cold disk are slow."""


@dataclass(frozen=True)
class Machine:
    """Facts about a machine that can affect its output."""

    host: str
    version: str
    """Version of Frame Booster."""
    tensorflow: str
    onnxruntime: str
    openvino: str
    pyav: str
    weights: str
    """SHA-256 of the weights; empty if they cannot be read."""
    processor: str
    """Model of the processor: on another model, a network without a GPU may compute other last bits."""
    cores: int


def this_machine(model: str, weights: str | None) -> Machine:
    """Returns the facts about the machine on which this is called.

    Args:
      model: name of the network.
      weights: file of weights, None for the one in the package.
    """
    try:
        path = shipped_weights(model) if weights is None else Path(weights)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (ModelError, OSError):
        digest = ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(
        socket.gethostname(),
        __version__,
        _version("tensorflow"),
        _version("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml"),
        _version("openvino"),
        _version("av"),
        digest,
        _processor(),
        cores,
    )


def _version(*packages: str) -> str:
    """Returns the version of the first of these packages that is installed; "missing" if none is."""
    for package in packages:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return "missing"


def _processor() -> str:
    named = cpu_facts("model name", "CPU part")
    return named[0] if named else platform.processor() or platform.machine()


def ask(ray: Any, nodes: Iterable[Mapping[str, Any]], options: BoostOptions) -> list[Machine]:
    """Asks the machines of a cluster for their facts.

    Args:
      ray: the Ray module, connected.
      nodes: live nodes of Ray.
      options: options with the name of the network and its weights.

    Raises:
      ModelError: a machine does not answer, or cannot run Frame Booster.
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
        # Nodes that are dead by now are ignored.
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
            hint="see `ray status` and the logs of Ray on that machine",
        )
    return machines


def _unfit(error: Exception, host: str) -> ModelError:
    reason = str(error).strip().rpartition("\n")[2]
    return ModelError(
        f"a worker of the cluster cannot run on {host}: {reason}",
        hint="install the same version of frame-booster on all machines",
    )


def check_alike(machines: Iterable[Machine], head: Machine) -> None:
    """Checks that all machines compute and encode frames with the same versions and weights.

    Args:
      machines: facts about the workers' machines.
      head: facts about the head's machine, whose Frame Booster, weights and PyAV the workers' must equal.

    Raises:
      ModelError: versions or weights differ.
    """
    machines = list(machines)
    for name, what, own in (
        ("version", "Frame Booster", head.version),
        ("weights", "weights", head.weights),
        # Joined packets must fit the headers that the head's encoder writes.
        ("pyav", "PyAV", head.pyav),
        *((name, what, getattr(machines[0], name) if machines else "") for name, what in _ENGINES.items()),
    ):
        hosts: dict[str, list[str]] = {}
        for machine in machines:
            hosts.setdefault(getattr(machine, name), []).append(machine.host)
        if set(hosts) <= {own}:
            continue
        told = "; ".join(
            f"{_shown(value)} on {', '.join(sorted(set(there))[:5])}" for value, there in sorted(hosts.items())
        )
        here = "" if name in _ENGINES else f", {_shown(own)} here"
        raise ModelError(
            f"the machines of the cluster differ in {what}: {told}{here}",
            hint="install the same version on all machines",
        )


def _shown(value: str) -> str:
    return "none" if not value else value[:12] if len(value) == 64 else value


def kind_of(model: LoadedNetwork) -> str:
    """Returns the model of the GPU or of the processor on which a network runs."""
    if "GPU" not in model.device:
        return _processor()
    if model.engine != "tensorflow":
        # ONNX Runtime does not report the name of a GPU.
        return f"a GPU by {model.provider}"
    config = tensorflow().config
    gpu = config.list_physical_devices("GPU")[int(model.device.rpartition(":")[2])]
    return str(config.experimental.get_device_details(gpu).get("device_name", "GPU"))


def kinds(machines: Iterable[Machine], accelerators: Iterable[str], *, gpus: bool) -> set[str]:
    """Returns the different models of the devices that compute frames; equal models give equal bits."""
    return set(accelerators) if gpus else {machine.processor for machine in machines}
