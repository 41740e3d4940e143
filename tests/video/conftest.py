"""A maker of counter clips, and a reader that returns what a clip shows and when."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emoclip_clinic.synthetic.clips import draw_counter, read_counter, write_clip
from emoclip_clinic.video import open_video


@pytest.fixture(autouse=True)
def quiet_av1_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SVT_LOG", "0")


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., Path]:
    """Write `n` counter frames to a file of the given name."""

    def make(name: str, *, n: int = 50, width: int = 160, height: int = 120, **options: Any) -> Path:
        frames = (draw_counter(i, width=width, height=height) for i in range(n))
        return write_clip(tmp_path / name, frames, **options)

    return make


@pytest.fixture
def read() -> Callable[..., list[tuple[float, int | None]]]:
    """Read the time and the number of every frame of a file."""

    def reader(path: Path, **options: Any) -> list[tuple[float, int | None]]:
        with open_video(path, **options) as video:
            return [(frame.t_s, read_counter(frame.to_rgb())) for frame in video.frames()]

    return reader
