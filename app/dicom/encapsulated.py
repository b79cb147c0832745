"""The pages of an encapsulated PDF as pictures. Runs in the child of `decode_worker`.

References
----------
DICOM PS3.3 A.45.1 (Encapsulated PDF), C.24.2 (Encapsulated Document).
"""

from collections.abc import Iterator

from PIL import Image
from pydicom.dataset import Dataset
from pypdfium2 import PdfDocument

from app.dicom.kinds import Kind
from app.dicom.render import Code, NotRenderable

MAX_PAGES = 200
PAGE_EDGE = 1600  # pixels: small print of an A4 page can be read when it is enlarged
_LARGEST_SCALE = 4.0  # pixels for each point (1/72 inch) of a small page


def pdf_pages(dataset: Dataset) -> tuple[int, Iterator[Image.Image]]:
    """Give the number of pages, and the pages one by one, RGB, their longest edge at most `PAGE_EDGE` pixels.

    Raises
    ------
    NotRenderable
        When there is no document in it; for the pages from `MAX_PAGES` on (`Code.TOO_LARGE`).
    """
    data = dataset.get("EncapsulatedDocument")
    if not data:
        raise NotRenderable(Code.NO_PIXEL_DATA, Kind.PDF)
    document = PdfDocument(data)
    return len(document), _pages(document)


def _pages(document: PdfDocument) -> Iterator[Image.Image]:
    for number, page in enumerate(document):
        if number == MAX_PAGES:
            raise NotRenderable(Code.TOO_LARGE, f"More than {MAX_PAGES} pages.")
        longest = max(*page.get_size(), 1.0)
        yield page.render(scale=min(_LARGEST_SCALE, PAGE_EDGE / longest)).to_pil().convert("RGB")
        page.close()
