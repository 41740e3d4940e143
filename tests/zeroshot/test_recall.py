"""UAR and WAR against scikit-learn; intervals against a plain loop."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score

from emoclip_clinic.errors import ZeroShotError
from emoclip_clinic.zeroshot import class_recall, top_class

IDS = ("anger", "joy", "fear")


def clips(n: int, seed: int) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, size=n, p=[0.6, 0.3, 0.1])
    predicted = np.where(rng.random(n) < 0.6, truth, rng.integers(0, 3, size=n))
    return [IDS[k] for k in truth], predicted


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(5))
def test_measures_are_those_of_scikit_learn(seed: int) -> None:
    labels, predicted = clips(80, seed)
    found = class_recall(labels, predicted, IDS, resamples=10)
    names = [IDS[k] for k in predicted]
    values = found.table.set_index(found.table["class"].fillna(found.table["measure"]))["estimate"]
    assert values["UAR"] == pytest.approx(recall_score(labels, names, average="macro"), rel=1e-12)
    assert values["WAR"] == pytest.approx(accuracy_score(labels, names), rel=1e-12)
    np.testing.assert_allclose(
        values[list(IDS)], recall_score(labels, names, average=None, labels=list(IDS)), rtol=1e-12
    )
    np.testing.assert_array_equal(found.confusion, confusion_matrix(labels, names, labels=list(IDS)))


def test_intervals_are_those_of_a_plain_loop_over_sources() -> None:
    labels, predicted = clips(60, 1)
    sources = [f"person-{i // 5}" for i in range(60)]
    found = class_recall(labels, predicted, IDS, sources=sources, resamples=300, seed=7)
    rng = np.random.default_rng(7)
    truth = np.array([IDS.index(label) for label in labels])
    values = []
    for size in (256, 44):
        for weights in rng.multinomial(12, np.full(12, 1 / 12), size=size):
            rows = np.concatenate([np.tile(np.arange(5) + 5 * p, w) for p, w in enumerate(weights)]).astype(
                int
            )
            recalls = [
                np.mean(predicted[rows][truth[rows] == k] == k) for k in range(3) if (truth[rows] == k).any()
            ]
            values.append(np.mean(recalls))
    uar = found.table.iloc[0]
    assert (uar["ci_low"], uar["ci_high"]) == pytest.approx(
        tuple(np.quantile(values, [0.025, 0.975])), rel=1e-12
    )
    assert "12 sources" in uar["ci_method"]


def test_a_class_that_does_not_occur_is_missing_and_left_out_of_the_mean() -> None:
    found = class_recall(["anger", "joy"], np.array([0, 0]), IDS, resamples=10)
    table = found.table.set_index("class")
    assert np.isnan(table.loc["fear", "estimate"])
    assert found.table["estimate"].iloc[0] == 0.5
    assert found.table["chance"].iloc[0] == pytest.approx(1 / 3)


def test_one_source_has_no_interval() -> None:
    found = class_recall(["anger", "joy"], np.array([0, 1]), IDS, sources=["x", "x"])
    assert found.table["ci_low"].isna().all()
    assert found.table["ci_method"].iloc[0] == "none: one source only"


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([], "needs labelled clips"),
        (["anger", "joyy"], "Did you mean 'joy'"),
        (["joy", "joy"], "at least two classes"),
    ],
)
def test_labels_that_cannot_be_evaluated_are_errors(labels: list[str], complaint: str) -> None:
    with pytest.raises(ZeroShotError, match=complaint):
        class_recall(labels, np.zeros(len(labels), dtype=int), IDS)


def test_ties_go_to_the_class_that_is_listed_first() -> None:
    np.testing.assert_array_equal(top_class(np.array([[0.5, 0.5], [0.1, 0.9]])), [0, 1])
