"""`imgprep features`: what a layer of a network says of each image, through the command line."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest

import imgprep
from tests.support.onnx_file import NODES, computed, described, network, node, onnx_file, weights
from tests.support.project import Project

SECTION = {"model": "base.onnx", "output": "flat", "normalize": "keras-tf", "size": [16, 12]}
AUGMENT = {"per_image": 1, "transforms": [{"flip": {"horizontal": 1}}], "stress": ["inverted"]}


@pytest.fixture
def featured(new_project: Callable[..., Project], tmp_path: Path) -> Project:
    """A project of 18 images with a network, in one process."""
    project = new_project(tmp_path / "images")
    (project.folder / "base.onnx").write_bytes(network())
    write(project)
    project.draw(ash=7, elm=6, oak=5)
    return project


def write(project: Project, augment: dict[str, Any] | None = None, **section: Any) -> Project:
    """Writes the spec with a section of features."""
    project.write(
        **({"augment": augment} if augment else {}),
        split={"near_duplicates": "ignore", "test": 4, "validation": 3},
        execution={"engine": "serial"},
        features={**SECTION, **section},
    )
    return project


def made(project: Project, *options: object) -> dict[str, Any]:
    """Runs the command; returns the index."""
    done = project.call("features", project.spec, *options)
    assert done.returncode == 0, done.stderr
    return project.manifest("features")


def refused(project: Project, *options: object) -> str:
    """Runs the command, which writes nothing; returns the error without the name of the program."""
    done = project.call("features", project.spec, *options)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert not (project.output / "features").exists()
    assert not (project.output / "convert").exists()
    (line,) = done.stderr.splitlines()
    return line.partition("error: ")[2]


def pixels(project: Project, stage: str = "convert") -> dict[str, Any]:
    """Id -> image of a stage."""
    folder = project.output / stage
    splits = imgprep.load(folder).splits if stage == "convert" else ("train", "test-inverted")
    found: dict[str, Any] = {}
    for split in splits or (None,):
        loaded = imgprep.load(folder, split)
        found |= dict(zip(loaded.ids, loaded.arrays()[0], strict=True))
    return found


def test_features_are_those_of_the_resized_and_normalised_images_and_copies(featured: Project) -> None:
    manifest = made(write(featured, AUGMENT))
    originals = pixels(featured) | pixels(featured, "augment")
    seen = 0
    for split in ("train", "validation", "test", "test-inverted"):
        loaded = imgprep.load(featured.output, split=split, stage="features")
        features, labels = loaded.arrays()
        images = np.stack([cv2.resize(originals[id_], (12, 16), interpolation=cv2.INTER_CUBIC) for id_ in loaded.ids])
        np.testing.assert_allclose(features, computed(images / 127.5 - 1)["flat"], atol=1e-4)
        assert [loaded.classes[label] for label in labels] == [id_.partition("/")[0] for id_ in loaded.ids]
        assert [id_.partition("#")[0] if "#" in id_ else "" for id_ in loaded.ids] == loaded.parents
        seen += len(loaded)
    assert seen == 18 + 11 + 4
    assert manifest["samples"] == {"found": 18, "ok": 18, "quarantined": 0, "skipped": 0, "augmented": 15}
    assert manifest["counts"]["train"] == dict(
        zip(
            ("ash", "elm", "oak"),
            np.bincount(imgprep.load(featured.output, "train", "features").labels).tolist(),
            strict=True,
        )
    )


def test_the_index_says_what_they_were_made_with(featured: Project) -> None:
    manifest = made(featured)
    digest = hashlib.sha256(network()).hexdigest()
    assert manifest["feature"] == {
        "shape": [12],
        "dtype": "float32",
        "network": {"file": "base.onnx", "sha256": digest, "output": "flat", "size": [16, 12]},
    }
    assert (manifest["image"], manifest["normalization"]["kind"]) == (None, "keras-tf")
    assert manifest["labels"] == {"encoding": "index", "dtype": "uint16", "layout": "flat"}
    with h5py.File(featured.output / "features" / "train-00000-of-00001.h5") as shard:
        assert json.loads(shard.attrs["network"]) == manifest["feature"]["network"]
        assert json.loads(shard.attrs["classes"]) == ["ash", "elm", "oak"]
    said = featured.call("show", featured.output / "features").stdout
    assert f"12 float32, flat of base.onnx (SHA-256 {digest[:16]}), images of 16 x 12" in said


def test_rows_are_in_the_order_of_pack(featured: Project) -> None:
    assert featured.call("run", featured.spec).returncode == 0
    for split in ("train", "validation", "test"):
        packed, features = (imgprep.load(featured.output / stage, split) for stage in ("pack", "features"))
        assert packed.ids == features.ids
        assert (packed.labels == features.labels).all()
        assert imgprep.load(featured.output / "pack", split, "features").ids == packed.ids


def test_bytes_depend_on_neither_batch_nor_workers_nor_engine_nor_order(featured: Project) -> None:
    made(write(featured, AUGMENT, shard_size=240))
    first = featured.hashes()
    assert sum("features/train" in name for name in first) > 2
    threads = ["--set", "features.batch=5", "--set", "execution.engine=threads"]
    processes = ["--set", "features.batch=1", "--set", "execution.engine=processes", "--workers", "2"]
    for options in (threads, processes):
        featured.output.rename(featured.folder / f"output {options[1]}")
        made(featured, *options)
        assert featured.hashes() == first, options


def test_another_batch_is_up_to_date_and_another_network_is_not(featured: Project) -> None:
    made(featured)
    assert "features: up to date" in featured.call("features", featured.spec, "--set", "features.batch=2").stderr
    other = network().replace(b"relu1", b"relu9")
    (featured.folder / "base.onnx").write_bytes(other)
    assert "features: up to date" not in featured.call("features", featured.spec).stderr
    for option in ("features.output=mixed", "features.normalize=unit", "features.size=[8, 8]", "features.format=npz"):
        assert "features: up to date" not in featured.call("features", featured.spec, "--set", option).stderr
        assert featured.call("verify", featured.output).returncode == 0


def test_parts_make_what_a_run_makes(featured: Project) -> None:
    write(featured, shard_size=144)
    made(featured)
    whole = featured.hashes()
    featured.output.rename(featured.folder / "reference")
    assert featured.call("split", featured.spec).returncode == 0
    for part in ("2/2", "1/2"):
        done = featured.call("work", featured.spec, "--stage", "features", "--part", part)
        assert done.returncode == 0, done.stderr
        assert f"features: part {part}" in done.stdout
    assert "shards were finished already" in featured.call("features", featured.spec).stderr
    assert featured.hashes() == whole


def test_a_dry_run_estimates_all_stages_and_writes_nothing(featured: Project) -> None:
    done = featured.call("run", featured.spec, "--dry-run")
    assert done.returncode == 0, done.stderr
    stages = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert stages[:6] == ["source", "convert", "split", "pack", "features", "memory"]
    assert "features: 11 train, 3 validation, 4 test; 3 shards" in done.stdout
    assert not featured.output.exists()


def test_damage_is_found_and_repaired_to_the_same_bytes(featured: Project) -> None:
    made(featured)
    before = featured.hashes()
    path = featured.output / "features" / "train-00000-of-00001.h5"
    rows = imgprep.load(featured.output / "features", "train").arrays()[0]
    content = path.read_bytes()
    start = content.index(rows[3].tobytes())
    path.write_bytes(content[:start] + b"\0\0\0\0" + content[start + 4 :])
    done = featured.call("verify", featured.output)
    assert done.returncode == 1
    assert "train-00000-of-00001.h5: rows 3: values differ from their checksum" in done.stdout
    assert "repaired to the same bytes" in featured.call("repair", featured.spec).stdout
    assert featured.hashes() == before


def test_without_the_section_run_makes_none_and_the_command_says_so(project: Project) -> None:
    assert project.call("run", project.spec).returncode == 0
    assert not (project.output / "features").exists()
    done = project.call("features", project.spec)
    assert (done.returncode, "features: the section is missing" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"output": "flatt"}, "features.output: base.onnx has no layer 'flatt'; did you mean 'flat'?"),
        ({"model": "bass.onnx"}, "features.model: there is no file or folder '{folder}/bass.onnx'"),
        ({"model": "."}, "features.model: {folder}: cannot be read: not a regular file; give an ONNX file"),
        ({"model": "spec.yaml"}, "features.model: spec.yaml is no ONNX model"),
        ({"model": "short.onnx"}, "features.model: short.onnx is no ONNX model, or not all of one"),
        ({"model": "fixed.onnx"}, "features.size: fixed.onnx takes images of 32x32, not 16x12; set [32, 32]"),
        (
            {"model": "gray.onnx"},
            "features.model: gray.onnx takes images of 1 channels, these have 3;",
        ),
        ({"normalize": "keras-ft"}, "features.normalize: unknown normalisation 'keras-ft'; did you mean 'keras-tf'?"),
        (
            {"normalize": {"standardize": "channel"}},
            "features.normalize: {{standardize: 'channel'}} is of these images,",
        ),
        ({"batch": 0}, "features.batch: expected a number of images, at least 1, not 0"),
        ({"layer": "flat"}, "features.layer: unknown key 'layer'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line_before_anything_is_written(
    featured: Project, section: dict[str, Any], said: str
) -> None:
    (featured.folder / "short.onnx").write_bytes(network()[:3000])
    (featured.folder / "fixed.onnx").write_bytes(network((1, 3, 32, 32)))
    (featured.folder / "gray.onnx").write_bytes(network(("N", 1, "H", "W"), 1))
    line = refused(write(featured, **section))
    assert line.startswith(f"{featured.spec}:"), line
    assert said.format(folder=featured.folder) in line


def test_a_network_that_kills_opencv_costs_one_line(featured: Project) -> None:
    """OpenCV 5.0 reads beyond an image that is smaller than a kernel."""
    large = node("Conv", ["image", "w1", "b1"], "row", "large", kernel_shape=[3, 3], pads=[0, 0, 0, 0], strides=[1, 1])
    hostile = onnx_file([large], weights(), [described("image", ("N", 3, "H", "W"))], ("row",))
    (featured.folder / "base.onnx").write_bytes(hostile)
    write(featured, output=None, size=[1, 1])
    assert "base.onnx: " in refused(featured, "--set", "execution.engine=processes")


def test_numbers_that_are_not_finite_are_refused_with_the_image(featured: Project) -> None:
    infinite = [node("Exp", ["scaled"], "row", "exp")]
    scaled = [node("Mul", ["average", "many"], "scaled", "scale")]
    data = {**weights(), "many": np.full((1, 12, 1, 1), 1e9, np.float32)}
    nodes = [*NODES[:6], *scaled, *infinite]
    (featured.folder / "base.onnx").write_bytes(
        onnx_file(nodes, data, [described("image", ("N", 3, "H", "W"))], ("row",))
    )
    done = featured.call("features", write(featured, output=None).spec)
    assert done.returncode == 2
    assert "features.model: base.onnx: gives numbers that are not finite for " in done.stderr
    assert not (featured.output / "features").exists()


def test_images_without_a_fixed_size_are_checked_when_they_are_known(featured: Project) -> None:
    featured.write(features={**SECTION, "size": None}, convert={}, execution={"engine": "serial"})
    assert made(featured)["feature"]["network"]["size"] == [20, 24]
    (featured.folder / "base.onnx").write_bytes(network((1, 3, 32, 32)))
    done = featured.call("features", featured.spec)
    assert (done.returncode, "takes images of 32x32, not 20x24; set [32, 32]" in done.stderr) == (2, True)


def test_features_are_no_images_for_those_that_need_some(featured: Project) -> None:
    made(featured)
    folder = featured.output / "features"
    done = featured.call("preprocess", folder, featured.source / "ash" / "000.png", "-o", "x.npy")
    assert (done.returncode, "the stage features holds no images" in done.stderr) == (2, True), done.stderr
    spec = {"source": {"layout": "dataset", "path": str(folder)}, "output": "again"}
    path = featured.folder / "again.json"
    path.write_text(json.dumps(spec))
    done = featured.call("convert", path)
    assert (done.returncode, "the stage features holds no images" in done.stderr) == (2, True), done.stderr


def test_the_name_that_keras_gives_to_the_normalisation_of_torchvision(featured: Project) -> None:
    assert made(write(featured, normalize="keras-torch"))["normalization"]["kind"] == "torch-imagenet"
    featured.write(pack={"normalize": "keras-torch"}, execution={"engine": "serial"})
    assert featured.call("pack", featured.spec).returncode == 0
    assert featured.manifest("pack")["normalization"]["kind"] == "torch-imagenet"


def test_from_python(featured: Project) -> None:
    result = imgprep.features(featured.spec)
    train = result.load("train")
    assert (repr(train), train.array) == ("<Dataset train: 11 features (12,) float32>", "feature")
    batches = list(train.batches(4, shuffle=True, seed=1))
    assert [features.shape for features, _ in batches] == [(4, 12), (4, 12), (3, 12)]
    feature, label = train[0]
    assert (feature.shape, feature.dtype, type(label)) == ((12,), np.float32, int)
    for stage, said in {"featres": "there are convert, features, split", "": "there are convert"}.items():
        with pytest.raises(imgprep.errors.RequestError, match=said):
            imgprep.load(featured.output, "train", stage)


def test_the_audit_judges_by_the_features(featured: Project) -> None:
    """Two pictures of one scene that no hash takes for copies, and a wrong label."""
    featured.draw(ash=12, elm=12)
    for number in range(12):  # ash is dark and elm is bright to this network
        for label, level in (("ash", 40), ("elm", 200)):
            noise = np.random.default_rng(number).integers(-9, 10, (20, 24, 3))
            cv2.imwrite(str(featured.source / label / f"{number:03d}.png"), (level + noise).astype(np.uint8))
    cv2.imwrite(str(featured.source / "ash" / "005.png"), np.full((20, 24, 3), 199, np.uint8))
    rules = {"class-size": {"min": 1}, "label-errors": {"suspects": True}}
    featured.write(features=SECTION, audit={"rules": rules}, execution={"engine": "serial"})
    done = featured.call("audit", featured.spec, "--stage", "features", "--format", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["findings"]
    outliers = {finding["class"]: finding for finding in found if finding["rule"] == "feature-outlier"}
    assert (outliers["ash"]["status"], outliers["ash"]["samples"]) == ("fail", ["ash/005.png"])
    suspects = [finding for finding in found if finding["rule"] == "label-errors" and finding["samples"]]
    assert suspects[0]["samples"][0] == "ash/005.png"
    assert "feature-duplicate" in {finding["rule"] for finding in found}
    assert "blur" not in {finding["rule"] for finding in found}


def test_an_audit_of_features_needs_the_section(project: Project) -> None:
    done = project.call("audit", project.spec, "--stage", "features")
    assert (done.returncode, "features: the section is missing" in done.stderr) == (2, True)


def test_diff_tells_features_of_two_networks_apart(featured: Project) -> None:
    made(featured)
    featured.output.rename(featured.folder / "before")
    made(featured)
    folders = featured.folder / "before" / "features", featured.output / "features"
    assert featured.call("diff", *folders).returncode == 0
    made(featured, "--set", "features.normalize=unit")
    done = featured.call("diff", *folders, "--format", "json")
    content = json.loads(done.stdout)
    assert (done.returncode, len(content["pixels"])) == (1, 18)
    assert "normalization.kind" in {change["id"] for change in content["settings"]}


def test_targets_are_beside_features(featured: Project) -> None:
    made(featured)
    ids = [record["id"] for record in featured.samples().values()]
    rows = [f"{id_},{number / 2}" for number, id_ in enumerate(ids)]
    (featured.folder / "prices.csv").write_text("\n".join(["id,price", *rows]))
    source = {"layout": "directory", "path": str(featured.source), "attributes": "prices.csv"}
    featured.write(source=source, targets={"price": "number"}, features=SECTION, execution={"engine": "serial"})
    made(featured)
    train = imgprep.load(featured.output, "train", "features", targets=["price"])
    features, _, answers = train[:]
    assert features.shape == (len(train), 12)
    assert answers["price"].tolist() == [ids.index(id_) / 2 for id_ in train.ids]
    done = featured.call("verify", featured.output / "features")
    assert done.returncode == 0, done.stdout


def test_there_are_shards_for_several_workers_though_features_are_small(
    featured: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgprep.stages.features.stage.FEWEST", 3)
    estimate = featured.call("features", featured.spec, "--dry-run").stdout
    assert "features: 11 train, 3 validation, 4 test; 5 shards" in estimate
    splits = [shard["split"] for shard in made(featured)["shards"]]
    assert (splits.count("train"), splits.count("validation"), splits.count("test")) == (3, 1, 1)
