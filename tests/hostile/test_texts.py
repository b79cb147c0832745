"""Hostile words in every text that is shown, logged or sent: none is run, none leaves its place, none becomes a path."""

import re
import shutil
import socket
import struct
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from pydicom.uid import ExplicitVRLittleEndian

from demo.doors import Doors
from tests import factories as make
from tests.hostile.encoding import Place, Stranger, element, image, native, ramp
from tests.hostile.site import ALL, Answers, Site
from tests.stand import standing

pytestmark = [
    pytest.mark.flow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is missing: apt-get install strace"),
]
MARK = "zq7mark"
"""In every hostile text, so that it can be looked for."""
PLAIN = {
    "path": f"../../../../../tmp/{MARK}",
    "absolute": f"/tmp/{MARK}",
    "html": f"<script>alert('{MARK}')</script>",
    "attribute": f'"\' onerror="{MARK}()',
    "entity": f"&lt;b&gt;{MARK}<!--",
    "jinja": "{{77777*99991}}{%" + MARK + "%}",
    "dollar": f"${{77777*99991}}$(touch /tmp/{MARK})",
    "percent": f"%s%n%(x)s{MARK}",
    "format": "{0.__class__}" + MARK,
}
"""Texts without a control character, as the hospital's API takes them."""
TURNED = "\u202e"
CONTROLLED = {
    "lines": f"a\r\nSet-Cookie: {MARK}=1\r\n\r\n<b>",
    "nul": f"\0{MARK}",
    "terminal": f"\x1b[31m{MARK}\x07",
    "turned": f"{TURNED}{MARK}",
    "separator": f"\u2028{MARK}\x85",
}
COMPUTED = str(77777 * 99991)
"""What the product in some of them is, if anybody computes it."""
_TEXTS = {
    0x00080020: b"DA", 0x00080030: b"TM", 0x00080060: b"CS", 0x00080070: b"LO", 0x00080080: b"LO", 0x00081030: b"LO",
    0x0008103E: b"LO", 0x00081010: b"SH", 0x00100010: b"PN", 0x00100021: b"LO", 0x00100030: b"DA", 0x00100040: b"CS",
    0x00104000: b"LT", 0x00180015: b"CS", 0x00181030: b"LO", 0x00185101: b"CS", 0x00200010: b"SH", 0x00200020: b"CS",
    0x00200062: b"CS",
}  # fmt: skip
"""Every text of an instance that we index, show or hand to the child, and a few more."""
_UIDS = (0x00080018, 0x0020000D, 0x0020000E)
_OUTSIDE = re.compile(r'(\w+)\(.*"((?:[^"\\]|\\.)*)"')


def hostile(place: Place, text: str, **more: bytes) -> Stranger:
    """Make an instance all of whose texts are one text; those of `more` are given."""
    texts = {f"t{tag:08X}": element(tag, vr, text.encode()) for tag, vr in _TEXTS.items()}
    texts["t00100021"] = element(0x00100021, b"LO", b"YZ1")
    data = image(place, native(ramp().tobytes()), **texts | more)
    return Stranger(text, place.instance, ExplicitVRLittleEndian, data, before=text.encode())


