"""The versions that ran under a model's name: their history as a list, and two of them side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tui import format as fmt
from tui.rows import Rows
from tui.spans import clip, cut, fit, heading
from tui.stream_detail import IN_WORDS, StreamPanel, missing

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from agent.screen import Version
    from tui.spans import Line
    from tui.stream_detail import StreamDetail
    from tui.view import View

_BUILD_CELLS = 12  # of a hash: its short form
_NAMES = 14  # cells of what is compared
_CLASSES = 3  # whose shares are compared, those that changed most
_MEANS = 8  # signals whose means are, likewise


class VersionList(Rows):
    """One line a version, the newest first; the one that runs is marked."""

    DEFAULT_CSS = "VersionList { min-height: 3; max-height: 8; }"

    detail: StreamDetail | None = None
    _versions: tuple[Version, ...] = ()

    def keys_of(self, view: View) -> list[str]:  # noqa: ARG002  # the versions are of the detail
        """Return one key a version."""
        answer = self.detail.answer if self.detail else None
        self._versions = answer.versions if answer else ()
        return [version_key(v) for v in self._versions]

    def head(self, width: int, note: str) -> list[Line]:
        """Return the rule and the column titles."""
        span = IN_WORDS[self.detail.answer.zoom] if self.detail and self.detail.answer else ""
        title = f"5 versions in the last {span}" if span else "5 versions"
        rule = heading(title, width, note, marked=self.has_focus)
        titles = f" {'':7} {'version':10} {'build':{_BUILD_CELLS}} {'ran from':19} {'inferences':>11}  runtime"
        return [rule, ((cut(titles, width), "quiet"),)] if self._versions else [rule]

    def row(self, index: int, width: int) -> Line:
        """Return one version's line."""
        version = self._versions[index]
        build = version.stream.sha256[:_BUILD_CELLS]
        return clip(
            (
                (f"{'' if index else 'RUNS':7} ", "ok"),
                (
                    f"{fit(version.stream.version or fmt.UNKNOWN, 10)} {fit(build or fmt.UNKNOWN, _BUILD_CELLS)} ",
                    "strong",
                ),
                (
                    f"{fit(fmt.local_time(version.first, self._now()), 19)} {fmt.count(version.inferences):>11}  ",
                    "plain",
                ),
                (_runtime(version), "quiet"),
            ),
            width,
        )

    def _now(self) -> datetime | None:
        return self.detail.now if self.detail else None

    def nothing(self, width: int) -> list[Line]:  # noqa: ARG002  # the lines are short
        """Say why there is none."""
        if self.detail is None:
            return []
        return missing(self.detail) if self.detail.answer is None else [((" none ran in this span", "quiet"),)]


class Compared(StreamPanel):
    """The version under the cursor beside the one that runs."""

    DEFAULT_CSS = "Compared { height: 1fr; min-height: 4; }"

    key: str | None = None

    def choose(self, key: str | None) -> None:
        """Compare another version."""
        self.key, self.top = key, 0
        self.redraw()

    def title(self, detail: StreamDetail) -> str:
        """Say what is beside what."""
        two = self._two(detail)
        return "this model" if two is None else "side by side: what ran before, and what runs"

    def _two(self, detail: StreamDetail) -> tuple[Version, Version] | None:
        versions = detail.answer.versions if detail.answer else ()
        if len(versions) < 2:  # noqa: PLR2004  # it takes two to compare
            return None
        chosen = next((v for v in versions[1:] if version_key(v) == self.key), versions[1])
        return chosen, versions[0]

    def lines(self, detail: StreamDetail, width: int) -> list[Line]:
        """Set the two beside each other, or say all of the one there is."""
        two = self._two(detail)
        if two is not None:
            return compared_lines(*two, detail, width)
        facts = _facts(detail)
        return [((f" {fit(name, _NAMES)} ", "quiet"), (cut(text, width - _NAMES - 2), "plain")) for name, text in facts]


class _Row(NamedTuple):
    name: str
    before: str
    now: str
    change: str = ""


