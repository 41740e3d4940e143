"""What makes many small data sets cheap."""

import gc
from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="package")
def small_data_sets() -> Iterator[None]:
    """Use one BLAS thread, and keep statsmodels' calls of the garbage collector from walking all modules."""
    gc.collect()
    gc.freeze()
    with threadpool_limits(1):
        yield
    gc.unfreeze()
