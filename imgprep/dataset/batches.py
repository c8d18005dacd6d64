"""One pass over a dataset in batches: in an order that a seed decides, in parts, from any batch on."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

from imgprep.errors import RequestError
from imgprep.util.rng import rng

Batch: TypeAlias = tuple[Any, ...]
"""Images and labels; and targets by name, where they were asked for."""


class PassOptions(TypedDict, total=False):
    """The fields of `Pass` that have a default."""

    shuffle: bool
    seed: int
    epoch: int
    drop_last: bool
    rank: int
    world_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """The order of one pass over the rows, and the part of it that one process takes.

    Attributes:
        batch_size: rows in a batch; the last one may have fewer.
        shuffle: whether the order is random; it depends only on `seed` and `epoch`.
        seed: of the shuffle.
        epoch: number of the pass; each has its own order.
        drop_last: leave out rows at the end, so that every batch is full and all ranks have as many batches.
        rank: the number of this process, from 0; it takes every `world_size`-th row of the order.
        world_size: how many processes share the pass. Without `drop_last` every row is in exactly one of them, and one
            may have a row more than another.
    """

    batch_size: int
    shuffle: bool = False
    seed: int = 0
    epoch: int = 0
    drop_last: bool = False
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 1), ("epoch", 0), ("world_size", 1), ("rank", 0)):
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
                raise RequestError(f"{name} is {value!r}; it must be a whole number, at least {least}")
        if self.rank >= self.world_size:
            raise RequestError(f"rank is {self.rank}; with a world_size of {self.world_size} it is below that")

    def of_epoch(self, epoch: int) -> "Pass":
        """The same settings for another pass."""
        return replace(self, epoch=epoch)

    def order(self, rows: int) -> NDArray[np.int64]:
        """(N,) the numbers of the rows that this process visits, in order."""
        every = rng(self.seed, "batches", self.epoch).permutation(rows) if self.shuffle else np.arange(rows)
        if self.drop_last:
            every = every[: rows - rows % (self.batch_size * self.world_size)]
        return every[self.rank :: self.world_size]


class Batches(Iterator[Batch]):
    """Iterates over the batches of a pass; `state_dict` says how far it is.

    Args:
        gather: (B,) numbers of rows -> their images and labels.
        rows: how many there are.
        pass_: the order.
        start: the first batch.
        prefetch: batches that a thread makes ahead of the one in use; 0 for none.
        fingerprint: of the dataset, which a state belongs to.

    Raises:
        RequestError: the start lies behind the end, or a number is negative.
    """

    def __init__(
        self,
        gather: Callable[[NDArray[np.int64]], Batch],
        rows: int,
        pass_: Pass,
        *,
        start: int = 0,
        prefetch: int = 0,
        fingerprint: str = "",
    ) -> None:
        if prefetch < 0:
            raise RequestError(f"prefetch is {prefetch}; it is a number of batches, 0 for none")
        self._gather = gather
        self._pass = pass_
        self._identity = {**asdict(pass_), "rows": rows, "fingerprint": fingerprint}
        self._order = pass_.order(rows)
        self._ahead = prefetch
        self._made: deque[Future[Batch]] = deque()
        self._thread: ThreadPoolExecutor | None = None
        self._go_to(start)

    def __iter__(self) -> "Batches":
        return self

    def __len__(self) -> int:
        """The batches that are left."""
        return self._count - self._next

    def __next__(self) -> Batch:
        if self._next >= self._count:
            self.close()
            raise StopIteration
        batch = self._prefetched() if self._ahead else self._make(self._next)
        self._next += 1
        return batch

    def state_dict(self) -> dict[str, Any]:
        """The place and the settings of the pass, as JSON could hold them."""
        return {"next": self._next, **self._identity}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes to the place of an earlier iterator over the same pass.

        Raises:
            RequestError: the state is that of another dataset or other settings.
        """
        others = [name for name, value in self._identity.items() if state.get(name) != value]
        if others:
            told = ", ".join(
                f"{name} is {state.get(name)!r} there and {self._identity[name]!r} here" for name in others
            )
            raise RequestError(f"the state belongs to another pass: {told}")
        self.close()
        self._go_to(state.get("next"))

    def close(self) -> None:
        """Ends the thread that makes batches ahead; the iterator may go on."""
        while self._made:
            self._made.pop().cancel()
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    @property
    def _count(self) -> int:
        return -(-len(self._order) // self._pass.batch_size)

    def _go_to(self, batch: object) -> None:
        if not isinstance(batch, (int, np.integer)) or not 0 <= batch <= self._count:
            raise RequestError(f"start is {batch!r}; the pass has {self._count} batches")
        self._next = int(batch)

    def _make(self, batch: int) -> Batch:
        size = self._pass.batch_size
        return self._gather(self._order[batch * size : (batch + 1) * size])

    def _prefetched(self) -> Batch:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "imgprep-batches")
        while len(self._made) <= self._ahead and self._next + len(self._made) < self._count:
            self._made.append(self._thread.submit(self._make, self._next + len(self._made)))
        return self._made.popleft().result()
