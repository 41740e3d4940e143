"""Names of the numeric parameters of a drawn face: movements, head and gaze."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["ACTION_UNITS", "ATTRIBUTES", "POSE", "mirror_attributes", "unit_index"]

ACTION_UNITS: tuple[str, ...] = (
    "inner_brow_raise",
    "outer_brow_raise",
    "brow_lower",
    "upper_lid_raise",
    "cheek_raise",
    "lid_tighten",
    "eyes_closed",
    "nose_wrinkle",
    "upper_lip_raise",
    "lip_corner_pull",
    "dimple_left",
    "dimple_right",
    "lip_corner_depress",
    "chin_raise",
    "lip_pucker",
    "lip_stretch",
    "lip_press",
    "lips_part",
    "jaw_drop",
    "tongue_show",
)
"""Movements of the face, 0 (rest) to 1 (as far as it goes), after the Facial Action Coding System's action
units 1, 2, 4, 5, 6, 7, 43, 9, 10, 12, 14 (each side), 15, 17, 18, 20, 24, 25, 26 and 19. ``left`` and
``right`` are sides of the picture."""

POSE: tuple[str, ...] = ("head_yaw", "head_pitch", "head_roll", "gaze_x", "gaze_y")
"""Head and gaze, -1 to 1. The head's angles are in units of 45 degrees: yaw positive to the right of the
picture, pitch positive upwards, roll positive clockwise. Gaze is of the eyes within the head: x positive to
the right of the picture, y positive upwards."""

ATTRIBUTES: tuple[str, ...] = ACTION_UNITS + POSE
"""Columns of a clip's attributes, in order."""

_INDEX = {name: k for k, name in enumerate(ACTION_UNITS)}
_MIRROR_ORDER = [
    ATTRIBUTES.index(name.replace("left", "<").replace("right", "left").replace("<", "right"))
    for name in ATTRIBUTES
]
_MIRROR_SIGN = np.array(
    [-1.0 if name in ("head_yaw", "head_roll", "gaze_x") else 1.0 for name in ATTRIBUTES], np.float32
)


def unit_index(name: str) -> int:
    """Column of an action unit.

    Parameters
    ----------
    name : str
        One of :data:`ACTION_UNITS`.

    Returns
    -------
    int
        Its place in :data:`ACTION_UNITS`, which is its place in :data:`ATTRIBUTES` too.

    Raises
    ------
    KeyError
        If there is no such unit.
    """
    return _INDEX[name]


def mirror_attributes(attributes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Attributes of the same frames after a horizontal flip of the picture.

    Parameters
    ----------
    attributes : ndarray of shape (..., len(ATTRIBUTES)), float32
        Attributes of frames.

    Returns
    -------
    ndarray of shape (..., len(ATTRIBUTES)), float32
        Sides exchanged; yaw, roll and horizontal gaze with the other sign.
    """
    return attributes[..., _MIRROR_ORDER] * _MIRROR_SIGN
