"""The operations on pixels of the convert stage."""

from functools import partial

from imgprep.dataset.row_format import ImageFormat
from imgprep.stages.convert.prepare import Operation
from imgprep.stages.convert.settings import ConvertSettings
from imgprep.transforms.base import ShapeKept
from imgprep.transforms.channels import to_depth, to_gray, to_rgb
from imgprep.transforms.fit import Fit


def operations(settings: ConvertSettings) -> dict[str, Operation]:
    """Name -> operation on every image, in this order: channels, size, steps, depth."""
    done: dict[str, Operation] = {}
    if settings.channels != "keep":
        done[settings.channels] = to_gray if settings.channels == "gray" else to_rgb
    if settings.size is not None:
        done["size"] = Fit(
            size=settings.size, mode=settings.fit, interpolation=settings.interpolation, fill=settings.fill
        )
    for number, step in enumerate(settings.steps, 1):
        done[f"{number} {step.name}"] = step
    if settings.bits != "keep":
        done[f"{settings.bits} bit"] = partial(to_depth, depth=settings.bits)
    return done


def mask_operations(settings: ConvertSettings) -> tuple[Operation, ...]:
    """The operations on the mask of every image: those of `operations` that move pixels."""
    return tuple(done.on_mask for done in operations(settings).values() if isinstance(done, Fit | ShapeKept))


def unchanged(settings: ConvertSettings) -> ImageFormat | None:
    """The format of the images that the operations leave as they are; None for no such images."""
    return None if settings.steps else image_format(settings)


def image_format(settings: ConvertSettings) -> ImageFormat | None:
    """The format of every image after the operations; None where it depends on the images."""
    if settings.size is None or settings.channels == "keep" or settings.bits == "keep":
        return None
    shape = (*settings.size, 1 if settings.channels == "gray" else 3)
    for step in settings.steps:
        shape = step.output_shape(shape)
    return ImageFormat(shape, f"uint{settings.bits}")
