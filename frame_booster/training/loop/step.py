"""One training step: losses, gradients over all devices, the optimizer."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from frame_booster.engine.device import BFLOAT16_CAPABILITY, choose_device, compute_capability, has_bfloat16
from frame_booster.errors import InputError
from frame_booster.network.compiling import training_graph
from frame_booster.network.layers import Tensor
from frame_booster.training.config import Phase, RunConfig
from frame_booster.training.data.sampling import Batch
from frame_booster.training.loop.checks import check_loss
from frame_booster.training.loop.muon import Muon
from frame_booster.training.loop.teacher import taught_flow
from frame_booster.training.loop.tensors import batch_psnr, plain_variable
from frame_booster.training.losses.choice import choice_error
from frame_booster.training.losses.flow import better_labels, flow_supervision
from frame_booster.training.losses.matching import matching_error
from frame_booster.training.losses.reconstruction import LOSSES


class StepFigures(NamedTuple):
    """Figures of a step's batch, or their means over several steps; float32 each."""

    loss: float
    """Weighted sum of the terms of the loss."""
    flow: float
    """Flow supervision before its weight, px."""
    choice: float
    """Choice error before its weight."""
    matching: float
    """Matching error before its weight."""
    psnr: float
    """PSNR of the interpolated frames of the batch, dB."""
    finite: float
    """1, or 0 if the step was skipped because a gradient was not finite; as a mean, the share of steps that were
    taken."""

    @classmethod
    def mean(cls, steps: list[StepFigures]) -> StepFigures:
        """Returns the means over several steps."""
        return cls(*np.mean(steps, axis=0).tolist())


def learning_rate(config: RunConfig, step: int) -> float:
    """Returns the learning rate of a step: warm-up from 0, then a cosine or a line within each phase."""
    phase, progress = config.phase_at(step)
    high, low = phase.learning_rate
    left = 1.0 - progress if phase.schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * progress))
    rate = low + (high - low) * left
    return rate * min(1.0, (step + 1) / max(config.warmup, 1))


def make_optimizer(config: RunConfig) -> Any:
    """Creates the optimizer that a configuration names.

    Raises:
      InputError: there is no optimizer of that name.
    """
    if config.optimizer == "nadam":
        return tf.keras.optimizers.Nadam(1e-4, beta_2=config.beta_2, clipnorm=config.clipnorm)
    if config.optimizer == "adamw":
        return tf.keras.optimizers.AdamW(
            1e-4, weight_decay=config.weight_decay, beta_2=config.beta_2, clipnorm=config.clipnorm
        )
    if config.optimizer == "muon":
        return Muon(config.weight_decay, clipnorm=config.clipnorm)
    raise InputError(f"unknown optimizer {config.optimizer!r}", hint="nadam, adamw, muon or stacked-muon")


def training_precision(name: str, devices: str) -> str:
    """Returns the dtype of the convolutions; "auto" is bfloat16 if the hardware supports it, else float32."""
    if name != "auto":
        return name
    cards = list(range(len(tf.config.list_physical_devices("GPU"))))
    named = [name.partition(":")[2] or "0" for name in devices.lower().split(",") if name.startswith("gpu")]
    if named:
        cards = [card for card in cards if str(card) in named]
    if "cpu" not in devices.lower() and cards:
        capabilities = [compute_capability(f"/GPU:{card}") or (0, 0) for card in cards]
        # Not float16, which inference uses on older GPUs: gradients are too small for it.
        return "bfloat16" if min(capabilities) >= BFLOAT16_CAPABILITY else "float32"
    return "bfloat16" if has_bfloat16() else "float32"


def strategy_of(devices: str) -> Any:
    """Returns the distribution strategy for the devices.

    Args:
      devices: names as `engine.device.choose_device` takes them, separated by commas; "auto": all GPUs, else the CPU.

    Raises:
      InputError, ModelError: a device does not exist.
    """
    if devices == "auto":
        names = [f"/GPU:{k}" for k in range(len(tf.config.list_logical_devices("GPU")))] or ["/CPU:0"]
    else:
        names = [choose_device(name) for name in devices.split(",")]
    if len(names) > 1:
        return tf.distribute.MirroredStrategy(names)
    return tf.distribute.OneDeviceStrategy(names[0]) if devices != "auto" else tf.distribute.get_strategy()


