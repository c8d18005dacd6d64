"""Kills runs of imgprep at random moments, each time starts the next one on what is left, and tells what went wrong.

``python killing.py SPEC OUTPUT KILLS``, prints JSON. The runs are forked from a process that has imported everything:
most of the moments would fall into the start of an interpreter otherwise. Their workers come from a process of their
own, as always.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from stepping import hashes, warm_up


def start(spec: str, output: Path) -> int:
    """Starts a run as the leader of a session; gives its process."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    log = os.open(output.with_name(f"{output.name}.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    from imgprep.cli.exit_status import run

    os._exit(run(["run", spec, "--output", str(output), "-q"]))


def ended(child: int, seconds: float) -> int | None:
    """The exit code of a process, negative for a signal, or None if it has not ended after some time."""
    end = time.monotonic() + seconds
    while not (found := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > end:
            return None
        time.sleep(0.002)
    return os.waitstatus_to_exitcode(found[1])


def whole(spec: str, output: Path) -> tuple[dict[str, str], float]:
    """The hashes of an undisturbed run, and how long it took; nothing is left."""
    begin = time.monotonic()
    code = ended(start(spec, output), 120)
    taken = time.monotonic() - begin
    assert code == 0, code
    reference = hashes(output)
    shutil.rmtree(output)
    return reference, taken


def main(spec: str, folder: str, number: str) -> None:
    """Kills so often."""
    output = Path(folder)
    warm_up(spec, Path(f"{folder}.warm"), "--set", "execution.engine=serial")
    reference, taken = whole(spec, output)
    moments, kills, finished, wrong = random.Random(30), 0, 0, []
    while kills < int(number):
        child = start(spec, output)
        code = ended(child, moments.uniform(0.02, taken))
        if code is None:
            kills += 1
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        else:
            finished += 1
            wrong += [f"it ended with {code}"] if code else []
            wrong += ["it gave other files"] if hashes(output) != reference else []
            shutil.rmtree(output)
        complete = {name: digest for name, digest in hashes(output).items() if "/.tmp-" not in name}
        if not complete.items() <= reference.items():
            wrong.append("a file has its final name but not its final content")
    code = ended(start(spec, output), 120)
    wrong += [f"the last run ended with {code}"] if code else []
    wrong += ["the last run gave other files"] if hashes(output) != reference else []
    wrong += ["temporary files were left"] if any(output.rglob(".tmp-*")) else []
    sys.stdout.write(json.dumps({"kills": kills, "finished": finished, "wrong": wrong}))


if __name__ == "__main__":
    main(*sys.argv[1:])
