"""The first line: the device's state in one word, where it is, and the time; below it a banner when it matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.format import age, local_time
from tui.lined import Lined
from tui.spans import clip, width_of, wrap
from tui.words import block, headline

if TYPE_CHECKING:
    from tui.spans import Line, Span, Tone
    from tui.view import View


_GAP = 2
_BANNER_LINES = 3


class Header(Lined):
    """State word, device, site, what it rests on, time, version; then the banner, where there is one."""

    DEFAULT_CSS = "Header { dock: top; }"

    def draw(self, width: int, height: int) -> list[Line]:  # noqa: ARG002  # it never scrolls
        """Return the line, and the banner where there is one."""
        if self.view is None:
            return [()]
        return [_first_line(self.view, width), *_banner(self.view, width)]


def _first_line(view: View, width: int) -> Line:
    status = view.status
    if status is None:
        return ((" WAITING ", "waiting-block"), ("  for the agent's first answer", "plain"))
    agent = status.agent
    state: Span = (f" {status.state.upper()} ", block(status.state))
    site = f" · {agent.site}" if agent.site else ""
    time = local_time(status.time, status.time)
    version = f"{time}  {agent.version}"
    # What is wrong comes before who says so, and where.
    for place, right in ((site, f"{time}  driftline {agent.version}"), (site, version), (site, time), ("", time)):
        left: Line = (state, (f"  {agent.device}", "strong"), (place, "quiet"), (f"  {headline(status)}", "plain"))
        if width_of(left) + len(right) + _GAP <= width:
            break
    room = width - len(right) - _GAP
    left = clip(left, room)
    return (*left, (" " * (room + _GAP - width_of(left)), "plain"), (right, "quiet"))


def _banner(view: View, width: int) -> list[Line]:
    old = f"what you see is {age(view.age_s)} old"
    shade: Tone = "learning"
    if view.away:
        text, shade = f"agent away: {view.away}; trying again" + (f" · {old}" if view.status else ""), "warning"
    elif view.paused:
        text = f"PAUSED · {old} · p goes on"
    else:
        text = view.note
    return [((line, shade),) for line in wrap(text, width, " ")[:_BANNER_LINES]] if text else []
