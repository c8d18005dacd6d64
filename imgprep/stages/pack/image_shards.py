"""The shards that the images of the splits are in, as a worker opens them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from numpy.typing import NDArray

from imgprep.dataset.row_format import ImageFormat
from imgprep.pipeline.stage_images import OPEN_SHARDS
from imgprep.shards.shard_set import ShardSet
from imgprep.stages.pack.selection import SelectedRows


class ImageShards(NamedTuple):
    """The shards of the images, as a worker opens them.

    Attributes:
        shards: stage after stage.
        first: the number of the first shard of each stage.
        image: format of the stored images.
    """

    shards: ShardSet
    first: tuple[int, ...]
    image: ImageFormat

    @contextmanager
    def opened(self) -> Iterator[Callable[[SelectedRows, int], NDArray[Any]]]:
        """Opens shards as they are needed.

        Yields:
            (rows, the number of one of them) -> its image (H, W, C).

        Raises:
            SourceError: a shard of an earlier stage is damaged.
        """
        with self.shards.opened(OPEN_SHARDS) as shards:

            def image(selected: SelectedRows, item: int) -> NDArray[Any]:
                shard, row = selected.place[item]
                found: NDArray[Any] = shards[self.first[selected.stage[item]] + int(shard)].images[int(row)]
                return found

            yield image
