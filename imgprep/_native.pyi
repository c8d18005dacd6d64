from typing_extensions import Buffer

CRC32: int
FILES: int
WARP: int
INSTRUCTIONS: str

def resize_area(
    source: Buffer, target: Buffer, size: tuple[int, int], target_size: tuple[int, int], channels: int, wide: bool, /
) -> None: ...
def gather_rows(sources: list[Buffer | None], which: Buffer, rows: Buffer, target: Buffer, /) -> None: ...
def crc32(content: Buffer, before: int = 0, /) -> int: ...
def file_stamps(folder: int, names: list[str], target: Buffer, /) -> bool: ...
def find_pair(content: Buffer, start: int, pair: Buffer, /) -> int: ...
def read_regular(path: str, size: int, time: int, most: int, /) -> bytes | None: ...
def hash_texts(texts: Buffer, ends: Buffer, key: Buffer, target: Buffer, /) -> None: ...
def place_units(
    ends: Buffer, labels: Buffer, counts: Buffer, need: Buffer, wanted: Buffer, chosen: Buffer, parts: int, /
) -> None: ...
def warp_affine(
    source: Buffer,
    target: Buffer,
    size: tuple[int, int],
    target_size: tuple[int, int],
    channels: int,
    matrix: Buffer,
    border: int,
    colour: tuple[int, int, int],
    /,
) -> bool: ...
