"""The streams of `benchmarks/accuracy.py`: real classifiers that serve data which packages ship, and how it changes.

First as the reference saw it, then with another mix of cases (covariate shift) or of classes (label shift), then with
broken inputs. Where inputs are independent of one another and symmetric, some breaks leave the distribution of all
inputs and answers as it was, exactly: these are a group of their own, as nothing without labels can tell them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from river import datasets
from river.datasets import synth
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.image_looks import LOOKS, looks
from examples.meter_camera import digits as camera_digits
from examples.meter_camera import faults
from examples.meter_camera.camera import expose
from examples.meter_camera.session import INPUT, MeterSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Rows = NDArray[np.float64]
    Labels = NDArray[Any]
    Served = tuple[NDArray[np.float32], Rows]  # signals, and 1 where the answer was right

STREAM = 4_000  # rows
MADE = 16_000  # rows of streams that river makes
OUTPUTS = ("prediction", "confidence", "margin", "entropy")


def outputs(chances: Rows, labels: Labels, classes: Labels) -> tuple[Rows, Rows]:
    """Give the four signals of a classifier's answers, and whether each is right."""
    order = np.sort(chances, axis=1)
    entropy = -(chances * np.log(np.maximum(chances, 1e-30))).sum(axis=1)
    answer = chances.argmax(axis=1)
    signals = np.column_stack((answer, order[:, -1], order[:, -1] - order[:, -2], entropy))
    return signals, (classes[answer] == labels).astype(float)


class Table:
    """A classifier on tabular data, and the ways in which its stream may change."""

    def __init__(
        self, x: Rows, y: Labels, model: Any, sizes: tuple[int, int], seed: int, unseen: tuple[str, ...] = ()
    ) -> None:
        self.unseen = unseen  # breaks that leave the distribution of these inputs as it was
        self.rng = np.random.default_rng(seed)
        order = self.rng.permutation(len(x))
        train, self.known, self.rest = np.split(order, np.cumsum(sizes))
        self.x, self.y, self.model = x, y, model.fit(x[train], y[train])
        self.names = [*(f"x{at}" for at in range(x.shape[1])), *OUTPUTS]
        self.deviation, self.median = x[train].std(axis=0), np.median(x[train], axis=0)
        hurt = []
        for column in range(x.shape[1]):
            shuffled = x[self.known].copy()
            shuffled[:, column] = self.rng.permutation(shuffled[:, column])
            hurt.append(-model.score(shuffled, y[self.known]))
        self.top = int(np.argmax(hurt))
        self.confidence = model.predict_proba(x[self.rest]).max(axis=1)

    def serve(self, rows: NDArray[np.int64], change: Callable[[Rows], Rows] | None = None) -> Served:
        """Answer these rows of the data, changed."""
        x = self.x[rows].copy() if change is None else change(self.x[rows].copy())
        signals, right = outputs(self.model.predict_proba(x), self.y[rows], self.model.classes_)
        return np.column_stack((x, signals)).astype(np.float32), right

    def reference(self) -> Served:
        """Answer the rows that calibrate."""
        return self.serve(self.known)

    def streams(self) -> Iterator[tuple[str, str, Served]]:
        """Give (group, kind, rows) of every change."""
        for _ in range(2):
            yield "unchanged", "unchanged", self.serve(self.draw())
        top, middle = self.x[self.rest, self.top], np.quantile(self.confidence, (0.3, 0.5))
        high = top >= np.quantile(top, 0.75)
        rare = self.y[self.rest] == np.unique(self.y[self.rest])[0]
        score = (self.x[self.rest] - self.median) @ (1 / (self.deviation + 1e-9))
        tilt = np.clip((score - score.mean()) / (score.std() + 1e-9), -3, 3)
        mixes = {
            "a subgroup more often": np.where(high, 2.5, 1),
            "mostly a subgroup": np.where(high, 6, 1),
            "tilted": np.exp(0.7 * tilt),
            "tilted much": np.exp(1.5 * tilt),
            "harder cases": np.where(self.confidence < middle[0], 3, 1),
            "easier cases": np.where(self.confidence > middle[1], 4, 1),
        }
        for kind, weights in mixes.items():
            yield "covariate shift", kind, self.serve(self.draw(weights))
        for kind, times in {"a class more often": 2.5, "a class much more often": 5, "a class seldom": 0.2}.items():
            yield "label shift", kind, self.serve(self.draw(np.where(rare, times, 1)))
        column, deviation, median = self.top, self.deviation[self.top], self.median[self.top]
        single: dict[str, Callable[[Rows], Rows]] = {
            "bias, .7 sd": lambda v: v + 0.7 * deviation,
            "bias, 1.5 sd": lambda v: v + 1.5 * deviation,
            "other unit": lambda v: v * 2.54,
            "other sign": lambda v: 2 * median - v,
            "stuck": lambda v: np.full_like(v, v[0]),
            "constant put in": lambda v: np.full_like(v, median),
            "noise, 1.5 sd": lambda v: v + 1.5 * deviation * self.rng.normal(size=len(v)),
            "shuffled": self.rng.permutation,
        }
        for kind, change in single.items():
            group = "broken, and nothing shows" if kind in self.unseen else "broken input"
            yield group, kind, self.serve(self.draw(), _of_column(column, change))
        noise = self.deviation
        yield (
            "broken input",
            "noise on all, .5 sd",
            self.serve(self.draw(), lambda x: x + 0.5 * noise * self.rng.normal(size=x.shape)),
        )

    def draw(self, weights: Rows | None = None) -> NDArray[np.int64]:
        """Draw rows that were not seen in training."""
        chances = None if weights is None else weights / weights.sum()
        return self.rng.choice(self.rest, STREAM, p=chances)


