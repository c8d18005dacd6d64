from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Load = Callable[..., Any]
Refused = Callable[..., list[str]]

TEST = "test: expected auto, a number of images, a fraction under 1 such as 0.2, or {from: earlier/dataset.json}"
METHOD = "method: expected stratified, random, hash, predefined, kfold or null"
VALIDATION = "validation: expected a number of images or a fraction under 1 such as 0.1"
NORMALIZE = (
    "normalize: expected none, unit, symmetric, minmax, percentile, samplewise, keras-tf, keras-caffe, torch-imagenet, "
    "{standardize: global}, channel, pixel or {pixel: per_position}, or {center: global}, channel, pixel or samplewise"
)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("test: 1.0", f"{TEST}, not 1.0"),
        ("test: -0.1", f"{TEST}, not -0.1"),
        ("test: -1", f"{TEST}, not -1"),
        ("test: true", f"{TEST}, not true"),
        ("test: null", f"{TEST}, not null"),
        ("test: 20 %", f"{TEST}, not '20 %'"),
        ("test: automatic", f"{TEST}, not 'automatic'; did you mean 'auto'?"),
        ("test: {form: x}", f"{TEST}, not {{form: 'x'}}"),
        ("validation: 1.5", f"{VALIDATION}, not 1.5"),
        ("validation: auto", f"{VALIDATION}, not 'auto'"),
        (
            "method: startified",
            f"{METHOD}, not 'startified'; did you mean 'stratified'?",
        ),
        ("folds: 1", "folds: expected an integer from 2 to 1000, not 1"),
        ("folds: 5.0", "folds: expected an integer from 2 to 1000, not 5.0"),
        ("fraction: 0", "fraction: expected a number over 0 and at most 1, not 0"),
        ("fraction: 1.01", "fraction: expected a number over 0 and at most 1, not 1.01"),
        ("group: 5", "group: expected text that is not empty or null, not 5; put it in quotes"),
        (
            "group: a(b",
            "group: is neither an attribute nor a regular expression: missing ), unterminated subpattern at position 1",
        ),
        ("near_duplicates: apart", "near_duplicates: expected together or ignore, not 'apart'"),
    ],
)
def test_split_refuses(refused: Refused, section: str, message: str) -> None:
    assert refused(f"..\nsplit:\n  {section}\n") == [f"fruits.yaml:4: split.{message}"]


def test_split_leaves_something_to_train_on(refused: Refused) -> None:
    message = "with split.test: 0.6 leaves nothing to train on; together they must be under 1"

    assert refused("..\nsplit:\n  validation: 0.4\n  test: 0.6\n") == [f"fruits.yaml:4: split.validation: {message}"]


@pytest.mark.parametrize(("text", "test"), [("auto", "auto"), ("0", 0), ("300", 300), ("0.25", 0.25), ("0.0", 0.0)])
def test_a_test_set_is_automatic_a_count_or_a_fraction(load: Load, text: str, test: object) -> None:
    found = load(f"..\nsplit: {{test: {text}}}\n").spec.split.test

    assert found == test
    assert type(found) is type(test)


def test_a_test_set_can_be_frozen(load: Load, tmp_path: Path) -> None:
    assert (
        load("..\nsplit: {test: {from: old/dataset.json}}\n").spec.split.test.path
        == tmp_path.resolve() / "old/dataset.json"
    )


def test_method_and_validation_follow_the_source(load: Load) -> None:
    default = load("..\n").spec.split
    given = load("..\nsplit: {validation: 7, method: random}\n").spec.split

    assert (default.method_for(False), default.method_for(True), given.method_for(True)) == (
        "stratified",
        "predefined",
        "random",
    )
    assert (default.validation_for("stratified"), default.validation_for("predefined")) == (0.1, 0)
    assert (given.validation_for("predefined"), given.validation_for("random")) == (7, 7)


