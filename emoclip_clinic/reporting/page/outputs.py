"""Writing a page with its folder: everything or nothing new, and no file of an earlier report left behind."""

from collections.abc import Mapping
from pathlib import Path

from emoclip_clinic.study.files import write_bytes

__all__ = ["write_report"]

_OURS = (".tsv", ".tex", ".svg", ".md", ".bib")


def write_report(page: Path, html: str, files: Mapping[str, str]) -> int:
    """Write the files beside a page, then the page.

    Parameters
    ----------
    page : Path
        The HTML file; the other files go to the folder of the same name without the ending.
    html : str
        The page.
    files : mapping of str to str
        Name to text of every file beside it.

    Returns
    -------
    int
        Bytes of the page.

    Raises
    ------
    StudyError
        If the operating system refuses.
    """
    folder = page.with_suffix("")
    for name, text in files.items():
        _write_changed(folder / name, text.encode())
    data = html.encode()
    write_bytes(page, data)
    # An earlier report may have named participants, or had items that this one has not.
    for old in folder.iterdir():
        if old.suffix in _OURS and old.name not in files and not old.name.startswith("."):
            old.unlink()
    return len(data)


def _write_changed(path: Path, data: bytes) -> None:
    """Leave a file that is as it should be: flushing hundreds of them to a disk takes seconds."""
    if not (path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data):
        write_bytes(path, data)
