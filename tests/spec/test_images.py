from collections.abc import Callable
from typing import Any

import pytest

Load = Callable[..., Any]
Refused = Callable[..., list[str]]

SIZE = "convert.size: expected two integers [height, width]"


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("channels: rbg", "convert.channels: expected rgb, gray or keep, not 'rbg'; did you mean 'rgb'?"),
        ("size: [1]", f"{SIZE}, not [1]"),
        ("size: 128", f"{SIZE}, not 128; for a square write [128, 128]"),
        ("size: [128, '128']", f"{SIZE}, not [128, '128']"),
        ("size: [true, 1]", f"{SIZE}, not [true, 1]"),
        ("size: [1.0, 1]", f"{SIZE}, not [1.0, 1]"),
        ("size: {h: 1, w: 2}", f"{SIZE}, not {{h: 1, w: 2}}"),
        ("size: [0, 9]", f"{SIZE} from 1 to 65500, not [0, 9]; leave the key out to keep the size of the images"),
        (
            "size: [9, 65501]",
            f"{SIZE} from 1 to 65500, not [9, 65501]; leave the key out to keep the size of the images",
        ),
        ("fit: squash", "convert.fit: expected stretch, pad or crop, not 'squash'"),
        ("fit: null", "convert.fit: expected stretch, pad or crop, not null"),
        ("depth: '8'", "convert.depth: expected 8, 16 or keep, not '8'"),
        (
            "alpha: [0, 0, 256]",
            "convert.alpha: expected white, black, ignore or three integers [red, green, blue] from 0 to 255, not [0, 0, 256]",  # noqa: E501
        ),
        ("steps: invert", "convert.steps: expected a list of steps, not 'invert'"),
        ("steps: [invrt]", "convert.steps.0: unknown step 'invrt'; did you mean 'invert'?"),
        ("steps: [zz]", "convert.steps.0: unknown step 'zz'; known are clahe, invert"),
        ("steps: [1]", "convert.steps.0: expected the name of a step, alone or with its options in a mapping, not 1"),
        ("steps: [{}]", "convert.steps.0: expected the name of a step, alone or with its options in a mapping, not {}"),
        (
            "steps: [{clahe: null, clip: 2}]",
            "convert.steps.0: expected one step, found the keys clahe, clip; indent the options under 'clahe'",
        ),
        ("steps: [{clahe: 2}]", "convert.steps.0.clahe: expected a mapping of keys, not 2"),
        ("steps: [{clahe: {clip: 0}}]", "convert.steps.0.clahe.clip: expected a number over 0, not 0"),
        ("steps: [{clahe: {clip: .nan}}]", "convert.steps.0.clahe.clip: expected a number over 0, not nan"),
        ("steps: [{clahe: {tiles: 1}}]", "convert.steps.0.clahe.tiles: expected two integers [low, high], not 1"),
        (
            "steps: [{clahe: {block_size: 1}}]",
            "convert.steps.0.clahe.block_size: expected two integers [height, width], not 1",
        ),
        ("steps: [{invert: {clip: 1}}]", "convert.steps.0.invert.clip: unknown key 'clip'; nothing is known here"),
        ("format: hdf", "convert.format: unknown format 'hdf'; did you mean 'hdf5'?"),
        (
            "{format: npz, compression: lzf}",
            "convert.compression: unknown compression of npz 'lzf'; known are gzip, none",
        ),
        ("shard_size: 0", "convert.shard_size: expected a size such as 64 MiB, not 0"),
        ("shard_size: -1 MiB", "convert.shard_size: expected a size such as 64 MiB, not '-1 MiB'"),
        ("shard_size: 0.1", "convert.shard_size: expected a size such as 64 MiB, not 0.1"),
        ("shard_size: true", "convert.shard_size: expected a size such as 64 MiB, not true"),
        ("[rgb]", "convert: expected a mapping of keys, not ['rgb']"),
    ],
)
def test_convert_refuses(refused: Refused, section: str, message: str) -> None:
    line = 3 if message.startswith("convert: ") else 4

    assert refused(f"..\nconvert:\n  {section}\n") == [f"fruits.yaml:{line}: {message}"]


def test_convert_takes_every_form(load: Load) -> None:
    section = load(
        "..\nconvert:\n  size: null\n  alpha: [1, 2, 3]\n  shard_size: 1024\n  depth: keep\n"
        "  steps:\n    - invert\n    - invert:\n    - clahe: {clip: 3}\n    - clahe: {}\n"
    ).spec.convert

    assert section.size is None
    assert section.background == (1, 2, 3)
    assert load("..\nconvert: {alpha: black}\n").spec.convert.background == (0, 0, 0)
    assert [getattr(step, "clip", None) for step in section.steps] == [None, None, 3.0, 2.0]


CHOICE = "balance: expected max or mean or an integer from 1 to 1000000000 or null"
CHAIN = "  transforms: [flip]\n"


