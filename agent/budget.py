"""The device's alarm budget: how it is shared, and what a share is in the inferences of a stream.

The operator states one number, the days in which one false alarm of the whole device is acceptable. DEVICE_SHARE of
it is for the device itself, the rest is shared equally over the streams that run; detectors count in inferences, so a
share is turned into them at the observed rate. Shares never sum to more than the budget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection

SECONDS_A_DAY = 86_400
DEVICE_SHARE = 0.1  # of the budget is for the device's own series; the streams share the rest


class AlarmsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[alarms]`: how often the device may cry wolf."""

    # A technician who is called out in vain once a month still comes; one who is called every day does not.
    budget_days: Annotated[float, msgspec.Meta(gt=0)] = 30.0


class Spender(Protocol):
    """A stream that spends a share of the budget."""

    def mean_rate(self) -> float:
        """Inferences per second; 0 where it is not known."""
        ...

    def set_budget(self, alarms_per: float) -> None:
        """Spend at most one false alarm in `alarms_per` inferences from here on."""
        ...


def default_alarms_per(alarms: AlarmsConfig) -> float:
    """Inferences to one false alarm before any rate is known: as if there was one a second."""
    return alarms.budget_days * SECONDS_A_DAY


def share_budget(alarms: AlarmsConfig, running: Collection[Spender]) -> None:
    """Share what the device leaves equally over its running streams, in inferences at their observed rates.

    A stream whose rate is not known yet has had no inference that could alarm, and has no share.
    """
    active = [stream for stream in running if stream.mean_rate() > 0]
    for stream in active:
        inferences = alarms.budget_days * SECONDS_A_DAY * stream.mean_rate()
        stream.set_budget(max(inferences, 1.0) * len(active) / (1 - DEVICE_SHARE))


def points_per_alarm(alarms: AlarmsConfig, share: float, period_s: float) -> float:
    """Turn a share of the budget into the points, one every `period_s` seconds, in which it allows a false alarm."""
    return alarms.budget_days * SECONDS_A_DAY / period_s / share
