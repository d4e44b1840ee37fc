"""A number of a series with its unit, for people."""

from __future__ import annotations

STEPS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
PLAIN = {"Cel": "°C", "rpm": "rpm", "{file_descriptor}": "files", "{thread}": "threads", "1/s": "inferences/s"}
SECOND = 1.0  # below it, milliseconds read better


def amount(value: float, unit: str) -> str:
    """Write a value of a unit of OpenTelemetry's.

    >>> [amount(78.2, "Cel"), amount(0.31, "1"), amount(2.5e8, "By"), amount(0.0123, "s"), amount(9.96, "1/s")]
    ['78 °C', '31 %', '250 MB', '12.3 ms', '9.96 inferences/s']
    """
    if unit == "1":
        return f"{100 * value:.0f} %"
    if unit == "By":
        name, size = next((step for step in STEPS if abs(value) >= step[1]), ("B", 1.0))
        return f"{value / size:.3g} {name}"
    if unit == "s":
        return f"{1e3 * value:.3g} ms" if abs(value) < SECOND else f"{value:.3g} s"
    if unit == "1/s":
        return f"{value:.3g} {PLAIN[unit]}"
    return f"{value:.0f} {PLAIN.get(unit, unit)}".strip()
