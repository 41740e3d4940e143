"""Small videos and folders of pictures of drawn faces, and a manifest of them."""

from pathlib import Path

import numpy as np
from PIL import Image

from emoclip_clinic.pretraining.data import ClipFaces
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.synthetic import Person, draw_background, draw_counter, draw_face, write_clip, write_tone

FPS = 12.5


def face_frames(seed: int, n_frames: int = 20, *, unseen=()) -> list[np.ndarray]:
    """A drawn person in the middle of a 200 x 160 px picture, absent on some frames."""
    room = draw_background(width=200, height=160, seed=seed)
    person = Person.from_seed(seed)
    return [
        room if k in unseen else draw_face(room, person, centre_px=(100 + k % 3, 80), height_px=90)
        for k in range(n_frames)
    ]


def counters(path: Path, n_frames: int = 20, *, start: int = 0) -> Path:
    """A video of counter frames, to be taken as face crops."""
    return write_clip(path, (draw_counter(start + k) for k in range(n_frames)), fps=FPS)


def pictures(folder: Path, frames) -> Path:
    folder.mkdir()
    for k, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"frame{k}.png")
    return folder


def mixed_folder(folder: Path) -> Path:
    """Two good videos, a folder, crops, a video without a face, sound only, garbage; and their manifest."""
    write_clip(folder / "a.mp4", face_frames(1), fps=FPS)
    write_clip(folder / "b é.mp4", face_frames(2), fps=FPS)
    (folder / "copy.mp4").write_bytes((folder / "a.mp4").read_bytes())
    pictures(folder / "frames", face_frames(3, 12))
    counters(folder / "crops.mp4")
    write_clip(folder / "room.mp4", [draw_background(width=160, height=120, seed=1)] * 10, fps=FPS)
    write_tone(folder / "tone.m4a")
    (folder / "garbage.mp4").write_bytes(b"garbage" * 100)
    manifest = folder / "clips.csv"
    manifest.write_text(
        "path,caption,caption_2,label,source,split,cropped\n"
        "a.mp4,She smiles,A smile,happiness,film-1,train,\n"
        "b é.mp4,He frowns,,anger,film-2,train,\n"
        "copy.mp4,She smiles,,happiness,film-1,test,\n"
        "frames,He raises the left brow,,surprise,film-3,test,\n"
        "crops.mp4,Numbers,,,film-4,train,true\n"
        "room.mp4,Nobody,,,film-5,train,\n"
        "tone.m4a,A tone,,,film-6,train,\n"
        "garbage.mp4,Garbage,,,film-7,train,\n",
        encoding="utf-8",
    )
    return manifest


def small_faces(**settings) -> ClipFaces:
    return ClipFaces(ExtractSettings(sample_fps=FPS, **settings), 32)
