"""A file of ours is whole or absent, whatever happens while it is written."""

import errno
import hashlib
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoclip_clinic.errors import FormatError, StudyError
from emoclip_clinic.study.files import (
    atomic_path,
    read_json,
    read_tsv,
    remove_leftovers,
    sha256_file,
    write_bytes,
    write_json,
    write_table,
    write_tsv,
)

KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from emoclip_clinic.study.files import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_writer_makes_folders_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "sub 1" / "é" / "a.bin"
    write_bytes(path, b"one")
    write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert listing(path.parent) == ["a.bin"]


def test_a_new_file_has_the_permissions_that_the_user_asked_for(tmp_path: Path) -> None:
    write_bytes(tmp_path / "ours", b"")
    (tmp_path / "theirs").write_bytes(b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_while_writing_keeps_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("ne")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert listing(tmp_path) == ["a.txt"]


def test_a_full_disk_is_an_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StudyError, match="No space left on device"):
        write_bytes(path, b"new")
    assert path.read_text() == "old"
    assert listing(tmp_path) == ["a.txt"]


def test_a_folder_that_is_a_file_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(StudyError, match="must be writable"):
        write_bytes(tmp_path / "f" / "a.txt", b"")


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_writer_keeps_the_old_file_and_its_leftover_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    write_bytes(path, b"old")
    subprocess.run([sys.executable, "-c", KILLED_WRITER, str(path)], check=False, timeout=60)
    assert path.read_bytes() == b"old"
    assert len(listing(path.parent)) == 2
    (removed,) = remove_leftovers(tmp_path)
    assert removed.parent == path.parent
    assert listing(path.parent) == ["a.txt"]


def test_a_file_that_is_being_written_is_no_leftover(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
        assert remove_leftovers(tmp_path) == ()
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_leftover_of_another_computer_goes_after_a_week(tmp_path: Path) -> None:
    young, old = (tmp_path / f".00000000-1-{digits}.emoclip-tmp" for digits in ("0a0a0a0a", "0b0b0b0b"))
    young.touch()
    old.touch()
    last_month = time.time() - 30 * 24 * 3600
    os.utime(old, (last_month, last_month))
    assert remove_leftovers(tmp_path) == (old,)


def test_files_of_others_are_no_leftovers(tmp_path: Path) -> None:
    (tmp_path / ".mine.emoclip-tmp").touch()
    assert remove_leftovers(tmp_path) == ()
    assert remove_leftovers(tmp_path / "absent") == ()


def test_json_comes_back_as_it_was(tmp_path: Path) -> None:
    value = {"name": "Zoé", "n": 1, "x": 0.1, "list": [None, True]}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert "Zoé" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_json_has_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": math.nan})
    assert listing(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"a": 1', b"null"])
def test_bad_json_is_a_format_error_that_names_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"a\.json"):
        read_json(path)


def test_absent_json_is_a_format_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="readable"):
        read_json(tmp_path / "a.json")


def test_missing_values_are_written_and_read_as_na(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    write_tsv(path, [{"a": None, "b": math.nan}, {"a": 1, "b": True}, {}], columns=("a", "b"))
    assert path.read_text() == "a\tb\nn/a\tn/a\n1\ttrue\nn/a\tn/a\n"
    assert read_tsv(path).rows == ({"a": None, "b": None}, {"a": "1", "b": "true"}, {"a": None, "b": None})


def test_a_row_with_an_unknown_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="c"):
        write_tsv(tmp_path / "a.tsv", [{"c": 1}], columns=("a",))


cell = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


@settings(max_examples=50)
@given(st.lists(st.tuples(cell, cell), max_size=5))
def test_any_text_comes_back_from_a_table(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("tsv") / "a.tsv"
    write_tsv(path, [{"a": a, "b": b} for a, b in rows], columns=("a", "b"))

    def kept(text: str) -> str | None:
        line = text.replace("\t", " ").replace("\r", " ").replace("\n", " ").strip()
        return None if line.lower() in ("", "n/a") else line

    expected = [{"a": kept(a), "b": kept(b)} for a, b in rows if a.strip() or b.strip()]
    assert list(read_tsv(path).rows) == expected


def test_a_table_from_a_spreadsheet_program_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes('\ufeffpath\tid\r\n"a, b.mp4"\t 7 \r\n\r\n\t\r\nc.mp4\tN/A\r\n'.encode())
    table = read_tsv(path)
    assert table.columns == ("path", "id")
    assert table.rows == ({"path": "a, b.mp4", "id": "7"}, {"path": "c.mp4", "id": None})
    assert table.lines == (2, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "header"),
        (b"\n\n", "header"),
        (b"a\ta\n1\t2\n", "a more than once"),
        (b"a\t\n1\t2\n", "without a name"),
        (b"a\tb\n1\n1\t2\t3\n", "line 2 has 1; line 3 has 3"),
        ("a\nMüller\n".encode("latin-1"), "UTF-8.*0xfc"),
        ("a\nb\n".encode("utf-16"), "UTF-8"),
    ],
)
def test_a_bad_table_is_an_error_that_says_where(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(content)
    with pytest.raises(StudyError, match=message) as caught:
        read_tsv(path)
    assert str(path) in str(caught.value)


def test_an_absent_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="readable"):
        read_tsv(tmp_path / "a.tsv")


def test_a_parquet_table_keeps_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"x": pa.array([1.0, None], pa.float32()), "s": ["a", "b"]}).replace_schema_metadata(
        {"k": "1"}
    )
    write_table(path, table, metadata={"v": "2"})
    read = pq.read_table(path)
    assert read.equals(table)
    assert read.schema.metadata == {b"k": b"1", b"v": b"2"}


def test_the_hash_is_that_of_the_content(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 3_000_000)
    assert sha256_file(path) == hashlib.sha256(b"x" * 3_000_000).hexdigest()
    with pytest.raises(StudyError, match="readable"):
        sha256_file(tmp_path)
