"""From the pack section of a spec to the settings of the stage."""

from typing import cast

from imgprep.spec.loading import LoadedSpec
from imgprep.stages.pack import PackSettings
from imgprep.transforms.normalize import Kind


def pack_settings(loaded: LoadedSpec) -> PackSettings:
    """The pack stage of a spec."""
    section = loaded.spec.pack
    kind = cast("Kind", section.kind)
    return PackSettings(section.layout, section.dtype, kind, section.labels, section.shuffle, loaded.spec.seed)