def _of_column(column: int, change: Callable[[Rows], Rows]) -> Callable[[Rows], Rows]:
    def changed(x: Rows) -> Rows:
        x[:, column] = change(x[:, column])
        return x

    return changed


class Camera:
    """The meter-reading example: images in, their statistics as signals."""

    names = [*LOOKS, *OUTPUTS]  # noqa: RUF012  # never written to

    def __init__(self, _seed: int) -> None:
        self.rng = np.random.default_rng(_seed)
        self.session = MeterSession()
        _, self.digits = camera_digits.load()

    def serve(
        self,
        rows: int,
        light: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None,
        pixels: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None,
        classes: tuple[int, ...] = (),
        noise: float = 0.03,
    ) -> Served:
        """Take images, and read them."""
        digits = self.digits.of_classes(classes) if classes else self.digits
        chosen = self.rng.integers(0, len(digits), rows)
        ink = digits.ink[chosen] if light is None else np.stack([light(image) for image in digits.ink[chosen]])
        images = expose(ink.astype(np.float32), self.rng, noise)
        if pixels is not None:
            images = np.stack([pixels(image) for image in images]).astype(np.float32)
        chances = self.session.run(None, {INPUT: images[:, None]})[0].astype(float)
        signals, right = outputs(chances, digits.labels[chosen], np.arange(10))
        return np.column_stack((looks(images), signals)).astype(np.float32), right

    def reference(self) -> Served:
        """Take the images that calibrate."""
        return self.serve(1_000)

    def streams(self) -> Iterator[tuple[str, str, Served]]:
        """Give (group, kind, rows) of every change."""
        for _ in range(4):
            yield "unchanged", "unchanged", self.serve(STREAM)
        for classes in ((1, 4, 7), (0, 1, 2, 3, 4), (8, 9), (3, 5, 8)):
            yield "label shift", f"only digits {classes}", self.serve(STREAM, classes=classes)
        lights: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
            "dim": lambda image: faults.dim(image, 1.0),
            "rotate": lambda image: faults.turn(image, 1.0),
            "rotate, half": lambda image: faults.turn(image, 0.7),
            "upside down": lambda image: image[::-1, ::-1],
            "mirrored": lambda image: image[:, ::-1],
            "fouling": lambda image: faults.foul(image, 1.0),
            "moved by a pixel": lambda image: np.roll(image, 1, 1),
            "blurred": lambda image: faults.blur(image, 1.0),
        }
        for kind, light in lights.items():
            yield "broken input", kind, self.serve(STREAM, light=light)
        yield "broken input", "noise", self.serve(STREAM, noise=0.2)
        yield (
            "broken input",
            "stuck row",
            self.serve(STREAM, pixels=lambda image: np.concatenate((image[:3], np.zeros((1, 8)), image[4:]))),
        )


