"""Lists the guarantees of the engine `processes` on this system."""

from imgprep.engines.heartbeat import has_timer
from imgprep.engines.launch import can_fork
from imgprep.engines.worker import can_limit_memory


def guarantees() -> tuple[tuple[str, str], ...]:
    """Names and what is done here, one line each: how workers start, and how their time and memory are limited."""
    started = "forked" if can_fork() else "spawned: scripts need `if __name__ == '__main__'`"
    ended = "by the kernel" if has_timer() else "by the run, up to a second late"
    limited = "enforced" if can_limit_memory() else "not enforced on this system; sizes are checked before decoding"
    return ("Workers", started), ("Item timeout", f"enforced {ended}"), ("Memory limit", limited)
