"""Parquet files with the image and label features of Hugging Face: bytes embedded, small row groups for streaming."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from imgprep.dataset.export.base import SUFFIXES, Export, Image, Names, Shards
from imgprep.errors import RequestError

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
    shards, names = Shards(), Names()
    opened: dict[str, tuple[str, Any]] = {}
    rows: dict[str, list[dict[str, Any]]] = {}
    with ExitStack() as stack:

        def flush(split: str) -> None:
            if rows.get(split):
                opened[split][1].write_table(arrow.Table.from_pylist(rows[split], schema=schema))
            rows[split] = []

        for image in export.images():
            split, name = image.split, shards.name(image.split)
            if split not in opened or opened[split][0] != name:
                flush(split)
                if split in opened:
                    opened[split][1].close()
                writer = parquet.ParquetWriter(folder / f"{name}.parquet", schema)
                opened[split] = name, stack.enter_context(writer)
            file = f"{names.of(image.record.id)}{SUFFIXES[export.encoding]}"
            content = {"bytes": export.encoded(image), "path": file}
            rows[split].append({"image": content, "label": image.number, "id": image.record.id})
            if len(rows[split]) == _GROUP:
                flush(split)
            yield image
        for split in opened:
            flush(split)


def _schema(arrow: Any, export: Export) -> Any:
    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(export.classes), "_type": "ClassLabel"},
        "id": {"dtype": "string", "_type": "Value"},
    }
    image = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    fields = [("image", image), ("label", arrow.int64()), ("id", arrow.string())]
    return arrow.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})
