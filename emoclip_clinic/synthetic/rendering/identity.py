"""What stays the same of a drawn person: shape of the face, colours, hair, glasses, beard, age, clothes."""

import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = ["HAIR_STYLES", "Beard", "Color", "Glasses", "HairStyle", "Identity"]

Color = tuple[float, float, float]
"""Red, green and blue, 0 to 255."""

HairStyle = Literal["bald", "short", "parted", "curly", "bob", "long", "bun", "fringe"]
Glasses = Literal["none", "round", "square"]
Beard = Literal["none", "stubble", "moustache", "goatee", "full"]

HAIR_STYLES: tuple[HairStyle, ...] = ("bald", "short", "parted", "curly", "bob", "long", "bun", "fringe")

_SKINS = np.array(
    [(246, 214, 194), (231, 188, 158), (212, 162, 128), (184, 134, 100), (148, 102, 74), (114, 78, 58)], float
)
_HAIRS: tuple[tuple[str, Color], ...] = (
    ("black", (26, 22, 22)),
    ("dark brown", (62, 40, 28)),
    ("brown", (104, 70, 42)),
    ("blond", (196, 158, 98)),
    ("red", (132, 58, 30)),
    ("grey", (142, 140, 138)),
    ("white", (212, 210, 206)),
)
_CLOTHES: tuple[tuple[str, Color], ...] = (
    ("blue", (44, 70, 128)),
    ("red", (140, 40, 46)),
    ("green", (50, 104, 72)),
    ("white", (222, 220, 214)),
    ("grey", (112, 114, 118)),
    ("black", (36, 36, 42)),
    ("yellow", (206, 170, 70)),
    ("purple", (104, 72, 128)),
)
_GARMENTS = ("shirt", "sweater", "jacket", "blouse")
_IRISES: tuple[Color, ...] = ((66, 44, 30), (98, 70, 40), (70, 98, 130), (78, 106, 72), (92, 98, 104))


