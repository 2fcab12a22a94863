"""A training run whose steps are one graph each (`fused_step`), limited by steps or by minutes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import tensorflow as tf

from frame_booster.engine.device import choose_device
from frame_booster.engine.device_failure import device_failure, is_out_of_memory
from frame_booster.errors import InputError, ModelError
from frame_booster.network.weights import save_weights
from frame_booster.training.config import RunConfig
from frame_booster.training.loop.checkpoint import HELD
from frame_booster.training.loop.feeding import Feed
from frame_booster.training.loop.fused_step import FusedStep
from frame_booster.training.loop.run import LONGEST_STEP_S, TrainingRun
from frame_booster.training.loop.step import learning_rate
from frame_booster.training.loop.teacher import load_teacher


def training_device(devices: str) -> str:
    """Returns TensorFlow's name of the one device to train on.

    Raises:
      InputError, ModelError: several devices are named, or the device does not exist.
    """
    if "," in devices:
        raise InputError("stacked-muon trains on one device", hint="name one --device")
    return choose_device(devices)


class FusedRun(TrainingRun):
    """A `TrainingRun` whose figures and averaged weights stay in the graph until they are needed.

    The folder also gets `last.safetensors`, the averaged weights of the last validation, because PSNR is a poor
    criterion for a run with a perceptual distance.
    """

    def _prepare(self, start_from: Path | None, devices: str) -> None:
        self.device = training_device(devices)
        self._compiling = True
        with tf.device(self.device):
            self._make_network()
            self._trained()
            self._load(start_from)
            teacher = load_teacher(self.config.teacher, self.config.precision)
            self.fused = FusedStep(self.network, self.config, teacher, self.device)
        self.variables, self.optimizer = self.fused.variables, self.fused.optimizer

    def _draw_from_store(self) -> None:
        self.feed = Feed(self.store, self.config, self.device)

    def _save_validated(self, facts: dict[str, str], *, best: bool) -> None:
        super()._save_validated(facts, best=best)
        save_weights(self.folder / "last.safetensors", self.network, facts)

    def _averages(self) -> list[Any]:
        return [average.numpy() for average in self.fused.average]

    def _set_averages(self, arrays: list[Any]) -> None:
        for average, array in zip(self.fused.average, arrays, strict=True):
            average.assign(array)

    def _kept_since(self) -> dict[str, Any]:
        return {HELD + name: variable for name, variable in self.fused.held.items()}

    def place(self, step: int, later: int = 0) -> int:
        """Returns the position of a step in the schedule, as a step of its phases.

        Args:
          step: step of the run.
          later: number of further steps, for samples that are drawn ahead.
        """
        config = self.config
        if not config.minutes:
            return step + later
        return min(int(self.spent_s / (60.0 * config.minutes) * config.steps), config.steps - 1)

    @property
    def ended(self) -> bool:
        """Whether the last step has been taken."""
        minutes = self.config.minutes
        return self.spent_s >= 60.0 * minutes if minutes else self.step >= self.config.steps

    def _call(self) -> tuple[list[int], list[int]]:
        """Returns the steps of the next call and their positions in the schedule; all are in one phase."""
        return self._call_from(self.step, 0)

    def _call_from(self, step: int, later: int) -> tuple[list[int], list[int]]:
        config = self.config
        first = config.phase_at(self.place(step - later, later))[0]
        steps: list[int] = []
        for k in range(config.steps_per_call):
            at = self.place(step - later, later + k)
            left = config.minutes or step + k < config.steps
            if not left or config.phase_at(at)[0] is not first:
                break
            steps.append(step + k)
        return steps, [self.place(step - later, later + k) for k in range(len(steps))]

    def take(self) -> int:
        """Takes the steps of one call; returns the number of their samples."""
        steps, places = self._call()
        later = self._call_from(self.step + len(steps), len(steps))
        fed = self.feed(steps, places, later if later[0] else None)
        rates = [self._rate(step, at) for step, at in zip(steps, places, strict=True)]
        weights = [self.fused.weights_at(at) for at in fed.places]
        # The same for all steps of the call, because a graph has one flow scale.
        flow_downscale = self.config.flow_downscale_at(steps[0], fed.places[0])
        with tf.device(self.device):
            active = self.fused.active_at(fed.places[0])
            try:
                self._compiling = self.fused(fed.samples, rates, weights, fed.read, flow_downscale, active=active)
            except tf.errors.OpError as error:
                failure = self._failure(error)
                if failure is None:
                    raise
                raise failure from error
        self.step += len(steps)
        self.samples += fed.size
        return fed.size

    def _failure(self, error: Exception) -> ModelError | None:
        """Returns the error for an exception of TensorFlow: out of memory, or a device that fails; None for others."""
        if not is_out_of_memory(error):
            return device_failure(self.device, error)
        phase = self.config.phase_at(self.place(self.step))[0]
        return ModelError(
            f"{self.device} has too little memory for a batch of {phase.batch} at {phase.width}x{phase.height}",
            hint="reduce batch and raise batches_per_update by the same factor; the run continues from its checkpoint",
        )

    def _rate(self, step: int, at: int) -> float:
        """Returns the learning rate of a step at a position in the schedule; warm-up counts steps of the run."""
        warmup = self.config.warmup
        settled = learning_rate(self.config, at) / min(1.0, (at + 1) / max(warmup, 1))
        return settled * min(1.0, (step + 1) / max(warmup, 1))

    def _train(self, log_every: int, validate_every: int, save_every_s: float) -> None:
        saved = began = mark = time.monotonic()
        count = 0
        logged = self.step
        while not self.ended and not self.stopping:
            before = self.step
            count += self.take()
            now = time.monotonic()
            self.hours += min(now - began, LONGEST_STEP_S) / 3600
            # A call that compiles, such as the first, does not count towards `minutes`.
            self.spent_s += 0.0 if self._compiling else min(now - began, LONGEST_STEP_S)
            began = now
            validating = self.step // validate_every > before // validate_every or self.ended
            if validating or self.step // log_every > before // log_every:
                figures = self.fused.figures()
                skipped = round(figures["skipped"])
                self._skipped.add(self.step - logged, skipped, self._most_skipped(log_every))
                # After `figures`, which waits for the device, so that the time includes all steps.
                now = time.monotonic()
                record = {"step": self.step, **{name: round(value, 5) for name, value in figures.items()}}
                record |= {
                    "rate": round(self._rate(self.step, self.place(self.step)), 7),
                    "samples_per_s": round(count / (now - mark), 2),
                    "hours": round(self.hours, 3),
                }
                if validating:
                    record |= {name: round(value, 4) for name, value in self.validate().items()}
                self._log(record)
                logged, count, mark = self.step, 0, time.monotonic()
                began = mark
            if now - saved > save_every_s:
                self.save_checkpoint()
                saved = began = time.monotonic()
        self.feed.close()


def open_run(config: RunConfig, *arguments: Any) -> TrainingRun:
    """Returns the kind of run that a configuration needs; arguments as for `TrainingRun`."""
    return (FusedRun if config.fused else TrainingRun)(config, *arguments)
