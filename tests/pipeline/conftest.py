"""The fixtures of stages."""

from tests.support.stage_fixtures import (
    _no_waiting_for_the_disk,
    context,
    conversion,
    heartbeat,
    images,
    table,
    write_image,
)

__all__ = ["_no_waiting_for_the_disk", "context", "conversion", "heartbeat", "images", "table", "write_image"]
