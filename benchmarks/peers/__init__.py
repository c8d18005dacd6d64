"""The programs that imgprep is compared with: a script in this folder and a line in `PEERS` for each.

A script runs in the virtual environment of its peer, as a whole process:

    python SCRIPT JOB INPUT OUTPUT SIDE WORKERS

It does the job with INPUT (a folder with one folder of images for each class, or a file of numpy) and writes images of
SIDE x SIDE into the folder OUTPUT, in so many processes, as its documentation advises for speed. It fails if one is
missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Peer:
    """A program that does one or more jobs of `benchmarks.jobs`.

    Attributes:
        name: as people know it.
        script: in this folder, without its suffix.
        packages: what pip installs; none: it needs only what imgprep needs.
        jobs: each with how many times as fast as the peer imgprep should be; None: no aim is set.
    """

    name: str
    script: str
    packages: tuple[str, ...]
    jobs: Mapping[str, float | None]


PEERS: Final = (
    Peer("opencv", "opencv_loop", (), {"convert": 1.15, "convert-small": 0.75}),
    Peer("img2dataset", "img2dataset_files", ("img2dataset",), {"convert-others": 2.2}),
    Peer("huggingface", "huggingface_map", ("datasets", "pillow"), {"convert-others": 7.0}),
    Peer("tf.data", "tf_data_records", ("tensorflow-cpu",), {"convert-others": 1.75}),
    Peer("datumaro", "datumaro_resize", ("datumaro",), {"convert-others": 2.8}),
    Peer("cleanvision", "cleanvision_issues", ("cleanvision",), {"audit": 10.0, "audit-small": 25.0, "audit-200": 7.0}),
    Peer(
        "albumentations",
        "albumentations_chain",
        ("albumentations", "opencv-python-headless"),
        {"augment-224": 1.4, "augment-32": 6.0},
    ),
    Peer(
        "keras",
        "keras_generator",
        ("keras-preprocessing", "scipy", "pillow"),  # the code of ImageDataGenerator, without TensorFlow
        {"augment-224": 15.0, "augment-32": 15.0},
    ),
    Peer("numpy", "numpy_standardize", (), {"pack": None}),
    Peer("np.save", "numpy_save", (), {"pack": 0.7}),
)
