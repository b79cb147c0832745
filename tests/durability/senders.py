"""A PACS at both doors: what it sends, and what it was told is stored."""

from io import BytesIO

import requests
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE

from demo.doors import HOSPITAL
from tests.stand import CALLED, CALLING, Stand

BOUNDARY = "durability"


def stow(stand: Stand, key: str, files: list[bytes]) -> tuple[int, set[str]]:
    """Store files in one request over a connection of its own; returns the status and the UIDs said to be stored."""
    body = b"".join(b"--%b\r\nContent-Type: application/dicom\r\n\r\n%b\r\n" % (BOUNDARY.encode(), f) for f in files)
    answer = requests.post(
        f"{stand.base_url}/h/{HOSPITAL}/dicom-web/studies",
        data=body + f"--{BOUNDARY}--\r\n".encode(),
        headers={
            "Authorization": f"Bearer {key}",
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
        },
        timeout=60,
    )
    if not answer.headers["Content-Type"].startswith("application/dicom+json"):
        return answer.status_code, set()
    stored = answer.json().get("00081199", {}).get("Value", ())
    return answer.status_code, {item["00081155"]["Value"][0] for item in stored}


def c_store(stand: Stand, files: list[bytes]) -> dict[str, int | None]:
    """Store files over one association; returns the status of each UID, None where none came."""
    entity = AE(CALLING)
    entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    association = entity.associate("127.0.0.1", stand.dimse_port, ae_title=CALLED)
    statuses: dict[str, int | None] = {}
    for file in files:
        dataset = dcmread(BytesIO(file))
        answer = association.send_c_store(dataset) if association.is_established else {}
        statuses[dataset.SOPInstanceUID] = answer.get("Status")
    if association.is_established:
        association.release()
    return statuses
