"""Registering a weights file: checked, copied into the store, and recorded."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import yaml

from emoclip_clinic.encoder.architectures import get_architecture
from emoclip_clinic.encoder.records import WeightsRecord, build_record, check_name, read_record
from emoclip_clinic.encoder.registry import WeightsEntry, check_hash, read_entry, weights_store
from emoclip_clinic.errors import WeightsError
from emoclip_clinic.study.files import atomic_path, sha256_file, write_bytes
from emoclip_clinic.study.protocols import protocols_folder

__all__ = ["add_weights"]

_TOLD_BY_TRAINING = ("description", "preprocessing", "sample_fps", "segment_frames", "training")


def add_weights(
    file: Path | str,
    name: str,
    *,
    architecture: str | None = None,
    source: str = "",
    licence: str = "not stated",
    paper: str = "",
    sample_fps: float | None = None,
    segment_frames: int | None = None,
    replace: bool = False,
) -> WeightsEntry:
    """Check a weights file and copy it into the store under a name.

    The file is loaded strictly first. For the name of a shipped record (``emoclip``), what the record states
    holds; otherwise the arguments describe the weights. What they leave open is taken from the record that
    training wrote beside the file, if its hash is the file's. A record appears once its file is complete.

    Parameters
    ----------
    file : Path or str
        The checkpoint.
    name : str
        Letters, digits, ``.``, ``_`` and ``-``.
    architecture : str, optional
        Name in `ARCHITECTURES`; by default that of the record, else ``"vit-b-32"``.
    source, licence, paper : str
        Where the weights come from, under which licence, and what to cite.
    sample_fps : float, optional
        Sampled frames per second that suit the weights; by default 6.25.
    segment_frames : int, optional
        Sampled frames of a segment; by default 32.
    replace : bool
        Whether other weights that have the name already may be replaced.

    Returns
    -------
    WeightsEntry
        The new entry.

    Raises
    ------
    WeightsError
        If the name is not allowed or taken, a value is not allowed, the file does not fit the architecture,
        or its hash is not the one that is published.
    """
    from emoclip_clinic.encoder.checkpoints import load_network

    file = Path(file)
    check_name(name)
    shipped = _shipped(name)
    described = (architecture, sample_fps, segment_frames, source, paper) != (None, None, None, "", "")
    if shipped is not None and (described or licence != "not stated"):
        raise WeightsError(
            f"The weights '{name}' are described by a shipped record",
            found="other descriptions of them",
            hint="Leave the options out, or choose another name.",
        )
    beside = _record_beside(file)
    if architecture is None:
        architecture = "vit-b-32" if beside is None else beside.architecture
    design = get_architecture(architecture)
    fields: dict[str, object] = {
        "name": name,
        "kind": "user",
        "architecture": design.name,
        "source": source or str(file),
        "licence": licence,
        "paper": paper,
        "preprocessing": {"image_size_px": design.image.image_size_px},
    }
    if beside is not None:
        told = beside.model_dump(mode="json")
        fields |= {key: told[key] for key in _TOLD_BY_TRAINING}
    given = {"sample_fps": sample_fps, "segment_frames": segment_frames}
    fields |= {key: value for key, value in given.items() if value is not None}
    record = shipped or build_record(fields)
    load_network(file, architecture=record.architecture)
    sha256 = sha256_file(file)
    check_hash(WeightsEntry(record, weights_store() / f"{name}.yaml", file, "found"), sha256)
    before = _stored(name)
    if before is not None and before.record.sha256 != sha256 and not replace:
        raise WeightsError(
            "A name must stand for one set of weights",
            found=f"'{name}' is taken by other weights (sha256 {before.record.sha256})",
            where=before.record_path,
            hint="Choose another name, or replace the old ones with --replace (in Python: replace=True).",
        )
    return _store(record, file, sha256=sha256, before=before)


def _store(record: WeightsRecord, file: Path, *, sha256: str, before: WeightsEntry | None) -> WeightsEntry:
    """Copy the file under a name of its content, then write the record, then remove what it replaces."""
    store = weights_store()
    target = store / f"{record.name}-{sha256[:12]}{file.suffix.lower()}"
    with atomic_path(target) as temporary:
        shutil.copyfile(file, temporary)
        if sha256_file(temporary) != sha256:
            raise WeightsError(
                "The file must not change while it is copied",
                found="a change",
                where=file,
                hint="Wait until the file is complete, then add it again.",
            )
    added = record.model_copy(
        update={
            "file": target.name,
            "sha256": sha256,
            "size_bytes": target.stat().st_size,
            "added": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )
    record_path = store / f"{record.name}.yaml"
    text = yaml.safe_dump(added.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_bytes(record_path, text.encode())
    if before is not None and before.path not in (None, target):
        assert before.path is not None
        before.path.unlink(missing_ok=True)
    return read_entry(record_path, store)


def _shipped(name: str) -> WeightsRecord | None:
    """The shipped record of a name that the user may register a file for."""
    path = protocols_folder() / "weights" / f"{name}.yaml"
    if not path.is_file():
        return None
    record = read_record(path)
    if record.kind == "random":
        raise WeightsError(
            "Weights must have a name of their own",
            found=f"'{name}', which stands for generated random weights",
            hint="Choose another name.",
        )
    return record


def _record_beside(file: Path) -> WeightsRecord | None:
    """The record that training wrote beside a file, if it is about this very file."""
    path = file.with_suffix(".yaml")
    if not (path.is_file() and file.is_file()):
        return None
    record = read_record(path)
    return record if record.training is not None and record.sha256 == sha256_file(file) else None


def _stored(name: str) -> WeightsEntry | None:
    path = weights_store() / f"{name}.yaml"
    return read_entry(path, weights_store()) if path.is_file() else None
