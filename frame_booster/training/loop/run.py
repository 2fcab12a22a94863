"""A training run: steps, averaged weights, validation, checkpoints, resuming."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from frame_booster.errors import Interrupted
from frame_booster.network.weights import save_weights
from frame_booster.training.config import RunConfig
from frame_booster.training.data.linear_motion import triplet_with_linear_motion
from frame_booster.training.data.manifest import FrameArray
from frame_booster.training.data.prefetch import prefetched_batches
from frame_booster.training.data.sampling import Batch, Sampler
from frame_booster.training.data.stores import open_stores
from frame_booster.training.data.triplets import Triplet, read_triplets
from frame_booster.training.evaluation import metrics
from frame_booster.training.loop.checks import check_config
from frame_booster.training.loop.run_state import RunState
from frame_booster.training.loop.step import (
    StepFigures,
    TrainStep,
    learning_rate,
    make_optimizer,
    strategy_of,
    training_precision,
)
from frame_booster.training.loop.stopping import SkippedSteps, told_by_signals
from frame_booster.training.loop.teacher import load_teacher
from frame_booster.training.loop.tensorboard import TensorBoardWriter

VALIDATION_SIZE = (256, 144)
DRAWN = 4
"""Number of validation triplets shown in TensorBoard."""
LONGEST_STEP_S = 120.0
"""Longest time that one step adds to the hours of a run, s. A longer step means that the run was stopped or asleep."""


class TrainingRun(RunState):
    """A run in one folder with `checkpoint.safetensors`, `curve.jsonl` and `best.safetensors`.

    Args:
      config: configuration of the run.
      folder: folder of the run; created if needed. A run with a checkpoint there is resumed.
      clips: folder of the training clips with their manifest, or several such folders.
      validation: folder of validation triplets with their manifest.
      cache: folder for the decoded clips.
      start_from: weights to start a new run from.
      devices: devices to train on; see `step.strategy_of`.
    """

    def __init__(
        self,
        config: RunConfig,
        folder: Path,
        clips: Path | Sequence[Path],
        validation: Path,
        cache: Path,
        start_from: Path | None = None,
        devices: str = "auto",
    ) -> None:
        tf.keras.utils.set_random_seed(config.seed)
        config = replace(config, precision=training_precision(config.precision, devices))
        super().__init__(config, folder)
        # Before clips are decoded, which can take hours.
        check_config(config)
        self.triplets = list(read_triplets(validation, size=VALIDATION_SIZE))
        self._prepare(start_from, devices)
        folder.mkdir(parents=True, exist_ok=True)
        roots = [clips] if isinstance(clips, Path) else list(clips)
        self.store = open_stores(roots, cache, permissive_only=config.permissive_only)
        self._draw_from_store()
        self.linear_truths = (
            [triplet_with_linear_motion(triplet).truth for triplet in self.triplets] if config.even else []
        )
        self.stopping = False
        self._skipped = SkippedSteps()
        self._predict = tf.function(self._predicted, autograph=False)
        self._tensorboard: TensorBoardWriter | None = None
        if self.checkpoint.exists():
            self._restore()

    def _prepare(self, start_from: Path | None, devices: str) -> None:
        """Creates the network with its initial weights, the optimizer and the training step."""
        config = self.config
        strategy = strategy_of(devices)
        with strategy.scope():
            self._make_network()
            self.optimizer = make_optimizer(config)
            trained = self._trained()
            self.optimizer.build(trained)
            teacher = load_teacher(config.teacher, config.precision)
        self._load(start_from)
        self.average = [variable.numpy() for variable in self.variables]
        self._train_step = TrainStep(self.network, trained, self.optimizer, config, strategy, teacher)

    def _draw_from_store(self) -> None:
        """Creates the sampler of `store`."""
        self.sampler = Sampler(self.store, self.config)

    def _predicted(self, first: Any, second: Any) -> tuple[Any, Any]:
        predicted = self.network(first, second)
        return predicted.frame, predicted.flows

    def train_on(self, batch: Batch) -> StepFigures:
        """Takes one step and updates the averaged weights."""
        figures = self._train_step(self.step, batch)
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        for average, variable in zip(self.average, self.variables, strict=True):
            average += (1 - decay) * (variable.numpy() - average)
        self.step += 1
        self.samples += len(batch.frames)
        return figures

    def validate(self) -> dict[str, float]:
        """Measures the averaged weights on the validation triplets, and saves them if they are the best so far.

        Returns:
          Mean PSNR (`val_psnr`, dB) and SSIM (`val_ssim`). A run with `even` also has the PSNR against frames of linear
            motion (`val_even_psnr`), which then selects the best weights.
        """
        self._swap_average()
        try:
            made = [self._made(triplet, drawn=k < DRAWN) for k, triplet in enumerate(self.triplets)]
            truths = [triplet.truth for triplet in self.triplets]
            psnr, ssim = (float(np.mean(list(map(of, made, truths)))) for of in (metrics.psnr, metrics.ssim))
            figures = {"val_psnr": psnr, "val_ssim": ssim}
            if self.linear_truths:
                figures["val_even_psnr"] = float(np.mean(list(map(metrics.psnr, made, self.linear_truths))))
            judged = figures.get("val_even_psnr", psnr)
            facts = {
                "steps": str(self.earlier_steps + self.step),
                "samples": str(self.samples),
                "training_hours": f"{self.hours:.2f}",
                "loss": self.config.loss_text,
                "validation_psnr_256x144": f"{psnr:.3f}",
                "validation_ssim_256x144": f"{ssim:.4f}",
            }
            # False for NaN.
            best = judged > self.best
            self._save_validated(facts, best=best)
            self.best = judged if best else self.best
        finally:
            self._swap_average()
        return figures

    def _save_validated(self, facts: dict[str, str], *, best: bool) -> None:
        """Saves the validated weights if they are the best so far."""
        if best:
            save_weights(self.folder / "best.safetensors", self.network, facts)

    def _made(self, triplet: Triplet, *, drawn: bool) -> FrameArray:
        first, second = (frame[None].astype(np.float32) / 255 for frame in (triplet.frame0, triplet.frame1))
        frame, flows = self._predict(first, second)
        made = metrics.to_8_bit(frame.numpy()[0])
        if drawn and self._tensorboard is not None:
            self._tensorboard.pictures(self.step, triplet.name, made, triplet.truth, flows)
        return made

    def _log(self, record: dict[str, float]) -> None:
        with (self.folder / "curve.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        print("  ".join(f"{k} {v:g}" for k, v in record.items()), file=sys.stderr, flush=True)
        if self._tensorboard is not None:
            self._tensorboard.figures(record)

    def train(
        self, *, log_every: int = 50, validate_every: int = 500, save_every_s: float = 180.0, tensorboard: bool = False
    ) -> None:
        """Trains until the last step or a signal (`stopping.STOPPED_BY`), and writes a checkpoint in both cases.

        Args:
          log_every: steps between lines of the curve.
          validate_every: steps between validations, each of which also writes a line. The last step is always
            validated.
          save_every_s: seconds between checkpoints.
          tensorboard: whether to write TensorBoard data to the folder of the run.

        Raises:
          InputError: too many consecutive steps had a loss or gradient that is not finite.
          Interrupted: a signal stopped the run before the last step.
        """

        def stop() -> None:
            self.stopping = True

        self._tensorboard = TensorBoardWriter(self.folder / "tensorboard") if tensorboard else None
        with told_by_signals(stop):
            self._train(log_every, validate_every, save_every_s)
            self.save_checkpoint()
        if self._tensorboard is not None:
            self._tensorboard.close()
        if self.stopping and not self.ended:
            raise Interrupted(f"stopped after step {self.step}; the same command continues", path=self.folder)

    @property
    def ended(self) -> bool:
        """Whether the last step has been taken."""
        return self.step >= self.config.steps

    def _most_skipped(self, log_every: int) -> int:
        return min(log_every, self.step) if self.ended else log_every

    def _train(self, log_every: int, validate_every: int, save_every_s: float) -> None:
        figures: list[StepFigures] = []
        saved = began = time.monotonic()
        waited, mark = 0.0, time.monotonic()
        batches = prefetched_batches(self.sampler, self.step, self.config.steps)
        while not self.ended and not self.stopping:
            asked = time.monotonic()
            batch = next(batches)
            waited += time.monotonic() - asked
            figures.append(self.train_on(batch))
            now = time.monotonic()
            self.hours += min(now - began, LONGEST_STEP_S) / 3600
            began = now
            validating = self.step % validate_every == 0 or self.ended
            if validating or self.step % log_every == 0:
                mean = StepFigures.mean(figures)
                skipped = round((1 - mean.finite) * len(figures))
                self._skipped.add(len(figures), skipped, self._most_skipped(log_every))
                seconds = now - mark
                record = {
                    "step": self.step,
                    "loss": round(mean.loss, 5),
                    "flow": round(mean.flow, 4),
                    "choice": round(mean.choice, 6),
                    "matching": round(mean.matching, 4),
                    "psnr": round(mean.psnr, 3),
                    "skipped": skipped,
                    "rate": round(learning_rate(self.config, self.step), 7),
                    "samples_per_s": round(len(batch.frames) * len(figures) / seconds, 2),
                    "waiting": round(waited / seconds, 3),
                    "hours": round(self.hours, 3),
                }
                if validating:
                    record |= {name: round(value, 4) for name, value in self.validate().items()}
                self._log(record)
                figures, waited, mark = [], 0.0, time.monotonic()
                began = mark
            if now - saved > save_every_s:
                self.save_checkpoint()
                saved = now