def from_river(source: Any) -> tuple[Rows, Labels]:
    """Read a data set that river ships, or makes."""
    pairs = [(list(x.values()), str(y)) for x, y in source]
    return np.array([x for x, _ in pairs], float), np.unique([y for _, y in pairs], return_inverse=True)[1]


def made(seed: int, columns: int, informative: int, classes: int, clusters: int) -> tuple[Rows, Labels]:
    """Make synthetic classes of several clusters each."""
    x, y = make_classification(
        24_000, columns, n_informative=informative, n_redundant=columns // 5, n_classes=classes,
        n_clusters_per_class=clusters, flip_y=0.04, class_sep=0.9, random_state=seed,
    )  # fmt: skip
    return x, y


def subjects() -> Iterator[tuple[str, Table | Camera]]:
    """Give every served model."""

    def scaled(model: Any) -> Any:
        return make_pipeline(StandardScaler(), model)

    forest, logistic = RandomForestClassifier, LogisticRegression
    boosted = HistGradientBoostingClassifier
    digits, cancer = load_digits(), load_breast_cancer()
    a, b, c = made(11, 10, 5, 2, 3), made(12, 20, 8, 5, 2), made(13, 6, 4, 3, 1)
    bananas = from_river(datasets.Bananas())  # type: ignore[no-untyped-call]
    segments = from_river(datasets.ImageSegments())  # type: ignore[no-untyped-call]
    phishing = from_river(datasets.Phishing())
    network = scaled(MLPClassifier((32,), max_iter=25, random_state=0))
    yield "synthetic A, boosted trees", Table(*a, boosted(max_iter=60), (4_000, 2_000), 1)
    yield "synthetic A, naive Bayes", Table(*a, GaussianNB(), (2_000, 1_000), 2)
    yield "synthetic B, forest", Table(*b, forest(40, max_depth=10, random_state=0), (4_000, 1_000), 1)
    yield "synthetic B, network", Table(*b, network, (4_000, 3_000), 2)
    yield "synthetic C, logistic", Table(*c, scaled(logistic()), (3_000, 500), 1)
    yield "synthetic C, boosted trees", Table(*c, boosted(max_iter=150), (600, 2_000), 2)
    yield "bananas, forest", Table(*bananas, forest(50, min_samples_leaf=3, random_state=0), (1_500, 1_000), 1)
    yield "segments, logistic", Table(*segments, scaled(logistic(max_iter=300)), (600, 700), 1)
    yield "phishing, boosted trees", Table(*phishing, boosted(max_iter=60), (400, 500), 1)
    sea, planes = synth.SEA(variant=1, noise=0.1, seed=1), synth.Hyperplane(n_features=6, noise_percentage=0.1, seed=4)
    waves, lamps = synth.Waveform(seed=5), synth.LED(noise_percentage=0.12, seed=6)
    points = synth.RandomRBF(seed_model=7, seed_sample=8, n_classes=4, n_features=5, n_centroids=15)
    forest5, alike = forest(40, min_samples_leaf=5, random_state=0), ("shuffled", "other sign")
    yield "SEA, forest", Table(*from_river(sea.take(MADE)), forest5, (2_000, 1_000), 1, alike)
    yield "hyperplane, logistic", Table(*from_river(planes.take(MADE)), scaled(logistic()), (2_000, 600), 1, alike)
    yield "waves, network", Table(*from_river(waves.take(MADE)), network, (2_000, 1_500), 1)
    yield "lamps, forest", Table(*from_river(lamps.take(MADE)), forest5, (2_000, 800), 1)
    yield "clusters, boosted trees", Table(*from_river(points.take(MADE)), boosted(max_iter=60), (2_500, 1_000), 1)
    yield "digits, logistic", Table(digits.data, digits.target, scaled(logistic(max_iter=300)), (400, 700), 1)
    yield "breast cancer, logistic", Table(cancer.data[:, :10], cancer.target, scaled(logistic()), (120, 250), 1)
    yield "meter camera, network", Camera(0)