class TrainStep:
    """Trains a network on batches; each device of the strategy takes an equal part of a batch.

    Args:
      network: network, created in the scope of the strategy, like the variables, the optimizer and the teacher.
      variables: weights to train.
      optimizer: optimizer, built for `variables`.
      config: configuration of the run.
      strategy: result of `strategy_of`.
      teacher: network whose flow replaces the batch's labels where it explains the true frame better; None: no teacher.

    Raises:
      InputError: a term of the loss is unknown, there is nothing to train by, or nadam would run on several devices.
    """

    def __init__(
        self,
        network: Any,
        variables: list[Any],
        optimizer: Any,
        config: RunConfig,
        strategy: Any,
        teacher: Any = None,
    ) -> None:
        check_loss(config)
        if config.optimizer == "nadam" and strategy.num_replicas_in_sync > 1:
            # With Keras 2.15, its state becomes NaN after one step on several devices.
            raise InputError("nadam trains on one device only", hint="use muon or adamw, or name one --device")
        self.network, self.variables, self.optimizer = network, variables, optimizer
        self.config, self.strategy, self.teacher = config, strategy, teacher
        self._compiled: dict[tuple[int, int, int, int, bool, bool, bool], Any] = {}

    def __call__(self, step: int, batch: Batch) -> StepFigures:
        """Takes the step with a batch, unless a gradient is not finite.

        Raises:
          InputError: the batch cannot be divided evenly among the devices.
        """
        phase, progress = self.config.phase_at(step)
        names = ("flow_weight", "choice_weight", "matching_weight")
        weights_now = [phase.weight(name, progress) for name in names]
        gradients_of, apply = self._functions(phase, self.config.flow_downscale_at(step), weights_now[0] > 0)
        self.optimizer.learning_rate.assign(learning_rate(self.config, step))
        weights = [tf.constant(weight, tf.float32) for weight in weights_now]
        shared = [self._shared(values) for values in (batch.frames, batch.t, batch.flows)]
        gradients, values = gradients_of(*shared, *weights)
        figures = StepFigures(*values.numpy())
        if figures.finite:
            apply(gradients)
        return figures

    def _shared(self, values: Any) -> Any:
        replicas = self.strategy.num_replicas_in_sync
        if replicas == 1:
            return values
        if len(values) % replicas:
            raise InputError(
                f"a batch of {len(values)} samples cannot be divided evenly among {replicas} devices",
                hint=f"make batch a multiple of {replicas}",
            )
        parts = np.split(values, replicas)
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(parts[context.replica_id_in_sync_group])
        )

    def _loss(self, predicted: Tensor, truth: Tensor) -> Tensor:
        terms = [weight * tf.reduce_mean(LOSSES[name](predicted, truth)) for name, weight in self.config.loss.items()]
        return tf.add_n(terms)

    def _better_labels(self, labels: Tensor, first: Tensor, second: Tensor, truth: Tensor, t: Tensor) -> Tensor:
        taught, _, known = taught_flow(self.teacher, first, second, t)
        better = better_labels(labels, taught, first, second, truth)
        return tf.where(tf.reshape(known, [-1, 1, 1, 1]) > 0, better, labels)

    def _functions(self, phase: Phase, flow_downscale: int, labelled: bool) -> Any:
        chosen, matched = max(phase.choice_weight) > 0, max(phase.matching_weight) > 0
        key = (phase.batch, phase.height, phase.width, flow_downscale, labelled, chosen, matched)
        # FBNet has no such argument.
        downscaled = {"flow_downscale": flow_downscale} if flow_downscale else {}
        if key in self._compiled:
            return self._compiled[key]

        def on_device(frames: Any, t: Any, labels: Any, flow_weight: Any, choice_weight: Any, match_weight: Any) -> Any:
            pictures = tf.cast(frames, tf.float32) / 255.0
            first, truth, second = tf.unstack(pictures, axis=1)
            if self.teacher is not None and (labelled or matched):
                labels = self._better_labels(labels, first, second, truth, t)
            flow_loss = choice_loss = matching_loss = tf.constant(0.0)
            with training_graph(), tf.GradientTape() as tape:
                if self.config.loss:
                    predicted = self.network(first, second, t, **downscaled)
                    made, proposal = predicted.frame, predicted.proposal
                    loss = self._loss(predicted.unclipped, truth)
                    if labelled:
                        flow_loss = tf.reduce_mean(flow_supervision(predicted.flows, labels, first, second, truth))
                    if chosen:
                        choice_loss = tf.reduce_mean(choice_error(predicted.choices, truth))
                else:
                    made, loss, proposal = truth, tf.constant(0.0), self.network.taught_proposal(first, second, t)
                if matched:
                    matching_loss = matching_error(proposal, labels, first, second, truth, t)
                total = loss + flow_weight * flow_loss + choice_weight * choice_loss + match_weight * matching_loss
            trained = [plain_variable(variable) for variable in self.variables]
            gradients = tape.gradient(total, trained, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            return gradients, tf.stack([loss, flow_loss, choice_loss, matching_loss, batch_psnr(made, truth)])

        def mean(value: Any) -> Any:
            return self.strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)

        @tf.function(autograph=False)
        def gradients_of(*values: Any) -> Any:
            gradients, figures = self.strategy.run(on_device, args=values)
            gradients = [mean(gradient) for gradient in gradients]
            # NaN and infinity must not reach the weights.
            finite = tf.math.is_finite(tf.linalg.global_norm(gradients))
            gradients = [tf.where(finite, g, tf.zeros_like(g)) for g in gradients]
            return gradients, tf.concat([mean(figures), tf.cast(finite, tf.float32)[None]], 0)

        @tf.function(autograph=False)
        def apply(gradients: Any) -> None:
            if isinstance(self.optimizer, Muon):
                self.optimizer.apply_gradients(zip(gradients, self.variables, strict=True))
                return
            # A Keras optimizer runs on each device and sums the gradients of all devices.
            share = [gradient / self.strategy.num_replicas_in_sync for gradient in gradients]

            def on_each(parts: Any) -> None:
                # A new tensor on each device: a tensor shared by all devices would not be summed.
                parts = [tf.identity(part) for part in parts]
                self.optimizer.apply_gradients(zip(parts, self.variables, strict=True))

            self.strategy.run(on_each, args=(share,))

        self._compiled[key] = (gradients_of, apply)
        return self._compiled[key]
