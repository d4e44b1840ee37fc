"""Quantiles of Student's t and of chi-square without scipy, good to three digits: all that bounds and tests need."""

from __future__ import annotations

import math
from statistics import NormalDist

_NORMAL = NormalDist()


def normal_quantile(upper: float) -> float:
    """Give the value that a standard normal exceeds with probability `upper`.

    >>> round(normal_quantile(0.025), 2)
    1.96
    """
    return -_NORMAL.inv_cdf(upper)


def t_quantile(two_sided: float, freedom: int) -> float:
    """Give the value that |t| exceeds with probability `two_sided` (Hill 1970, algorithm 396).

    >>> round(t_quantile(0.05, 10), 2), round(t_quantile(0.001, 4), 2)
    (2.23, 8.61)
    """
    n = float(freedom)
    if freedom < 1:
        return math.inf
    if freedom == 1:
        return 1.0 / math.tan(two_sided * math.pi / 2)
    if freedom == 2:  # noqa: PLR2004  # closed form
        return math.sqrt(2.0 / (two_sided * (2.0 - two_sided)) - 2.0)
    a = 1.0 / (n - 0.5)
    b = 48.0 / a**2
    c = ((20700.0 * a / b - 98.0) * a - 16.0) * a + 96.36
    d = ((94.5 / (b + c) - 3.0) / b + 1.0) * math.sqrt(a * math.pi / 2.0) * n
    y = (d * two_sided) ** (2.0 / n)
    if y <= 0.05 + a:
        inner = 1.0 / (((n + 6.0) / (n * y) - 0.089 * d - 0.822) * (n + 2.0) * 3.0) + 0.5 / (n + 4.0)
        y = (inner * y - 1.0) * (n + 1.0) / (n + 2.0) + 1.0 / y
        return math.sqrt(n * y)
    x = -normal_quantile(two_sided / 2.0)
    y = x * x
    if freedom < 5:  # noqa: PLR2004  # the algorithm's own correction
        c += 0.3 * (n - 4.5) * (x + 0.6)
    c = (((0.05 * d * x - 5.0) * x - 7.0) * x - 2.0) * x + b + c
    y = (((((0.4 * y + 6.3) * y + 36.0) * y + 94.5) / c - y - 3.0) / b + 1.0) * x
    return math.sqrt(n * math.expm1(a * y * y))


def chi2_quantile(upper: float, freedom: int) -> float:
    """Give the value that chi-square exceeds with probability `upper` (Wilson and Hilferty 1931).

    >>> round(chi2_quantile(0.05, 10), 1)
    18.3
    """
    k = float(freedom)
    return float(k * (1.0 - 2.0 / (9.0 * k) + normal_quantile(upper) * math.sqrt(2.0 / (9.0 * k))) ** 3)
