"""One training step as one graph: forward pass, losses, gradients, optimizer and averaged weights.

`step.TrainStep` fetches figures after each step, decides on the host whether the step counts, and averages the weights
there. Here the graph does all of this, and figures are fetched only when a line of the curve is written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from frame_booster.errors import InputError
from frame_booster.network.compiling import training_graph
from frame_booster.network.layers import Tensor, named_weights
from frame_booster.network.prediction import Prediction
from frame_booster.network.warp import frame_warp
from frame_booster.training.config import RunConfig
from frame_booster.training.loop.checks import check_loss
from frame_booster.training.loop.stacked_muon import StackedMuon
from frame_booster.training.loop.teacher import taught_flow
from frame_booster.training.loop.tensors import batch_psnr, plain_variable
from frame_booster.training.losses.distillation import distillation, teacher_trust
from frame_booster.training.losses.levels import levels_error
from frame_booster.training.losses.perceptual import load_perceptual, patches
from frame_booster.training.losses.reconstruction import LOSSES

ADDED = LEVELS, DISTIL, PERCEPTUAL = "levels", "distil", "perceptual"


class Samples(NamedTuple):
    """Samples of one step, as tensors; for several steps in a call, each tensor has a leading axis of steps."""

    frames: Tensor
    """(B, 3, H, W, 3) uint8 RGB: first, target and last frame."""
    t: Tensor
    """(B,) float32 in (0, 1)."""
    place: Tensor
    """(2,) float32 in [0, 1): position of the square for the perceptual distance."""
    motion: Tensor
    """(b, H, W, 5) float16: for the first b samples, the stored flows to both frames, px, and the share of frame 1; b
    is 0 without stored flows."""
    known: Tensor
    """(b,) float32: 1 for samples that have stored motion, else 0."""


class FusedStep:
    """Trains a network with one graph per step.

    Args:
      network: network to train.
      config: configuration of the run.
      teacher: network whose flow is distilled; None: no teacher, or stored flows.
      device: TensorFlow's name of the device.
      perceptual: function of two batches of frames to their distance (B,); None: ST-LPIPS, if the configuration uses
        it.

    Raises:
      InputError: a term of the loss or an output layer is unknown.
      InputError, ModelError: ST-LPIPS or its weights are missing.
    """

    def __init__(
        self, network: Any, config: RunConfig, teacher: Any = None, device: str = "/CPU:0", perceptual: Any = None
    ) -> None:
        check_loss(config)
        self.network, self.config, self.teacher = network, config, teacher
        named = [(name, plain_variable(variable)) for name, variable in named_weights(network)]
        self.names = [name for name, _ in named]
        self.variables = [variable for _, variable in named]
        layers = list(dict.fromkeys(name.split(".")[-2] for name in self.names))
        # The default is not checked, since not all networks have such a layer.
        wanted = () if config.output_layers == RunConfig.output_layers else config.output_layers
        if unknown := [layer for layer in wanted if layer not in layers]:
            raise InputError(
                f"output_layers: {config.network} has no layer {unknown[0]!r}", hint=f"its layers: {', '.join(layers)}"
            )
        trained = [(name, variable) for name, variable in named if not name.startswith(config.frozen)]
        self.trained = [variable for _, variable in trained]
        on_gpu = "GPU" in device
        self.optimizer = StackedMuon(
            trained,
            outputs=config.output_layers,
            output_rate=config.output_rate,
            clipnorm=config.clipnorm,
            weight_decay=config.weight_decay,
            precision="bfloat16" if on_gpu and config.precision == "bfloat16" else "float32",
        )
        self.average = [tf.Variable(variable, trainable=False) for variable in self.variables]
        self.terms = [*config.loss, *ADDED]
        self._sums = tf.Variable(tf.zeros([len(self.terms) + 4]), trainable=False)
        several = config.batches_per_update > 1
        self._accumulated = [
            tf.Variable(tf.zeros_like(variable), trainable=False) for variable in self.trained * several
        ]
        # Not an integer: TensorFlow keeps those in host memory, which a step compiled for a GPU cannot access.
        self._accumulated_batches = tf.Variable(0.0, trainable=False)
        self._jit = config.compile_step == "yes" or (config.compile_step == "auto" and on_gpu)
        asked = any(max(phase.perceptual_weight) > 0 for phase in config.phases)
        self._perceptual: Callable[[Tensor, Tensor], Tensor] | None = perceptual
        if asked and perceptual is None:
            self._perceptual = load_perceptual(config.precision)
        self._compiled: dict[Any, Any] = {}
        self._steps: dict[Any, Any] = {}

    def weights_at(self, step: int) -> list[float]:
        """Returns the weight of each of `terms` at a step."""
        phase, progress = self.config.phase_at(step)
        return [*self.config.loss.values(), *(phase.weight(f"{term}_weight", progress) for term in ADDED)]

    def active_at(self, step: int) -> tuple[bool, ...]:
        """Tells which of `terms` have a weight above 0 anywhere in the phase of a step; the whole phase uses one
        graph."""
        phase = self.config.phase_at(step)[0]
        added = [max(getattr(phase, f"{term}_weight")) for term in ADDED]
        return tuple(weight > 0 for weight in (*self.config.loss.values(), *added))

    def __call__(
        self,
        samples: Samples,
        rates: list[float],
        weights: list[list[float]],
        read: Any = None,
        flow_downscale: int = 0,
        active: tuple[bool, ...] | None = None,
    ) -> bool:
        """Takes one step for each learning rate.

        Args:
          samples: samples of the steps; for several steps, each tensor has a leading axis of steps.
          rates: learning rate of each step.
          weights: weights of `terms` for each step.
          read: function, used in the graph, that returns frames for what `samples.frames` holds instead
            (`data.resident`).
          flow_downscale: log2 of the factor by which frames are downscaled before motion is estimated.
          active: result of `active_at`; None: the terms that have a weight in one of the steps.

        Returns:
          Whether a new graph was built for the call, which takes minutes where XLA compiles it.
        """
        if active is None:
            active = tuple(any(w[k] > 0 for w in weights) for k in range(len(self.terms)))
        if samples.motion.shape[-4] == 0 and self.teacher is None:
            active = tuple(on and term != DISTIL for on, term in zip(active, self.terms, strict=True))
        new = (active, flow_downscale) not in self._steps
        key = (active, flow_downscale, len(rates), read)
        if key not in self._compiled:
            self._compiled[key] = self._loop(active, flow_downscale, len(rates), read)
        self._compiled[key](samples, tf.constant(rates, tf.float32), tf.constant(weights, tf.float32))
        return new

    @property
    def held(self) -> dict[str, Any]:
        """Gradients of batches that have not changed the weights yet, and the number of these batches, by name.

        The names contain `batches_per_update`, because the gradients are divided by it.
        """
        start = f"{self.config.batches_per_update}."
        if not self._accumulated:
            return {}
        return {
            start + "count": self._accumulated_batches,
            **{f"{start}{k}": held for k, held in enumerate(self._accumulated)},
        }

    def figures(self) -> dict[str, float]:
        """Returns means over the steps since the last call: loss, its unweighted terms, psnr; and the number of skipped
        steps."""
        sums = self._sums.numpy()
        self._sums.assign(tf.zeros_like(self._sums))
        taken, skipped = float(sums[-2]), float(sums[-1])
        means = [float(value) / max(taken, 1.0) for value in sums[:-2]]
        return {"loss": means[0], **dict(zip([*self.terms, "psnr"], means[1:], strict=True)), "skipped": skipped}

    def gradients(
        self, samples: Samples, weights: Tensor, active: tuple[bool, ...], flow_downscale: int = 0
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Returns the loss, [terms..., psnr] and the gradient of each trained variable."""
        pictures = tf.cast(samples.frames, tf.float32) / 255.0
        first, truth, second = tf.unstack(pictures, axis=1)
        config, batch = self.config, truth.shape[0]
        extra = {"coarser": config.coarser_scales} if config.coarser_scales >= 0 else {}
        # FBNet has no such argument.
        extra |= {"flow_downscale": flow_downscale} if flow_downscale else {}
        taught = self._taught(first, second, samples) if active[self.terms.index(DISTIL)] else None
        with (
            training_graph(refined=config.refined, inlined=self._jit),
            tf.GradientTape(watch_accessed_variables=False) as tape,
        ):
            tape.watch(self.trained)
            predicted = self.network(first, second, samples.t, **extra)
            made = predicted.unclipped
            values: list[Tensor] = []
            for name in config.loss:
                part = max(2, int(batch * config.census_part)) if name == "census" else batch
                values.append(tf.reduce_mean(LOSSES[name](made[:part], truth[:part])))
            levels = distance = seen = tf.constant(0.0)
            if active[self.terms.index(LEVELS)]:
                levels = tf.reduce_mean(
                    levels_error(predicted.flows, list(predicted.masks), first, second, truth, samples.t)
                )
            if taught is not None:
                distance = self._distance_to(taught, predicted, truth)
            if active[self.terms.index(PERCEPTUAL)] and self._perceptual is not None:
                count = min(batch, max(2, int(batch * config.perceptual_part)))
                pair = patches(made, truth, count, config.perceptual_side, samples.place)
                seen = tf.reduce_mean(self._perceptual(*pair))
            values += [levels, distance, seen]
            loss = tf.add_n([weight * value for weight, value in zip(tf.unstack(weights), values, strict=True)])
        found = tape.gradient(loss, self.trained, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        # In a graph, TensorFlow may not know the shape of the gradient of a bias or slope.
        gradients = [tf.ensure_shape(g, v.shape) for g, v in zip(found, self.trained, strict=True)]
        values.append(batch_psnr(made, truth))
        return loss, values, gradients

    def _taught(self, first: Tensor, second: Tensor, samples: Samples) -> tuple[Tensor, Tensor, Tensor]:
        """Returns a teacher's flows (b, H, W, 4), its frames (b, H, W, 3), and (b,) 1 where they are known, else 0."""
        if self.teacher is None:
            motion = tf.cast(samples.motion, tf.float32)
            labels, share = motion[..., :4], motion[..., 4:]
            count = motion.shape[0]
            warped0 = frame_warp(first[:count], labels[..., :2])
            warped1 = frame_warp(second[:count], labels[..., 2:])
            return labels, warped0 + share * (warped1 - warped0), samples.known
        count = max(1, int(first.shape[0] * self.config.teacher_part))
        return taught_flow(self.teacher, first[:count], second[:count], samples.t[:count])

    def _distance_to(self, taught: tuple[Tensor, Tensor, Tensor], predicted: Prediction, truth: Tensor) -> Tensor:
        labels, frame, known = taught
        count = labels.shape[0]
        trust = teacher_trust(frame, predicted.unclipped[:count], truth[:count]) * tf.reshape(known, [-1, 1, 1, 1])
        flows = [(flow0[:count], flow1[:count]) for flow0, flow1 in predicted.flows]
        return tf.reduce_mean(distillation(flows, labels, trust))

    def _take(
        self, samples: Samples, rate: Tensor, weights: Tensor, active: tuple[bool, ...], flow_downscale: int
    ) -> None:
        loss, values, gradients = self.gradients(samples, weights, active, flow_downscale)
        finite = tf.math.is_finite(loss) & tf.math.is_finite(tf.linalg.global_norm(gradients))

        def take() -> Tensor:
            if self._accumulated:
                self._accumulate(gradients, rate)
            else:
                self._update(gradients, rate)
            return tf.constant(True)

        tf.cond(finite, take, lambda: tf.constant(False))
        one = tf.cast(finite, tf.float32)
        figures = tf.stack([loss, *values])
        # Not multiplied by 0, which would keep NaN.
        figures = tf.where(finite, figures, tf.zeros_like(figures))
        self._sums.assign_add(tf.concat([figures, [one, 1.0 - one]], 0))

    def _accumulate(self, gradients: list[Tensor], rate: Tensor) -> None:
        """Adds the gradients of a batch to those of earlier batches, and updates the weights once there are enough."""
        count = self.config.batches_per_update
        for held, gradient in zip(self._accumulated, gradients, strict=True):
            held.assign_add(gradient / count)
        self._accumulated_batches.assign_add(1.0)

        def update() -> Tensor:
            self._update([tf.convert_to_tensor(held) for held in self._accumulated], rate)
            for held in self._accumulated:
                held.assign(tf.zeros_like(held))
            self._accumulated_batches.assign(0.0)
            return tf.constant(True)

        tf.cond(self._accumulated_batches >= float(count), update, lambda: tf.constant(False))

    def _update(self, gradients: list[Tensor], rate: Tensor) -> None:
        self.optimizer.apply(gradients, rate)
        step = self.optimizer.iterations
        decay = tf.minimum(self.config.ema, (1.0 + step) / (10.0 + step))
        for average, variable in zip(self.average, self.variables, strict=True):
            average.assign_sub((1.0 - decay) * (average - variable))

    def _loop(self, active: tuple[bool, ...], flow_downscale: int, count: int, read: Any) -> Any:
        # The same graph for every `read`, because compiling it takes minutes.
        key = active, flow_downscale
        if key not in self._steps:
            self._steps[key] = tf.function(
                lambda samples, rate, weights: self._take(samples, rate, weights, active, flow_downscale),
                autograph=False,
                jit_compile=True if self._jit else None,
            )
        step = self._steps[key]

        def one(samples: Samples, rate: Tensor, weights: Tensor) -> None:
            if read is not None:
                samples = samples._replace(frames=read(samples.frames))
            step(samples, rate, weights)

        def several(samples: Samples, rates: Tensor, weights: Tensor) -> None:
            def body(k: Tensor) -> Tensor:
                one(tf.nest.map_structure(lambda x: x[k], samples), rates[k], weights[k])
                return k + 1

            tf.while_loop(lambda k: k < count, body, [tf.constant(0)], parallel_iterations=1)

        if count > 1:
            return tf.function(several, autograph=False)
        return tf.function(lambda samples, rates, weights: one(samples, rates[0], weights[0]), autograph=False)
