"""What the exporters over HTTP share: whom they are for, and how they post."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.forwarding.post import Poster

if TYPE_CHECKING:
    from agent.outbound import Origin
    from exporters.forwarding.config import DestinationConfig


class HttpExporter:
    """The connection to one receiver.

    Parameters
    ----------
    config
        The destination.
    origin
        Who sends.

    """

    def __init__(self, config: DestinationConfig, origin: Origin) -> None:
        self.name = config.name
        self._config = config
        self._origin = origin
        self._poster = Poster(config)

    async def close(self) -> None:
        """Break off what is being posted, and let go of the connection."""
        await self._poster.close()
