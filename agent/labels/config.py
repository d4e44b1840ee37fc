"""What can be set about labels, and why each default is what it is."""

from __future__ import annotations

from typing import Annotated

import msgspec


class LabelsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[labels]`.

    window: the true accuracy is that of so many labels told last. 500 give a confidence interval of about 3 points at
        90 %.
    reference_labels: so many labels, the first of a model, say how often it errs in health.
    wait_seconds: a label whose inference is not known waits so long: an inference may still lie in its ring while its
        label comes by another way.
    """

    window: Annotated[int, msgspec.Meta(ge=20, le=100_000)] = 500
    reference_labels: Annotated[int, msgspec.Meta(ge=50, le=20_000)] = 200
    wait_seconds: Annotated[float, msgspec.Meta(ge=0)] = 600.0
