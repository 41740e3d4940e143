"""Readings of a study: beside the segments, by session, kept where nothing changed."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.errors import StudyError, ZeroShotError
from emoclip_clinic.study.readings import (
    READING_COLUMNS,
    SESSION_READING_COLUMNS,
    load_session_readings,
    readings_identity,
)
from emoclip_clinic.zeroshot import DescriptionSet, embed_classes, score_study
from tests.regression.written_study import WrittenStudy
from tests.zeroshot.conftest import DIM, WordlessModel


def embeddings(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, DIM))


@pytest.fixture
def study(written: WrittenStudy) -> WrittenStudy:
    written.write("sub-01", "ses-1", embeddings(5, 1), rejected=(2,))
    written.write("sub-02", None, embeddings(4, 2))
    written.write("sub-03", "ses-1", embeddings(2, 3), rejected=(0, 1))
    return written


def test_each_usable_segment_is_read_and_rejected_ones_are_missing(
    study: WrittenStudy, model: WordlessModel, toy_set: DescriptionSet
) -> None:
    score_study(study.study, model, toy_set)
    path = next(study.study.derivatives.rglob("sub-01*desc-zeroshotToy*.parquet"))
    table = pd.read_parquet(path)
    assert table["participant_id"].unique().tolist() == ["sub-01"]
    assert table["p_smile"].isna().tolist() == [False, False, True, False, False]
    classes = embed_classes(model, toy_set)
    x = embeddings(5, 1).astype(np.float32).astype(float)[4]
    cosines = [float(x @ v / np.linalg.norm(x)) for v in classes.vectors]
    np.testing.assert_allclose(table.loc[4, [f"similarity_{c}" for c in classes.ids]].astype(float), cosines)
    powers = np.exp(20 * np.array(cosines))
    np.testing.assert_allclose(
        table.loc[4, [f"p_{c}" for c in classes.ids]].astype(float), powers / powers.sum()
    )


def test_sessions_are_summarised_and_loaded_again(
    study: WrittenStudy, model: WordlessModel, toy_set: DescriptionSet
) -> None:
    scored = score_study(study.study, model, toy_set)
    loaded = load_session_readings(study.study, "toy")
    assert list(loaded.columns) == [column.name for column in SESSION_READING_COLUMNS]
    made = scored.sessions.astype({"session_id": "str"})
    pd.testing.assert_frame_equal(loaded.astype({"session_id": "str"}), made, check_dtype=False)
    assert loaded.groupby("participant_id")["n_segments"].first().tolist() == [4, 4, 0]
    assert loaded.loc[loaded["participant_id"] == "sub-03", "share_of_time"].isna().all()
    record = json.loads((study.study.readings / "toy.json").read_text())
    assert record["style"] == "movement"
    assert record["inverse_temperature"] == 20.0
    assert "Not a rating" in record["meaning"]


def test_what_has_not_changed_is_kept_and_what_has_is_made_again(
    study: WrittenStudy, model: WordlessModel, toy_set: DescriptionSet
) -> None:
    first = score_study(study.study, model, toy_set)
    again = score_study(study.study, model, toy_set)
    assert (first.n_scored, first.n_kept, again.n_scored, again.n_kept) == (3, 0, 0, 3)
    pd.testing.assert_frame_equal(first.sessions, again.sessions)
    study.write("sub-02", None, embeddings(4, 9))
    with pytest.raises(StudyError, match="zeroshot score --classes toy"):
        load_session_readings(study.study, "toy")
    changed = score_study(study.study, model, toy_set)
    assert (changed.n_scored, changed.n_kept) == (1, 2)
    assert score_study(study.study, model, toy_set, style="feeling").n_scored == 3
    assert score_study(study.study, model, toy_set, style="feeling", force=True).n_scored == 3


def test_other_weights_of_a_compound_make_other_readings(
    study: WrittenStudy, model: WordlessModel, toy_set: DescriptionSet
) -> None:
    first = score_study(study.study, model, toy_set).sessions
    identity = readings_identity(study.study, "toy")
    bitter = toy_set.classes[2].model_copy(update={"parts": {"smile": 1.0, "frown": 3.0}})
    changed = toy_set.model_copy(update={"classes": (*toy_set.classes[:2], bitter)})
    again = score_study(study.study, model, changed)
    assert again.n_scored == 3
    assert not np.allclose(again.sessions["similarity_mean"][2], first["similarity_mean"][2])
    assert readings_identity(study.study, "toy") != identity


def test_old_readings_name_the_command_that_made_them(
    study: WrittenStudy, model: WordlessModel, toy_set: DescriptionSet
) -> None:
    score_study(study.study, model, toy_set, command="emoclip-clinic zeroshot score --prompt 'a: b'")
    study.write("sub-02", None, embeddings(4, 9))
    with pytest.raises(StudyError, match="zeroshot score --prompt 'a: b'"):
        load_session_readings(study.study, "toy")


def test_a_damaged_table_is_made_again(
    study: WrittenStudy, model: WordlessModel, toy_set: DescriptionSet
) -> None:
    score_study(study.study, model, toy_set)
    path = next(study.study.derivatives.rglob("sub-02*zeroshotToy*.parquet"))
    path.write_bytes(path.read_bytes()[:100])
    assert score_study(study.study, model, toy_set).n_scored == 1


def test_texts_of_other_weights_are_refused_unless_asked_for(
    study: WrittenStudy, model: WordlessModel, toy_set: DescriptionSet
) -> None:
    model.weights_sha256 = "b" * 64
    with pytest.raises(ZeroShotError, match="weights that embedded the video"):
        score_study(study.study, model, toy_set)
    assert score_study(study.study, model, toy_set, allow_other_weights=True).n_scored == 3


def test_a_study_without_results_or_readings_says_what_to_run(
    written: WrittenStudy, model: WordlessModel, toy_set: DescriptionSet
) -> None:
    with pytest.raises(StudyError, match="emoclip-clinic extract"):
        score_study(written.study, model, toy_set)
    with pytest.raises(StudyError, match="zeroshot score --classes basic-7"):
        load_session_readings(written.study, "basic-7")


def test_the_page_of_file_formats_lists_the_columns_of_readings(repository: Path) -> None:
    page = (repository / "docs" / "file-formats.md").read_text(encoding="utf-8")
    rows = [f"| `{c.name}` | {c.type} | {c.unit} | {c.meaning} |" for c in READING_COLUMNS]
    assert "\n".join(rows) in page


def test_the_page_lists_every_column_of_the_table_of_sessions(repository: Path) -> None:
    page = (repository / "docs" / "zeroshot.md").read_text(encoding="utf-8")
    rows = [f"| `{c.name}` | {c.type} | {c.unit} | {c.meaning} |" for c in SESSION_READING_COLUMNS]
    assert "\n".join(rows) in page
