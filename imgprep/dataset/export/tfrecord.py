"""TFRecord files of ``tf.train.Example``, written without TensorFlow."""

import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from imgprep.dataset.export.base import Export, Format, Image, Shards
from imgprep.dataset.export.crc32c import crc32c
from imgprep.table.targets import Target
from imgprep.util.protobuf import encoded as encoded_field
from imgprep.util.protobuf import encoded_varint

Value: TypeAlias = bytes | int | float | Sequence[int]


def masked_crc(content: bytes) -> int:
    """The masked CRC-32C that TFRecord stores.

    >>> hex(masked_crc(b"123456789"))
    '0xc78ab0e5'
    """
    crc = crc32c(content)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def write(export: Export, folder: Path) -> Iterator[Image]:
    """Writes the shards, ``train-00000.tfrecord`` and so on."""
    shards = Shards(export.shard_size)
    opened: dict[str, tuple[str, BinaryIO]] = {}
    with ExitStack() as stack:
        for image in export.images():
            encoded = export.encoded(image)
            split, name = image.split, shards.name(image.split, len(encoded))
            if split not in opened or opened[split][0] != name:
                if split in opened:
                    opened[split][1].close()
                opened[split] = name, stack.enter_context((folder / f"{name}.tfrecord").open("wb"))
            features: dict[str, Value] = {
                "image/encoded": encoded,
                "image/format": export.encoding.encode(),
                "image/height": image.pixels.shape[0],
                "image/width": image.pixels.shape[1],
                "image/class/label": image.number,
                "image/class/text": image.label.encode(),
                "image/id": image.record.id.encode(),
                **dict(_targets(export.targets, image)),
            }
            opened[split][1].write(_record(_example(features)))
            yield image


def _record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return length + struct.pack("<I", masked_crc(length)) + content + struct.pack("<I", masked_crc(content))


def _targets(targets: Iterable[Target], image: Image) -> Iterator[tuple[str, Value]]:
    """A feature for each target: an index, a number or a row of 0 and 1; none for an image without a category."""
    for target in targets:
        value, name = image.record.targets[target.name], f"image/target/{target.name}"
        if target.kind == "number":
            yield name, math.nan if value is None else float(value)
        elif target.kind == "many":
            yield name, [int(each in value) for each in target.classes]
        elif value is not None:
            yield name, target.classes.index(value)


def _example(features: Mapping[str, Value]) -> bytes:
    """An Example: its fields have the number 1 at each level but for the value of an entry (2) and its kind."""
    entries = b""
    for name in sorted(features):
        value = features[name]
        entries += encoded_field(1, encoded_field(1, name.encode()) + encoded_field(2, _feature(value)))
    return encoded_field(1, entries)


def _feature(value: Value) -> bytes:
    """A BytesList (1), a FloatList (2) or an Int64List (3)."""
    if isinstance(value, bytes):
        return encoded_field(1, encoded_field(1, value))
    if isinstance(value, float):
        return encoded_field(2, encoded_field(1, struct.pack("<f", value)))
    return encoded_field(
        3, encoded_field(1, b"".join(map(encoded_varint, [value] if isinstance(value, int) else value)))
    )


FORMAT: Final = Format(write, "{}-?????.tfrecord")
