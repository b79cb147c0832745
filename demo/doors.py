"""The doors of Filmpass as a hospital's systems use them: the hospital API, STOW-RS and C-STORE."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import requests
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE
from typing_extensions import override

HOSPITAL = "demo"
CALLED_AE_TITLE = "FILMPASS"
CALLING_AE_TITLES = ("STORESCU", "ECHOSCU", "DCMSEND", "PYNETDICOM", "ORTHANC")
"""What dcmtk and pynetdicom call themselves unless told otherwise; the demo's CT calls itself as the first."""
_TIMEOUTS = (5, 600)  # seconds to connect, and between two bytes of an answer: a large study is made durable meanwhile


class Refused(Exception):
    """Filmpass refused what a hospital's system asked for; the sentence says what and why."""

    def __init__(self, what: str, status: int, why: str) -> None:
        super().__init__(f"{what} was answered {status}: {why}")
        self.status = status


@dataclass(slots=True)
class Receipt:
    """What became of the instances that were sent: how many are stored, how many were refused by failure reason."""

    stored: int = 0
    refused: Counter[int] = field(default_factory=Counter)

    @property
    def sent(self) -> int:
        """Return how many instances were sent."""
        return self.stored + self.refused.total()

    @override
    def __str__(self) -> str:
        """Say it in words."""
        reasons = ", ".join(f"{count} with {reason:04X}" for reason, count in sorted(self.refused.items()))
        return f"{self.stored} instances stored" + (f"; refused: {reasons}" if reasons else "")


class Doors:
    """One hospital's way in.

    Parameters
    ----------
    base_url : str
        Without a slash at its end.
    ca_file : str or None
        The certificate to trust, for https.
    """

    def __init__(self, base_url: str, api_key: str, dimse_port: int, ca_file: str | None = None) -> None:
        self.api_url = f"{base_url}/api/v1"
        self.dicomweb_url = f"{base_url}/h/{HOSPITAL}/dicom-web"
        self._dimse_port = dimse_port
        self._http = local_session(ca_file)
        self._http.headers["Authorization"] = f"Bearer {api_key}"

    def put(self, path: str, body: Mapping[str, Any]) -> None:
        """Register something over the API; raises `Refused`."""
        self._call("PUT", path, body)

    def post(self, path: str, body: Mapping[str, Any]) -> None:
        """Say something over the API; raises `Refused`."""
        self._call("POST", path, body)

    def study(self, study_instance_uid: str) -> dict[str, Any]:
        """Return a study's state in plain fields."""
        state: dict[str, Any] = self._call("GET", f"/studies/{study_instance_uid}").json()
        return state

    def stow(self, study_instance_uid: str, instances: Iterable[Iterable[bytes]]) -> Receipt:
        """Store instances by STOW-RS (PS3.18 10.5), each given in pieces; nothing is held in memory but a piece."""
        boundary = uuid.uuid4().hex
        answer = self._http.post(
            f"{self.dicomweb_url}/studies/{study_instance_uid}",
            data=_multipart(boundary, instances),
            headers={
                "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
                "Accept": "application/dicom+json",
            },
            timeout=_TIMEOUTS,
        )
        if not answer.headers.get("Content-Type", "").startswith("application/dicom+json"):
            raise _refusal("STOW-RS", answer)
        body = answer.json()
        failed = [item for sequence in ("00081198", "0008119A") for item in body.get(sequence, {}).get("Value", ())]
        reasons = Counter(item["00081197"]["Value"][0] for item in failed)
        stored = {item["00081155"]["Value"][0] for item in body.get("00081199", {}).get("Value", ())}
        return Receipt(len(stored), reasons)  # a file that is there twice is one instance

    def c_store(self, instances: Iterable[Dataset]) -> Receipt:
        """Store CT images in Explicit VR Little Endian by C-STORE (PS3.4 B), over one association."""
        entity = AE(ae_title=CALLING_AE_TITLES[0])
        entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
        association = entity.associate("127.0.0.1", self._dimse_port, ae_title=CALLED_AE_TITLE)
        if not association.is_established:
            raise Refused("The association", 0, "it was rejected or aborted.")
        receipt = Receipt()
        try:
            for instance in instances:
                status = int(association.send_c_store(instance).get("Status", 0x0110))  # no answer: a failure
                if status:
                    receipt.refused[status] += 1
                else:
                    receipt.stored += 1
        finally:
            association.release()
        return receipt

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> requests.Response:
        answer = self._http.request(method, self.api_url + path, json=body, timeout=_TIMEOUTS)
        if not answer.ok:
            raise _refusal(f"{method} {path}", answer)
        return answer


def local_session(ca_file: str | None = None) -> requests.Session:
    """Return a session for servers on this machine: no proxy leads to them."""
    session = requests.Session()
    session.trust_env = False
    session.verify = ca_file or True
    session.headers["Connection"] = "close"  # an idle connection would hold up the web server when it stops
    return session


def _refusal(what: str, answer: requests.Response) -> Refused:
    """Make a sentence of a problem document (RFC 9457), which never repeats what was sent."""
    try:
        problem = answer.json()
    except requests.JSONDecodeError:
        return Refused(what, answer.status_code, HTTPStatus(answer.status_code).phrase)
    fields = "".join(f" {item['pointer']}: {item['detail']}" for item in problem.get("errors", ()))
    return Refused(what, answer.status_code, f"{problem.get('detail') or problem.get('title')}{fields}")


def _multipart(boundary: str, instances: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
    for pieces in instances:
        yield f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        yield from pieces
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()
