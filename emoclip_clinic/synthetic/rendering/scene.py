"""What surrounds a drawn face: light, backdrop, camera, and the face's place in the picture."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.synthetic.rendering.identity import Color

__all__ = ["BACKDROPS", "Backdrop", "Camera", "Framing", "Light", "Scene", "draw_backdrop"]

RGBImage = NDArray[np.uint8]
Backdrop = Literal["wall", "window", "bookshelf", "curtain", "door", "picture"]
BACKDROPS: tuple[Backdrop, ...] = ("wall", "window", "bookshelf", "curtain", "door", "picture")

_WALLS: tuple[tuple[str, Color], ...] = (
    ("white", (206, 204, 198)),
    ("beige", (192, 172, 142)),
    ("blue", (118, 142, 172)),
    ("green", (126, 152, 126)),
    ("grey", (128, 130, 134)),
    ("dark", (66, 62, 66)),
)


@dataclass(frozen=True)
class Light:
    """A lamp and the light around it.

    Attributes
    ----------
    x, y : float
        Where it comes from, -1 (left, below) to 1 (right, above).
    contrast : float
        Share of the light that has a direction, 0 to 1.
    brightness : float
        Factor of all light; 1 is well exposed.
    warmth : float
        -1 bluish to 1 reddish.
    """

    x: float = -0.4
    y: float = 0.6
    contrast: float = 0.5
    brightness: float = 1.0
    warmth: float = 0.0


@dataclass(frozen=True)
class Camera:
    """What the camera adds.

    Attributes
    ----------
    noise : float
        Standard deviation of the noise of each channel, in grey levels.
    blur_px : float
        Standard deviation of the blur in pixels of the picture; 0 is none.
    white_balance : tuple of float
        Gains of red, green and blue.
    """

    noise: float = 2.0
    blur_px: float = 0.0
    white_balance: Color = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Framing:
    """Where the face is in the picture.

    Attributes
    ----------
    centre_x, centre_y : float
        Middle of the face (between hairline and chin), as shares of the picture's width and height.
    face_height : float
        From hairline to chin, as a share of the picture's height.

    Notes
    -----
    By default as in crops that the product cuts: the default detector's boxes of drawn faces are as high as
    the face (mean 1.00, standard deviation 0.06) and 0.02 of that below its middle, and a crop adds 30 %.
    """

    centre_x: float = 0.5
    centre_y: float = 0.485
    face_height: float = 0.77


@dataclass(frozen=True)
class Scene:
    """Light, backdrop, camera and framing of a clip.

    Attributes
    ----------
    light : Light
        The lamp.
    camera : Camera
        Noise, blur, white balance.
    framing : Framing
        Place of the face.
    backdrop : str
        One of :data:`BACKDROPS`.
    wall : tuple of float
        Colour of the wall.
    wall_word : str
        Its word for captions.
    seed : int
        Details of the backdrop, and the camera's noise.
    """

    light: Light = field(default_factory=Light)
    camera: Camera = field(default_factory=Camera)
    framing: Framing = field(default_factory=Framing)
    backdrop: Backdrop = "wall"
    wall: Color = (128.0, 130.0, 134.0)
    wall_word: str = "grey"
    seed: int = 0

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Scene":
        """Draw a scene at random, framed as the product's face crops are.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        Scene
            Light from any side, mostly above; little to some noise and blur.
        """
        wall_word, wall = _WALLS[int(rng.integers(len(_WALLS)))]
        red, green, blue = (float(v) for v in rng.normal(1.0, 0.035, 3))
        return cls(
            light=Light(
                x=float(rng.uniform(-0.9, 0.9)),
                y=float(rng.uniform(0.0, 0.9)),
                contrast=float(rng.uniform(0.2, 0.6)),
                brightness=float(rng.uniform(0.78, 1.12)),
                warmth=float(rng.uniform(-0.5, 0.8)),
            ),
            camera=Camera(
                noise=float(rng.uniform(0.5, 5.0)),
                blur_px=float(max(0.0, rng.uniform(-0.5, 0.6))),
                white_balance=(red, green, blue),
            ),
            framing=Framing(
                centre_x=float(0.5 + rng.normal(0, 0.02)),
                centre_y=float(0.485 + rng.normal(0, 0.02)),
                face_height=float(0.77 * np.exp(rng.normal(0, 0.05))),
            ),
            backdrop=BACKDROPS[int(rng.integers(len(BACKDROPS)))],
            wall=wall,
            wall_word=wall_word,
            seed=int(rng.integers(1 << 31)),
        )


def draw_backdrop(scene: Scene, *, width: int, height: int) -> RGBImage:
    """Draw the room behind the face, with its light.

    Parameters
    ----------
    scene : Scene
        Wall, backdrop, light and white balance.
    width, height : int
        Size in pixels.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB picture, a little out of focus.
    """
    import cv2

    rng = np.random.default_rng([scene.seed, 0xBACD])
    wall = np.array(scene.wall)
    room = np.empty((height, width, 3), np.float32)
    room[:] = wall
    side = 1 if rng.random() < 0.5 else -1  # the free side of the picture

    def box(x: float, y: float, w: float, h: float, colour: NDArray[np.floating]) -> None:
        left, top = (0.5 + side * x) * width, y * height
        corners = (
            (round(left - w * width / 2), round(top)),
            (
                round(left + w * width / 2),
                round(top + h * height),
            ),
        )
        cv2.rectangle(room, *corners, tuple(float(v) for v in colour), thickness=-1)

    if scene.backdrop == "window":
        box(0.34, 0.08, 0.30, 0.5, 0.6 * wall)
        box(0.34, 0.10, 0.26, 0.46, np.array([214, 226, 236]))
        box(0.34, 0.10, 0.015, 0.46, 0.6 * wall)
    elif scene.backdrop == "bookshelf":
        box(0.33, 0.0, 0.34, 0.8, np.array([88, 62, 44]))
        for shelf in range(3):
            for book in range(8):
                tint = rng.uniform(50, 190, 3)
                height_ = rng.uniform(0.13, 0.20)
                box(0.185 + 0.04 * book, 0.24 + 0.26 * shelf - height_, 0.034, height_, tint)
    elif scene.backdrop == "curtain":
        folds = 1 + 0.16 * np.sin(np.arange(width) / width * rng.uniform(60, 110))
        tint = np.array(_WALLS[int(rng.integers(len(_WALLS)))][1]) * 0.9
        half = slice(0, int(0.3 * width)) if side < 0 else slice(int(0.7 * width), width)
        room[:, half] = tint * folds[half, None]
    elif scene.backdrop == "door":
        box(0.36, 0.05, 0.24, 1.0, np.array([128, 92, 62]))
        box(0.36, 0.12, 0.15, 0.3, np.array([112, 80, 54]))
        box(0.27, 0.56, 0.02, 0.03, np.array([190, 180, 120]))
    elif scene.backdrop == "picture":
        box(0.32, 0.08, 0.24, 0.24, np.array([56, 44, 36]))
        box(0.32, 0.105, 0.20, 0.19, rng.uniform(80, 220, 3))
        box(0.30, 0.18, 0.10, 0.10, rng.uniform(60, 200, 3))
    soft = cv2.GaussianBlur(room, (0, 0), max(0.6, width / 200))
    across = np.linspace(-1, 1, width, dtype=np.float32)
    falloff = 1 + 0.22 * scene.light.contrast * scene.light.x * across
    lit = soft * falloff[None, :, None] * gains(scene).astype(np.float32)
    return np.clip(lit + 0.5, 0, 255).astype(np.uint8)


def gains(scene: Scene) -> NDArray[np.float64]:
    """Factors of red, green and blue by the lamp's colour and the camera.

    Parameters
    ----------
    scene : Scene
        Light and camera.

    Returns
    -------
    ndarray of shape (3,)
        The factors.
    """
    lamp = 1 + scene.light.warmth * np.array([0.06, 0.0, -0.09])
    return np.asarray(scene.light.brightness * lamp * np.array(scene.camera.white_balance), np.float64)
