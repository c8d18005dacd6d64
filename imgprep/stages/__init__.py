"""The stages, and the table of them.

A stage is added by one line here, a settings class and a module with its `pipeline.stage.StageDefinition`: commands,
spec, JSON Schema, run, dry-run and repair take it from the table.
"""

from typing import Final

from imgprep.pipeline.stage import Stage, table

STAGES: Final = table(
    Stage(
        "convert",
        "Decodes, sizes and pre-processes every image.",
        (),
        "imgprep.stages.convert.settings:ConvertSettings",
        "imgprep.stages.convert.definition:CONVERT",
        "decoding, size, colour and pre-processing.",
        reads_source=True,
    ),
    Stage(
        "split",
        "Divides the images into train, validation and test.",
        ("convert",),
        "imgprep.stages.split.settings:SplitSettings",
        "imgprep.stages.split.definition:SPLIT",
        "train, validation and test.",
    ),
    Stage(
        "augment",
        "Makes new training images, and stress sets.",
        ("convert", "split"),
        "imgprep.stages.augment.settings:AugmentSettings",
        "imgprep.stages.augment.definition:AUGMENT",
        "new training images from old ones; none when left out.",
        optional=True,
        missing="the section is missing; add it to say which images to make",
    ),
    Stage(
        "pack",
        "Writes normalised, shuffled shards for each split.",
        ("convert", "split", "augment"),
        "imgprep.stages.pack.settings:PackSettings",
        "imgprep.stages.pack.definition:PACK",
        "shards for training.",
    ),
    Stage(
        "features",
        "Stores what a layer of a network says of each image.",
        ("convert", "split", "augment"),
        "imgprep.stages.features.settings:FeaturesSettings",
        "imgprep.stages.features.definition:FEATURES",
        "features of a network for models that are trained on them; none when left out.",
        optional=True,
        missing="the section is missing; add it to say which network and which layer of it",
    ),
)
"""Every stage, in the order in which they run."""
