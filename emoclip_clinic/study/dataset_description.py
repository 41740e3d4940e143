"""dataset_description.json of the derivatives, as BIDS asks of derived data."""

from emoclip_clinic import __version__
from emoclip_clinic.study.files import write_json
from emoclip_clinic.study.layout import Study

__all__ = ["BIDS_VERSION", "write_dataset_description"]

BIDS_VERSION = "1.10.0"


def write_dataset_description(study: Study) -> None:
    """Write ``dataset_description.json`` into the derivatives.

    Parameters
    ----------
    study : Study
        The study.

    Raises
    ------
    StudyError
        If the operating system refuses.

    References
    ----------
    Gorgolewski et al. (2016), Scientific Data 3, 160044. doi:10.1038/sdata.2016.44
    """
    write_json(
        study.dataset_description_json,
        {
            "Name": "EmoCLIP embeddings of interview videos",
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "derivative",
            "GeneratedBy": [
                {
                    "Name": "emoclip-clinic",
                    "Version": __version__,
                    "Description": "Frame and segment embeddings of the participant's face.",
                }
            ],
        },
    )
