"""The connection to a Ray cluster; imports Ray, an optional dependency, on demand."""

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
"""Size of the object store of a cluster on this machine; only a few chunks of packets are in it at a time."""
_CLIENT_PORT = 10001
"""Port of Ray's client server, for ray:// addresses without one."""
_TIMEOUT_S = 10.0
"""Timeout of the test connection, in s."""
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def ray_module() -> Any:
    """Imports Ray.

    Raises:
      InputError: Ray is not installed.
    """
    # Ray must not hide GPUs from workers that reserve none, nor warn that future versions will not.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # A cluster started here sends no usage statistics, whatever the default of Ray's version is.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "--cluster needs Ray, which is not installed", hint='pip install "frame-booster[ray]" on all machines'
        ) from error
    return ray


@contextmanager
def connected(address: str) -> Iterator[tuple[Any, bool]]:
    """Connects to a cluster; yields the Ray module, and whether the cluster was started on this machine for this run.

    If the program is connected already, that connection is used and left open.

    Args:
      address: as `ClusterOptions.address`.

    Raises:
      InputError: Ray is not installed, or the cluster cannot be reached.
    """
    ray = ray_module()
    if ray.is_initialized():
        yield ray, False
        return
    handlers = {number: signal.getsignal(number) for number in _signal_numbers()} if _in_main_thread() else {}
    # Ray prints hints about starting clusters to stderr; errors are raised.
    with redirect_stderr(StringIO()):
        local = _begin(ray, address)
    # Ray replaces the handler of SIGTERM.
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
        # Ray itself would retry for minutes.
        _check_reachable(os.environ.get("RAY_ADDRESS", "auto") if address == "auto" else address)
        if address != "auto":
            ray.init(address=address, **quiet)
            return False
        try:
            ray.init(address="auto", **quiet)
            return False
        except ConnectionError:
            # No cluster is running.
            ray.init(address="local", **alone)
            return True
    # Ray passes on the exceptions of its libraries: gRPC's, OSError, ValueError, RuntimeError.
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        # The last line of a server's traceback has the reason.
        reason = " ".join(dict.fromkeys((lines[0], lines[-1])))
        raise InputError(
            f"the cluster cannot be reached: {reason}",
            path=address,
            hint="use the same Python, Ray and token (RAY_AUTH_MODE=token) on all machines",
        ) from error


def _check_reachable(address: str) -> None:
    """Opens a test connection to an address.

    Raises:
      OSError: nothing answers there.
      ValueError: the address is malformed.
    """
    if address == "auto":
        return
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    port = parts.port or (_CLIENT_PORT if "://" in address else None)
    if not parts.hostname or port is None:
        raise ValueError("an address is HOST:PORT or ray://HOST:PORT")
    socket.create_connection((parts.hostname, port), _TIMEOUT_S).close()


def _signal_numbers() -> list[int]:
    return [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
