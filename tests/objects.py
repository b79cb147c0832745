"""DICOM objects that are no plain images, as hospitals send them; made up, of nobody."""

from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    TwelveLeadECGWaveformStorage,
    VideoEndoscopicImageStorage,
)

MPEG4_HP41 = "1.2.840.10008.1.2.4.102"


def object_of(sop_class: str, modality: str, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    """Begin an object of a class."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = sop_class, "2.25.7", modality
    return dataset


def file_of(dataset: Dataset) -> bytes:
    """Encode an object as a PS3.10 file."""
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def pdf(*texts: str, size: tuple[int, int] = (595, 842)) -> bytes:
    """Write a PDF with a page for each text, in points of 1/72 inch."""
    first = 4
    kids = " ".join(f"{first + 2 * at} 0 R" for at in range(len(texts)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(texts)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for at, text in enumerate(texts):
        drawn = f"BT /F1 48 Tf 60 {size[1] // 2} Td ({text}) Tj ET"
        box, content = f"[0 0 {size[0]} {size[1]}]", f"{first + 2 * at + 1} 0 R"
        fonts = "<< /Font << /F1 3 0 R >> >>"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Contents {content} /Resources {fonts} >>",
            f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
        ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    rows = "".join(f"{place:010} 00000 n \n" for place in places)
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{rows}"
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + (table + trailer).encode()


def encapsulated(document: bytes) -> Dataset:
    """Wrap a PDF."""
    dataset = object_of(EncapsulatedPDFStorage, "DOC")
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
    return dataset


def waveform(cells: np.ndarray, *, frequency: float = 500, unit: str = "mV", sensitivity: float = 0.001) -> Dataset:
    """Make an ECG of one group; `cells` of shape (samples, channels)."""
    dataset, group = object_of(TwelveLeadECGWaveformStorage, "ECG"), Dataset()
    kinds = {"int8": "SB", "uint8": "UB", "int16": "SS", "uint16": "US", "int32": "SL", "uint32": "UL"}
    group.WaveformSampleInterpretation, group.WaveformBitsAllocated = kinds[str(cells.dtype)], cells.itemsize * 8
    group.NumberOfWaveformSamples, group.NumberOfWaveformChannels = cells.shape
    group.SamplingFrequency, group.WaveformData = frequency, cells.tobytes()
    group.ChannelDefinitionSequence = [
        _channel(f"Lead {at + 1}", unit, sensitivity) for at in range(min(cells.shape[1], 70))
    ]
    dataset.WaveformSequence = [group]
    return dataset


def _channel(label: str, unit: str, sensitivity: float) -> Dataset:
    channel, units = Dataset(), Dataset()
    units.CodeValue, units.CodingSchemeDesignator, units.CodeMeaning = unit, "UCUM", unit
    channel.ChannelLabel, channel.ChannelSensitivity = label, sensitivity
    channel.ChannelSensitivityUnitsSequence, channel.ChannelBaseline = [units], 0
    channel.ChannelSensitivityCorrectionFactor = 1
    return channel


def presentation_state(series_uid: str, instance_uids: list[str], label: str, **attributes: object) -> Dataset:
    """Make a Grayscale Softcopy Presentation State of some CT images."""
    dataset = object_of(GrayscaleSoftcopyPresentationStateStorage, "PR")
    references = [Dataset() for _ in instance_uids]
    for reference, uid in zip(references, instance_uids, strict=True):
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedImageSequence = series_uid, references
    dataset.ReferencedSeriesSequence, dataset.ContentLabel = [series], label
    dataset.PresentationLUTShape = "IDENTITY"
    for name, value in attributes.items():
        setattr(dataset, name, value)
    return dataset


def video(stream: bytes) -> Dataset:
    """Wrap a video stream."""
    dataset = object_of(VideoEndoscopicImageStorage, "ES", MPEG4_HP41)
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 480, 640, 25
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "YBR_PARTIAL_420", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = encapsulate([stream + b"\0" * (len(stream) % 2)], has_bot=False)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset
