"""Parquet files with the image and label features of Hugging Face: bytes embedded, small row groups for streaming."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from imgprep.dataset.export.base import (
    SUFFIXES,
    Export,
    Format,
    Image,
    Names,
    Shards,
    class_label,
    field,
    target_features,
)
from imgprep.errors import RequestError
from imgprep.table.targets import Target

_GROUP: Final = 100
"""Rows in a row group."""


def write(export: Export, folder: Path) -> Iterator[Image]:
    """Writes the shards, ``train-00000.parquet`` and so on.

    Raises:
        RequestError: pyarrow is not installed.
    """
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise RequestError("pyarrow is not installed: pip install 'imgprep[parquet]'") from None
    schema = _schema(arrow, export)
    shards, names = Shards(export.shard_size), Names()
    opened: dict[str, tuple[str, Any]] = {}
    rows: dict[str, list[dict[str, Any]]] = {}
    with ExitStack() as stack:

        def flush(split: str) -> None:
            if rows.get(split):
                opened[split][1].write_table(arrow.Table.from_pylist(rows[split], schema=schema))
            rows[split] = []

        for image in export.images():
            encoded = export.encoded(image)
            split, name = image.split, shards.name(image.split, len(encoded))
            if split not in opened or opened[split][0] != name:
                flush(split)
                if split in opened:
                    opened[split][1].close()
                writer = parquet.ParquetWriter(folder / f"{name}.parquet", schema)
                opened[split] = name, stack.enter_context(writer)
            file = f"{names.of(image.record.id)}{SUFFIXES[export.encoding]}"
            content = {"bytes": encoded, "path": file}
            row = {"image": content, "label": image.number, "id": image.record.id}
            rows[split].append(row | {target.name: _stored(target, image) for target in export.targets})
            if len(rows[split]) == _GROUP:
                flush(split)
            yield image
        for split in opened:
            flush(split)


def _schema(arrow: Any, export: Export) -> Any:
    features: dict[str, Any] = {
        "image": {"_type": "Image"},
        "label": {"names": list(export.classes), "_type": "ClassLabel"},
        "id": {"dtype": "string", "_type": "Value"},
    }
    kinds = {"category": arrow.int64(), "number": arrow.float32(), "many": arrow.list_(arrow.int64())}
    features |= {target.name: _feature(target) for target in export.targets}
    image = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    fields = [("image", image), ("label", arrow.int64()), ("id", arrow.string())]
    fields += [(target.name, kinds[target.kind]) for target in export.targets]
    return arrow.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def _feature(target: Target) -> dict[str, Any]:
    """A target as a feature of Hugging Face."""
    if target.kind == "number":
        return {"dtype": "float32", "_type": "Value"}
    classes = {"names": list(target.classes), "_type": "ClassLabel"}
    return classes if target.kind == "category" else {"feature": classes, "_type": "Sequence"}


def _stored(target: Target, image: Image) -> Any:
    """The value of a target: None, a number, the index of a class, or a list of them."""
    value = image.record.targets[target.name]
    if target.kind == "many":
        return [target.classes.index(name) for name in value]
    return value if target.kind == "number" or value is None else target.classes.index(value)


def _card(export: Export) -> dict[str, Any]:
    return {
        "image": "image",
        "label": class_label(export.classes),
        "id": "string",
        **target_features(export.targets),
    }


def _records(export: Export, files: Sequence[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    del export, files
    shards = {
        "@type": "cr:FileSet",
        "@id": "parquet-files",
        "name": "parquet-files",
        "encodingFormat": "application/x-parquet",
        "includes": ["*.parquet"],
    }
    source = {"fileSet": {"@id": "parquet-files"}}
    image = source | {"extract": {"column": "image"}, "transform": {"jsonPath": "bytes"}}
    split = source | {"extract": {"fileProperty": "filename"}, "transform": {"regex": "^(.*)-[0-9]{5}[.]parquet$"}}
    fields = [
        field("image", "sc:ImageObject", image),
        field("label", "sc:Integer", source | {"extract": {"column": "label"}}),
        field("id", "sc:Text", source | {"extract": {"column": "id"}}),
        field("split", "sc:Text", split),
    ]
    return [shards], fields


FORMAT: Final = Format(write, "{}-?????.parquet", _card, _records)
