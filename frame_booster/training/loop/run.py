"""The training run: steps, averaged weights, validation, checkpoints, resume."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file

from frame_booster.engine.device import has_bfloat16
from frame_booster.errors import InputError
from frame_booster.network.layers import named_weights
from frame_booster.network.presets import create_network
from frame_booster.network.weights import load_weights, save_weights
from frame_booster.network.weights_file import write_arrays
from frame_booster.training.config import RunConfig
from frame_booster.training.data.linear_motion import triplet_with_linear_motion
from frame_booster.training.data.manifest import FrameArray
from frame_booster.training.data.prefetch import prefetched_batches
from frame_booster.training.data.sampling import Batch, Sampler
from frame_booster.training.data.stores import open_stores
from frame_booster.training.data.triplets import Triplet, read_triplets
from frame_booster.training.evaluation import metrics
from frame_booster.training.loop.fused_step import check_config
from frame_booster.training.loop.step import StepFigures, TrainStep, learning_rate, make_optimizer, strategy_of
from frame_booster.training.loop.tensorboard import TensorBoardWriter

VALIDATION_SIZE = (256, 144)
DRAWN = 4
"""Validation triplets that TensorBoard shows."""
LONGEST_STEP_S = 120.0
"""What a step counts for at the most in the hours of a run: one that took longer stood still, stopped or asleep."""


def training_precision(name: str, devices: str) -> str:
    """Returns the dtype of convolutions; "auto" is bfloat16 where the hardware multiplies it, else float32."""
    if name != "auto":
        return name
    on_gpu = "cpu" not in devices.lower() and bool(tf.config.list_logical_devices("GPU"))
    # Not float16, as frames are interpolated with on a GPU: gradients are too small for it.
    return "bfloat16" if on_gpu or has_bfloat16() else "float32"


class TrainingRun:
    """One run in one folder: `checkpoint.safetensors`, `curve.jsonl`, `best.safetensors`.

    Args:
      config: what to train and how.
      folder: of the run; made if needed. A checkpoint found there is resumed.
      clips: folder of the training clips with their manifest, or several.
      validation: folder of validation triplets with their manifest.
      cache: folder for the decoded clips.
      start_from: weights to start a new run from.
      devices: to train on; see `step.strategy_of`.
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
        self.config, self.folder = config, folder
        folder.mkdir(parents=True, exist_ok=True)
        check_config(config)
        roots = [clips] if isinstance(clips, Path) else list(clips)
        self.store = open_stores(roots, cache, permissive_only=config.permissive_only)
        self.triplets = list(read_triplets(validation, size=VALIDATION_SIZE))
        self.linear_truths = (
            [triplet_with_linear_motion(triplet).truth for triplet in self.triplets] if config.even else []
        )
        self._prepare(start_from, devices)
        self.step, self.best = 0, 0.0
        self.spent_s = 0.0
        """Of steps of this run, for one that goes by the clock."""
        self.stopping = False
        self._predict = tf.function(self._predicted, autograph=False)
        self._tensorboard: TensorBoardWriter | None = None
        if self.checkpoint.exists():
            self._restore()

    def _prepare(self, start_from: Path | None, devices: str) -> None:
        """Makes the network with its first weights, the sampler, the optimizer and the step."""
        config = self.config
        self.sampler = Sampler(self.store, config)
        strategy = strategy_of(devices)
        with strategy.scope():
            self._make_network()
            self.optimizer = make_optimizer(config)
            trained = self._trained()
            self.optimizer.build(trained)
        self._load(start_from)
        self.average = [variable.numpy() for variable in self.variables]
        self._train_step = TrainStep(self.network, trained, self.optimizer, config, strategy)

    def _make_network(self) -> None:
        self.network = create_network(self.config.network, self.config.precision)
        self.names = [name for name, _ in named_weights(self.network)]
        self.variables = [variable for _, variable in named_weights(self.network)]

    def _load(self, start_from: Path | None) -> None:
        """Loads the weights to start from, and what they have already cost."""
        earlier = {} if start_from is None else load_weights(start_from, self.network)
        self.samples, self.hours = int(earlier.get("samples", 0)), float(earlier.get("training_hours", 0.0))
        # Weights whose batches differed in size say "about 5200".
        number = re.search(r"\d+", earlier.get("steps", ""))
        self.earlier_steps = int(number[0]) if number else 0

    def _trained(self) -> list[Any]:
        for name in self.config.frozen:
            if not any(known.startswith(name) for known in self.names):
                raise InputError(f"no weights of {self.config.network} begin with {name!r}, so none can be frozen")
        named = zip(self.names, self.variables, strict=True)
        trained = [variable for name, variable in named if not name.startswith(self.config.frozen)]
        if not trained:
            raise InputError("all weights are frozen, so there is nothing to train")
        return trained

    def _predicted(self, first: Any, second: Any) -> tuple[Any, Any]:
        predicted = self.network(first, second)
        return predicted.frame, predicted.flows

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.safetensors"

    def save_checkpoint(self) -> None:
        """Writes everything a resumed run needs, whole or not at all; a power cut loses no checkpoint."""
        tensors = {f"weight.{n}": v.numpy() for n, v in zip(self.names, self.variables, strict=True)}
        tensors |= {f"average.{n}": a for n, a in zip(self.names, self._averages(), strict=True)}
        tensors |= {f"optimizer.{k}": np.asarray(v.numpy()) for k, v in enumerate(self.optimizer.variables)}
        state = {"step": self.step, "samples": self.samples, "hours": self.hours, "best": self.best}
        state |= {"earlier_steps": self.earlier_steps, "spent_s": self.spent_s}
        write_arrays(self.checkpoint, tensors, {"state": json.dumps(state)}, durable=True)

    def _restore(self) -> None:
        from safetensors import safe_open

        tensors = load_file(str(self.checkpoint))
        with safe_open(str(self.checkpoint), framework="numpy") as file:
            state = json.loads(file.metadata()["state"])
        for name, variable in zip(self.names, self.variables, strict=True):
            variable.assign(tensors[f"weight.{name}"])
        self._set_averages([tensors[f"average.{name}"] for name in self.names])
        for k, variable in enumerate(self.optimizer.variables):
            variable.assign(tensors[f"optimizer.{k}"])
        self.step, self.samples = state["step"], state["samples"]
        self.hours, self.best = state["hours"], state["best"]
        self.earlier_steps, self.spent_s = state.get("earlier_steps", 0), state.get("spent_s", 0.0)

    def _averages(self) -> list[Any]:
        """Returns the averaged weights as arrays."""
        return self.average

    def _set_averages(self, arrays: list[Any]) -> None:
        self.average = arrays

    def train_on(self, batch: Batch) -> StepFigures:
        """Takes one step and averages the weights; `train` calls it with the batch of each step."""
        figures = self._train_step(self.step, batch)
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        for average, variable in zip(self.average, self.variables, strict=True):
            average += (1 - decay) * (variable.numpy() - average)
        self.step += 1
        self.samples += len(batch.frames)
        return figures

    def _swap_average(self) -> None:
        held, averages = [variable.numpy() for variable in self.variables], self._averages()
        for variable, average in zip(self.variables, averages, strict=True):
            variable.assign(average)
        self._set_averages(held)

    def validate(self) -> dict[str, float]:
        """Returns mean PSNR (dB) and SSIM of the averaged weights on the validation triplets.

        A run with `even` also has the PSNR against frames of linear motion, by which its best weights are chosen.
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
            self._save_validated(facts, best=judged > self.best)
            self.best = max(judged, self.best)
        finally:
            self._swap_average()
        return figures

    def _save_validated(self, facts: dict[str, str], *, best: bool) -> None:
        """Writes the weights that were validated, where they are the best so far."""
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
        """Trains to the last step, or until SIGINT or SIGTERM; saves and returns either way.

        Args:
          log_every, validate_every: steps between lines of the curve, and between validations; the last step has both.
          save_every_s: seconds between checkpoints.
          tensorboard: write what TensorBoard shows to the run's folder.
        """

        def stop(_signal: int, _frame: Any) -> None:
            self.stopping = True

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        self._tensorboard = TensorBoardWriter(self.folder / "tensorboard") if tensorboard else None
        self._train(log_every, validate_every, save_every_s)
        if self._tensorboard is not None:
            self._tensorboard.close()
        self.save_checkpoint()

    def _train(self, log_every: int, validate_every: int, save_every_s: float) -> None:
        figures: list[StepFigures] = []
        saved = began = time.monotonic()
        waited, mark = 0.0, time.monotonic()
        batches = prefetched_batches(self.sampler, self.step, self.config.steps)
        while self.step < self.config.steps and not self.stopping:
            asked = time.monotonic()
            batch = next(batches)
            waited += time.monotonic() - asked
            figures.append(self.train_on(batch))
            now = time.monotonic()
            self.hours += min(now - began, LONGEST_STEP_S) / 3600
            began = now
            last = self.step == self.config.steps
            if self.step % log_every == 0 or last:
                mean = StepFigures.mean(figures)
                seconds = now - mark
                record = {
                    "step": self.step,
                    "loss": round(mean.loss, 5),
                    "flow": round(mean.flow, 4),
                    "choice": round(mean.choice, 6),
                    "matching": round(mean.matching, 4),
                    "psnr": round(mean.psnr, 3),
                    "skipped": round((1 - mean.finite) * len(figures)),
                    "rate": round(learning_rate(self.config, self.step), 7),
                    "samples_per_s": round(len(batch.frames) * len(figures) / seconds, 2),
                    "waiting": round(waited / seconds, 3),
                    "hours": round(self.hours, 3),
                }
                if self.step % validate_every == 0 or last:
                    record |= {name: round(value, 4) for name, value in self.validate().items()}
                self._log(record)
                figures, waited, mark = [], 0.0, time.monotonic()
                began = mark
            if now - saved > save_every_s:
                self.save_checkpoint()
                saved = now
