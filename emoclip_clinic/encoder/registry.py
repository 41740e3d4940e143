"""The registry: where weights records stand, and whether the weights themselves are on this computer.

Shipped records stand in ``protocols/weights``. The user's store of registered files wins over them, and a
study's own ``protocols/weights`` over both. Nothing here uses the network, and listing needs no PyTorch.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from emoclip_clinic.encoder.records import WeightsRecord, check_name, read_record
from emoclip_clinic.errors import WeightsError, did_you_mean
from emoclip_clinic.study.files import sha256_file
from emoclip_clinic.study.protocols import protocols_folder

__all__ = [
    "WeightsEntry",
    "check_hash",
    "check_weights",
    "find_weights",
    "hash_weights",
    "how_to_get",
    "list_weights",
    "read_entry",
    "verify_weights",
    "warn_if_random",
    "weights_store",
]

_log = logging.getLogger(__name__)
_warned: set[str] = set()  # names of random weights about which this process has warned


@dataclass(frozen=True)
class WeightsEntry:
    """A record and the state of its file.

    Attributes
    ----------
    record : WeightsRecord
        The record.
    record_path : Path
        The YAML file that holds it.
    path : Path or None
        Where the weights file is or should be; None if none is registered or needed.
    state : {"found", "absent", "altered", "generated"}
        Whether the file is there with the recorded size (its content is checked by `verify_weights` and on
        every load), absent, of another size, or not needed because the numbers are generated.
    """

    record: WeightsRecord
    record_path: Path
    path: Path | None
    state: Literal["found", "absent", "altered", "generated"]


def weights_store() -> Path:
    """Return the folder of registered weights.

    Returns
    -------
    Path
        ``$EMOCLIP_CLINIC_WEIGHTS`` if set, else ``weights`` in the user's data folder. It may not exist yet.
    """
    chosen = os.environ.get("EMOCLIP_CLINIC_WEIGHTS")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return platformdirs.user_data_path("emoclip-clinic") / "weights"


def list_weights(*, study: Path | None = None) -> tuple[WeightsEntry, ...]:
    """List all registered weights.

    Parameters
    ----------
    study : Path, optional
        Root of a study, whose own ``protocols/weights`` win.

    Returns
    -------
    tuple of WeightsEntry
        Sorted by name.

    Raises
    ------
    WeightsError
        If a record cannot be read.

    Examples
    --------
    >>> [entry.record.name for entry in list_weights() if entry.state == "generated"]
    ['emoclip-random', 'tiny-random']
    """
    paths: dict[str, tuple[Path, Path]] = {}
    for folder, base in reversed(_folders(study)):
        paths.update({path.stem: (path, base) for path in sorted(folder.glob("*.yaml"))})
    return tuple(read_entry(path, base) for _, (path, base) in sorted(paths.items()))


def find_weights(name: str, *, study: Path | None = None) -> WeightsEntry:
    """Look up weights whose file is there, or whose numbers are generated.

    Parameters
    ----------
    name : str
        Name of the record.
    study : Path, optional
        Root of a study, whose own ``protocols/weights`` win.

    Returns
    -------
    WeightsEntry
        In state ``"found"`` or ``"generated"``. The file's content is not checked here.

    Raises
    ------
    WeightsError
        If there is no such record, it is not valid or of an unknown architecture, or its file is absent or
        of another size; tells how to get it.
    """
    entry = _lookup(name, study)
    record = entry.record
    if entry.state == "absent":
        raise WeightsError(
            f"The weights '{name}' must be on this computer",
            found=f"no file{_expected(record)}",
            where=entry.path or weights_store(),
            hint=how_to_get(entry),
        )
    if entry.state == "altered":
        assert entry.path is not None
        raise WeightsError(
            f"The weights '{name}' must be as registered",
            found=f"{entry.path.stat().st_size} bytes, expected {record.size_bytes}",
            where=entry.path,
            hint=how_to_get(entry),
        )
    return entry


def check_weights(name: str, *, study: Path | None = None) -> WeightsEntry:
    """Check before any work what can be checked of weights in no time, and warn at once if they are random.

    That is: the name is registered, its record valid and of a known architecture, its file there with the
    recorded size. Content is checked by `verify_weights`, and on every load.

    Parameters
    ----------
    name : str
        Name of the record.
    study : Path, optional
        Root of a study, whose own ``protocols/weights`` win.

    Returns
    -------
    WeightsEntry
        As `find_weights`.

    Raises
    ------
    WeightsError
        As `find_weights`.
    """
    entry = find_weights(name, study=study)
    warn_if_random(entry.record)
    return entry


def warn_if_random(record: WeightsRecord) -> None:
    """Warn loudly that weights are random numbers, if they are: once per process and name.

    Parameters
    ----------
    record : WeightsRecord
        The weights that are asked for.
    """
    if record.kind == "random" and record.name not in _warned:
        _warned.add(record.name)
        _log.warning(
            "WEIGHTS ARE RANDOM: '%s' computes meaningless embeddings, for plumbing and benchmarks only. "
            "Never use them in a study.",
            record.name,
        )


def verify_weights(name: str, *, study: Path | None = None) -> WeightsEntry:
    """Check the content of a weights file against its record.

    Parameters
    ----------
    name : str
        Name of the record. Random weights are generated anew and compared with the recorded hash.
    study : Path, optional
        Root of a study, whose own ``protocols/weights`` win.

    Returns
    -------
    WeightsEntry
        The entry, if all is well.

    Raises
    ------
    WeightsError
        As `find_weights`, and if the hash is another than the recorded one.
    """
    entry = find_weights(name, study=study)
    check_hash(entry, hash_weights(entry))
    return entry


def hash_weights(entry: WeightsEntry) -> str:
    """Hash the weights of an entry that was found.

    Parameters
    ----------
    entry : WeightsEntry
        As `find_weights` returns it.

    Returns
    -------
    str
        SHA-256 of the file's content, or of the generated numbers.
    """
    if entry.path is not None:
        return sha256_file(entry.path)
    from emoclip_clinic.encoder.architectures import get_architecture
    from emoclip_clinic.encoder.random_weights import hash_network, random_network

    architecture = get_architecture(entry.record.architecture)
    return hash_network(random_network(architecture, seed=entry.record.seed or 0))


def check_hash(entry: WeightsEntry, sha256: str) -> None:
    """Raise WeightsError if weights with the hash `sha256` are not those of the record."""
    record = entry.record
    if record.sha256 not in (None, sha256):
        raise WeightsError(
            f"The weights '{record.name}' must be as registered",
            found=f"sha256 {sha256}, expected {record.sha256}",
            where=entry.path or entry.record_path,
            hint=how_to_get(entry),
        )


def how_to_get(entry: WeightsEntry) -> str:
    """Say what to do where weights are absent or not as recorded.

    Parameters
    ----------
    entry : WeightsEntry
        The weights.

    Returns
    -------
    str
        One or two sentences.
    """
    record = entry.record
    if record.kind == "random":
        return "The generator of random numbers has changed: report this."
    steps = [record.fetch] if record.fetch else [f"Get the file from {record.source}."] * bool(record.source)
    if entry.record_path.parent not in (weights_store(), protocols_folder() / "weights"):
        # A study's own record wins over the store: registering the file there would change nothing.
        where = f"Put it at {entry.path}" if entry.path else "Name it as 'file', relative to the study"
        steps.append(f"{where}, or correct the record {entry.record_path}.")
    else:
        start = "Then, on" if steps else "On"
        command = f"emoclip-clinic weights add FILE --name {record.name}"
        steps.append(f"{start} a login node or wherever the file is, run: {command}")
    return " ".join(steps)


def _folders(study: Path | None) -> list[tuple[Path, Path]]:
    """Folders of records, first wins, each with the folder that file names in them are relative to."""
    shipped = protocols_folder() / "weights"
    folders = [(weights_store(), weights_store()), (shipped, shipped)]
    if study is None:
        return folders
    own = Path(study) / "protocols" / "weights"
    # In a checkout of the source, the working folder's records are the shipped ones: the store still wins.
    return folders if own.resolve() == shipped.resolve() else [(own, Path(study)), *folders]


def _lookup(name: str, study: Path | None) -> WeightsEntry:
    check_name(name)
    for folder, base in _folders(study):
        if (folder / f"{name}.yaml").is_file():
            return read_entry(folder / f"{name}.yaml", base)
    known = [path.stem for folder, _ in _folders(study) for path in folder.glob("*.yaml")]
    raise WeightsError("Weights must be registered", found=name, hint=did_you_mean(name, set(known)))


def read_entry(record_path: Path, base: Path) -> WeightsEntry:
    """Read the record at `record_path` and look for its file in the folder `base`."""
    record = read_record(record_path)
    if record.kind == "random":
        return WeightsEntry(record, record_path, None, "generated")
    if record.file is None:
        return WeightsEntry(record, record_path, None, "absent")
    path = base / record.file
    if not path.is_file():
        return WeightsEntry(record, record_path, path, "absent")
    altered = record.size_bytes not in (None, path.stat().st_size)
    return WeightsEntry(record, record_path, path, "altered" if altered else "found")


def _expected(record: WeightsRecord) -> str:
    return f", expected {record.size_bytes} bytes" if record.size_bytes else ""
