from imgprep.decoding.format_header import DecodeOptions
from imgprep.stages.convert.settings import ConvertSettings


def test_images_are_decoded_as_the_settings_say() -> None:
    assert ConvertSettings().decode_options() == DecodeOptions()
    asked = ConvertSettings(alpha="ignore", max_pixels=5, color_profile="srgb").decode_options()
    assert asked == DecodeOptions(background=None, max_pixels=5, color_profile="srgb")


def test_plain_values_are_what_decides() -> None:
    """A setting that is newer than the first release is left out at its default, so that finished output stays so."""
    plain = {
        "channels": "rgb",
        "size": (4, 5),
        "fit": "stretch",
        "fill": "constant",
        "interpolation": "auto",
        "depth": 8,
        "steps": ["InvertStep()"],
        "alpha": (255, 255, 255),
        "storage": {"format": "hdf5", "compression": "none", "shard_size": 64 << 20},
    }
    assert ConvertSettings(size=[4, 5], steps=["invert"]).values() == plain
    newer = {"max_pixels": 5, "color_profile": "srgb"}
    assert ConvertSettings(size=[4, 5], steps=["invert"], **newer).values() == plain | newer