class Page(HTMLParser):
    """The elements of a page with the names of their attributes, and what it says."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[tuple[str, ...]] = set()
        self.said = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.add((tag, *(name for name, _ in attrs)))

    def handle_data(self, data):
        self.said += data


@pytest.fixture
def site(database) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="filmpass-") as folder, standing(Path(folder), database) as stand:
        yield Site(stand)


def traced(site: Site) -> tuple[str, ...]:
    """Record every name under which a server makes or changes a file."""
    calls = "openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mknodat,unlink"
    output = str(site.stand.folder / "names.trace")
    which = ("-e", f"trace={calls}", "-e", "signal=none")
    return ("strace", "-f", "--seccomp-bpf", "-ff", "-qq", "-s", "4096", *which, "-o", output)


def names_changed(site: Site) -> set[str]:
    """Give the names outside the installation that were opened for writing, made, moved or removed."""
    database = site.stand.database.url.removeprefix("sqlite:///").rpartition("/")[0]
    inside = (str(site.stand.folder), database, "/dev/", "/proc/")
    found, traces = set(), list(site.stand.folder.glob("names.trace.*"))
    for trace in traces:
        for line in trace.read_text(errors="replace").splitlines():
            call = _OUTSIDE.match(line)
            reads = call and call[1].startswith("open") and not re.search("O_WRONLY|O_RDWR|O_CREAT", line)
            if call and not reads and not line.endswith(")") and " = -1 " not in line:
                found.add(call[2])
    assert any(name.startswith(str(site.stand.settings.data_folder)) for name in found)
    return {name for name in found if not name.startswith(inside) and "__pycache__" not in name}


def register(site: Site, identifier: str, accession: str) -> None:
    """Register a patient, an order and a report over the API, with hostile words wherever it takes any."""
    doors = Doors(site.stand.base_url, site.key, site.stand.dimse_port)
    own, order = {"value": identifier, "issuer": make.ISSUER}, {"accession_number": accession, "issuer": make.ISSUER}
    names = {"alphabetic": PLAIN["html"], "ideographic": PLAIN["format"]}
    doors.put("/patients", {"identifier": own, "names": names, "birth_date": "1958-03-07", "phone": make.PHONE})
    doors.put("/service-requests", {**order, "patient": own, "procedure_text": PLAIN["dollar"]})
    lines, name = list(PLAIN.values()), PLAIN["html"]
    words = {"conclusion": lines, "findings": lines, "authors": [name], "signer": name, "change": PLAIN["percent"]}
    about = {"number": PLAIN["path"], "version": 1, "status": "amended", "issued_at": "2026-03-02T12:00:00+08:00"}
    doors.put("/reports", {**order, **about, **words})


def test_a_patient_sees_hostile_words_as_words(site):
    site.start(traced(site))
    own = {"patient_id": PLAIN["attribute"], "accession": PLAIN["jinja"]}
    register(site, *own.values())
    texts = [*PLAIN.values(), *CONTROLLED.values()]
    born = {"t00100030": element(0x00100030, b"DA", b"19580307")}
    sent = [hostile(Place("1.2.826.7.8", number, **own), text, **born) for number, text in enumerate(texts, start=1)]
    assert len(site.stow(*(stranger.file for stranger in sent)).stored) == len(sent)
    assert set(site.c_store(sent).values()) == {0}
    site.settle()
    visit = site.visit()
    page, series = visit.get(), [visit.get(path) for path in visit.series]
    indexes = [visit.get(f"{path}/index.json") for path in visit.series]
    assert len(indexes) == len(sent)
    for text in PLAIN.values():
        assert text in Page(page.text).said
    for answer in (page, *series):
        check_page(answer)
    assert {index.headers["Content-Type"] for index in indexes} == {"application/json"}
    assert not any(MARK in value for answer in (page, *series, *indexes) for value in answer.headers.values())
    assert not any(word in visit.message + visit.landing for word in (MARK, COMPUTED, TURNED))
    check_quiet(site)


def check_page(answer: requests.Response) -> None:
    """Require that hostile words made no element, no attribute and no change of direction."""
    page = Page(answer.text)
    assert answer.status_code == 200
    assert {names for names in page.elements if names[0] == "script"} <= {("script", "src", "defer")}
    assert not any(name.startswith("on") for names in page.elements for name in names[1:])
    assert not any(word in answer.text for word in (COMPUTED, TURNED, "\0", "\x1b", "\u2028", "\x85"))


def check_quiet(site: Site) -> None:
    """Require that no log says hostile words, and that no file outside was touched."""
    assert not [word for word in (MARK, COMPUTED, "Set-Cookie", TURNED) if word in site.logs()]
    assert names_changed(site) == set()
    site.check_survival()


def test_strangers_words_at_the_doors_are_neither_repeated_nor_logged(site):
    site.start(traced(site))
    texts = [*PLAIN.values(), *CONTROLLED.values()]
    for number, text in enumerate(texts, start=1):
        place = Place(f"1.2.826.7.{number}", 1)
        whose = {
            "t00100020": element(0x00100020, b"LO", text.encode()),
            "t00080050": element(0x00080050, b"SH", text.encode()),
        }
        assert len(site.stow(hostile(place, text, **whose).file).stored) == 1
        for tag in _UIDS if ALL else [_UIDS[number % 3]]:
            uid = hostile(place, text, **{f"t{tag:08X}": element(tag, b"UI", text.encode())})
            check_refused(site.stow(uid.file))
            assert site.c_store([uid])[uid.uid] not in {0, 0x0110, None}
        check_refused(site.stow(b"x", headers=f"{text}: {text}\r\nContent-Type: {text}".encode()))
        ask_for_association(site, called=text.encode(), calling=text.encode())
        check_strange_addresses(site, text)
    check_refused(site.post(b"", boundary=PLAIN["html"]))
    site.settle()
    worklist = site.worklist()
    assert worklist.headers["Content-Type"] == "application/json"
    received = {study["received"]["patient_id"] for study in worklist.json()["studies"]}
    assert set(PLAIN.values()) <= received
    assert not any(word in "".join(received) for word in (TURNED, "\0", "\r", "\n", "\x1b"))
    assert site.stand.carrier.messages == []
    check_quiet(site)


def check_refused(answers: Answers) -> None:
    assert answers.stored == set()
    assert answers.status in {400, 409}, answers
    assert MARK not in answers.text


def ask_for_association(site: Site, *, called: bytes, calling: bytes) -> None:
    """Ask with titles as they are: a rejection or an abort comes back, at once."""
    context = b"\x10\0\0\x15" + b"1.2.840.10008.3.1.1.1"
    body = struct.pack(">HH16s16s32x", 1, 0, called.ljust(16)[:16], calling.ljust(16)[:16]) + context
    with socket.create_connection(("127.0.0.1", site.stand.dimse_port), timeout=10) as connection:
        connection.sendall(struct.pack(">BxI", 1, len(body)) + body)
        assert connection.recv(1) in {b"\3", b"\7"}


def check_strange_addresses(site: Site, text: str) -> None:
    """Put the words into addresses and into a document of the API: refused, and not repeated."""
    doors = (f"/s/{quote(text, safe='')}", f"/v/{quote(text, safe='')}", f"/h/{quote(text, safe='')}/dicom-web/studies")
    for path in (*doors, f"/api/v1/studies/{quote(text, safe='')}"):
        answer = requests.get(site.stand.base_url + path, headers=site.authorised({}), timeout=30)
        assert answer.status_code < 500
        assert MARK not in answer.text + str(answer.headers), path
    document = {"identifier": {"value": text, "issuer": text}, text: text}
    answer = requests.put(
        f"{site.stand.base_url}/api/v1/patients", json=document, headers=site.authorised({}), timeout=30
    )
    assert answer.status_code == 422
    assert f"alert('{MARK}')" not in answer.text or answer.headers["Content-Type"] == "application/problem+json"
