"""Derives the features stage from the spec."""

from functools import partial
from typing import Final

from imgprep.dataset.row_format import FeatureFormat, ImageFormat
from imgprep.pipeline.estimates import Outlook, StageEstimate, sized
from imgprep.pipeline.inputs import StageInputs
from imgprep.stages.convert.operations import image_format
from imgprep.stages.features.model_file import ModelFile, Tried
from imgprep.stages.features.onnx import ModelError
from imgprep.stages.features.stage import STAGE, Features, given, normalizer_for, shards_of_features, trial
from imgprep.stages.pack.definition import estimated_rows, split_images


class FeaturesDefinition:
    """The features stage as the spec defines it; see `StageDefinition`."""

    def check(self, inputs: StageInputs) -> None:
        """Tries the network where the spec says what it is given, unless a run has tried it."""
        settings, convert, model = inputs.section(STAGE), inputs.section("convert"), _model(inputs)
        image = image_format(convert)
        if image is not None:
            _tried(inputs, image)
        elif settings.size is not None and convert.channels != "keep":
            trial(inputs.context, model, (*settings.size, 1 if convert.channels == "gray" else 3), inputs.error)

    def work(self, inputs: StageInputs) -> Features:
        """The stage over the converted and the augmented images."""
        return Features(
            split_images(inputs), _model(inputs), inputs.section(STAGE), inputs.section("pack").shuffle, inputs.error
        )

    def estimate(self, outlook: Outlook) -> StageEstimate:
        """Estimates every image of the splits and every copy; the network is tried, for its layer gives the size."""
        found = _tried(outlook.inputs, outlook.stages["convert"].result)
        settings = outlook.inputs.section(STAGE)
        count = partial(shards_of_features, length=found.length, shard_size=settings.shard_size)
        return sized(STAGE, estimated_rows(outlook), FeatureFormat((found.length,)), settings, count)


def _model(inputs: StageInputs) -> ModelFile:
    settings = inputs.section(STAGE)
    try:
        return ModelFile.of(settings.model, settings.output)
    except ModelError as error:
        raise inputs.error(str(error), STAGE, error.key) from None


def _tried(inputs: StageInputs, image: ImageFormat) -> Tried:
    settings = inputs.section(STAGE)
    normalizer_for(settings, image)
    return trial(inputs.context, _model(inputs), given(settings, image), inputs.error)


FEATURES: Final = FeaturesDefinition()
