"""`frame-booster doctor`: what is installed here to run the networks, and what would be taken."""

from __future__ import annotations

import importlib.metadata
import os
import platform

import click

from frame_booster._version import __version__
from frame_booster.cli.errors import reported
from frame_booster.network.presets import DEFAULT, PRESETS

_PACKAGES = ("tensorflow", "openvino", "onnx", "av", "numpy")


@click.command()
@click.option("-m", "--model", type=click.Choice(list(PRESETS)), default=DEFAULT, show_default=True)
def doctor(model: str) -> None:
    """Shows engines, providers and devices, and which of them a run would take."""
    with reported():
        for line in report(model):
            click.echo(line)


def report(model: str) -> list[str]:
    """Returns the lines of the report.

    Args:
      model: name of the network that `auto` is asked about.
    """
    from frame_booster.engine import choice
    from frame_booster.engine.nvidia import nvidia_gpus
    from frame_booster.engine.onnx import providers
    from frame_booster.engine.onnx.cache import cache_folder
    from frame_booster.errors import FrameBoosterError

    lines = [f"frame-booster {__version__}, Python {platform.python_version()}, {platform.platform()}"]
    lines.append(f"processor: {os.cpu_count()} threads; NVIDIA GPUs, as the driver counts them: {nvidia_gpus()}")
    runtimes = providers.installed_runtimes()
    for name in (*_PACKAGES, *(runtimes or providers.RUNTIMES[:1])):
        lines.append(f"{name:<24}{_version(name)}")
    if len(runtimes) > 1:
        lines.append(f"these overwrite each other: {', '.join(runtimes)}; keep one of them")
    lines.append(f"graphs are kept in {cache_folder()}")
    lines.append("")
    lines.append("--engine tensorflow: " + _tensorflow(choice.has_tensorflow(), choice.tensorflow_has_gpu()))
    here = providers.available()
    for provider in providers.PROVIDERS.values():
        state = "here" if provider.name in here else f"not here ({providers.install_hint(provider)})"
        lines.append(f"--engine onnx --provider {provider.short}: {state}")
    lines.append("")
    for what, work in (("36 frames of 1280x720", choice.Work(1280 * 720, 36)), ("a long run", None)):
        try:
            engine = choice.choose_engine(
                "auto", model=model, device="auto", precision="auto", provider="auto", work=work
            )
            if engine == "onnx":
                provider, device = providers.choose_provider("auto", "auto")
                engine = (
                    f"onnx, {provider.name} on {device}, {providers.choose_precision('auto', provider, PRESETS[model])}"
                )
        except FrameBoosterError as error:
            engine = str(error)
        lines.append(f"auto takes for {what} by {model}: {engine}")
    return lines


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _tensorflow(installed: bool, gpu: bool) -> str:
    if not installed:
        return 'not here (pip install tensorflow, or "frame-booster[cuda]" for a GPU on Linux)'
    return "here, with a GPU" if gpu else "here, on the processor"