@pytest.mark.parametrize(("key", "sizes"), [("test", "test: 10"), ("validation", "validation: 5, test: 0.1")])
def test_hash_takes_fractions_only(load: Load, refused: Refused, key: str, sizes: str) -> None:
    load("..\nsplit: {method: hash, test: 0, validation: 0}\n")
    [message] = refused(f"..\nsplit: {{method: hash, {sizes}}}\n")
    assert f"split.method: hash takes a fraction for {key}, not a number of images" in message


@pytest.mark.parametrize(
    ("section", "line", "message"),
    [
        ("layout: by class", 4, "layout: expected flat or by_class, not 'by class'; did you mean 'by_class'?"),
        ("normalize: standardize", 4, f"{NORMALIZE}, not 'standardize'"),
        ("normalize: symetric", 4, f"{NORMALIZE}, not 'symetric'; did you mean 'symmetric'?"),
        ("normalize: {standardize: image}", 4, f"{NORMALIZE}, not {{standardize: 'image'}}"),
        ("normalize: null", 4, f"{NORMALIZE}, not null"),
        (
            "dtype: float",
            4,
            "dtype: expected uint8, uint16, float16, float32 or float64, not 'float'; did you mean 'float64'?",
        ),
        (
            "dtype: uint8",
            4,
            "dtype: uint8 cannot hold the fractions of normalize: unit; use float32, or normalize: none",
        ),
        (
            "normalize: {standardize: pixel}\n  dtype: uint16",
            5,
            "dtype: uint16 cannot hold the fractions of normalize: standardize; use float32, or normalize: none",
        ),
        (
            "normalize: {center: channel}\n  dtype: uint8",
            5,
            "dtype: uint8 cannot hold the fractions of normalize: center; use float32, or normalize: none",
        ),
        ("statistics: original", 4, "statistics: expected originals or all, not 'original'; did you mean 'originals'?"),
        ("labels: onehot", 4, "labels: expected index or one_hot, not 'onehot'; did you mean 'one_hot'?"),
        ("shuffle: on", 4, "shuffle: expected true or false, not 'on'; write true"),
        ("compression: [gzip]", 4, "compression: expected text, not ['gzip']"),
        ("compression: gz", 4, "compression: unknown compression of hdf5 'gz'; did you mean 'gzip'?"),
    ],
)
def test_pack_refuses(refused: Refused, section: str, line: int, message: str) -> None:
    assert refused(f"..\npack:\n  {section}\n") == [f"fruits.yaml:{line}: pack.{message}"]


@pytest.mark.parametrize(
    ("section", "kind"),
    [
        ("{}", "unit"),
        ("{normalize: none, dtype: uint8}", "none"),
        ("{normalize: torch-imagenet}", "torch-imagenet"),
        ("{normalize: {standardize: global}}", "standardize-global"),
        ("{normalize: {standardize: pixel}}", "standardize-pixel"),
        ("{normalize: {standardize: {pixel: per_position}}}", "standardize-position"),
        ("{normalize: {standardize: samplewise}}", "samplewise"),
        ("{normalize: samplewise}", "samplewise"),
        ("{normalize: {center: channel}}", "center-channel"),
        ("{normalize: {center: samplewise}}", "center-samplewise"),
    ],
)
def test_the_kind_of_normalisation_is_one_word(load: Load, section: str, kind: str) -> None:
    assert load(f"..\npack: {section}\n").spec.pack.kind == kind


@pytest.mark.parametrize("normalize", ["{standardize: {pixel: per_position}}", "{center: global}"])
def test_folds_have_no_training_images_to_take_statistics_of(refused: Refused, normalize: str) -> None:
    [message] = refused(f"..\nsplit: {{method: kfold}}\npack: {{normalize: {normalize}}}\n")
    assert "pack.normalize: takes its statistics from training images" in message


@pytest.mark.parametrize("normalize", ["samplewise", "{center: samplewise}"])
def test_folds_may_be_normalised_image_by_image(load: Load, normalize: str) -> None:
    load(f"..\nsplit: {{method: kfold}}\npack: {{normalize: {normalize}}}\n")
