"""Bootstrap intervals over participants cover the population values of a fixed external predictor."""

from tests.validity.external import external_coverage
from tests.validity.monte_carlo import over_sets


def test_percentile_intervals_of_r_and_mae_cover_in_a_thousand_data_sets():
    covered = external_coverage(n_sets=20, n_targets=50, n_participants=60, interval="percentile", seed=501)
    for statistic in ("Pearson r", "MAE"):
        share = over_sets(covered[statistic])
        assert share.n_values == 1_000
        assert 0.91 <= share.mean <= 0.97


def test_the_others_come_near():
    percentile = external_coverage(
        n_sets=10, n_targets=50, n_participants=60, interval="percentile", seed=502
    )
    bca = external_coverage(n_sets=10, n_targets=50, n_participants=60, interval="bca", seed=502)
    for share in (percentile["CCC"], *bca.values()):
        assert 0.89 <= over_sets(share).mean <= 0.98
