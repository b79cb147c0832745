"""The two people of the demo hospital. Both are invented; the numbers are ones that no carrier gives out."""

import uuid
from dataclasses import dataclass
from datetime import date

from pydicom.dataset import Dataset
from pydicom.uid import UID

ISSUER = "FILMPASS-DEMO"
OWN_PHONE = "+33639980001"
"""The phone of everyone in the user's own DICOM, which holds no number. Kept free for fiction, as Camille's is."""


@dataclass(frozen=True, slots=True)
class DemoPatient:
    """A patient, the order for one examination, and how to reach them.

    `name` is a DICOM person name with its component groups (PS3.5 6.2.1); `charset` the Specific Character Set
    (0008,0005) that writes it; `birth_date` is the fact that opens the link.
    """

    patient_id: str
    name: str
    charset: str
    birth_date: date
    sex: str
    phone: str
    language: str
    accession_number: str
    procedure: str
    issuer: str = ISSUER

    def label(self, dataset: Dataset) -> None:
        """Write the patient and the order into a data set, in place."""
        dataset.SpecificCharacterSet = self.charset
        dataset.PatientName = self.name
        dataset.PatientID = self.patient_id
        dataset.IssuerOfPatientID = self.issuer
        dataset.PatientBirthDate = f"{self.birth_date:%Y%m%d}"
        dataset.PatientSex = self.sex
        dataset.AccessionNumber = self.accession_number
        dataset.StudyDescription = self.procedure


XIAOMING = DemoPatient(
    patient_id="D-1001",
    name="Wang^Xiaoming=王^小明",
    charset="GB18030",
    birth_date=date(1958, 3, 7),
    sex="M",
    phone="+8613800138000",
    language="zh",
    accession_number="DEMO-CT-1",
    procedure="胸部CT平扫",
)
CAMILLE = DemoPatient(
    patient_id="D-1002",
    name="Lefèvre^Camille",
    charset="ISO_IR 192",
    birth_date=date(1984, 11, 23),
    sex="F",
    phone="+33639980000",
    language="fr",
    accession_number="DEMO-MIX-2",
    procedure="Images d'exemple",
)


def make_uid(seed: uuid.UUID, *names: object) -> UID:
    """Return a DICOM UID under 2.25 (PS3.5 B.2), the same for the same seed and names."""
    return UID(f"2.25.{uuid.uuid5(seed, '/'.join(map(str, names))).int}")
