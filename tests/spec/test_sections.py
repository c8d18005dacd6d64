from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

Load = Callable[..., Any]
Refused = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("output: x\n", 1, "source: is missing; give layout and path in a mapping"),
        ("source: {layout: directory, path: x}\n", 1, "output: is missing; give a path"),
        ("..\nname: ''\n", 3, "name: expected text that is not empty, not ''"),
        ("..\nname: 2026\n", 3, "name: expected text that is not empty, not 2026; put it in quotes"),
        ("..\nseed: 1.0\n", 3, "seed: expected an integer of at least 0 and under 9223372036854775808, not 1.0"),
        ("..\nseed: true\n", 3, "seed: expected an integer of at least 0 and under 9223372036854775808, not true"),
        ("..\nsplitt: {}\n", 3, "splitt: unknown key 'splitt'; did you mean 'split'?"),
        ("..\nexecution: {workers: 0}\n", 3, "execution.workers: expected auto or an integer of at least 1, not 0"),
        (
            "..\nexecution: {workers: all}\n",
            3,
            "execution.workers: expected auto or an integer of at least 1, not 'all'",
        ),
        (
            "..\nexecution: {engine: process}\n",
            3,
            "execution.engine: unknown engine 'process'; did you mean 'processes'?",
        ),
        ("..\nexecution: {item_timeout: 0}\n", 3, "execution.item_timeout: expected a number over 0, not 0"),
        (
            "..\nexecution: {memory_limit: 2 gigs}\n",
            3,
            "execution.memory_limit: expected a size such as 64 MiB, not '2 gigs'",
        ),
        (
            "..\nexecution: {memory_limit: 1 MiB}\n",
            3,
            "execution.memory_limit: 1048576 bytes are too few to decode an image in; give at least 64 MiB",
        ),
        (
            "..\nexecution: {max_quarantined: 1.5}\n",
            3,
            "execution.max_quarantined: expected a number of images, or a fraction from 0.0 to 1.0, not 1.5",
        ),
        (
            "..\nconvert: {depth: 16}\npack:\n  normalize: none\n  dtype: uint8\n",
            6,
            "pack.dtype: uint8 cannot hold 16-bit images; use uint16, or convert.depth: 8",
        ),
        (
            "..\nconvert: {depth: 16}\npack:\n  normalize: none\n  dtype: float16\n",
            6,
            "pack.dtype: float16 cannot hold 16-bit levels; use float32, normalize: unit, or convert.depth: 8",
        ),
        (
            "..\nconvert: {channels: gray}\npack:\n  normalize: keras-caffe\n",
            5,
            "pack.normalize: keras-caffe is for colour images; use convert.channels: rgb, or normalize: symmetric",
        ),
    ],
)
def test_refuses(refused: Refused, text: str, line: int, message: str) -> None:
    assert refused(text) == [f"fruits.yaml:{line}: {message}"]


@pytest.mark.parametrize(
    "text",
    [
        "convert: {depth: 16}\npack: {normalize: none, dtype: uint16}",
        "convert: {depth: 16}\npack: {normalize: unit, dtype: float16}",
        "convert: {depth: 8}\npack: {normalize: none, dtype: float16}",
        "convert: {depth: keep, channels: keep}\npack: {normalize: torch-imagenet}",
    ],
)
def test_what_fits_together_is_taken(load: Load, text: str) -> None:
    load(f"..\n{text}\n")


@pytest.mark.parametrize(
    ("given", "allowed"), [("0", 0), ("7", 7), ("1", 1), ("1.0", 1000), ("0.0159", 15), ("0.0", 0)]
)
def test_how_many_images_may_be_lost(load: Load, given: str, allowed: int) -> None:
    assert load(f"..\nexecution: {{max_quarantined: {given}}}\n").spec.execution.may_lose(1000) == allowed


def test_a_spec_is_frozen(load: Load) -> None:
    spec = load("..\n").spec

    with pytest.raises(ValidationError):
        spec.seed = 1
    with pytest.raises(ValidationError):
        spec.convert.fit = "pad"
