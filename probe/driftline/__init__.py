"""The Driftline probe: the only part of Driftline that enters a user's service.

`watch` wraps a model, `observe` records an inference by hand, `label` tells the truth about one later. They copy a few
bytes into a ring in memory, which the agent reads in a process of its own. None of them raises, blocks, or grows
without bound.
"""

from driftline.ids import last_id
from driftline.labelled import label
from driftline.observed import observe
from driftline.watching import watch

__version__ = "0.1.0"
__all__ = ["label", "last_id", "observe", "watch"]
