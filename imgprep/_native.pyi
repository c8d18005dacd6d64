from typing_extensions import Buffer

CRC32: int
INSTRUCTIONS: str

def resize_area(
    source: Buffer, target: Buffer, size: tuple[int, int], target_size: tuple[int, int], channels: int, wide: bool, /
) -> None: ...
def gather_rows(sources: list[Buffer | None], which: Buffer, rows: Buffer, target: Buffer, /) -> None: ...
def crc32(content: Buffer, before: int = 0, /) -> int: ...
