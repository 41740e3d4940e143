"""Put people into a room: frames of an interview, with the place of every face."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.synthetic.rendering.head import face_outline
from emoclip_clinic.synthetic.rendering.identity import Identity
from emoclip_clinic.synthetic.rendering.painter import project
from emoclip_clinic.synthetic.rendering.renderer import draw_person, film, lay_over
from emoclip_clinic.synthetic.rendering.scene import Scene, draw_backdrop
from emoclip_clinic.synthetic.rendering.shapes import Shape, Units, head_half_width
from emoclip_clinic.synthetic.rendering.tracks import ExpressionTrack, PoseTrack

__all__ = ["Seat", "face_boxes", "stage"]

_CHUNK = 32  # frames whose geometry is computed at once
_REACH = (1.15, 0.95)  # half width and upper height of a person's patch, in units of the face's height


@dataclass(frozen=True)
class Seat:
    """A person somewhere in the picture.

    Attributes
    ----------
    identity : Identity
        Who.
    expressions : ExpressionTrack
        Movements of T frames.
    pose : PoseTrack
        Head and gaze; large shifts let a person enter and leave.
    centre_x, centre_y : float
        Middle of the face, as shares of the picture's width and height.
    face_height : float
        From hairline to chin, as a share of the picture's height.
    """

    identity: Identity
    expressions: ExpressionTrack
    pose: PoseTrack
    centre_x: float = 0.5
    centre_y: float = 0.45
    face_height: float = 0.45


def stage(seats: Sequence[Seat], scene: Scene, *, width: int, height: int) -> Iterator[NDArray[np.uint8]]:
    """Draw the frames of an interview, one at a time.

    Parameters
    ----------
    seats : sequence of Seat
        People from back to front, all with tracks of T frames.
    scene : Scene
        Room, light and camera; its framing is not used.
    width, height : int
        Size of the picture in pixels.

    Yields
    ------
    ndarray of shape (height, width, 3), uint8
        RGB frames, T of them.

    Raises
    ------
    ValueError
        If nobody is there, or the tracks have different lengths.
    """
    lengths = {len(seat.expressions.values) for seat in seats} | {len(seat.pose.yaw_deg) for seat in seats}
    if len(lengths) != 1:
        raise ValueError(f"seats must have tracks of one length, got {sorted(lengths)}.")
    n_frames = lengths.pop()
    room = draw_backdrop(scene, width=width, height=height)
    grains = np.random.default_rng([scene.seed, 0x57A6])
    for start in range(0, n_frames, _CHUNK):
        part = slice(start, min(start + _CHUNK, n_frames))
        people = [_patches(seat, scene, part, width=width, height=height) for seat in seats]
        for t in range(part.stop - part.start):
            frame = room.copy()
            for patch in people:
                if patch is not None:
                    frames, rows, columns = patch
                    view = frame[rows, columns]
                    lay_over(view, frames[t], out=view)
            yield film(frame[None], scene, rng=grains)[0]


def face_boxes(seat: Seat, *, width: int, height: int) -> NDArray[np.float64]:
    """Where a person's face is.

    Parameters
    ----------
    seat : Seat
        The person, with tracks of T frames.
    width, height : int
        Size of the picture in pixels.

    Returns
    -------
    ndarray of shape (T, 4)
        ``x1, y1, x2, y2`` of the face's outline from hairline to chin in pixels; may reach outside.
    """
    outline = face_outline(seat.identity, Units(seat.expressions))
    shape = Shape(outline, seat.identity.skin, motion="outline")
    points = project([shape], seat.pose, half_width=head_half_width(seat.identity))[0][:, 0]
    face_px = seat.face_height * height
    points = points * face_px + np.array([seat.centre_x * width, seat.centre_y * height])
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)


def _patches(
    seat: Seat, scene: Scene, part: slice, *, width: int, height: int
) -> tuple[NDArray[np.uint8], slice, slice] | None:
    """A stretch of a person's frames on a patch, and the patch's place; None if it is out of the picture."""
    pose = PoseTrack(*(getattr(seat.pose, field.name)[part] for field in fields(PoseTrack)))
    face_px = seat.face_height * height
    x, y = seat.centre_x * width, seat.centre_y * height
    largest = float(pose.scale.max()) * face_px
    left = x + float(pose.shift_x.min()) * face_px - _REACH[0] * largest
    right = x + float(pose.shift_x.max()) * face_px + _REACH[0] * largest
    top = y + float(pose.shift_y.min()) * face_px - _REACH[1] * largest
    columns = slice(max(0, int(np.floor(left))), min(width, int(np.ceil(right))))
    rows = slice(max(0, int(np.floor(top))), height)
    if columns.start >= columns.stop or rows.start >= rows.stop:
        return None
    frames = draw_person(
        seat.identity,
        ExpressionTrack(seat.expressions.values[part]),
        pose,
        scene,
        face_px=face_px,
        centre_px=(x - columns.start, y - rows.start),
        size_px=(columns.stop - columns.start, rows.stop - rows.start),
    )
    return frames, rows, columns
