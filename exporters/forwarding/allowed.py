"""The last step before anything is encoded: what the destination's allow-list names, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.outbound import FindingChange
from exporters.window_samples import samples_of

if TYPE_CHECKING:
    from collections.abc import Sequence

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
