"""The port behind which a stream's stored rows lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent.baselines import Evidence, SignalBaseline
    from agent.model import Block


class RowStore(Protocol):
    """The stored rows of a stream, for what has to look back: a restart, a reference of what is there.

    A mark is opaque, and stays good over a restart. Empty, it stands for the beginning. Reading raises OSError where
    the files cannot be read now, ValueError for what is no mark.
    """

    def know_reference(
        self, stream_key: str, name: str, described: Sequence[SignalBaseline], evidence: Evidence = dict
    ) -> None:
        """Hear what a stream is compared with; nothing described: that is being learned, of all rows.

        `evidence` tells from then on, by signal, the share of the way to an alarm.
        """
        ...

    @property
    def wants_checkpoint(self) -> bool:
        """Whether states should be saved now, or rows since the last mark will be gone."""
        ...

    @property
    def settled(self) -> bool:
        """Whether all rows that were appended are durable, or gone for good."""
        ...

    def mark(self) -> bytes:
        """Say how far the rows are durable."""
        ...

    def rows_since(self, stream_key: str, mark: bytes) -> Iterator[Block]:
        """Yield a stream's rows since `mark`, in the order in which they were appended.

        Raises OSError, at once or in the end, where not all of them are there.
        """
        ...

    def last_rows(self, stream_key: str, count: int, until: bytes | None = None) -> list[Block]:
        """Return the newest `count` rows of a stream, or of those up to the mark `until`, in order and without gaps."""
        ...