@dataclass(frozen=True)
class Identity:
    """Looks of a drawn person.

    Attributes
    ----------
    key : str
        Name of the person, such as ``train-00012``; a group for splits by person.
    skin, hair, iris, lips, clothes : tuple of float
        Colours, red, green and blue from 0 to 255.
    hair_style : str
        One of :data:`HAIR_STYLES`.
    hair_word, clothes_word, garment : str
        Words for captions.
    glasses : {"none", "round", "square"}
        Glasses, and the shape of their rims.
    beard : {"none", "stubble", "moustache", "goatee", "full"}
        Hair of the lower face.
    age : float
        0 smooth to 1 deeply lined.
    half_width, jaw, chin, forehead : float
        Half of the face's width at the cheekbones, in units of the face's height from hairline to chin; width
        of the jaw and of the chin as shares of that; height of the hairline's corner.
    eye_distance, eye_size, eye_tilt, eye_height : float
        Distance of an eye from the middle, scale of the eyes, rise of their outer corner, and vertical place.
    brow_weight, brow_height, brow_arch : float
        Thickness of the brows, their distance above the eyes, and their bend.
    nose_length, nose_width : float
        From the eyes' height to the tip, and half of the wings' distance.
    mouth_half, mouth_height, lip_fullness, mouth_rest : float
        Half of the mouth's width, its vertical place, scale of the lips' thickness, and where the corners
        rest (negative is down).
    lashes : float
        Thickness of the lash line.
    """

    key: str
    skin: Color
    hair: Color
    iris: Color
    lips: Color
    clothes: Color
    hair_style: HairStyle
    hair_word: str
    clothes_word: str
    garment: str
    glasses: Glasses
    beard: Beard
    age: float
    half_width: float
    jaw: float
    chin: float
    forehead: float
    eye_distance: float
    eye_size: float
    eye_tilt: float
    eye_height: float
    brow_weight: float
    brow_height: float
    brow_arch: float
    nose_length: float
    nose_width: float
    mouth_half: float
    mouth_height: float
    lip_fullness: float
    mouth_rest: float
    lashes: float

    @classmethod
    def draw(cls, rng: np.random.Generator, *, key: str = "drawn") -> "Identity":
        """Draw a person's looks at random.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of randomness.
        key : str
            Name of the person.

        Returns
        -------
        Identity
            The looks.
        """
        tone = float(rng.beta(1.0, 1.3)) * (len(_SKINS) - 1)
        low = min(int(tone), len(_SKINS) - 2)
        skin = _SKINS[low] + (tone - low) * (_SKINS[low + 1] - _SKINS[low]) + rng.normal(0, 4, 3)
        age = float(rng.beta(1.2, 1.8))
        grey = rng.random() < max(0.0, age - 0.35)
        # Dark skin goes with dark hair more often than not, or every second face looks dyed.
        fair = tone < 2.2
        hair_word, hair = _HAIRS[int(rng.integers(5, 7)) if grey else int(rng.integers(0, 5 if fair else 2))]
        bearded = rng.random() < 0.35
        style: HairStyle = HAIR_STYLES[int(rng.integers(0, len(HAIR_STYLES)))]
        if bearded and style in ("bun", "bob"):
            style = "short"
        beards: tuple[Beard, ...] = ("stubble", "moustache", "goatee", "full")
        beard: Beard = beards[int(rng.integers(4))] if bearded else "none"
        rims: tuple[Glasses, ...] = ("round", "square")
        glasses: Glasses = rims[int(rng.integers(2))] if rng.random() < 0.25 else "none"
        clothes_word, clothes = _CLOTHES[int(rng.integers(len(_CLOTHES)))]
        redness = rng.uniform(0.0, 1.0)
        lips = (
            skin * np.array([0.86, 0.62, 0.62])
            + redness * np.array([14.0, -14.0, -8.0])
            + (0 if fair else 1) * np.array([14.0, 2.0, 4.0])
        )
        return cls(
            key=key,
            skin=_color(skin),
            hair=_color(np.array(hair) + rng.normal(0, 3, 3)),
            iris=_IRISES[int(rng.integers(len(_IRISES) if fair else 2))],
            lips=_color(lips),
            clothes=_color(np.array(clothes) + rng.normal(0, 8, 3)),
            hair_style=style,
            hair_word=hair_word,
            clothes_word=clothes_word,
            garment=_GARMENTS[int(rng.integers(len(_GARMENTS)))],
            glasses=glasses,
            beard=beard,
            age=age,
            half_width=float(rng.uniform(0.345, 0.40)),
            jaw=float(rng.uniform(0.74, 0.93)),
            chin=float(rng.uniform(0.36, 0.56)),
            forehead=float(rng.uniform(0.0, 0.06)),
            eye_distance=float(rng.uniform(0.165, 0.19)),
            eye_size=float(rng.uniform(0.92, 1.12)),
            eye_tilt=float(rng.uniform(-0.006, 0.016)),
            eye_height=float(rng.uniform(-0.085, -0.055)),
            brow_weight=float(rng.uniform(0.7, 1.3)),
            brow_height=float(rng.uniform(0.105, 0.125)),
            brow_arch=float(rng.uniform(0.005, 0.03)),
            nose_length=float(rng.uniform(0.19, 0.23)),
            nose_width=float(rng.uniform(0.055, 0.08)),
            mouth_half=float(rng.uniform(0.125, 0.15)),
            mouth_height=float(rng.uniform(0.265, 0.29)),
            lip_fullness=float(rng.uniform(0.75, 1.35)),
            mouth_rest=float(rng.uniform(-0.006, 0.006)),
            lashes=float(rng.uniform(0.010, 0.018)),
        )

    @classmethod
    def of_pool(cls, pool: str, index: int) -> "Identity":
        """One of a pool's endless people; pools share no seed.

        Parameters
        ----------
        pool : str
            Name of the pool, such as ``train``, ``held-out`` or ``demo``.
        index : int
            Number of the person, not negative.

        Returns
        -------
        Identity
            The same looks for the same pool and number; its key is ``<pool>-<index>``.
        """
        rng = np.random.default_rng([0x1DE7, zlib.crc32(pool.encode()), index])
        return cls.draw(rng, key=f"{pool}-{index:05d}")


def _color(values: np.ndarray) -> Color:
    """Round into the range of a channel."""
    red, green, blue = (float(v) for v in np.clip(values, 8, 250))
    return red, green, blue
