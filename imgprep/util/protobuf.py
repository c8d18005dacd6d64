"""Reads and writes protobuf messages field by field, without a schema and without trust."""

from collections.abc import Iterator
from typing import Final, NamedTuple

_VARINT: Final = 0
_BYTES: Final = 2
_FIXED: Final = {1: 8, 5: 4}
_LONGEST_VARINT: Final = 10


class DamagedError(ValueError):
    """The bytes are no protobuf message, or only the beginning of one."""


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: which field.
        start: where it begins in the message, key included.
        content: where its value begins.
        end: where it ends.
        number_value: of a varint; 0 for others.
        is_bytes: whether its value is text, bytes or a message.
    """

    number: int
    start: int
    content: int
    end: int
    number_value: int
    is_bytes: bool


def fields(data: memoryview) -> Iterator[Field]:
    """The fields of a message, in order.

    Raises:
        DamagedError: it ends within a field, or has what no message has.
    """
    place = 0
    while place < len(data):
        start = place
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        content, value = place, 0
        if wire == _VARINT:
            value, place = _varint(data, place)
        elif wire == _BYTES:
            length, content = _varint(data, place)
            place = content + length
        elif wire in _FIXED:
            place += _FIXED[wire]
        else:
            raise DamagedError(f"field {number} is of no known kind")
        if number == 0 or place > len(data):
            raise DamagedError("ends within a field")
        yield Field(number, start, content, place, value, wire == _BYTES)


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(data[place : place + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, place + index + 1
    raise DamagedError("ends within a number")


def encoded(number: int, value: int | bytes) -> bytes:
    """A field with a whole number, or with bytes.

    >>> encoded(1, 300).hex(), encoded(2, b"a").hex()
    ('08ac02', '120161')
    """
    if isinstance(value, int):
        return encoded_varint(number << 3 | _VARINT) + encoded_varint(value)
    return heading(number, len(value)) + value


def heading(number: int, length: int) -> bytes:
    """The tag and length before the bytes of a field."""
    return encoded_varint(number << 3 | _BYTES) + encoded_varint(length)


def encoded_varint(value: int) -> bytes:
    """A whole number of 0 or more, seven bits in each byte."""
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)
