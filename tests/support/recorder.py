"""A monitor that remembers."""

from dataclasses import dataclass, field


@dataclass
class Recorder:
    """What a command or stage told its monitor.

    Attributes:
        notes: the messages.
        began: each task, and its number of items.
        advanced: items done, of all tasks.
        open: tasks that have not ended.
    """

    notes: list[str] = field(default_factory=list)
    began: list[tuple[str, int]] = field(default_factory=list)
    advanced: int = 0
    open: int = 0

    def begin(self, what: str, items: int, unit: str = "images") -> None:
        self.began.append((what, items))
        self.open += 1

    def advance(self, items: int) -> None:
        self.advanced += items

    def end(self) -> None:
        self.open -= 1

    def note(self, message: str) -> None:
        self.notes.append(message)
