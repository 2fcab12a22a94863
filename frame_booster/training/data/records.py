"""Sets of snippets as TFRecords: shards that any TensorFlow program can read, and an index for random access.

A set is a folder with `*.tfrecord` shards, `manifest.csv` (a line for each snippet) and `index.csv` (the position of
each frame in the shards). A record is a `tf.train.Example` with the features

    id, source, licence, coding   bytes, one each; coding is "jpeg" or "png"
    width, height                 int64, px
    frames                        bytes, an encoded RGB image for each frame, in display order
    pair_motion                   float, mean motion of each pair of neighbouring frames, px

so `tf.io.parse_single_example` reads it. With the index, a frame can be read without the rest of its record.
"""

from __future__ import annotations

import csv
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import tensorflow as tf

from frame_booster.errors import InputError
from frame_booster.files import atomic
from frame_booster.training.data.manifest import Clip, FrameArray

MANIFEST_COLUMNS = (
    *("path", "source", "licence", "permissive", "width", "height", "frames", "source_fps"),
    *("mean_motion", "pair_motion"),
)
"""Columns of `manifest.csv`; `path` is the id of the snippet."""
INDEX_COLUMNS = ("path", "shard", "record_offset", "record_length", "frame_offsets", "frame_lengths")
"""Columns of `index.csv`. Offsets are bytes from the start of the shard. `record_length` is that of a record's data,
which follows 12 bytes and is followed by 4."""
SHARD_BYTES = 256 << 20
"""Size above which a shard is closed, bytes."""
_HEAD, _TAIL = 12, 4
JPEG_QUALITY = 100


@dataclass(frozen=True)
class Snippet:
    """Consecutive frames of one shot, (H, W, 3) uint8 RGB of one size."""

    name: str
    source: str
    frames: list[FrameArray]
    pair_motion: list[float]
    """Mean motion of each pair of neighbouring frames, px."""
    rate: str = ""
    """Frame rate of the source; empty if unknown."""


def encode(frame: FrameArray, coding: str) -> bytes:
    """Encodes a frame as "png", or as "jpeg" of quality 100 with full colour resolution."""
    options = []
    if coding == "jpeg":
        options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR]
        options.append(cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    done, data = cv2.imencode(f".{coding}", frame[..., ::-1], options)
    if not done:
        raise ValueError(f"OpenCV cannot write {coding}")
    return bytes(data.tobytes())


def decode(data: Any) -> FrameArray:
    """Decodes an image to an (H, W, 3) uint8 RGB frame."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError("not a picture")
    return np.ascontiguousarray(picture[..., ::-1])


class ShardWriter:
    """Writes snippets to `folder/stem-00000.tfrecord`, `-00001`, ...; the files get these names once all are complete.

    Args:
      folder: folder of the set; created if needed.
      stem: stem of the names of the shards.
      coding: "jpeg" or "png".
      licence: licence of the snippets.
      permissive: whether weights trained on them may be passed on.
    """

    def __init__(self, folder: Path, stem: str, coding: str, licence: str, permissive: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.stem, self.coding = folder, stem, coding
        self.licence, self.permissive = licence, permissive
        self.rows: list[list[Any]] = []
        """Lines of the manifest."""
        self.index: list[list[Any]] = []
        self._shards = 0
        self._shard = folder
        self._writer: Any = None
        self._unfinished = ExitStack()
        """Contexts of the shards so far, which rename them at the end, or remove them after an error."""
        self._offset = 0

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()
        self._unfinished.__exit__(kind, error, at)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def write(self, snippet: Snippet) -> None:
        """Appends a snippet."""
        if self._writer is None or self._offset > SHARD_BYTES:
            self._close()
            self._shard = self.folder / f"{self.stem}-{self._shards:05d}.tfrecord"
            self._writer = tf.io.TFRecordWriter(str(self._unfinished.enter_context(atomic(self._shard, durable=True))))
            self._shards += 1
            self._offset = 0
        height, width = snippet.frames[0].shape[:2]
        coded = [encode(frame, self.coding) for frame in snippet.frames]
        data = self._example(snippet, coded, width, height)
        self._writer.write(data)
        offsets, at = [], 0
        for picture in coded:
            at = data.index(picture, at)
            offsets.append(self._offset + _HEAD + at)
            at += len(picture)
        lengths = " ".join(str(len(picture)) for picture in coded)
        record = [snippet.name, self._shard.name, self._offset + _HEAD, len(data)]
        self.index.append([*record, " ".join(map(str, offsets)), lengths])
        self._offset += _HEAD + len(data) + _TAIL
        motion = [f"{value:.2f}" for value in snippet.pair_motion]
        facts = [snippet.name, snippet.source, self.licence, "yes" if self.permissive else "no", width, height]
        mean = f"{np.mean(snippet.pair_motion):.2f}"
        self.rows.append([*facts, len(coded), snippet.rate, mean, " ".join(motion)])

    def _example(self, snippet: Snippet, coded: list[bytes], width: int, height: int) -> bytes:
        texts = {"id": snippet.name, "source": snippet.source, "licence": self.licence, "coding": self.coding}
        feature = {
            name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()])) for name, text in texts.items()
        }
        feature["frames"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=coded))
        for name, number in (("width", width), ("height", height)):
            feature[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[number]))
        feature["pair_motion"] = tf.train.Feature(float_list=tf.train.FloatList(value=snippet.pair_motion))
        return bytes(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())


def write_table(path: Path, columns: tuple[str, ...], rows: list[list[Any]]) -> None:
    """Writes a CSV file atomically and durably, so that it is never on the disk before the shards that it lists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path, durable=True) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def is_record_set(root: Path) -> bool:
    """Tells whether a folder holds a set of TFRecords with its index."""
    return (root / "index.csv").exists()


class RecordStore:
    """Random access to the frames of a set, from any thread; each frame is decoded when it is requested.

    Args:
      root: folder of the set.
      clips: manifest of the set, as `read_manifest` returns it.

    Raises:
      InputError: the index or a shard is missing, or does not match the manifest.
    """

    def __init__(self, root: Path, clips: list[Clip]) -> None:
        self.clips, self.root = clips, root
        self._shards: dict[str, Any] = {}
        self._places: dict[str, tuple[str, list[int], list[int]]] = {}
        index = root / "index.csv"
        try:
            with index.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    offsets, lengths = (
                        [int(value) for value in row[key].split()] for key in ("frame_offsets", "frame_lengths")
                    )
                    self._places[row["path"]] = row["shard"], offsets, lengths
            for shard in {self._places[clip.path][0] for clip in clips}:
                self._shards[shard] = np.memmap(root / shard, np.uint8, "r")
        except (OSError, KeyError, ValueError) as error:
            raise InputError(f"the set is incomplete: {error}", path=index, hint="make it again") from error

    def frame(self, clip: Clip, index: int) -> FrameArray:
        """Returns frame `index` of a clip, (H, W, 3) uint8 RGB.

        Raises:
          InputError: the frame is damaged.
        """
        shard, offsets, lengths = self._places[clip.path]
        data = self._shards[shard][offsets[index] : offsets[index] + lengths[index]]
        try:
            return decode(data)
        except (ValueError, cv2.error) as error:
            raise InputError(f"frame {index} of {clip.path} is damaged", path=self.root / shard) from error
