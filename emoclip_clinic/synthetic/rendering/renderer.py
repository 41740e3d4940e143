"""Draw a person's face over time: shapes, light, backdrop and camera in one call."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.synthetic.rendering import eyes, head, mouth, relief
from emoclip_clinic.synthetic.rendering.identity import Identity
from emoclip_clinic.synthetic.rendering.painter import paint
from emoclip_clinic.synthetic.rendering.scene import Scene, draw_backdrop, gains
from emoclip_clinic.synthetic.rendering.shapes import Shape, Units, head_half_width
from emoclip_clinic.synthetic.rendering.tracks import ExpressionTrack, PoseTrack

__all__ = ["draw_person", "face_shapes", "film", "lay_over", "render"]

RGBFrames = NDArray[np.uint8]

_GRID = 17  # points of the light's field along a side
_GRAIN_MEAN, _GRAIN_SIGMA = 128.0, 20.0
_NEUTRAL_LIGHT = 128.0  # grey level that stands for a factor of 1


def render(
    identity: Identity,
    expressions: ExpressionTrack,
    pose: PoseTrack,
    scene: Scene,
    *,
    size_px: int = 64,
) -> RGBFrames:
    """Draw a clip of a face, framed as the product's face crops are.

    Parameters
    ----------
    identity : Identity
        Whose face.
    expressions : ExpressionTrack
        Movements of T frames.
    pose : PoseTrack
        Head and gaze of the same frames.
    scene : Scene
        Light, backdrop, camera, framing.
    size_px : int
        Side of the pictures in pixels.

    Returns
    -------
    ndarray of shape (T, size_px, size_px, 3), uint8
        RGB frames; the same arguments give the same bytes.

    Raises
    ------
    ValueError
        If the tracks have different lengths.
    """
    framing = scene.framing
    person = draw_person(
        identity,
        expressions,
        pose,
        scene,
        face_px=framing.face_height * size_px,
        centre_px=(framing.centre_x * size_px, framing.centre_y * size_px),
        size_px=(size_px, size_px),
    )
    room = draw_backdrop(scene, width=size_px, height=size_px)
    frames = np.empty((*person.shape[:3], 3), np.uint8)
    for t, one in enumerate(person):
        lay_over(room, one, out=frames[t])
    return film(frames, scene, rng=np.random.default_rng([scene.seed, 0xCA3E]))


def face_shapes(
    identity: Identity, expressions: ExpressionTrack, pose: PoseTrack, *, light_x: float = 0.0
) -> list[Shape]:
    """All shapes of a person, from back to front.

    Parameters
    ----------
    identity : Identity
        Whose face.
    expressions : ExpressionTrack
        Movements of T frames.
    pose : PoseTrack
        Where the eyes look.
    light_x : float
        Where the light comes from, -1 left to 1 right.

    Returns
    -------
    list of Shape
        Shapes of T frames.
    """
    units = Units(expressions)
    return [
        *head.background_shapes(identity, units),
        *head.skin_shapes(identity, units),
        *head.beard_shapes(identity, units),
        *eyes.eye_shapes(identity, units, pose),
        *relief.nose_shapes(identity, units, light_x=light_x),
        *relief.wrinkle_shapes(identity, units),
        *eyes.brow_shapes(identity, units),
        *mouth.mouth_shapes(identity, units),
        *head.hair_shapes(identity, units),
        *eyes.glasses_shapes(identity, units),
    ]


def draw_person(
    identity: Identity,
    expressions: ExpressionTrack,
    pose: PoseTrack,
    scene: Scene,
    *,
    face_px: float,
    centre_px: tuple[float, float],
    size_px: tuple[int, int],
) -> NDArray[np.uint8]:
    """Draw a person with the scene's light and nothing behind.

    Parameters
    ----------
    identity : Identity
        Whose face.
    expressions : ExpressionTrack
        Movements of T frames.
    pose : PoseTrack
        Head and gaze of the same frames.
    scene : Scene
        Light and white balance; its framing is not used.
    face_px : float
        Height of the face from hairline to chin in pixels.
    centre_px : tuple of float
        Place of the face's middle, x and y in pixels.
    size_px : tuple of int
        Width and height of the picture.

    Returns
    -------
    ndarray of shape (T, height, width, 4), uint8
        Colours multiplied by their cover, and the cover, 0 to 255.

    Raises
    ------
    ValueError
        If the tracks have different lengths.
    """
    import cv2

    n = len(expressions.values)
    if n != len(pose.yaw_deg):
        raise ValueError(f"expressions and pose must have as many frames, got {n} and {len(pose.yaw_deg)}.")
    shapes = face_shapes(identity, expressions, pose, light_x=scene.light.x)
    frames = paint(
        shapes,
        pose,
        face_px=face_px,
        centre_px=centre_px,
        size_px=size_px,
        half_width=head_half_width(identity),
    )
    light = _light_fields(identity, pose, scene, face_px=face_px, centre_px=centre_px, size_px=size_px)
    lit = np.empty((size_px[1], size_px[0], 4), np.uint8)
    for t in range(n):
        cv2.resize(light[t], size_px, dst=lit, interpolation=cv2.INTER_LINEAR)
        cv2.multiply(frames[t], lit, dst=frames[t], scale=1.0 / _NEUTRAL_LIGHT)
    return frames


def lay_over(room: RGBFrames, person: NDArray[np.uint8], *, out: RGBFrames) -> None:
    """Put a drawn person over a picture.

    Parameters
    ----------
    room : ndarray of shape (H, W, 3), uint8
        What is behind.
    person : ndarray of shape (H, W, 4), uint8
        As :func:`draw_person` makes it.
    out : ndarray of shape (H, W, 3), uint8
        Takes the result; may be `room`.
    """
    import cv2

    free = cv2.bitwise_not(cv2.cvtColor(cv2.extractChannel(person, 3), cv2.COLOR_GRAY2RGB))
    behind = cv2.multiply(room, free, scale=1.0 / 255.0)
    cv2.add(behind, cv2.cvtColor(person, cv2.COLOR_RGBA2RGB), dst=out)


def film(frames: RGBFrames, scene: Scene, *, rng: np.random.Generator) -> RGBFrames:
    """What the camera makes of pictures: blur, then noise.

    Parameters
    ----------
    frames : ndarray of shape (T, H, W, 3), uint8
        Pictures; changed in place.
    scene : Scene
        Its camera.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    ndarray of shape (T, H, W, 3), uint8
        `frames`.
    """
    import cv2

    camera = scene.camera
    for frame in frames:
        if camera.blur_px > 0.05:
            cv2.GaussianBlur(frame, (0, 0), camera.blur_px, dst=frame)
        if camera.noise > 0:
            # Noise is read from a strip, each time from another place: new noise costs more than a face.
            strip = _grain(1 << (frame.size + (1 << 14)).bit_length())
            start = int(rng.integers(strip.size - frame.size))
            noise = strip[start : start + frame.size].reshape(frame.shape)
            gain = camera.noise / _GRAIN_SIGMA
            cv2.addWeighted(frame, 1.0, noise, gain, -_GRAIN_MEAN * gain, dst=frame)
    return frames


@lru_cache(maxsize=4)
def _grain(size: int) -> NDArray[np.uint8]:
    """A strip of noise around grey, the same one for all clips."""
    normal = np.random.default_rng(0x6EA1).standard_normal(size, dtype=np.float32)
    strip: NDArray[np.uint8] = np.clip(np.rint(normal * _GRAIN_SIGMA + _GRAIN_MEAN), 0, 255).astype(np.uint8)
    strip.flags.writeable = False
    return strip


def _light_fields(
    identity: Identity,
    pose: PoseTrack,
    scene: Scene,
    *,
    face_px: float,
    centre_px: tuple[float, float],
    size_px: tuple[int, int],
) -> NDArray[np.uint8]:
    """Coarse pictures of the light on an ellipsoid where the head is, (T, grid, grid, 4) around 128."""
    light = scene.light
    scale = face_px * pose.scale.astype(np.float64)
    width, height = size_px
    ticks = (np.arange(_GRID) + 0.5) / _GRID
    x = ticks * width - centre_px[0] - face_px * pose.shift_x.astype(np.float64)[:, None]
    y = ticks * height - centre_px[1] - face_px * pose.shift_y.astype(np.float64)[:, None]
    u = (x / (1.25 * identity.half_width * scale[:, None]))[:, None, :]
    v = (y / (0.66 * scale[:, None]))[:, :, None] + 0 * u
    u = u + 0 * v
    far = np.sqrt(u**2 + v**2)
    shrink = np.minimum(1.0, 1.0 / np.maximum(far, 1e-9))
    nx, ny = u * shrink, v * shrink
    nz = np.sqrt(np.maximum(0.0, 1.0 - nx**2 - ny**2))
    aim = np.array([light.x, -light.y, 1.1])
    aim = aim / np.linalg.norm(aim)
    facing = nx * aim[0] + ny * aim[1] + nz * aim[2]
    # Half Lambert keeps the dark side readable; the middle of the face stays about as bright as without it.
    field = 1.0 + light.contrast * (1.15 * facing - 0.95)
    rim = 1.0 - 0.10 * np.clip(far, 0, 1.2) ** 4
    body = np.clip((far - 1.15) / 0.6, 0.0, 1.0)  # clothes and long hair see the light of the room
    lit = (1 - body) * field * rim + body * 0.88
    values = np.empty((*field.shape, 4))
    values[..., :3] = lit[..., None] * gains(scene) * _NEUTRAL_LIGHT
    values[..., 3] = _NEUTRAL_LIGHT
    return np.asarray(np.clip(values + 0.5, 0, 255), np.uint8)
