"""Who takes part in a synthetic study, what clinicians make of it, and what is known of their agreement."""

import numpy as np
import pandas as pd
import pingouin
import pytest

from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.scales import load_scale
from emoclip_clinic.synthetic.cohort import (
    FACIAL,
    HIDDEN,
    RATERS,
    draw_cohort,
    has_facial_cause,
    item_models,
    known_agreement,
    rate_cohort,
)

PANSS, CAINS = load_scale("panss"), load_scale("cains")


def table(cohort, scale) -> pd.DataFrame:
    cells = rate_cohort(cohort, scale)
    return pd.DataFrame([vars(cell) for cell in cells])


def test_half_of_the_participants_have_two_sessions_at_both_sites() -> None:
    people = pd.DataFrame([vars(one) for one in draw_cohort(24, seed=3).participants])
    assert people["n_sessions"].value_counts().to_dict() == {1: 12, 2: 12}
    assert people.groupby("site")["n_sessions"].sum().to_dict() == {"north": 18, "south": 18}


@pytest.mark.parametrize("n", [6, 7, 24])
def test_hidden_latents_share_nothing_with_face_site_camera_and_session(n: int) -> None:
    cohort = draw_cohort(max(n, 12), seed=n)
    who = np.array([number for number, _ in cohort.sessions])
    south = np.array([one.site == "south" for one in cohort.participants])[who]
    later = np.array([session == "ses-2" for _, session in cohort.sessions])
    others = [*(cohort.latents[name] for name in FACIAL), south, cohort.camera[who], later]
    for name in HIDDEN:
        for other in others:
            assert abs(np.corrcoef(cohort.latents[name], other)[0, 1]) < 1e-10


def test_symptoms_improve_between_sessions() -> None:
    cohort = draw_cohort(200, seed=1)
    later = np.array([session == "ses-2" for _, session in cohort.sessions])
    before = np.roll(later, -1)
    change = cohort.latents["blunting"][before] - cohort.latents["blunting"][later]
    assert change.mean() == pytest.approx(0.6, abs=4 * 0.4 / 10)
    assert change.std() == pytest.approx(0.4, abs=0.15)


def test_confounding_joins_site_camera_and_symptoms() -> None:
    cohort = draw_cohort(60, seed=1, confounded=True)
    who = np.array([number for number, _ in cohort.sessions])
    south = np.array([one.site == "south" for one in cohort.participants])
    assert np.corrcoef(south, cohort.camera)[0, 1] > 0.8
    for name in (*FACIAL, *HIDDEN):
        assert np.corrcoef(south[who], cohort.latents[name])[0, 1] > 0.4


def test_a_seed_gives_one_study() -> None:
    one, two, other = (rate_cohort(draw_cohort(8, seed=s), PANSS) for s in (5, 5, 6))
    assert one == two
    assert one != other


def test_every_item_is_rated_within_its_range_with_few_gaps() -> None:
    cohort = draw_cohort(24, seed=0)
    cells = table(cohort, PANSS)
    assert len(cells) == (36 * 2 + 24) * 30  # two raters of all sessions, a third of first ones
    assert set(cells["value"].dropna()) == set(range(1, 8))
    assert 0.003 < cells["value"].isna().mean() < 0.02
    assert set(cells["rater"]) == {rater.name for rater in RATERS}


def test_items_with_a_facial_cause_are_those_that_clinicians_read_from_a_face() -> None:
    assert [item.id for item in PANSS.items if has_facial_cause(PANSS, item.id)] == [
        "n1", "n3", "n6", "g2", "g4", "g7",
    ]  # fmt: skip
    assert [item.id for item in CAINS.items if has_facial_cause(CAINS, item.id)] == [
        f"cains{n}" for n in (10, 11, 12, 13)
    ]


@pytest.mark.parametrize("scale", [PANSS, CAINS], ids=["panss", "cains"])
def test_loadings_leave_a_variance_for_each_item_itself(scale) -> None:
    for model in item_models(scale):
        explained = sum(weight**2 for weight in model.weights.values())
        assert explained + model.unique_sd**2 == pytest.approx(1)
        facial = set(model.weights) <= set(FACIAL)
        assert facial == has_facial_cause(scale, model.item)


def test_facial_items_follow_their_latents_and_others_do_not() -> None:
    cohort = draw_cohort(400, seed=2)
    means = table(cohort, PANSS).pivot_table("value", ["participant_id", "session_id"], "item")
    people = [cohort.participants[number].participant_id for number, _ in cohort.sessions]
    means = means.reindex(pd.MultiIndex.from_arrays([people, [s for _, s in cohort.sessions]]))
    known = known_agreement(PANSS, draws=100_000)
    r = np.corrcoef(means["n1"].fillna(means["n1"].mean()), cohort.latents["blunting"])[0, 1]
    assert r == pytest.approx(known["n1"]["latent_r"], abs=0.03)
    for item in ("p1", "g6", "n5"):
        for name in FACIAL:
            values = means[item].fillna(means[item].mean())
            assert abs(np.corrcoef(values, cohort.latents[name])[0, 1]) < 0.1


@pytest.mark.oracle
def test_the_known_agreement_is_that_of_pingouin_on_drawn_ratings() -> None:
    known = known_agreement(CAINS, raters=RATERS, draws=100_000, seed=1)
    model = item_models(CAINS)[9]
    rng = np.random.default_rng(9)
    n = 4000
    shared = rng.standard_normal(n)  # explained and own part together have variance 1
    long = pd.DataFrame(
        [
            (i, rater.name, value)
            for rater in RATERS
            for i, value in enumerate(
                model.rate(shared + rater.bias + rater.noise_sd * rng.standard_normal(n))
            )
        ],
        columns=["session", "rater", "value"],
    )
    icc = pingouin.intraclass_corr(long, targets="session", raters="rater", ratings="value")
    expected = icc.set_index("Type").loc["ICC(A,1)", "ICC"]
    assert known[model.item]["human_human_icc_a1"] == pytest.approx(expected, abs=0.02)


def test_floor_shares_are_as_stated_for_a_rater_without_bias() -> None:
    for model in item_models(PANSS):
        latent = np.random.default_rng(0).standard_normal(100_000)
        assert (model.rate(latent) == 1).mean() == pytest.approx(model.floor, abs=0.006)


def test_too_few_participants_are_an_error() -> None:
    with pytest.raises(StudyError, match="at least 6"):
        draw_cohort(5)
