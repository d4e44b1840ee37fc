"""`[bundle]`: what may leave in a file."""

from __future__ import annotations

import msgspec

from exporters.forwarding.config import DEFAULT_FIELDS, FINDINGS_FIELD, is_named, refuse_unknown_fields
from exporters.naming import METRICS


class BundleConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """fields: names of what may leave, as those of a destination."""

    fields: tuple[str, ...] = DEFAULT_FIELDS

    def __post_init__(self) -> None:
        refuse_unknown_fields(self.fields)

    def may_leave(self, field: str) -> bool:
        """Whether the allow-list names a metric, or the findings."""
        return is_named(field, self.fields)

    @property
    def names(self) -> tuple[str, ...]:
        """All that may leave, each by its name."""
        return tuple(name for name in (*METRICS, FINDINGS_FIELD) if self.may_leave(name))