def version_key(version: Version) -> str:
    """Name a version: a model file, and what runs it."""
    return f"{version.stream.key}\n{version.stream.runtime}\n{version.stream.provider}\n{version.first}"


def compared_lines(before: Version, now: Version, detail: StreamDetail, width: int) -> list[Line]:
    """Set two versions beside each other; what differs stands out."""
    rows = _rows(before, now, detail)
    change = max(len(row.change) for row in rows) + 2
    cells = max(10, (width - _NAMES - 4 - change) // 2)
    lines: list[Line] = [((f" {fit('', _NAMES)} {fit('before', cells)} {fit('runs now', cells)}", "quiet"),)]
    for row in rows:
        same = row.before == row.now
        lines.append(
            (
                (f" {fit(row.name, _NAMES)} ", "quiet"),
                (f"{fit(row.before, cells)} ", "quiet" if same else "plain"),
                (f"{fit(row.now, cells)} ", "quiet" if same else "strong"),
                (row.change, "warning"),
            )
        )
    return lines


def _rows(before: Version, now: Version, detail: StreamDetail) -> list[_Row]:
    def both(name: str, say: Callable[[Version], str]) -> _Row:
        return _Row(name, say(before), say(now))

    rows = [
        both("version", lambda v: v.stream.version or "not known"),
        both("build", lambda v: v.stream.sha256[:_BUILD_CELLS] or "not known"),
        both("runtime", _runtime),
        both("ran from", lambda v: fmt.local_time(v.first, detail.now)),
        both("until", lambda v: "now" if v is now and not detail.gone else fmt.local_time(v.last, detail.now)),
        both("inferences", lambda v: fmt.count(v.inferences)),
        both("failed", _failed),
        _figure("median", before.latency_p50_s, now.latency_p50_s, fmt.latency),
        _figure("p99", before.latency_p99_s, now.latency_p99_s, fmt.latency),
        _points("sure", before.confidence, now.confidence),
        _points("true accuracy", before.accuracy, now.accuracy),
    ]
    shares = dict(before.classes)
    said = sorted(now.classes, key=lambda one: -abs(one[1] - shares.get(one[0], 0.0)))[:_CLASSES]
    rows += [_points(f"says {name}", shares.get(name), share) for name, share in said]
    means = dict(before.means)
    moved = sorted(
        ((name, means[name], mean) for name, mean in now.means if name in means),
        key=lambda one: -_relative(one[1], one[2]),
    )
    return rows + [_figure(name, old, new, fmt.value) for name, old, new in moved[:_MEANS]]


def _relative(old: float, new: float) -> float:
    return abs(new - old) / (abs(old) + abs(new) or 1.0)


def _figure(name: str, before: float | None, now: float | None, say: Callable[[float | None], str]) -> _Row:
    change = ""
    if before and now and before * now > 0 and say(before) != say(now):
        change = f"{'+' if now > before else '-'}{100 * abs(now / before - 1):.0f}%"
    return _Row(name, say(before), say(now), change)


def _points(name: str, before: float | None, now: float | None) -> _Row:
    change = ""
    if before is not None and now is not None and fmt.percent(before) != fmt.percent(now):
        change = f"{100 * (now - before):+.0f} points"
    return _Row(name, fmt.percent(before), fmt.percent(now), change)


def _failed(version: Version) -> str:
    share = version.failed / version.inferences if version.inferences else 0.0
    return f"{fmt.count(version.failed)} ({100 * share:.2g}%)" if version.failed else "0"


def _runtime(version: Version) -> str:
    return ", ".join(filter(None, (version.stream.runtime, version.stream.provider))) or "not known"


def _facts(detail: StreamDetail) -> list[tuple[str, str]]:
    model = detail.stream.stream
    said = [
        ("version", model.version),
        ("sha256", model.sha256),
        ("runtime", model.runtime),
        ("provider", model.provider),
        ("pid", str(model.pid) if model.pid else ""),
    ]
    return [(name, text or "not known") for name, text in said]
