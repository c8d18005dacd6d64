"""Checks an installation: libraries that are missing or do not load, wheels of OpenCV over each other."""

import importlib
import importlib.metadata
import importlib.util
from types import ModuleType, TracebackType
from typing import Final

from imgprep.errors import one_line

OPENCV: Final = (
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
"""The packages that install the folder cv2; the first one is what imgprep depends on."""
PACKAGES: Final = {
    "numpy": "numpy",
    "PIL": "Pillow",
    "simplejpeg": "simplejpeg",
    "h5py": "h5py",
    "httpcore": "httpcore",
    "jinja2": "Jinja2",
    "pydantic": "pydantic",
    "yaml": "PyYAML",
    "typer": "typer",
    "rich": "rich",
    "tqdm": "tqdm",
}
"""Module -> the package that imgprep cannot do without, beside OpenCV."""


def version(package: str) -> str:
    """The version of an installed package; empty where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def opencv_wheels() -> dict[str, str]:
    """The installed packages that contain OpenCV, with their versions."""
    return {name: found for name in OPENCV if (found := version(name))}


def several_opencvs() -> str:
    """Advice where two wheels of OpenCV wrote over each other's files; empty for one or none."""
    wheels = opencv_wheels()
    return (
        f"several OpenCV wheels overwrite each other: {', '.join(wheels)}; {_anew(wheels)}" if len(wheels) > 1 else ""
    )


def mixed_opencvs() -> str:
    """The same for wheels of several versions, whose files may not fit together; empty where there is one version."""
    return several_opencvs() if len(set(opencv_wheels().values())) > 1 else ""


def problems() -> tuple[str, ...]:
    """Lists what has to be done before imgprep works as it should, one line each."""
    found = [several_opencvs()]
    for module in ("cv2", *PACKAGES):
        try:
            loaded = importlib.import_module(module)
            if module == "cv2":
                _ = loaded.__version__, loaded.resize  # a folder that a wheel left behind is a module too
        except (ImportError, AttributeError) as error:
            found.append(remedy(error) or "")
    return tuple(dict.fromkeys(filter(None, found)))


def remedy(error: BaseException) -> str | None:
    """Advice on a failed import, or on a module that lacks a part.

    Args:
        error: any.

    Returns:
        One line; None if the installation is not to blame.
    """
    module = _blamed(error)
    if module is None or module == "imgprep":
        return None
    if module == "cv2":
        return several_opencvs() or _without_opencv(error)
    package = PACKAGES.get(module, module)
    if isinstance(error, ModuleNotFoundError) and importlib.util.find_spec(module) is None:
        return f"{package} is not installed: pip install {package}"
    said = one_line(error, 160)
    return f"{package} does not load ({said}); pip install --force-reinstall {package}, then run imgprep doctor"


def _without_opencv(error: BaseException) -> str:
    wheels = opencv_wheels()
    if not wheels:
        return f"OpenCV (cv2) is not installed: pip install {OPENCV[0]}"
    if "libGL" in str(error) or "libgthread" in str(error):
        why = f"{one_line(error, 160)}: this build wants a desktop"
    else:
        why = one_line(error, 160)
    return f"OpenCV (cv2) does not load ({why}); {_anew(wheels)}"


def _anew(wheels: dict[str, str]) -> str:
    return f"pip uninstall {' '.join(wheels)}, then pip install {OPENCV[0]}"


def _blamed(error: BaseException) -> str | None:
    """The top module that could not be imported, or that lacks a name."""
    if isinstance(error, ImportError):
        return (error.name or _place(error.__traceback__)).partition(".")[0]
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType) and error.obj.__name__ == "cv2":
        return "cv2"
    return None


def _place(traceback: TracebackType | None) -> str:
    """The module in which an error was raised."""
    name = "imgprep"
    while traceback is not None:
        name = str(traceback.tb_frame.f_globals.get("__name__", name))
        traceback = traceback.tb_next
    return name
