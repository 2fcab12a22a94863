"""The training run: steps, averaged weights, validation, checkpoints, resume."""

from __future__ import annotations

import json
import math
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from frame_booster.errors import InputError
from frame_booster.network.layers import named_weights
from frame_booster.network.registry import create_network
from frame_booster.network.weights import load_weights, save_weights
from frame_booster.training import metrics
from frame_booster.training.clips import ClipStore
from frame_booster.training.config import Phase, RunConfig
from frame_booster.training.losses import LOSSES, choice_error, flow_supervision
from frame_booster.training.muon import Muon
from frame_booster.training.sampling import Batch, Sampler, prefetch
from frame_booster.training.triplets import Triplet, read_triplets

VALIDATION_SIZE = (256, 144)


def learning_rate(config: RunConfig, step: int) -> float:
    """The learning rate of a step: warm-up from 0, then a cosine within each phase."""
    phase, progress = config.phase_at(step)
    high, low = phase.learning_rate
    rate = low + (high - low) * 0.5 * (1.0 + math.cos(math.pi * progress))
    return rate * min(1.0, (step + 1) / max(config.warmup, 1))


def _optimizer(config: RunConfig) -> Any:
    if config.optimizer == "nadam":
        return tf.keras.optimizers.Nadam(1e-4, beta_2=config.beta_2, clipnorm=config.clipnorm)
    if config.optimizer == "adamw":
        return tf.keras.optimizers.AdamW(
            1e-4, weight_decay=config.weight_decay, beta_2=config.beta_2, clipnorm=config.clipnorm
        )
    if config.optimizer == "muon":
        return Muon(config.weight_decay, clipnorm=config.clipnorm)
    raise InputError(f"unknown optimizer {config.optimizer!r}", hint="nadam, adamw or muon")


