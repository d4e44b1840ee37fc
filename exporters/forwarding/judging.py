"""What an HTTP answer means for the parcels that were posted, and how a refused batch is taken apart.

A receiver says 400 or 413 of a whole request where one parcel in it is at fault, so a refused batch is halved until
the parcel stands alone. Whether it is at fault for good is read from the status, and from the words where the status
lies: Prometheus up to 2.4x answers 500 to a sample that is too old, which no repetition makes younger.

An endpoint that refuses everything is no judge of parcels: a wrong path, a proxy, a limit of an account. So a status
alone rejects nothing unless the same endpoint has taken something: in the same delivery, or since it first refused the
same parcel. Until then all of it waits, and a person is told.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Literal

from agent.outbound import Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from agent.outbound import Parcel
    from exporters.forwarding.post import Answer

log = logging.getLogger(__name__)

Verdict = Literal["accepted", "refused", "retry"]
EVERYTHING = "it refuses everything that it is sent"

# Of Prometheus (storage/interface.go) and of what follows it (Mimir: err-mimir-sample-timestamp-too-old, ...).
_NEVER = re.compile(rb"too[ -]old|out of bounds|out[ -]of[ -]order|duplicate sample for timestamp", re.IGNORECASE)
_REFUSED = frozenset({400, 413, 414, 415, 422, 431})
_MOST_REASON = 300


def verdict(answer: Answer) -> Verdict:
    """Say what an answer means for what was posted."""
    if 200 <= answer.status < 300:  # noqa: PLR2004  # RFC 9110, 15.3
        return "accepted"
    if answer.status in _REFUSED or (answer.status and _NEVER.search(answer.body)):
        return "refused"
    return "retry"


def trouble_of(answer: Answer) -> tuple[str, bool]:
    """Say in words why an answer was no success, and whether it takes a person to mend it."""
    if not answer.status:
        return answer.trouble, answer.lasting
    said = reason_of(answer)
    words = {
        401: "the credentials are refused",
        403: "the credentials are refused",
        404: "there is no such path",
        405: "the path takes no POST",
        429: "the receiver is asked too often",
        503: "the receiver is not available",
    }.get(answer.status, "the receiver failed" if answer.status >= 500 else "the receiver refuses")  # noqa: PLR2004
    lasting = answer.status in {401, 403, 404, 405} or 300 <= answer.status < 400  # noqa: PLR2004
    return f"{words} ({answer.status}{': ' + said if said else ''})", lasting


def reason_of(answer: Answer) -> str:
    """Return what a receiver said, as one short line."""
    text = " ".join(answer.body[: 4 * _MOST_REASON].decode("utf-8", "replace").split())
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= _MOST_REASON else text[: _MOST_REASON - 1] + "…"


class Doubt:
    """Whether an endpoint or what it was sent is at fault: what it refused while it took nothing. One an endpoint."""

    def __init__(self) -> None:
        self._refused: frozenset[str] = frozenset()
        self._has_taken = False  # anything since then

    def works(self) -> None:
        """Hear that it took something."""
        self._has_taken = True

    def judge(self, refused: frozenset[str]) -> frozenset[str]:
        """Hear of parcels, by their ids, of which it took none; return those that are at fault themselves."""
        guilty = self._refused & refused if self._has_taken else frozenset[str]()
        self._refused, self._has_taken = refused - guilty, False
        return guilty


class _Tally:
    """An outcome in the making. `doubtful`: places that were refused by the status alone."""

    def __init__(self) -> None:
        self.accepted: list[int] = []
        self.rejected: dict[int, str] = {}
        self.doubtful: set[int] = set()
        self.has_taken = False
        self.retry: list[int] = []
        self.acquitted: dict[int, str] = {}
        self.wait_s = 0.0
        self.trouble = ""
        self.lasting = False
        self.bytes = 0
        self.fields: frozenset[str] = frozenset()

    def outcome(self) -> Outcome:
        return Outcome(
            accepted=tuple(sorted(self.accepted)),
            rejected=self.rejected,
            retry=tuple(sorted(self.retry)),
            doubted=self.acquitted,
            retry_after_s=self.wait_s,
            trouble=self.trouble,
            lasting=self.lasting,
            sent_bytes=self.bytes,
            fields=self.fields,
        )


async def deliver(
    parcels: Sequence[Parcel],
    post: Callable[[Sequence[Parcel]], Awaitable[Answer]],
    doubt: Doubt,
    patience_s: float = 60.0,
) -> Outcome:
    """Post parcels to one endpoint, halving what is refused; return what became of each.

    After the first answer that is no verdict on the parcels (a failure, a deadline, a request to wait) nothing more
    is posted: all that has no verdict yet is to be retried. So is what is left once a request was answered and
    `patience_s` are over: a slow receiver that refuses much would be asked for hours. What cannot be written at all is
    rejected, so that it holds up nothing else.
    """
    tally = _Tally()
    waiting = [list(range(len(parcels)))]
    now_s = asyncio.get_running_loop().time
    until_s = now_s() + patience_s
    while waiting:
        places = waiting.pop()
        if now_s() > until_s:
            tally.retry += places + [place for rest in waiting for place in rest]
            break
        try:
            answer = await post([parcels[place] for place in places])
        except Exception as error:
            log.exception("%d parcels cannot be written", len(places))
            _split(places, waiting, tally, f"cannot be written: {error!r}", certain=False)
            continue
        tally.bytes += answer.sent_bytes
        tally.fields |= answer.fields if answer.sent_bytes else frozenset()
        found = verdict(answer)
        tally.has_taken |= answer.took_some or (found == "accepted" and answer.sent_bytes > 0)
        if found == "accepted":
            tally.accepted += places
        elif found == "refused":
            certain = answer.took_some or _NEVER.search(answer.body) is not None
            _split(
                places, waiting, tally, f"{answer.status}: {reason_of(answer) or 'no reason given'}", certain=certain
            )
        else:
            tally.trouble, tally.lasting = trouble_of(answer)
            tally.wait_s = answer.retry_after_s
            tally.retry += places + [place for rest in waiting for place in rest]
            break
    _acquit(tally, parcels, doubt)
    return tally.outcome()


def _split(places: list[int], waiting: list[list[int]], tally: _Tally, reason: str, *, certain: bool) -> None:
    """Have the halves of what was refused tried, the first half next; one that stands alone is rejected.

    certain: whether the parcels are at fault, and nothing else can be.
    """
    half = len(places) // 2
    if half:
        waiting += [places[half:], places[:half]]
    else:
        tally.rejected[places[0]] = reason
        if not certain:
            tally.doubtful.add(places[0])


def _acquit(tally: _Tally, parcels: Sequence[Parcel], doubt: Doubt) -> None:
    """Let parcels wait that were refused where it may be the endpoint that is at fault."""
    if tally.has_taken:
        doubt.works()
        return
    if not tally.doubtful:
        return
    guilty = doubt.judge(frozenset(parcels[place].id for place in tally.doubtful))
    acquitted = sorted(place for place in tally.doubtful if parcels[place].id not in guilty)
    if acquitted:
        why = tally.rejected[acquitted[0]]
        tally.retry += acquitted
        tally.acquitted = {place: tally.rejected[place] for place in acquitted}
        tally.rejected = {place: reason for place, reason in tally.rejected.items() if place not in acquitted}
        if not tally.trouble:
            tally.trouble, tally.lasting = f"{EVERYTHING} ({why})", True
