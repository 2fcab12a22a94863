"""TensorBoard data of a run: figures, interpolated frames beside the true ones, optical flow.

`tensorboard --logdir runs` shows it.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from frame_booster.errors import ModelError
from frame_booster.training.data.manifest import FrameArray
from frame_booster.training.evaluation.flow_picture import flow_picture

_NOT_DRAWN = frozenset({"step"})


def check_tensorboard() -> None:
    """Raises ModelError if TensorBoard is not installed, which TensorFlow needs to write event files."""
    if find_spec("tensorboard") is None:
        raise ModelError("--tensorboard needs TensorBoard", hint="pip install tensorboard, or omit the option")


class TensorBoardWriter:
    """Writes TensorBoard's event files.

    Args:
      folder: folder for the files; created if needed.

    Raises:
      ModelError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        check_tensorboard()
        self._writer = tf.summary.create_file_writer(str(folder))

    def figures(self, record: dict[str, float]) -> None:
        """Writes the figures of a line of the curve, at its step."""
        with self._writer.as_default(step=int(record["step"])):
            for name, value in record.items():
                if name not in _NOT_DRAWN:
                    tf.summary.scalar(f"validation/{name[4:]}" if name.startswith("val_") else name, value)
        self._writer.flush()

    def pictures(self, step: int, name: str, made: FrameArray, truth: FrameArray, flows: list[tuple[Any, Any]]) -> None:
        """Writes an interpolated frame above the true one, and the optical flow at each level.

        Args:
          step: step of the run.
          name: name of the triplet.
          made, truth: (H, W, 3) uint8 RGB.
          flows: flows for frame 0 and frame 1, (1, h, w, 2) px each, coarse to fine.
        """
        with self._writer.as_default(step=step):
            tf.summary.image(name, np.concatenate([made, truth])[None])
            for number, pair in enumerate(flows):
                drawn: list[npt.NDArray[np.uint8]] = [flow_picture(np.asarray(flow)[0]) for flow in pair]
                tf.summary.image(f"{name}/flow {number}", np.concatenate(drawn, 1)[None])
        self._writer.flush()

    def close(self) -> None:
        """Closes the event file."""
        self._writer.close()
