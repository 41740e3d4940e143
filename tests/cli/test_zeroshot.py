"""The verbs of `zeroshot` from one end to the other: videos, sentences, readings, and a fit on them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from emoclip_clinic.cli import app
from emoclip_clinic.encoder import add_weights, get_architecture, random_network, save_weights
from emoclip_clinic.study import load_segments
from emoclip_clinic.study.scales import load_scale
from emoclip_clinic.synthetic import write_clip, write_interviews
from emoclip_clinic.synthetic.rendering import Identity, class_set, draw_clip

PEOPLE = 6
NOT_A_RATING = "Similarities to sentences, not ratings and not a diagnosis. Research use only."


def run(*arguments: object):
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture(scope="module", autouse=True)
def weights(tmp_path_factory: pytest.TempPathFactory, one_thread: None):
    """Registered random weights: `small`, and `wordless`, the same without a text tower."""
    folder = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOCLIP_CLINIC_WEIGHTS", str(folder / "store"))
        network = random_network(get_architecture("emoclip-small"), seed=0, text=True)
        for name, form in (("small", "full"), ("wordless", "downstream")):
            save_weights(network, folder / f"{name}.safetensors", form=form)
            add_weights(
                folder / f"{name}.safetensors",
                name,
                architecture="emoclip-small",
                sample_fps=8,
                segment_frames=8,
            )
        yield


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, weights: None) -> Path:
    """Drawn interviews, extracted with `small`, and ratings."""
    root = tmp_path_factory.mktemp("zero-shot") / "study"
    write_interviews(root, participants=PEOPLE, sessions=1, seconds=3.0)
    result = run("extract", root / "interviews", "--study", root, "--model", "small", "--no-progress")
    assert result.exit_code == 0, result.output
    items, rng = load_scale("cains").item_ids, np.random.default_rng(0)
    rows = [["participant_id", "session_id", "rater", *items]]
    for number in range(PEOPLE):
        rows.append([f"{number + 1:02}", "1", "A", *map(str, rng.integers(0, 5, size=len(items)))])
    (root / "phenotype").mkdir(exist_ok=True)
    (root / "phenotype" / "cains.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))
    return root


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, weights: None) -> Path:
    """Labelled clips, prepared at twice the frame rate of the weights."""
    folder = tmp_path_factory.mktemp("clips")
    shown = class_set("emotions").train[:3]
    rows = ["path,caption,label,source,split"]
    for number in range(9):
        clip = draw_clip(
            np.random.default_rng(number),
            identity=Identity.of_pool("train", number // 3),
            clip_class=shown[number % 3],
            n_frames=20,
            fps=16,
        )
        write_clip(folder / f"{number}.mp4", clip.frames, fps=16)
        rows.append(f'{number}.mp4,"{clip.captions[0]}",{clip.labels[0]},{clip.source},fold{number // 6}')
    (folder / "clips.csv").write_text("\n".join(rows))
    out = folder / "prepared"
    options = ("--out", out, "--detector", "none", "--size", 64, "--sample-fps", 16, "--workers", 1)
    result = run("pretrain", "prepare", folder / "clips.csv", *options)
    assert result.exit_code == 0, result.output
    return out


def test_scores_lie_beside_the_segments_and_per_session(study: Path) -> None:
    result = run("zeroshot", "score", "--study", study, "--classes", "clinical-face")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("class\tmean similarity\tmean probability\tshare of time")
    assert "blunted-affect" in result.stdout
    assert NOT_A_RATING in result.stderr
    segments = load_segments(study)
    tables = list((study / "derivatives").rglob("*_desc-zeroshotClinicalFace_emoclip.parquet"))
    read = pd.concat([pd.read_parquet(path) for path in tables])
    assert len(tables) == PEOPLE
    assert set(segments["n_frames"]) == {8}  # as the weights' record says
    assert len(segments) >= PEOPLE
    assert (read["status"] == "ok").sum() == len(segments)
    np.testing.assert_allclose(read.filter(like="p_").sum(axis=1), 1)
    sessions = pd.read_csv(study / "derivatives/emoclip-clinic/zeroshot/clinical-face.tsv", sep="\t")
    assert len(sessions) == 9 * PEOPLE
    again = run("zeroshot", "score", "--study", study, "--classes", "clinical-face")
    assert f"0 recordings scored, {PEOPLE} unchanged" in again.stderr
    assert again.stdout == result.stdout


def test_readings_of_prompts_know_the_command_that_makes_them(study: Path) -> None:
    prompts = ("--prompt", "smile: the mouth's corners rise", "--prompt", "frown: the brows lower")
    result = run("zeroshot", "score", "--study", study, *prompts)
    assert result.exit_code == 0, result.output
    record = json.loads((study / "derivatives/emoclip-clinic/zeroshot/prompts.json").read_text())
    assert record["command"] == (
        "emoclip-clinic zeroshot score --prompt 'smile: the mouth'\"'\"'s corners rise' "
        "--prompt 'frown: the brows lower'"
    )


def test_a_fit_takes_readings_as_features(study: Path) -> None:
    run("zeroshot", "score", "--study", study, "--only", "happiness,sadness", "--name", "mood")
    options = (
        "--features", "zeroshot", "--zeroshot-set", "mood", "--min-usable-s", 1, "--scale", "cains",
        "--items", "cains1", "--models", "ridge", "--permutations", 19, "--resamples", 100,
        "--no-gain", "--no-sensitivity", "--subsamples", 0,
    )  # fmt: skip
    result = run("fit", "--study", study, *options)
    assert result.exit_code == 0, result.output
    fit = json.loads((study / "derivatives/emoclip-clinic/fits/cains/fit.json").read_text())
    assert fit["features"]["readings"]["set"] == "mood"
    assert list(fit["features"]["readings"]["classes"]) == ["happiness", "sadness"]
    absent = run("fit", "--study", study, *options, "--zeroshot-set", "moods")
    assert absent.exit_code == 2
    assert "Did you mean 'mood'?" in absent.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--classes", "clinical"), "Did you mean 'clinical-face'?"),
        (("--style", "feelings"), "Did you mean 'feeling'?"),
        (("--only", "happiness,sadnes"), "Did you mean 'sadness'?"),
        (("--prompt", "smile"), "a name, a colon and a description"),
        (("--classes", "basic-7", "--prompt", "a: b"), "from a set or from prompts"),
        (("--text-weights", "smal", "--dry-run"), "'small'"),
        (("--text-weights", "wordless"), "text tower"),
        (("--compounds", "max"), "average or join"),
    ],
)
def test_what_cannot_be_asked_is_said_with_the_way_out(study: Path, options, said: str) -> None:
    result = run("zeroshot", "score", "--study", study, *options)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_dry_run_shows_the_sentences_and_writes_nothing(study: Path) -> None:
    result = run("zeroshot", "score", "--study", study, "--classes", "mafw-11", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "contempt\tcontempt\tOne corner of the mouth tightens" in result.stdout
    assert f"{PEOPLE} recordings would be read by 'small', style movement." in result.stderr
    assert not (study / "derivatives/emoclip-clinic/zeroshot/mafw-11.tsv").exists()


def test_recognition_of_labelled_clips_is_measured(clips: Path, tmp_path: Path) -> None:
    options = ("--out", tmp_path / "out", "--resamples", 100, "--windows", 2)
    result = run("zeroshot", "evaluate", clips, "--model", "small", *options)
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[:3] for row in rows[1:4]] == [
        ["UAR", "n/a", "9"],
        ["WAR", "n/a", "9"],
        ["recall", "happiness", "3"],
    ]
    assert "bootstrap over 3 sources" in result.stderr
    assert "every 2. of the stored frames of 16 per second; the weights expect 8 per second" in result.stderr
    clip_table = pd.read_csv(tmp_path / "out" / "clips.tsv", sep="\t")
    right = clip_table["label"] == clip_table["predicted"]
    assert float(rows[2][3]) == pytest.approx(right.mean(), abs=5e-4)
    assert float(rows[1][3]) == pytest.approx(right.groupby(clip_table["label"]).mean().mean(), abs=5e-4)
    record = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert record["sampling"]["stride"] == 2


def test_a_text_tower_may_be_borrowed(clips: Path, tmp_path: Path) -> None:
    options = ("--split", "fold0", "--resamples", 100)
    refused = run("zeroshot", "evaluate", clips, "--model", "wordless", "--out", tmp_path / "a", *options)
    assert refused.exit_code == 2
    assert "--text-weights" in refused.stderr
    borrowed = ("--model", "wordless", "--text-weights", "small", "--out", tmp_path / "a")
    whole = ("--model", "small", "--out", tmp_path / "b")
    first, second = (run("zeroshot", "evaluate", clips, *one, *options) for one in (borrowed, whole))
    assert first.exit_code == second.exit_code == 0, first.output
    assert first.stdout == second.stdout


def test_a_split_that_is_not_there_is_said(clips: Path) -> None:
    result = run("zeroshot", "evaluate", clips, "--model", "small", "--split", "fold2")
    assert result.exit_code == 2
    assert "fold0, fold1" in result.stderr
