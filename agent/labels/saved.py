"""What the labels of one stream keep over a restart, and how it is read: another version's begins anew and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.labels.figures import Figures
from agent.saved import SavedMonitor  # noqa: TC001  # msgspec reads the annotations

if TYPE_CHECKING:
    from agent.steady import Step

PART = "labels"
VERSION = 1


class SavedLabels(msgspec.Struct):
    """What a restart needs. `early`: (told, inferred, error) of the first labels, until there are enough.

    pairs: of labelled rows of the reference that begins at `since_ns`, by id: confidence, and whether it was right.
    newest: (inferred, error) of the newest inferences that have a label.
    """

    version: int = VERSION
    number: int = 0  # of the last label that is in it
    figures: Figures = msgspec.field(default_factory=Figures)
    replaced: int = 0
    refused: int = 0
    early: list[tuple[int, int, float]] = []  # msgspec copies it
    limit: float | None = None
    reference: bytes = b""
    reference_error: float | None = None
    panel: SavedMonitor | None = None
    pairs: dict[int, tuple[float, bool]] = {}  # the same
    newest: list[tuple[int, float]] = []  # the same
    since_ns: int = 0

    def rebase(self, step: Step) -> None:
        """Correct the times of this boot, after the clock was set."""
        self.figures.rebase(step)
        self.early = [(step.moved(told), step.moved(inferred), error) for told, inferred, error in self.early]
        self.newest = [(step.moved(inferred), error) for inferred, error in self.newest]
        self.since_ns = step.moved(self.since_ns)

    def forget_health(self) -> None:
        """Forget how often it errs in health, and how it is judged by that."""
        self.early, self.limit = [], None
        self.reference, self.reference_error, self.panel = b"", None, None


def read_labels(stored: bytes | None) -> tuple[SavedLabels, str]:
    """Read what was stored; return it, or a beginning and why it is none of what was stored."""
    if stored is None:
        return SavedLabels(), ""
    try:
        saved = msgspec.msgpack.decode(stored, type=SavedLabels)
    except msgspec.MsgspecError as error:
        return SavedLabels(), f"the figures of labels started anew: their stored state could not be read ({error})"
    if saved.version != VERSION:
        said = f"the figures of labels started anew: stored in version {saved.version}, not {VERSION}"
        return SavedLabels(), said
    return saved, ""
