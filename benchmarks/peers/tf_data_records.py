"""tf.data: files read, decoded and resized by area in parallel, written as TFRecord."""

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf  # type: ignore[import-not-found,unused-ignore]


def main(images: str, output: Path, side: int, workers: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(workers)
    paths = sorted(entry.path for label in os.scandir(images) for entry in os.scandir(label.path))

    def resized(path: "tf.Tensor") -> "tf.Tensor":
        image = tf.io.decode_jpeg(tf.io.read_file(path), 3)
        return tf.io.serialize_tensor(tf.cast(tf.image.resize(image, (side, side), "area"), tf.uint8))

    output.mkdir(parents=True)
    written = 0
    with tf.io.TFRecordWriter(str(output / "images.tfrecord")) as writer:
        made = tf.data.Dataset.from_tensor_slices(paths).map(resized, num_parallel_calls=workers)
        for record in made.prefetch(64).as_numpy_iterator():
            writer.write(record)
            written += 1
    if written != len(paths):
        raise SystemExit("images are missing")


if __name__ == "__main__":
    main(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
