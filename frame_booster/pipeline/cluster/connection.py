"""The connection to a Ray cluster; the one module that imports Ray."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

from frame_booster.errors import InputError

_STORE_BYTES = 256 << 20
"""Shared memory of a cluster on this machine: chunks of packets go through it, a few at a time."""
_CLIENT_PORT = 10001
"""Of Ray's client, where an address gives none."""
_KNOCK_S = 10.0
"""How long a machine has to answer."""
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def ray_module() -> Any:
    """Imports Ray.

    Raises:
      InputError: it is not installed.
    """
    # What Ray would say of workers without a GPU, and what it will do in versions to come: leave them alone.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # A cluster that is begun here reports nothing to Ray's maker, whatever Ray's version does of itself.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "--cluster needs Ray, which is not installed", hint='pip install "frame-booster[ray]", here and there'
        ) from error
    return ray


@contextmanager
def connected(address: str) -> Iterator[tuple[Any, bool]]:
    """Gives Ray, connected to a cluster, and whether that is one on this machine, begun for this run alone.

    A program that is connected already stays so.

    Args:
      address: as `ClusterOptions.address`.

    Raises:
      InputError: Ray is not installed, or there is no such cluster.
    """
    ray = ray_module()
    if ray.is_initialized():
        yield ray, False
        return
    handlers = {number: signal.getsignal(number) for number in _numbers()} if _in_main_thread() else {}
    # Hints for people who begin clusters by hand go there; what goes wrong is raised.
    with redirect_stderr(StringIO()):
        local = _begin(ray, address)
    # Ray takes SIGTERM for itself.
    for number, handler in handlers.items():
        signal.signal(number, handler)
    try:
        yield ray, local
    finally:
        ray.shutdown()


def _begin(ray: Any, address: str) -> bool:
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False, "configure_logging": False}
    alone = {"include_dashboard": False, "object_store_memory": _STORE_BYTES, **quiet}
    try:
        if address == "local":
            ray.init(address="local", **alone)
            return True
        # Ray itself would try for minutes.
        _knock(os.environ.get("RAY_ADDRESS", "auto") if address == "auto" else address)
        if address != "auto":
            ray.init(address=address, **quiet)
            return False
        try:
            ray.init(address="auto", **quiet)
            return False
        except ConnectionError:
            # There is none: one is begun here.
            ray.init(address="local", **alone)
            return True
    # Ray raises what its libraries do: gRPC's, OSError, ValueError, RuntimeError.
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        # Of a server's traceback the last line says what is wrong.
        reason = " ".join(dict.fromkeys((lines[0], lines[-1])))
        raise InputError(
            f"the cluster cannot be reached: {reason}",
            path=address,
            hint="its Python, its Ray and its token (RAY_AUTH_MODE=token) must be those of this machine",
        ) from error


def _knock(address: str) -> None:
    """Raises OSError where there is nothing at an address; ValueError where it is none."""
    if address == "auto":
        return
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    port = parts.port or (_CLIENT_PORT if "://" in address else None)
    if not parts.hostname or port is None:
        raise ValueError("an address is HOST:PORT or ray://HOST:PORT")
    socket.create_connection((parts.hostname, port), _KNOCK_S).close()


def _numbers() -> list[int]:
    return [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
