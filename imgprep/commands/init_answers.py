"""Facts about a collection that the user gives to `init`, where they cannot be recognised."""

from pathlib import Path
from typing import Final, NamedTuple

from imgprep.errors import RequestError, one_line
from imgprep.sources import SOURCES
from imgprep.sources.detect import Option, Recognised, recognise, root_of
from imgprep.sources.detect_columns import LabelAnswer
from imgprep.sources.detect_flat import labels_in
from imgprep.sources.label_from import label_group
from imgprep.sources.split_names import UnclearSplitError
from imgprep.sources.trees import tree_of
from imgprep.spec.split_names import IGNORE, MEANINGS

_FOLDERS: Final = ("directory", "hierarchy")
SPLITS: Final = "split_directory"


class Answers(NamedTuple):
    """Options of `init` that replace what it recognises.

    Attributes:
        layout: of the collection; None to recognise it.
        splits: ``NAME=SPLIT``, the meaning of names of splits; or ``ignore``.
        label: the column of the labels of a table.
        label_from: a regular expression that finds the labels in the paths of the files.
    """

    layout: str | None = None
    splits: tuple[str, ...] = ()
    label: str | None = None
    label_from: str | None = None

    def recognise(self, path: Path) -> Recognised:
        """Recognises the layout of a folder or file, with these answers as options of the source.

        Raises:
            RequestError: the layout is unknown, or an answer is malformed or does not fit.
        """
        found = self._recognise(path)
        if self.label is not None and not _has(found.layout, "label_column"):
            raise RequestError(
                f"--label {one_line(self.label, 80)}: only tables have columns, this is the layout {found.layout}; "
                "leave it out, or give the table"
            )
        options = dict(found.options)
        if self.label is not None and self.label.casefold() != "label":
            options.setdefault("label_column", self.label)
        if self.label_from is None:
            return found._replace(options=options)
        if not _has(found.layout, "label_from"):
            raise RequestError(
                f"--label-from {one_line(self.label_from, 80)}: the layout {found.layout} has no paths with labels in "
                "them; leave it out"
            )
        return found._replace(options=options | {"label_from": self.label_from})

    def _recognise(self, path: Path) -> Recognised:
        options = self._options()
        named = bool(options) and options.get("splits") != IGNORE
        asked = LabelAnswer(self.label, self.label_from)
        self._check_pattern()
        if self.layout is not None and (root := root_of(path)) is not None:
            return self._folder(self.layout, root if self.layout in {*_FOLDERS, SPLITS} else path, options)
        try:
            found = recognise(path, asked)
        except UnclearSplitError:
            if not named:
                raise
            return self._folder(SPLITS, root_of(path) or path, options)
        layout = self.layout or (SPLITS if named and found.layout in _FOLDERS else found.layout)
        return found._replace(layout=layout, options={**found.options, **options})

    def _folder(self, layout: str, path: Path, options: dict[str, Option]) -> Recognised:
        asked = LabelAnswer(self.label, self.label_from)
        folders = layout in {*_FOLDERS, SPLITS}
        labels = labels_in(tree_of(path), asked, splits=layout == SPLITS) if folders else {}
        return Recognised(layout, path, {**labels, **options})

    def _check_pattern(self) -> None:
        if self.label_from is not None:
            try:
                label_group(self.label_from)
            except RequestError as error:
                raise RequestError(f"--{str(error).replace('_', '-', 1)}") from None

    def _options(self) -> dict[str, Option]:
        if not self.splits:
            return {}
        if self.splits == (IGNORE,):
            return {"splits": IGNORE}
        pairs = {text: text.rpartition("=") for text in self.splits}
        for text, (_, equals, split) in pairs.items():
            if not equals or split not in MEANINGS:
                means = ", ".join(MEANINGS)
                raise RequestError(f"--split: expected NAME=SPLIT, SPLIT one of {means}, not {one_line(text, 80)!r}")
        return {"splits": {name: split for name, _, split in pairs.values()}}


def _has(layout: str, option: str) -> bool:
    """Tells whether a layout has an option; an unknown one is refused with the spec."""
    return layout not in SOURCES or option in getattr(SOURCES[layout], "__dataclass_fields__", {})


UNASKED: Final = Answers()
