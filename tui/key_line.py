"""The last line of each screen: the keys that do something here."""

from __future__ import annotations

from textual.widgets import Footer


class KeyLine(Footer):
    """Textual's footer, without its palette's key, and without keeping every key that it ever showed."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=False)

    async def recompose(self) -> None:
        """Show the keys anew, and let go of the old ones: each watches `compact`, which drops them when it is told."""
        await super().recompose()
        self.mutate_reactive(KeyLine.compact)
