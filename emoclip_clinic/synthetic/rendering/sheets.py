"""Contact sheets of drawn faces, to look at what a network is shown."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from emoclip_clinic.synthetic.rendering.action_units import ACTION_UNITS
from emoclip_clinic.synthetic.rendering.classes import class_set
from emoclip_clinic.synthetic.rendering.clips import draw_clip
from emoclip_clinic.synthetic.rendering.expressions import EMOTIONS, LIKENESSES, unit_strengths
from emoclip_clinic.synthetic.rendering.identity import Identity
from emoclip_clinic.synthetic.rendering.renderer import render
from emoclip_clinic.synthetic.rendering.scene import Camera, Scene
from emoclip_clinic.synthetic.rendering.staging import Seat, stage
from emoclip_clinic.synthetic.rendering.tracks import ExpressionTrack, PoseTrack

__all__ = ["write_sheets"]

_POOL = "sheet"  # people who are in no other pool
_STRIP_PX = 12


def write_sheets(folder: Path) -> tuple[Path, ...]:
    """Draw contact sheets.

    Parameters
    ----------
    folder : Path
        Where to; made if absent. Sheets of the same names are replaced.

    Returns
    -------
    tuple of Path
        ``people.png``, ``movements.png`` (64 pixels, as a small network sees them), ``emotions.png``,
        ``courses.png`` and ``interview.png``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sheets = {
        "people.png": _people(),
        "movements.png": _movements(),
        "emotions.png": _emotions(),
        "courses.png": _courses(),
        "interview.png": _interview(),
    }
    paths = []
    for name, image in sheets.items():
        path = folder / name
        # 256 colours are enough to look at, and less than half of the size.
        Image.fromarray(image).quantize(256, method=Image.Quantize.MEDIANCUT).save(path, optimize=True)
        paths.append(path)
    return tuple(paths)


def _people() -> NDArray[np.uint8]:
    """Different people, poses, lights and rooms."""
    tiles = []
    for k in range(40):
        rng = np.random.default_rng([0x5EE7, k])
        turn = 0.0 if k < 20 else 1.0
        pose = PoseTrack.still(
            1,
            yaw_deg=float(turn * rng.uniform(-30, 30)),
            pitch_deg=float(turn * rng.uniform(-15, 15)),
            roll_deg=float(turn * rng.uniform(-10, 10)),
        )
        scene = Scene.draw(rng)
        quiet = replace(scene, camera=replace(scene.camera, noise=min(scene.camera.noise, 1.5)))
        tiles.append(
            render(Identity.of_pool(_POOL, k), ExpressionTrack.neutral(1), pose, quiet, size_px=112)[0]
        )
    return _grid(tiles, columns=10)


def _movements() -> NDArray[np.uint8]:
    """Every action unit at 64 pixels, enlarged, on two people."""
    tiles, names = [], []
    for person in (0, 6):
        for unit in ("rest", *ACTION_UNITS):
            track = ExpressionTrack.of({} if unit == "rest" else {unit: 1.0}, n_frames=1)
            identity = replace(Identity.of_pool(_POOL, person), glasses="none", beard="none")
            image = render(identity, track, PoseTrack.still(1), Scene(camera=Camera(noise=1)), size_px=64)[0]
            tiles.append(image.repeat(2, axis=0).repeat(2, axis=1))
            names.append(unit.replace("_", " "))
    return _grid(tiles, columns=7, names=names)


def _emotions() -> NDArray[np.uint8]:
    """Emotions and the held-out likenesses."""
    tiles, names = [], []
    people = [Identity.of_pool(_POOL, k) for k in (1, 5, 7)]
    for name, forms in (dict(EMOTIONS) | dict(LIKENESSES)).items():
        for k, person in enumerate(people):
            strengths = unit_strengths(forms[k % len(forms)])
            units = {unit: value for unit, value in strengths.items() if unit in ACTION_UNITS}
            pose = PoseTrack.still(
                1,
                pitch_deg=45 * strengths.get("head_pitch", 0.0),
                gaze_y=strengths.get("gaze_y", 0.0),
            )
            track = ExpressionTrack.of(units, n_frames=1)
            tiles.append(render(person, track, pose, Scene(seed=k, camera=Camera(noise=1)), size_px=112)[0])
            names.append(name)
    return _grid(tiles, columns=9, names=names)


def _courses() -> NDArray[np.uint8]:
    """Clips over time."""
    classes = [
        next(one for one in class_set("emotions").train if one.name == "surprise"),
        next(one for one in class_set("order").held_out if one.name == "nose wrinkle appears"),
        next(one for one in class_set("order").held_out if one.name == "nose wrinkle fades"),
        next(one for one in class_set("compounds").held_out if one.name == "happily surprised"),
        next(one for one in class_set("behaviours").train if one.name == "reduced eye contact"),
        next(one for one in class_set("behaviours").train if one.name == "blunted affect"),
    ]
    tiles, names = [], []
    for k, chosen in enumerate(classes):
        rng = np.random.default_rng([0xC0E5, k])
        clip = draw_clip(rng, identity=Identity.of_pool(_POOL, k + 20), clip_class=chosen, n_captions=0)
        tiles += [*clip.frames[1::2].repeat(2, axis=1).repeat(2, axis=2)]
        names += [chosen.name, *[""] * 7]
    return _grid(tiles, columns=8, names=names)


def _interview() -> NDArray[np.uint8]:
    """One frame with two people."""
    talk = ExpressionTrack.of({"jaw_drop": 0.3, "lips_part": 0.6, "inner_brow_raise": 0.5}, n_frames=1)
    seats = [
        Seat(
            Identity.of_pool(_POOL, 9),
            ExpressionTrack.neutral(1),
            PoseTrack.still(1, yaw_deg=-20.0),
            centre_x=0.86,
            face_height=0.3,
        ),
        Seat(
            Identity.of_pool(_POOL, 4), talk, PoseTrack.still(1, yaw_deg=8.0), centre_x=0.4, face_height=0.5
        ),
    ]
    scene = Scene.draw(np.random.default_rng(3))
    return next(stage(seats, replace(scene, camera=Camera(noise=1)), width=640, height=360))


def _grid(
    tiles: Sequence[NDArray[np.uint8]], *, columns: int, names: Sequence[str] | None = None
) -> NDArray[np.uint8]:
    """Tiles of one size in rows, each with its name below."""
    if names is not None:
        tiles = [_named(tile, name) for tile, name in zip(tiles, names, strict=True)]
    blank = np.full_like(tiles[0], 255)
    full = [*tiles, *[blank] * (-len(tiles) % columns)]
    rows = [np.hstack(full[start : start + columns]) for start in range(0, len(full), columns)]
    return np.vstack(rows)


def _named(tile: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """A tile with a white strip that holds its name."""
    strip = Image.new("RGB", (tile.shape[1], _STRIP_PX), "white")
    ImageDraw.Draw(strip).text((2, 0), name, fill="black")
    return np.vstack([tile, np.asarray(strip)])
