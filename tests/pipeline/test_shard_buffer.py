"""The buffer of a writer: one for each thread, reused, and never part of what is sent to a worker."""

import pickle
import threading

import numpy as np

from imgprep.pipeline.shard_buffer import ShardBuffer


def test_a_buffer_is_reused_and_grows() -> None:
    buffer = ShardBuffer()
    first = buffer.rows((4, 2, 2, 3), "uint8")
    again = buffer.rows((2, 2, 2, 3), np.dtype(np.uint16))
    assert (first.shape, again.shape, again.dtype) == ((4, 2, 2, 3), (2, 2, 2, 3), np.uint16)
    assert np.shares_memory(first, again)
    assert buffer.rows((100, 2, 2, 3), "uint8").shape == (100, 2, 2, 3)


def test_each_thread_and_each_copy_has_its_own() -> None:
    buffer, others = ShardBuffer(), []
    mine = buffer.rows((9,), "uint8")
    thread = threading.Thread(target=lambda: others.append(buffer.rows((9,), "uint8")))
    thread.start()
    thread.join()
    others.append(pickle.loads(pickle.dumps(buffer)).rows((9,), "uint8"))
    assert not any(np.shares_memory(mine, other) for other in others)
