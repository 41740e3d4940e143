"""Which frames of a clip make up a training or an evaluation window."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import PretrainingError, did_you_mean

__all__ = ["Sampling", "ShortClip"]

ShortClip = Literal["hold", "loop"]


@dataclass(frozen=True)
class Sampling:
    """How a window of frames is taken from a clip; belongs to the recipe.

    A window spans ``(n_frames - 1) * stride + 1`` stored frames and never runs over the end of a clip into
    its beginning. In training it starts at random; in evaluation at stated, evenly spaced places.

    Parameters
    ----------
    n_frames : int
        Frames of a window, T.
    stride : int
        Every so-many-th stored frame is taken.
    short : {"hold", "loop"}
        What follows the last frame of a clip that is shorter than the window: that frame held, or the clip
        played from its start again.
    n_windows : int
        Windows in evaluation, W, whose embeddings are averaged. One window lies in the middle; several are
        spread evenly from the first to the last possible start.

    Raises
    ------
    PretrainingError
        If a number is below 1, or `short` is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> sampling = Sampling(n_frames=4, stride=2, n_windows=3)
    >>> sampling.windows(11).tolist()
    [[0, 2, 4, 6], [2, 4, 6, 8], [4, 6, 8, 10]]
    >>> sampling.window(5, np.random.default_rng(0)).tolist()
    [0, 2, 4, 4]
    """

    n_frames: int = 32
    stride: int = 4
    short: ShortClip = "hold"
    n_windows: int = 3

    def __post_init__(self) -> None:
        for name in ("n_frames", "stride", "n_windows"):
            if getattr(self, name) < 1:
                raise PretrainingError(f"The setting {name} must be at least 1", found=getattr(self, name))
        if self.short not in get_args(ShortClip):
            raise PretrainingError(
                "Clips shorter than a window must be treated in a known way",
                found=self.short,
                hint=did_you_mean(str(self.short), get_args(ShortClip)),
            )

    @property
    def span(self) -> int:
        """Stored frames from the first to the last of a window."""
        return (self.n_frames - 1) * self.stride + 1

    def window(self, clip_frames: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Draw a training window.

        Parameters
        ----------
        clip_frames : int
            Stored frames of the clip, at least 1.
        rng : numpy.random.Generator
            Exactly one number is drawn, whatever the length of the clip.

        Returns
        -------
        ndarray of shape (T,)
            Positions in the clip.
        """
        start = int(rng.random() * (max(clip_frames - self.span, 0) + 1))
        return self._positions(start, clip_frames)

    def windows(self, clip_frames: int) -> NDArray[np.intp]:
        """Return the evaluation windows.

        Parameters
        ----------
        clip_frames : int
            Stored frames of the clip, at least 1.

        Returns
        -------
        ndarray of shape (W, T)
            Positions in the clip. Windows of a clip that has no room for W different ones repeat.
        """
        room = max(clip_frames - self.span, 0)
        places = np.array([0.5]) if self.n_windows == 1 else np.linspace(0.0, 1.0, self.n_windows)
        starts = np.floor(places * room + 0.5).astype(int)
        return np.stack([self._positions(int(start), clip_frames) for start in starts])

    def _positions(self, start: int, clip_frames: int) -> NDArray[np.intp]:
        positions = start + self.stride * np.arange(self.n_frames, dtype=np.intp)
        if positions[-1] < clip_frames:
            return positions
        return positions % clip_frames if self.short == "loop" else np.minimum(positions, clip_frames - 1)
