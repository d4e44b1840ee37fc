"""The last step before anything is encoded: what the destination's allow-list names, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.outbound import FindingChange
from exporters.forwarding.config import FINDINGS_FIELD
from exporters.private import without_values
from exporters.window_samples import samples_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent.outbound import Origin, Parcel
    from exporters.forwarding.config import DestinationConfig
    from exporters.window_samples import Sample


def samples_that_may_leave(config: DestinationConfig, origin: Origin, parcels: Sequence[Parcel]) -> list[Sample]:
    """Return the samples of all windows among the parcels, as far as they may leave."""
    return [
        sample
        for parcel in parcels
        if not isinstance(parcel.content, FindingChange)
        for sample in samples_of(origin, parcel.content)
        if config.may_leave(sample.metric.name)
    ]


def changes_that_may_leave(config: DestinationConfig, parcels: Sequence[Parcel]) -> Iterator[FindingChange]:
    """Yield the states of findings among the parcels, without values of inputs; none where findings may not leave."""
    if config.may_leave(FINDINGS_FIELD):
        yield from (without_values(one.content) for one in parcels if isinstance(one.content, FindingChange))
