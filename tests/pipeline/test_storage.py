import pickle

import pytest
from pydantic import ValidationError

from imgprep.pipeline.storage import Storage
from imgprep.shards import FORMATS
from imgprep.stages.augment.settings import AugmentSettings
from imgprep.stages.convert.settings import ConvertSettings
from imgprep.stages.pack.settings import PackSettings
from tests.support.sections import section


@pytest.mark.parametrize("cls", [ConvertSettings, AugmentSettings, PackSettings])
def test_storage_is_a_part_of_every_stage_with_shards(cls: type[Storage]) -> None:
    settings = section(cls, format="npz", shard_size="1 MiB", compression="gzip")
    assert (settings.format, settings.shard_size, settings.compression) == (FORMATS["npz"], 1 << 20, "gzip")
    assert settings.stored() == {"format": "npz", "compression": "gzip", "shard_size": 1 << 20}
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_the_format_is_a_name_or_the_format_itself() -> None:
    assert section(Storage).format == FORMATS["hdf5"]
    assert section(Storage, format="npz") == section(Storage, format=FORMATS["npz"])
    with pytest.raises(ValidationError, match="unknown format 'hdf'; did you mean 'hdf5'"):
        section(Storage, format="hdf")
    with pytest.raises(ValidationError, match="unknown compression of npz 'lzf'"):
        section(Storage, format="npz", compression="lzf")