class TrainingRun:
    """One run in one folder: `checkpoint.safetensors`, `curve.jsonl`, `best.safetensors`.

    Args:
      config: what to train and how.
      folder: of the run; made if needed. A checkpoint found there is resumed.
      clips: folder of the training clips with their manifest.
      validation: folder of validation triplets with their manifest.
      cache: folder for the decoded clips.
      start_from: weights to start a new run from.
    """

    def __init__(
        self,
        config: RunConfig,
        folder: Path,
        clips: Path,
        validation: Path,
        cache: Path,
        start_from: Path | None = None,
    ) -> None:
        if config.loss not in LOSSES:
            raise InputError(f"unknown loss {config.loss!r}", hint=f"one of {', '.join(LOSSES)}")
        # TensorFlow 2.15's remapper fails on the gradient of a fused LeakyReLU and logs it at each trace.
        tf.config.optimizer.set_experimental_options({"remapping": False})
        tf.keras.utils.set_random_seed(config.seed)
        self.config, self.folder = config, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.sampler = Sampler(ClipStore(clips, cache, permissive_only=config.permissive_only), config)
        self.triplets = list(read_triplets(validation, size=VALIDATION_SIZE))
        self.network = create_network(config.network, config.precision)
        # What the weights we start from have already cost.
        earlier = {} if start_from is None else load_weights(start_from, self.network)
        self.names = [name for name, _ in named_weights(self.network)]
        self.variables = [variable for _, variable in named_weights(self.network)]
        self.average = [variable.numpy() for variable in self.variables]
        self.optimizer = _optimizer(config)
        self.optimizer.build(self.variables)
        self.step, self.best = 0, 0.0
        self.samples, self.hours = int(earlier.get("samples", 0)), float(earlier.get("training_hours", 0.0))
        self.earlier_steps = int(earlier.get("steps", 0))
        self.stopping = False
        self._compiled: dict[tuple[int, int, int, bool, bool], Any] = {}
        self._predict = tf.function(lambda a, b: self.network(a, b).frame, autograph=False)
        if self.checkpoint.exists():
            self._restore()

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.safetensors"

    def save_checkpoint(self) -> None:
        """Writes everything a resumed run needs, whole or not at all."""
        tensors = {f"weight.{n}": v.numpy() for n, v in zip(self.names, self.variables, strict=True)}
        tensors |= {f"average.{n}": a for n, a in zip(self.names, self.average, strict=True)}
        tensors |= {f"optimizer.{k}": np.asarray(v.numpy()) for k, v in enumerate(self.optimizer.variables)}
        state = {"step": self.step, "samples": self.samples, "hours": self.hours, "best": self.best}
        state["earlier_steps"] = self.earlier_steps
        partial = self.folder / "checkpoint.partial"
        save_file(tensors, str(partial), metadata={"state": json.dumps(state)})
        partial.replace(self.checkpoint)

    def _restore(self) -> None:
        from safetensors import safe_open

        tensors = load_file(str(self.checkpoint))
        with safe_open(str(self.checkpoint), framework="numpy") as file:
            state = json.loads(file.metadata()["state"])
        for name, variable in zip(self.names, self.variables, strict=True):
            variable.assign(tensors[f"weight.{name}"])
        self.average = [tensors[f"average.{name}"] for name in self.names]
        for k, variable in enumerate(self.optimizer.variables):
            variable.assign(tensors[f"optimizer.{k}"])
        self.step, self.samples = state["step"], state["samples"]
        self.hours, self.best = state["hours"], state["best"]
        self.earlier_steps = state.get("earlier_steps", 0)

    def _step_function(self, phase: Phase, labelled: bool) -> Any:
        chosen = max(phase.choice_weight) > 0
        key = (phase.batch, phase.height, phase.width, labelled, chosen)
        if key not in self._compiled:
            loss_of = LOSSES[self.config.loss]

            @tf.function(autograph=False)
            def train_step(frames: Any, t: Any, labels: Any, flow_weight: Any, choice_weight: Any) -> Any:
                pictures = tf.cast(frames, tf.float32) / 255.0
                first, truth, second = tf.unstack(pictures, axis=1)
                with tf.GradientTape() as tape:
                    predicted = self.network(first, second, t)
                    loss = tf.reduce_mean(loss_of(predicted.unclipped, truth))
                    flow_loss = tf.constant(0.0)
                    if labelled:
                        flow_loss = tf.reduce_mean(flow_supervision(predicted.flows, labels, first, second, truth))
                    choice_loss = tf.constant(0.0)
                    if chosen:
                        choice_loss = tf.reduce_mean(choice_error(predicted.choices, truth))
                    total = loss + flow_weight * flow_loss + choice_weight * choice_loss
                gradients = tape.gradient(total, self.variables)
                norm = tf.linalg.global_norm(gradients)
                squared = tf.reduce_mean(tf.square(predicted.frame - truth), [1, 2, 3])
                psnr = tf.reduce_mean(-10.0 / math.log(10.0) * tf.math.log(squared + 1e-6))
                # A step that is not a number must not reach the weights.
                finite = tf.math.is_finite(norm)
                gradients = [tf.where(finite, g, tf.zeros_like(g)) for g in gradients]
                return gradients, tf.stack([loss, flow_loss, choice_loss, psnr, tf.cast(finite, tf.float32)])

            @tf.function(autograph=False)
            def apply(gradients: Any) -> None:
                self.optimizer.apply_gradients(zip(gradients, self.variables, strict=True))

            self._compiled[key] = (train_step, apply)
        return self._compiled[key]

    def _train_on(self, batch: Batch) -> Any:
        phase, progress = self.config.phase_at(self.step)
        flow_weight, choice_weight = (
            low + (high - low) * progress for low, high in (phase.flow_weight, phase.choice_weight)
        )
        train_step, apply = self._step_function(phase, flow_weight > 0)
        self.optimizer.learning_rate.assign(learning_rate(self.config, self.step))
        weights = [tf.constant(weight, tf.float32) for weight in (flow_weight, choice_weight)]
        gradients, figures = train_step(batch.frames, batch.t, batch.flows, *weights)
        figures = figures.numpy()
        if figures[4]:
            apply(gradients)
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        for average, variable in zip(self.average, self.variables, strict=True):
            average += (1 - decay) * (variable.numpy() - average)
        self.step += 1
        self.samples += phase.batch
        return figures

    def _swap_average(self) -> None:
        held = [variable.numpy() for variable in self.variables]
        for variable, average in zip(self.variables, self.average, strict=True):
            variable.assign(average)
        self.average = held

    def validate(self) -> tuple[float, float]:
        """Returns mean PSNR (dB) and SSIM of the averaged weights on the validation triplets."""
        self._swap_average()
        try:
            figures = [self._score(triplet) for triplet in self.triplets]
            psnr, ssim = np.mean(figures, axis=0)
            if psnr > self.best:
                self.best = float(psnr)
                facts = {
                    "steps": str(self.earlier_steps + self.step),
                    "samples": str(self.samples),
                    "training_hours": f"{self.hours:.2f}",
                    "loss": self.config.loss,
                    "validation_psnr_256x144": f"{psnr:.3f}",
                    "validation_ssim_256x144": f"{ssim:.4f}",
                }
                save_weights(self.folder / "best.safetensors", self.network, facts)
        finally:
            self._swap_average()
        return float(psnr), float(ssim)

    def _score(self, triplet: Triplet) -> tuple[float, float]:
        first, second = (frame[None].astype(np.float32) / 255 for frame in (triplet.frame0, triplet.frame1))
        made = metrics.to_8_bit(self._predict(first, second).numpy()[0])
        return metrics.psnr(made, triplet.truth), metrics.ssim(made, triplet.truth)

    def _log(self, record: dict[str, float]) -> None:
        with (self.folder / "curve.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        print("  ".join(f"{k} {v:g}" for k, v in record.items()), file=sys.stderr, flush=True)

    def train(self, *, log_every: int = 50, validate_every: int = 500, save_every_s: float = 180.0) -> None:
        """Trains to the last step, or until SIGINT or SIGTERM; saves and returns either way."""

        def stop(_signal: int, _frame: Any) -> None:
            self.stopping = True

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        figures: list[Any] = []
        saved = began = time.monotonic()
        waited, mark = 0.0, time.monotonic()
        batches = prefetch(self.sampler, self.step, self.config.steps)
        while self.step < self.config.steps and not self.stopping:
            asked = time.monotonic()
            batch = next(batches)
            waited += time.monotonic() - asked
            figures.append(self._train_on(batch))
            now = time.monotonic()
            self.hours += (now - began) / 3600
            began = now
            if self.step % log_every == 0:
                loss, flow, choice, psnr, finite = np.mean(figures, axis=0).tolist()
                seconds = now - mark
                record = {
                    "step": self.step,
                    "loss": round(loss, 5),
                    "flow": round(flow, 4),
                    "choice": round(choice, 6),
                    "psnr": round(psnr, 3),
                    "skipped": round((1 - finite) * len(figures)),
                    "rate": round(learning_rate(self.config, self.step), 7),
                    "samples_per_s": round(len(batch.frames) * len(figures) / seconds, 2),
                    "waiting": round(waited / seconds, 3),
                    "hours": round(self.hours, 3),
                }
                if self.step % validate_every == 0:
                    record["val_psnr"], record["val_ssim"] = (round(x, 4) for x in self.validate())
                self._log(record)
                figures, waited, mark = [], 0.0, time.monotonic()
                began = mark
            if now - saved > save_every_s:
                self.save_checkpoint()
                saved = now
        batches.close()
        self.save_checkpoint()