@pytest.mark.parametrize(
    ("section", "where", "message"),
    [
        (CHAIN + "  per_class: 0\n", 5, "per_class: expected an integer from 1 to 1000000000 or null, not 0"),
        (
            CHAIN + "  per_class: 2\n  balance: max\n",
            6,
            "balance: contradicts per_class; give one of per_class, per_image and balance",
        ),
        (
            CHAIN + "  balance: median\n",
            5,
            f"{CHOICE}, not 'median'; did you mean 'mean'?",
        ),
        (CHAIN, 4, "transforms: says not how many images to make; give augment.per_class, per_image, balance or views"),
        ("  per_image: 2\n", 4, "per_image: needs transforms to make images with; list some under augment.transforms"),
        ("  views: 2\n", 4, "views: needs transforms to make images with; list some under augment.transforms"),
        ("  stress: [invertd]\n", 4, "stress.0: unknown stress set 'invertd'; did you mean 'inverted'?"),
        ("  mix: {invert: 0}\n", 4, "mix.invert: expected a share over 0 and at most 1, not 0"),
        ("  mix: {invert: true}\n", 4, "mix.invert: expected a share over 0 and at most 1, not true"),
        ("  mix: {zoom: 0.1}\n", 4, "mix.zoom.factor: is missing; give two numbers [low, high]"),
        ("  mix: {inverted: 0.1}\n", 4, "mix.inverted: unknown transform 'inverted'; did you mean 'invert'?"),
        (
            "  mix: [invert]\n",
            4,
            "mix: expected a mapping of transforms to shares such as {invert: 0.1}, not ['invert']",
        ),
    ],
)
def test_augment_refuses(refused: Refused, section: str, where: int, message: str) -> None:
    assert refused(f"..\naugment:\n{section}") == [f"fruits.yaml:{where}: augment.{message}"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("rotate: {degrees: [5, -5]}", "rotate.degrees: expected [low, high], low is above high"),
        ("rotate: {degrees: [-60, 60]}", "rotate: rotates by more than 30 degrees; set beyond_limits: true"),
        ("rotate: {degrees: 15}", "rotate.degrees: expected two numbers [low, high], not 15"),
        ("rotate: {degrees: [-15, .inf]}", "rotate.degrees: expected two numbers [low, high], not [-15, inf]"),
        ("flip: {probability: 1.5}", "flip.probability: expected a number from 0 to 1, not 1.5"),
        ("flip: {beyond_limits: yes}", "flip.beyond_limits: expected true or false, not 'yes'; write true"),
        ("shift: {x: [0, 0.5]}", "shift.x: is over the limit 0.2: narrow it"),
        ("one_of: [{shift: {x: [0, 1]}}]", "one_of: shift.x: is over the limit 0.2: narrow it"),
        ("zoom", "factor: is missing; give two numbers [low, high]"),
        (
            "shift: {fill: reflct}",
            "shift.fill: expected constant, nearest, reflect or wrap, not 'reflct'; did you mean 'reflect'?",
        ),
        ("one_of: [{flip: {horizontal: 2}}]", "one_of.0.flip.horizontal: expected a number from 0 to 1, not 2"),
        (
            "one_of: {of: [{flip: {up: 2}}]}",
            "one_of.of.0.flip.up: unknown key 'up'; known are beyond_limits, horizontal, probability, vertical",
        ),
        ("one_of: invert", "one_of: expected a mapping of keys, not 'invert'"),
        ("some_of: {n: 1, of: invert}", "some_of.of: expected a list of transforms, not 'invert'"),
        (
            "some_of: {n: 1, of: [{one_of: [zom]}]}",
            "some_of.of.0.one_of.0: unknown transform 'zom'; did you mean 'zoom'?",
        ),
    ],
)
def test_transforms_refuse(refused: Refused, entry: str, message: str) -> None:
    lines = refused(f"..\naugment:\n  per_image: 1\n  transforms:\n    - {entry}\n")

    assert lines == [f"fruits.yaml:6: augment.transforms.0.{message}"]


def test_limits_are_told_with_all_the_rest(refused: Refused) -> None:
    lines = refused("..\naugment:\n  per_image: 1\n  transforms:\n    - shift: {x: [0, 1]}\n    - zom\n")

    assert lines == [
        "fruits.yaml:6: augment.transforms.0.shift.x: is over the limit 0.2: narrow it",
        "fruits.yaml:7: augment.transforms.1: unknown transform 'zom'; did you mean 'zoom'?",
    ]


def test_augment_takes_every_form(load: Load) -> None:
    section = load(
        "..\naugment:\n  views: 2\n  mix: {invert: 0.1}\n  transforms:\n"
        "    - one_of: [invert, {rotate: {degrees: [-90, 90], beyond_limits: true, probability: 0.5}}]\n"
        "    - some_of: {n: 1, of: [{one_of: {of: [flip], probability: 0}}]}\n"
    ).spec.augment

    one, some = section.transforms
    assert one.of[1].degrees == (-90.0, 90.0)
    assert some.of[0].of[0].horizontal == 0.5
    transform, share = section.mix["invert"]
    assert (type(transform).__name__, share) == ("InvertAll", 0.1)
    assert (
        load("..\naugment: {per_image: 1, transforms: [{rotate: {copy: x}}]}\n").spec.augment.transforms[0].copy == "x"
    )
    chain = "[{shift: {x: [0, 0.5], beyond_limits: true}}]"
    assert load(f"..\naugment: {{per_image: 1, transforms: {chain}}}\n").spec.augment.transforms[0].x == (0.0, 0.5)
    assert load("..\naugment: {stress: [{shifted: {x: [1, 2]}}]}\n").spec.augment.stress[0].x == (1.0, 2.0)
