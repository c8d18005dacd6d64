"""A dataset as the training frameworks want it; each adapter imports its framework when it is first asked for.

An adapter is one module with a class or function that takes a `Dataset`, one line here, and a method of `Dataset`.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from imgprep.errors import RequestError
from imgprep.util.lazy_table import imported


@dataclass(frozen=True, slots=True)
class Adapter:
    """The module of an adapter, and its requirements.

    Attributes:
        implementation: ``module:attribute``.
        package: what to install.
        needs: the modules that must be there.
    """

    implementation: str
    package: str
    needs: tuple[str, ...]

    def load(self) -> Any:
        """The implementation, imported now.

        Raises:
            RequestError: the framework is not installed.
        """
        try:
            return imported(self.implementation)
        except ImportError as error:
            if (error.name or "").partition(".")[0] not in self.needs:
                raise
            raise RequestError(f"{self.package} is not installed: pip install {self.package}") from None


ADAPTERS: Final = MappingProxyType(
    {
        "torch": Adapter("imgprep.dataset.adapters.torch:TorchDataset", "torch", ("torch",)),
        "keras": Adapter("imgprep.dataset.adapters.keras:keras_dataset", "keras", ("keras",)),
        "tf": Adapter("imgprep.dataset.adapters.tensorflow:tf_dataset", "tensorflow", ("tensorflow",)),
        "huggingface": Adapter(
            "imgprep.dataset.adapters.huggingface:huggingface_dataset", "datasets", ("datasets", "pyarrow")
        ),
        "grain": Adapter("imgprep.dataset.adapters.grain:GrainSource", "grain", ("grain",)),
    }
)
