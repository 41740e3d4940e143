"""Zero-shot evaluation of labelled clips, with a model that sees colours and texts that name them."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from emoclip_clinic.cli import app
from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data import ArrayStore, ClipDataset, Sample, Sampling
from emoclip_clinic.pretraining.evaluation import (
    confusion_svg,
    embed_clips,
    evaluate_zero_shot,
    write_evaluation,
)
from emoclip_clinic.zeroshot import DescriptionSet

COLOURS = {"red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "blue": (0.0, 0.0, 1.0)}


class ColourModel:
    """Embeds a picture as its mean colour, and a text as the colours that it names."""

    name = "colours"
    image_size_px = 4
    inverse_temperature = 10.0
    architecture = SimpleNamespace(temporal=SimpleNamespace(positions=9))

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([sum(np.array(v) for k, v in COLOURS.items() if k in text) for text in texts])

    def encode_frames(self, crops: np.ndarray) -> np.ndarray:
        return crops.mean(axis=(1, 2)) + 1e-3

    def encode_video(self, clips: np.ndarray) -> np.ndarray:
        return clips[:, -1].mean(axis=(1, 2)) + 1e-3  # the last frame decides: order matters


def described(**changes: object) -> DescriptionSet:
    fields = {
        "name": "colours",
        "title": "Colours",
        "style": "plain",
        "combine": "labels",
        "classes": [
            {"id": name, "name": name, "descriptions": [{"style": "plain", "text": f"It is {name}."}]}
            for name in COLOURS
        ],
    }
    return DescriptionSet.model_validate(fields | changes)


def clips(*labels: tuple[str, ...], first: str | None = None) -> ClipDataset:
    samples, frames = [], []
    for number, label in enumerate(labels):
        colour = sum(np.array(COLOURS[one]) for one in label) * 200
        pictures = np.broadcast_to(colour, (6, 4, 4, 3)).astype(np.uint8).copy()
        if first is not None:
            pictures[:5] = (np.array(COLOURS[first]) * 200).astype(np.uint8)
        samples.append(Sample(f"clip-{number}", (), label, f"person-{number // 2}", None, 6, False))
        frames.append(pictures)
    return ClipDataset(ArrayStore(samples, frames), sampling=Sampling(n_frames=2, stride=1, n_windows=3))


def test_a_clip_is_the_class_whose_description_is_nearest() -> None:
    found = evaluate_zero_shot(clips(("red",), ("green",), ("red",), ("green",)), ColourModel(), described())
    assert found.recall.table["estimate"].tolist() == [1, 1, 1, 1]
    assert found.classes.ids == ("red", "green")  # of the labels only
    assert found.clips["source"].tolist() == ["person-0", "person-0", "person-1", "person-1"]
    np.testing.assert_allclose(found.clips[["p_red", "p_green"]].sum(axis=1), 1)


def test_all_classes_of_the_set_may_be_chosen() -> None:
    found = evaluate_zero_shot(
        clips(("red",), ("green",)), ColourModel(), described(), all_classes=True, resamples=100
    )
    assert found.classes.ids == ("red", "green", "blue")
    assert found.recall.table["chance"].iloc[0] == pytest.approx(1 / 3)


def test_several_labels_are_a_compound_of_the_parts() -> None:
    data = clips(("red", "blue"), ("green",), ("red", "blue"), ("red",))
    found = evaluate_zero_shot(data, ColourModel(), described(), resamples=100)
    assert found.classes.ids == ("red", "green", "red_blue")
    assert found.recall.table["estimate"].iloc[0] == 1
    joined = evaluate_zero_shot(data, ColourModel(), described(), compounds="join", resamples=100)
    assert joined.classes.texts["red_blue"] == ("It is red. It is blue.",)


def test_the_order_of_labels_makes_no_other_class() -> None:
    data = clips(("red", "blue"), ("blue", "red"), ("green",))
    found = evaluate_zero_shot(data, ColourModel(), described(), resamples=100)
    assert found.classes.ids == ("green", "red_blue")
    assert found.recall.table["estimate"].tolist() == [1, 1, 1, 1]


def test_sentences_may_be_embedded_by_other_weights() -> None:
    blind = ColourModel()
    blind.encode_text = None
    found = evaluate_zero_shot(
        clips(("red",), ("green",)), blind, described(), text_model=ColourModel(), resamples=100
    )
    assert found.recall.table["estimate"].iloc[0] == 1


def test_windows_are_averaged_and_their_spread_is_told() -> None:
    # Only the last window of three sees the true colour: by itself it is right, the mean is not.
    data = clips(("green",), ("blue",), first="red")
    found = evaluate_zero_shot(data, ColourModel(), described(), all_classes=True, resamples=100)
    assert found.recall.table["estimate"].iloc[0] == 0
    assert found.window_spread == pytest.approx(np.std([0, 0, 1], ddof=1))
    windows = embed_clips(data, ColourModel())
    np.testing.assert_allclose(windows.vectors, windows.windows.mean(axis=1))


def test_without_the_temporal_part_frames_are_averaged() -> None:
    data = clips(("green",), first="red")
    vectors = embed_clips(data, ColourModel(), frame_mean=True).windows[0]
    np.testing.assert_allclose(vectors[0], [1, 0, 0], atol=1e-4)
    np.testing.assert_allclose(vectors[2], [np.sqrt(0.5), np.sqrt(0.5), 0], atol=1e-4)


def test_labels_that_are_no_classes_are_listed_with_their_numbers() -> None:
    store = clips(("red",), ("red",)).store
    samples = [
        Sample("a", (), ("pink",), "x", None, 6, False),
        Sample("b", (), ("gren",), "y", None, 6, False),
    ]
    data = ClipDataset(
        ArrayStore(samples, [store.frames(i, np.arange(6)) for i in (0, 1)]), sampling=Sampling(n_frames=2)
    )
    with pytest.raises(PretrainingError, match=r"pink \(1 clip\)\n  gren \(1 clip\)"):
        evaluate_zero_shot(data, ColourModel(), described())


def test_a_clip_without_label_is_an_error() -> None:
    samples = [Sample("a", ("x",), (), "x", None, 6, False)]
    data = ClipDataset(ArrayStore(samples, [np.zeros((6, 4, 4, 3), np.uint8)]), sampling=Sampling(n_frames=2))
    with pytest.raises(PretrainingError, match="must have a label"):
        evaluate_zero_shot(data, ColourModel(), described())


def test_clips_of_another_size_are_an_error() -> None:
    data = ClipDataset(
        ArrayStore([Sample("a", (), ("red",), "x", None, 6, False)], [np.zeros((6, 8, 8, 3), np.uint8)]),
        sampling=Sampling(n_frames=2),
    )
    with pytest.raises(PretrainingError, match="8 px"):
        embed_clips(data, ColourModel())


def test_an_evaluation_is_written_with_what_it_rests_on(tmp_path: Path) -> None:
    found = evaluate_zero_shot(clips(("red",), ("green",)), ColourModel(), described(), resamples=100)
    paths = write_evaluation(tmp_path / "out", found, facts={"split": "test"})
    assert all(path.is_file() for path in paths)
    record = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert record["split"] == "test"
    assert record["classes"] == {"red": ["It is red."], "green": ["It is green."]}
    table = pd.read_csv(tmp_path / "out" / "recall.tsv", sep="\t", na_values="n/a")
    assert table["measure"].tolist() == ["UAR", "WAR", "recall", "recall"]
    assert (tmp_path / "out" / "confusion.svg").read_bytes() == confusion_svg(found.recall.confusion)


def test_a_folder_without_prepared_clips_says_what_to_run(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["zeroshot", "evaluate", str(tmp_path), "--study", str(tmp_path)])
    assert result.exit_code == 2
    assert "pretrain prepare" in result.output
