"""What can be wrong with a camera, read from image statistics.

dirt or focus     contrast falls while brightness does not fall with it; blur takes the sharpness
less light        brightness and contrast fall together
more light        brightness rises with contrast, or pixels clip
turned            the direction of edges (`tilt`) changes as much as anything else
pixels or noise   sharpness rises by itself: single pixels differ from their neighbours
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.picture import CLEAR, Hypothesis, over_noise_same_mix

if TYPE_CHECKING:
    from detectors.picture import Picture

IMAGE = ("brightness", "contrast", "sharpness", "saturation", "tilt", "colour_saturation")
SHARED_FALL = 0.4  # of the fall of contrast, in standard deviations, that brightness takes part in when light fails
TURNED = 0.25  # of the change of contrast
STANDS_OUT = 1.5  # of the fall of contrast, that sharpness may rise with it
UNNAMED = 0.3  # strength of the last resort: the pictures changed
FULL = 1.0  # standard deviations at which a rule is fully convinced


def camera_causes(picture: Picture) -> list[Hypothesis]:
    """List what the image statistics speak for; empty where there are none, or none changed."""
    if "brightness" not in picture.effects or "contrast" not in picture.effects:
        return []
    found = [*_fault_flags(picture), *_turned(picture)]
    turned = max((h.strength for h in found), default=0.0)
    rest = _light_and_lens(picture) + _pixels(picture)
    # A turned or defective camera changes light and contrast too; what they leave unexplained is less.
    found += [h._replace(strength=h.strength * (1 - 0.8 * turned)) for h in rest]
    return found or _unnamed(picture)


def _unnamed(picture: Picture) -> list[Hypothesis]:
    """Say at least that it is the camera, where its pictures changed and the class mix does not explain that."""
    changed = [picture.effects[name] for name in IMAGE if name in picture.effects]
    left = [e for e in changed if e.wasserstein >= CLEAR and over_noise_same_mix(e) > 0]
    if not left:
        return []
    worst = sorted(left, key=lambda e: -e.wasserstein)[:2]
    return [
        Hypothesis(
            "sensor", "camera's pictures look different", UNNAMED, picture.says(*(e.signal.name for e in worst)),
            "Look at a few images beside earlier ones; check lens, light, mounting and the camera's settings.",
        )
    ]  # fmt: skip


def _fault_flags(picture: Picture) -> list[Hypothesis]:
    found = []
    if picture.flagged("repeated_frame"):
        found.append(
            Hypothesis(
                "sensor", "camera frozen: it delivers the same frame again and again", 0.95, "frames repeat bit by bit",
                "Restart the camera; check its cable, its power and the process that reads it.", faulty=True,
            )
        )  # fmt: skip
    elif picture.flagged("stuck_pixels"):
        effect = picture.effects.get("stuck_pixels")
        count = round((effect.recent_mean or 0.0) if effect else 0.0)
        told = f"{count} pixels no longer change" if count > 1 else "a pixel no longer changes"
        found.append(
            Hypothesis(
                "sensor", "stuck pixels in the camera", 0.9, told,
                "Look at a few images for dots that never change; recalibrate or replace the camera.", faulty=True,
            )
        )  # fmt: skip
    return found


def _turned(picture: Picture) -> list[Hypothesis]:
    effect = picture.effects.get("tilt")
    if effect is None:
        return []
    tilt, contrast = abs(picture.moved("tilt")), abs(picture.moved("contrast"))
    left = over_noise_same_mix(effect)
    if tilt < CLEAR or tilt < TURNED * contrast or left <= 0:
        return []
    return [
        Hypothesis(
            "sensor", "camera has been turned or has slipped", min(0.9, 0.4 + left), picture.says("tilt", "confidence"),
            "Check that the camera is firmly mounted and looks straight at its object.",
        )
    ]  # fmt: skip


def _light_and_lens(picture: Picture) -> list[Hypothesis]:
    brightness, contrast, sharpness = (picture.moved(name) for name in ("brightness", "contrast", "sharpness"))
    strength = min(0.9, 0.9 * max(abs(contrast), abs(brightness)) / FULL)
    if not max(picture.excess("contrast"), picture.excess("brightness")) > 0:
        return []
    if contrast < -CLEAR / 2 and brightness < -SHARED_FALL * abs(contrast):
        return [
            Hypothesis(
                "sensor", "camera sees less light", strength, picture.says("brightness", "contrast"),
                "Check the lamp and the camera's exposure; look for something that casts a shadow.",
            )
        ]  # fmt: skip
    if contrast < -CLEAR / 2:
        blurred = ("sharpness",) if sharpness < -CLEAR else ()
        return [
            Hypothesis(
                "sensor", "camera lens dirty or out of focus", strength,
                picture.says("contrast", *blurred, "brightness"),
                "Clean the lens and its window; then check the focus.",
            )
        ]  # fmt: skip
    if brightness > CLEAR and brightness > contrast / 2 and sharpness < brightness / 2:
        return [
            Hypothesis(
                "sensor", "camera sees more light", strength, picture.says("brightness", "contrast", "saturation"),
                "Check the camera's exposure; look for sunlight or a reflection that was not there before.",
            )
        ]  # fmt: skip
    return []


def _pixels(picture: Picture) -> list[Hypothesis]:
    sharpness, contrast = picture.moved("sharpness"), picture.moved("contrast")
    effect = picture.effects.get("sharpness")
    # What takes contrast makes the noise that is there stand out: the rise must be more than follows from that.
    if effect is None or sharpness < max(CLEAR / 2, -STANDS_OUT * contrast) or over_noise_same_mix(effect) <= 0:
        return []
    return [
        Hypothesis(
            "sensor", "defective pixels or noise in the camera", min(0.8, sharpness), picture.says("sharpness"),
            "Look at a few images for bright or dark dots and for noise; check the camera's gain.",
        )
    ]  # fmt: skip
