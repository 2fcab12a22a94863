"""Checks that the network, optimizer and sampler of a run support its settings, before any data is opened."""

from __future__ import annotations

from frame_booster.errors import InputError
from frame_booster.network.presets import PRESETS, preset_of
from frame_booster.training.config import RunConfig
from frame_booster.training.losses.reconstruction import LOSSES

STORED = "stored"
"""Name of the teacher whose flows are stored beside the clips."""


def check_loss(config: RunConfig) -> None:
    """Checks the terms of the loss.

    Raises:
      InputError: a term is unknown, or there is no term and not every phase has a `matching_weight`.
    """
    known = ", ".join(LOSSES)
    if unknown := set(config.loss) - set(LOSSES):
        raise InputError(f"unknown loss {', '.join(sorted(unknown))!r}", hint=f"use {known}")
    if not config.loss and not all(min(phase.matching_weight) > 0 for phase in config.phases):
        hint = f"give loss one of {known}, or set matching_weight above 0 in every phase"
        raise InputError("the run has no loss, so nothing trains the network", hint=hint)


def _check_kind(config: RunConfig) -> None:
    """Checks settings that only one kind of step supports."""
    fused_only = ("levels_weight", "distil_weight", "perceptual_weight")
    other_only = ("flow_weight", "choice_weight", "matching_weight", "synthetic")
    for phase in config.phases:
        for key in other_only if config.fused else fused_only:
            value = getattr(phase, key)
            if (max(value) if isinstance(value, tuple) else value) > 0:
                need = "another optimizer than stacked-muon" if config.fused else 'optimizer = "stacked-muon"'
                raise InputError(f"{key} needs {need}")
        if config.fused and max(phase.distil_weight) > 0 and not config.teacher:
            raise InputError("distil_weight needs a teacher", hint='name a network, a weights file or "stored"')
    if config.teacher and not config.fused:
        if config.teacher == STORED:
            raise InputError('teacher = "stored" needs optimizer = "stacked-muon"')
        if not any(max(*phase.flow_weight, *phase.matching_weight) > 0 for phase in config.phases):
            raise InputError(f"teacher = {config.teacher!r}: no phase has flow_weight or matching_weight")
    if config.fused and (config.even or not config.loss):
        raise InputError("stacked-muon needs a loss, and does not support even")
    if config.batches_per_update < 1:
        raise InputError(f"batches_per_update = {config.batches_per_update} is not positive")
    several = config.steps_per_call != 1 or config.batches_per_update != 1
    if not config.fused and (config.minutes or several or config.sampler != "crops"):
        raise InputError('minutes, steps_per_call, batches_per_update and windows need optimizer = "stacked-muon"')


def _check_network(config: RunConfig) -> None:
    """Checks settings that only some networks support."""
    preset = preset_of(config.network)
    if config.refined and not (config.fused and preset.refined):
        networks = ", ".join(preset.name for preset in PRESETS.values() if preset.refined)
        raise InputError("refined is not supported", hint=f'it needs {networks} and optimizer = "stacked-muon"')
    windows = config.sampler == "windows"
    others = config.windows.other_t if windows else max(phase.any_timestep for phase in config.phases)
    if others > 0 and not preset.any_timestep:
        hint = "set other_t = 0.0 in [windows]" if windows else "set any_timestep = 0.0 in [[phases]]"
        raise InputError(f"{config.network} interpolates only the middle frame", hint=hint)
    largest = max(max(phase.flow_downscale) for phase in config.phases)
    if largest > preset.max_flow_downscale:
        hint = f"at most {preset.max_flow_downscale}"
        raise InputError(f"{config.network} does not support flow_downscale = {largest}", hint=hint)


def check_config(config: RunConfig) -> None:
    """Checks that network, optimizer, sampler and loss of a run fit together.

    Raises:
      InputError: one of them does not support a setting of the run.
      ModelError: there is no such network.
    """
    _check_kind(config)
    check_loss(config)
    _check_network(config)
    if config.fused and config.teacher == STORED and config.sampler != "windows":
        raise InputError('teacher = "stored" needs sampler = "windows"')
    if config.sampler == "windows" and any(phase.height != phase.width for phase in config.phases):
        raise InputError("windows are square: height and width of each phase must be equal")
