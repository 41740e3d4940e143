"""Manifests: what is read, and every bad row named by file, row, column and value."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data import read_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.mp4", "b.mp4", "c ü.mp4"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "1.png").write_bytes(b"x")
    return tmp_path


def written(folder: Path, text: str, name: str = "clips.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def complaints(path: Path) -> list[tuple[int, str | None, str | None]]:
    return [(p.row, p.column, p.value) for p in read_manifest(path).errors]


def test_all_columns_are_understood(folder) -> None:
    manifest = read_manifest(
        written(
            folder,
            "Path,caption,caption_2,label,source,split,start_s,end_s,names_side,note\n"
            'a.mp4,"She smiles, then frowns",A smile,happiness;surprise,film-1,train,1.5,4,false,kept\n'
            "frames,She raises the left brow,,fear,film-2,test,,,,\n",
        )
    )
    first, second = manifest.clips
    assert first.captions == ("She smiles, then frowns", "A smile")
    assert first.labels == ("happiness", "surprise")
    assert (first.source, first.split, first.start_s, first.end_s) == ("film-1", "train", 1.5, 4.0)
    assert (first.id, first.path, first.rows) == ("a.mp4#1.5-4", folder / "a.mp4", (2,))
    assert (first.names_side, second.names_side) == (False, True)
    assert second.captions == ("She raises the left brow",)
    assert manifest.problems == ()
    manifest.check()


def test_parquet_csv_and_tsv_say_the_same(folder) -> None:
    rows = {
        "path": ["a.mp4", "b.mp4"],
        "caption": [["one", "two"], ["three"]],
        "label": ["x", None],
        "split": [1, 2],
        "start_s": [0.5, None],
        "names_side": [True, None],
    }
    pq.write_table(pa.table(rows), folder / "clips.parquet")
    header = ("path", "caption", "caption_2", "label", "split", "start_s", "names_side")
    lines = [
        header,
        ("a.mp4", "one", "two", "x", "1", "0.5", "true"),
        ("b.mp4", "three", "", "", "2", "", ""),
    ]
    csv = written(folder, "\n".join(",".join(line) for line in lines))
    tsv = written(folder, "\r\n".join("\t".join(line) for line in lines), "clips.tsv")
    read = [read_manifest(path).clips for path in (folder / "clips.parquet", csv, tsv)]
    assert read[0] == read[1] == read[2]
    assert read[0][0].captions == ("one", "two")
    assert read[0][1].source == "b.mp4"  # a clip that names no source is its own


def test_one_row_per_caption_is_one_clip(folder) -> None:
    manifest = read_manifest(
        written(folder, "path,caption,source\na.mp4,one,f\nb.mp4,two,f\na.mp4,three,f\na.mp4,one,f\n")
    )
    assert [clip.captions for clip in manifest.clips] == [("one", "three"), ("two",)]
    assert manifest.clips[0].rows == (2, 4, 5)
    assert manifest.n_rows == 4


def test_rows_of_one_clip_must_agree(folder) -> None:
    path = written(
        folder, "path,caption,source,split\na.mp4,one,f,train\na.mp4,two,g,test\nb.mp4,x,f,train\n"
    )
    manifest = read_manifest(path)
    assert complaints(path) == [(2, None, "a.mp4"), (3, "source", "g"), (3, "split", "test")]
    assert [clip.id for clip in manifest.clips] == ["b.mp4"]


def test_parts_of_a_file_are_clips_of_their_own(folder) -> None:
    path = written(folder, "path,caption,start_s,end_s\na.mp4,one,0,1\na.mp4,two,1,2\n")
    assert [clip.id for clip in read_manifest(path).clips] == ["a.mp4#0-1", "a.mp4#1-2"]


def test_every_bad_row_is_listed_with_its_place_and_value(folder) -> None:
    path = written(
        folder,
        "path,caption,start_s,end_s,names_side,label\n"
        "absent.mp4,one,,,,\n"
        "a.mp4,,,,,\n"
        "a.mp4,17.5,,,,\n"
        "b.mp4,two,x,,,\n"
        "b.mp4,three,5,2,,\n"
        '"c ü.mp4",four,-1,,maybe,\n'
        ",five,,,,\n"
        "frames,fine,,,,\n",
    )
    assert complaints(path) == [
        (2, "path", "absent.mp4"),
        (3, "caption", None),
        (4, "caption", "17.5"),
        (5, "start_s", "x"),
        (6, "end_s", "2.0"),
        (7, "start_s", "-1"),
        (7, "names_side", "maybe"),
        (8, "path", None),
    ]
    manifest = read_manifest(path)
    assert [clip.id for clip in manifest.clips] == ["frames"]
    with pytest.raises(PretrainingError) as caught:
        manifest.check()
    message = str(caught.value)
    assert all(f"clips.csv, row {row}, column" in message for row in range(2, 9))
    assert "--skip-bad-rows" in message


def test_rows_are_counted_as_an_editor_does(folder) -> None:
    path = written(folder, 'path,caption\n\na.mp4,"two\nlines"\nabsent.mp4,x\n')
    assert complaints(path) == [(5, "path", "absent.mp4")]
    assert read_manifest(path).clips[0].captions == ("two lines",)


def test_an_empty_caption_beside_a_label_is_told_and_no_error(folder) -> None:
    manifest = read_manifest(written(folder, "path,caption,label\na.mp4,,anger\nb.mp4,x,anger\n"))
    assert len(manifest.clips) == 2
    assert [(p.row, p.column, p.is_error) for p in manifest.problems] == [(2, "caption", False)]


def test_captions_of_parquet_must_be_text(folder) -> None:
    pq.write_table(pa.table({"path": ["a.mp4"], "caption": [3.5]}), folder / "clips.parquet")
    assert complaints(folder / "clips.parquet") == [(2, "caption", "3.5")]


def test_an_empty_folder_of_pictures_is_refused(folder) -> None:
    (folder / "none").mkdir()
    assert complaints(written(folder, "path,caption\nnone,x\n")) == [(2, "path", "none")]


def test_names_of_clips_must_differ(folder) -> None:
    path = written(folder, "path,caption,id\na.mp4,one,k\nb.mp4,two,k\n")
    assert complaints(path) == [(3, "id", "k")]


def test_paths_may_be_relative_to_another_folder(folder) -> None:
    elsewhere = folder / "lists"
    elsewhere.mkdir()
    path = written(elsewhere, "path,caption\na.mp4,x\n")
    assert complaints(path) == [(2, "path", "a.mp4")]
    assert read_manifest(path, root=folder).clips[0].path == folder / "a.mp4"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("clips.csv", "file,caption\na.mp4,x\n", "must have the column 'path'"),
        ("clips.csv", "path,captoin\na.mp4,x\n", "Did you mean 'caption'"),
        ("clips.csv", "path,label,labels\na.mp4,x,y\n", "label and labels"),
        ("clips.csv", "path,caption,caption\na.mp4,x,y\n", "different names"),
        ("clips.csv", "path,caption\na.mp4,one, two\n", "row 2 has 3"),
        ("clips.csv", "", "empty file"),
        ("clips.csv", "path,caption\n", "at least one clip"),
        ("clips.xlsx", "", ".parquet, .csv or .tsv"),
        ("clips.parquet", "no parquet", "must be a Parquet file"),
    ],
)
def test_files_that_are_no_manifest_are_refused(folder, name, text, said) -> None:
    with pytest.raises(PretrainingError) as caught:
        read_manifest(written(folder, text, name)).check()
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["absent.csv", "absent.parquet"])
def test_an_absent_manifest_is_refused(folder, name) -> None:
    with pytest.raises(PretrainingError, match="must be readable"):
        read_manifest(folder / name)


def test_another_encoding_is_named(folder) -> None:
    path = folder / "clips.csv"
    path.write_bytes("path,caption\na.mp4,她笑了\n".encode("gbk"))
    with pytest.raises(PretrainingError, match="UTF-8"):
        read_manifest(path)
