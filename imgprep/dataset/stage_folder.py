"""Finds the folder of a stage in an output."""

from pathlib import Path

from imgprep.dataset.manifest import INDEX, no_dataset
from imgprep.errors import RequestError, one_line
from imgprep.storage.opening import is_there
from imgprep.util.addresses import address_of, is_address


def stage_folder(folder: Path, stage: str) -> Path:
    """The folder of a stage: in an output, or beside another stage's folder.

    Raises:
        RequestError: there is no such stage.
    """
    if is_address(folder):
        return _stored_stage(folder, stage)
    output = folder.parent if (folder / INDEX).exists() else folder
    finished = sorted(path.parent.name for path in output.glob(f"*/{INDEX}"))
    if not finished:
        raise no_dataset(folder)
    if stage not in finished:
        raise RequestError(f"{output}: no finished stage {one_line(repr(stage))}; there are {', '.join(finished)}")
    return output / stage


def _stored_stage(folder: Path, stage: str) -> Path:
    """The same in an object store."""
    for output in (folder, folder.parent):
        address = address_of(output / stage / INDEX)
        if address is not None and is_there(address):
            return output / stage
    raise RequestError(f"{one_line(folder)}: no finished stage {one_line(repr(stage))}")
