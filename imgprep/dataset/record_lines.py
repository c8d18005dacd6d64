"""Lines of samples.jsonl for rows of a shard, without a record for each: several times as fast, and the same bytes."""

from json.encoder import encode_basestring

from imgprep.dataset.records import json_text
from imgprep.table.sample import Sample


class RowLines:
    """Writes the lines of the images of one shard, as `SampleRecord.line` does.

    Args:
        shard: the name of its file.
    """

    def __init__(self, shard: str) -> None:
        self._shard = encode_basestring(shard)
        self._names = {"": "null"}

    def line(self, sample: Sample, row: int, sha256: str, flags: tuple[str, ...]) -> bytes:
        """The line of a usable image that has no mask and no targets, and whose label no decision replaced.

        Args:
            sample: the image.
            row: in the shard.
            sha256: of what was read, in hexadecimal.
            flags: names of what is unusual about it.
        """
        id_, location, label, attributes, group, split = sample[:6]
        quoted = encode_basestring(id_)
        place = quoted if location == id_ else encode_basestring(location)
        told = json_text(dict(attributes)) if attributes else "{}"
        flagged = json_text(flags) if flags else "[]"
        grouped = f',"group":{encode_basestring(group)}' if group else ""
        return (
            f'{{"id":{quoted},"location":{place},"label":{self._name(label)},"attributes":{told},"status":"ok",'
            f'"reason":"","split":{self._name(split)},"shard":{self._shard},"row":{row},"sha256":"{sha256}",'
            f'"flags":{flagged}{grouped}}}\n'
        ).encode("utf-8", "backslashreplace")

    def _name(self, name: str) -> str:
        """A name that many images have, as JSON; null for ''."""
        known = self._names.get(name)
        if known is None:
            known = self._names[name] = encode_basestring(name)
        return known
