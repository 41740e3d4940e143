"""Random changes of a clip's pictures: drawn once per clip, the same for all of its frames."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import PretrainingError

__all__ = ["Augmentation", "Change"]


@dataclass(frozen=True)
class Change:
    """One drawn change of a clip.

    Attributes
    ----------
    angle_deg : float
        Rotation, counter-clockwise.
    flipped : bool
        Whether left and right change places.
    scale : float
        Magnification.
    brightness : float
        Added grey levels as a share of 255.
    contrast : float
        Factor on the distance from mid-grey.
    """

    angle_deg: float = 0.0
    flipped: bool = False
    scale: float = 1.0
    brightness: float = 0.0
    contrast: float = 1.0

    def apply(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Change all frames of a clip alike.

        Parameters
        ----------
        frames : ndarray of shape (T, S, S, 3), uint8
            RGB pictures; left as they are.

        Returns
        -------
        ndarray of shape (T, S, S, 3), uint8
            Flipped, then rotated and magnified about the middle (bilinear, border pixels repeated), then
            lightened.
        """
        import cv2

        changed = frames
        if self.angle_deg or self.scale != 1.0:
            matrix = self._matrix(frames.shape[1])
            changed = np.empty_like(frames)
            for frame, out in zip(frames, changed, strict=True):
                cv2.warpAffine(frame, matrix, frame.shape[:2], dst=out, borderMode=cv2.BORDER_REPLICATE)
        elif self.flipped:
            changed = np.empty_like(frames)
            for frame, out in zip(frames, changed, strict=True):
                cv2.flip(frame, 1, dst=out)
        if self.brightness or self.contrast != 1.0:
            changed = np.asarray(cv2.LUT(changed, self._grey_levels()), np.uint8)
        return changed

    def _matrix(self, size: int) -> NDArray[np.float64]:
        """Flip, rotation and magnification as one map of pixels, so that each is read once."""
        import cv2

        last = size - 1
        turn = cv2.getRotationMatrix2D((last / 2, last / 2), self.angle_deg, self.scale)
        flip = np.array([[-1.0, 0.0, last], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        return np.asarray(turn @ flip if self.flipped else turn, np.float64)

    def _grey_levels(self) -> NDArray[np.uint8]:
        levels = (np.arange(256) - 127.5) * self.contrast + 127.5 + 255.0 * self.brightness
        rounded: NDArray[np.uint8] = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
        return rounded


@dataclass(frozen=True)
class Augmentation:
    """What may be changed, and how far.

    Rotation and flip are those of the released training. The others are additions of this package and off by
    default.

    Parameters
    ----------
    rotation_deg : float
        Greatest angle to either side. The interpolation (bilinear) and the border (repeated) are ours.
    flip : bool
        Mirror every second clip, unless its captions name a side.
    scale : float
        Ours: greatest relative change of size, 0 to below 1.
    brightness : float
        Ours: greatest change of grey levels to either side, as a share of 255.
    contrast : float
        Ours: greatest relative change of contrast, 0 to below 1.

    Raises
    ------
    PretrainingError
        If a number is negative, not finite or too large.
    """

    rotation_deg: float = 6.0
    flip: bool = True
    scale: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0

    def __post_init__(self) -> None:
        limits = {"rotation_deg": 180.0, "scale": 0.9, "brightness": 1.0, "contrast": 0.9}
        for name, most in limits.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= most):
                raise PretrainingError(f"The augmentation {name} must be from 0 to {most:g}", found=value)

    @property
    def ours(self) -> tuple[str, ...]:
        """Names of the changes in use that the released training does not make."""
        return tuple(name for name in ("scale", "brightness", "contrast") if getattr(self, name))

    def draw(self, rng: np.random.Generator, *, may_flip: bool) -> Change:
        """Draw a change for one clip.

        Parameters
        ----------
        rng : numpy.random.Generator
            Exactly five numbers are drawn, whatever is in use, so that one change does not alter the others.
        may_flip : bool
            False where the captions name a side.

        Returns
        -------
        Change
            What is done to every frame.
        """
        angle, flip, scale, brightness, contrast = rng.random(5)
        return Change(
            angle_deg=self.rotation_deg * (2 * angle - 1),
            flipped=self.flip and may_flip and bool(flip < 0.5),
            scale=1.0 + self.scale * (2 * scale - 1),
            brightness=self.brightness * (2 * brightness - 1),
            contrast=1.0 + self.contrast * (2 * contrast - 1),
        )
