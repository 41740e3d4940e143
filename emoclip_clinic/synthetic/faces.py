"""Draw simple faces that the default face detector finds: shaded ellipses with brows, eyes, nose and mouth.

They stand in for people in tests, self-tests and the generated study; a detector finds them, but they say
nothing about how well anything works on people.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Expression", "Person", "draw_background", "draw_face", "face_box"]

RGBImage = NDArray[np.uint8]
Color = tuple[int, int, int]

_SKINS: tuple[Color, ...] = (
    (241, 205, 180),
    (226, 180, 148),
    (205, 152, 118),
    (172, 120, 88),
    (135, 90, 62),
    (105, 70, 50),
)
_HAIRS: tuple[Color, ...] = (
    (28, 22, 20),
    (70, 44, 28),
    (120, 82, 48),
    (190, 150, 92),
    (125, 122, 120),
    (110, 46, 26),
)
_SHIRTS: tuple[Color, ...] = (
    (40, 62, 110),
    (120, 36, 44),
    (46, 96, 66),
    (190, 176, 150),
    (66, 66, 72),
    (126, 92, 150),
)
_EYES: tuple[Color, ...] = ((70, 48, 34), (62, 92, 120), (74, 104, 70))
_SHIFT = 4  # OpenCV takes fixed-point coordinates with this many binary digits


@dataclass(frozen=True)
class Expression:
    """State of the face's moving parts.

    Attributes
    ----------
    mouth_open : float
        0 closed to 1 wide open.
    smile : float
        -1 corners down to 1 corners up.
    brow_raise : float
        -1 lowered and drawn together to 1 raised.
    eyes_closed : float
        0 open to 1 closed.
    """

    mouth_open: float = 0.0
    smile: float = 0.0
    brow_raise: float = 0.0
    eyes_closed: float = 0.0


@dataclass(frozen=True)
class Person:
    """What stays the same of a drawn person: colours, and proportions in units of the face's height."""

    skin: Color
    hair: Color
    shirt: Color
    eyes: Color
    width: float
    eye_spacing: float
    nose_length: float
    mouth_width: float

    @classmethod
    def from_seed(cls, seed: int) -> "Person":
        """Draw a person's looks at random; successive seeds differ in skin, hair and clothes.

        Parameters
        ----------
        seed : int
            Not negative. The same seed gives the same person.

        Returns
        -------
        Person
            The looks.
        """
        rng = np.random.default_rng([seed, 0xFACE])
        return cls(
            skin=_SKINS[(2 * seed + seed // 3) % len(_SKINS)],
            hair=_HAIRS[(seed + seed // 2) % len(_HAIRS)],
            shirt=_SHIRTS[seed % len(_SHIRTS)],
            eyes=_EYES[int(rng.integers(len(_EYES)))],
            width=float(rng.uniform(0.70, 0.80)),
            eye_spacing=float(rng.uniform(0.31, 0.36)),
            nose_length=float(rng.uniform(0.20, 0.24)),
            mouth_width=float(rng.uniform(0.25, 0.30)),
        )


def draw_background(*, width: int, height: int, seed: int = 0) -> RGBImage:
    """Draw a quiet room: a wall with light falling off to one side, and a few soft rectangles.

    Parameters
    ----------
    width, height : int
        Size in pixels.
    seed : int
        Not negative; another seed is another room.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB image.
    """
    import cv2

    rng = np.random.default_rng([seed, 0xBACC])
    wall = rng.uniform(90, 190) + rng.uniform(-25, 25, 3)
    light = np.linspace(1.1, 0.8, width)[:: 1 if rng.random() < 0.5 else -1]
    image = np.broadcast_to(wall, (height, width, 3)) * light[None, :, None]
    room = image.astype(np.float32)
    for _ in range(3):
        x, y = rng.uniform(0, width * 0.8), rng.uniform(0, height * 0.4)
        w, h = rng.uniform(0.1, 0.25) * width, rng.uniform(0.2, 0.5) * height
        tint = wall * rng.uniform(0.55, 0.9) + rng.uniform(-15, 15, 3)
        cv2.rectangle(
            room, (int(x), int(y)), (int(x + w), int(y + h)), tuple(float(v) for v in tint), thickness=-1
        )
    soft = cv2.GaussianBlur(room, (0, 0), max(1.0, width / 160))
    return np.clip(soft, 0, 255).astype(np.uint8)


def face_box(
    person: Person, *, centre_px: tuple[float, float], height_px: float
) -> tuple[float, float, float, float]:
    """Box of a drawn face, from the hairline to the chin, about where the default detector puts it.

    Parameters
    ----------
    person : Person
        Whose face.
    centre_px : tuple of float
        Centre of the face's ellipse, x and y in pixels.
    height_px : float
        Height of that ellipse in pixels.

    Returns
    -------
    x1, y1, x2, y2 : float
        Box in pixels.
    """
    x, y = centre_px
    half = 0.50 * person.width * height_px
    return x - half, y - 0.46 * height_px, x + half, y + 0.54 * height_px


def draw_face(
    image: RGBImage,
    person: Person,
    *,
    centre_px: tuple[float, float],
    height_px: float,
    expression: Expression | None = None,
    yaw_deg: float = 0.0,
) -> RGBImage:
    """Draw a person's head and shoulders over an image.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3), uint8
        RGB background; stays as it is.
    person : Person
        Whose face.
    centre_px : tuple of float
        Centre of the face's ellipse, x and y in pixels; fractions are respected. The face may reach outside.
    height_px : float
        Height of the ellipse from hair to chin, in pixels.
    expression : Expression, optional
        By default neutral.
    yaw_deg : float
        Turn of the head, -45 to 45 degrees; positive towards the right side of the image.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        A new image.

    Raises
    ------
    ValueError
        If the height is not positive.
    """
    if height_px <= 0:
        raise ValueError(f"height_px must be positive, got {height_px}.")
    # Whole pixels place the patch, the fraction moves the drawing inside of it.
    half = int(np.ceil(1.1 * height_px))
    left, top = int(np.floor(centre_px[0])) - half, int(np.floor(centre_px[1])) - half
    offset = (centre_px[0] - left, centre_px[1] - top)
    rows = slice(max(0, top), min(image.shape[0], top + 2 * half))
    columns = slice(max(0, left), min(image.shape[1], left + 2 * half))
    out = image.copy()
    if columns.start >= columns.stop or rows.start >= image.shape[0] or rows.stop <= 0:
        return out
    patch = _Patch(2 * half, offset, height_px, yaw_deg)
    patch.body(person)
    patch.head(person, expression or Expression())
    colour, alpha = patch.finish()
    inside = (
        slice(rows.start - top, rows.stop - top),
        slice(columns.start - left, columns.stop - left),
    )
    cover = alpha[inside][..., None]
    out[rows, columns] = _blend(out[rows, columns], colour[inside], cover)
    # The body goes on below the patch.
    below = (slice(rows.stop, None), columns)
    out[below] = _blend(out[below], colour[inside][-1:], cover[-1:])
    return out


class _Patch:
    """A square canvas in units of the face's height, with the head's centre at (0, 0), x right and y down."""

    def __init__(self, side: int, centre: tuple[float, float], unit_px: float, yaw_deg: float) -> None:
        self.centre = centre
        self.unit_px = unit_px
        self.turn = float(np.sin(np.radians(yaw_deg)))
        self.narrowing = float(np.cos(np.radians(yaw_deg)))
        self.colour: NDArray[np.uint8] = np.zeros((side, side, 3), np.uint8)
        self.alpha: NDArray[np.uint8] = np.zeros((side, side), np.uint8)

    def point(self, x: float, y: float) -> tuple[int, int]:
        """Fixed-point canvas coordinates."""
        return (
            round((x * self.unit_px + self.centre[0] - 0.5) * (1 << _SHIFT)),
            round((y * self.unit_px + self.centre[1] - 0.5) * (1 << _SHIFT)),
        )

    def on_face(self, x: float, y: float, depth: float = 0.24) -> tuple[float, float]:
        """Place of a feature on the turned head; depth is its distance before the neck's axis."""
        return x * self.narrowing + depth * self.turn, y

    def ellipse(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        colour: Color,
        *,
        cover: bool = False,
        angles: tuple[int, int] = (0, 360),
    ) -> None:
        import cv2

        axes = (
            max(1, round(rx * self.unit_px * (1 << _SHIFT))),
            max(1, round(ry * self.unit_px * (1 << _SHIFT))),
        )
        place = self.point(x, y)
        cv2.ellipse(self.colour, place, axes, 0, *angles, colour, -1, cv2.LINE_AA, _SHIFT)
        if cover:
            cv2.ellipse(self.alpha, place, axes, 0, *angles, 255, -1, cv2.LINE_AA, _SHIFT)

    def line(self, points: list[tuple[float, float]], thickness: float, colour: Color) -> None:
        import cv2

        path = [np.array([self.point(x, y) for x, y in points], np.int32)]
        width = max(1, round(thickness * self.unit_px))
        cv2.polylines(self.colour, path, False, colour, width, cv2.LINE_AA, _SHIFT)

    def polygon(self, points: list[tuple[float, float]], colour: Color) -> None:
        import cv2

        path = [np.array([self.point(x, y) for x, y in points], np.int32)]
        cv2.fillPoly(self.colour, path, colour, cv2.LINE_AA, _SHIFT)

    def body(self, person: Person) -> None:
        """Shoulders, neck and the hair behind the head."""
        self.ellipse(0.0, 1.12, 0.80, 0.48, person.shirt, cover=True)
        self.ellipse(0.0, 0.58, 0.17, 0.24, _shade(person.skin, 0.72), cover=True)
        self.ellipse(-0.03 * self.turn, -0.09, 0.54 * person.width + 0.02, 0.53, person.hair, cover=True)

    def head(self, person: Person, expression: Expression) -> None:
        """Face with its features, then light from above and the left."""
        half = person.width / 2
        for side in (-1, 1):
            self.ellipse(side * half * 0.98, 0.02, 0.045, 0.09, _shade(person.skin, 0.85), cover=True)
        self.ellipse(0.0, 0.0, half, 0.5, person.skin, cover=True)
        self._light(person)
        self._hairline(person)
        self._eyes(person, expression)
        self._nose(person)
        self._mouth(person, expression)

    def _light(self, person: Person) -> None:
        """Shade the face as a ball: darker to the rim, lighter to the upper left."""
        side = len(self.alpha)
        ranges = []
        for centre, half in zip(self.centre, (person.width / 2, 0.5), strict=True):
            first = max(0, int(centre - half * self.unit_px) - 1)
            ranges.append(
                np.arange(first, min(side, int(centre + half * self.unit_px) + 2), dtype=np.float32)
            )
        u = ((ranges[0] - self.centre[0]) / (self.unit_px * person.width / 2))[None, :]
        v = ((ranges[1] - self.centre[1]) / (self.unit_px * 0.5))[:, None]
        ball = 1 - u**2 - v**2
        light = 0.62 + 0.40 * np.sqrt(np.clip(ball, 0, 1)) - 0.06 * u - 0.06 * v
        window = np.ix_(ranges[1].astype(int), ranges[0].astype(int))
        lit = np.clip(self.colour[window] * np.where(ball >= 0, light, 1.0)[..., None], 0, 255)
        self.colour[window] = lit.astype(np.uint8)

    def _hairline(self, person: Person) -> None:
        half = person.width / 2
        arc = np.radians(np.linspace(200, 340, 25))
        upper = [(float(half * 1.04 * np.cos(a)), float(0.53 * np.sin(a)) - 0.01) for a in arc]
        lower = [
            (float(x), -0.30 - 0.05 * float(np.cos(np.pi * x / half)))
            for x in np.linspace(half * 0.93, -half * 0.93, 15)
        ]
        self.polygon(upper + lower, person.hair)

    def _eyes(self, person: Person, expression: Expression) -> None:
        brow_y = -0.205 - 0.035 * expression.brow_raise
        for side in (-1, 1):
            x, y = self.on_face(side * person.eye_spacing / 2 * 1.12, -0.09)
            rx, ry = 0.066 * self.narrowing, 0.034 * (1 - expression.eyes_closed)
            self.ellipse(x, y, 0.085, 0.055, _shade(person.skin, 0.80))
            if ry > 0.006:
                self.ellipse(x, y, rx, ry, (238, 236, 232))
                self.ellipse(x + 0.012 * self.turn, y, 0.031, min(0.031, ry), person.eyes)
                self.ellipse(x + 0.012 * self.turn, y, 0.015, min(0.015, ry), (12, 10, 10))
            lid = [
                (x - rx, y + 0.004),
                (x - rx * 0.5, y - ry * 0.9),
                (x, y - ry),
                (x + rx * 0.5, y - ry * 0.9),
                (x + rx, y + 0.004),
            ]
            self.line(lid, 0.016, _shade(person.skin, 0.30))
            inner = -0.02 * min(expression.brow_raise, 0.0)
            brow = [
                self.on_face(side * (person.eye_spacing / 2 - 0.055), brow_y + 0.012 + inner),
                self.on_face(side * (person.eye_spacing / 2 + 0.02), brow_y - 0.012),
                self.on_face(side * (person.eye_spacing / 2 + 0.10), brow_y + 0.020),
            ]
            self.line(brow, 0.030, _shade(person.hair, 0.8))

    def _nose(self, person: Person) -> None:
        tip_y = -0.09 + person.nose_length
        x, y = self.on_face(0.0, tip_y, depth=0.34)
        bridge_x, bridge_y = self.on_face(0.0, -0.06, depth=0.25)
        dark = _shade(person.skin, 0.66)
        self.polygon(
            [(bridge_x + 0.012, bridge_y), (x + 0.055, y + 0.01), (x + 0.02, y + 0.02)],
            _shade(person.skin, 0.78),
        )
        self.ellipse(x, y - 0.01, 0.045, 0.035, _shade(person.skin, 0.98))
        self.line([(x - 0.055, y + 0.012), (x, y + 0.032), (x + 0.055, y + 0.012)], 0.012, dark)
        for side in (-1, 1):
            self.ellipse(x + side * 0.026, y + 0.018, 0.014, 0.009, _shade(person.skin, 0.34))

    def _mouth(self, person: Person, expression: Expression) -> None:
        half = person.mouth_width / 2 * (1 + 0.18 * expression.smile - 0.15 * expression.mouth_open)
        opening = 0.075 * expression.mouth_open
        bend = 0.045 * expression.smile
        y0 = 0.265
        across = np.linspace(-1, 1, 17)

        def curve(height: float, dip: float) -> list[tuple[float, float]]:
            return [
                self.on_face(
                    float(half * u), float(y0 - bend * u**2 + height * (1 - u**2) + dip * (1 - abs(u)) ** 4)
                )
                for u in across
            ]

        lip = (
            min(255, int(person.skin[0] * 0.80)),
            int(person.skin[1] * 0.52),
            int(person.skin[2] * 0.55),
        )
        outer = curve(-0.036 - opening * 0.6, 0.010) + curve(0.048 + opening, 0.0)[::-1]
        self.polygon(outer, lip)
        if opening > 0.004:
            inner = curve(-opening * 0.6 - 0.004, 0.0) + curve(opening + 0.002, 0.0)[::-1]
            self.polygon(inner, (52, 18, 20))
        else:
            self.line(curve(0.004, 0.006), 0.010, _shade(lip, 0.45))

    def finish(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return softened colours and cover in [0, 1]."""
        import cv2

        soft = cv2.GaussianBlur(self.colour, (0, 0), max(0.4, 0.006 * self.unit_px))
        cover = cv2.GaussianBlur(self.alpha, (0, 0), 0.6)
        return np.asarray(soft, np.float32), np.asarray(cover, np.float32) / np.float32(255)


def _blend(under: RGBImage, over: NDArray[np.float32], cover: NDArray[np.float32]) -> RGBImage:
    """One picture over another, by the share that it covers."""
    return (under + (over - under) * cover + np.float32(0.5)).astype(np.uint8)


def _shade(colour: Color, factor: float) -> Color:
    """A darker or lighter version of a colour."""
    red, green, blue = (min(255, round(channel * factor)) for channel in colour)
    return red, green, blue
