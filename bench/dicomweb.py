"""What machines ask a DICOMweb root: pictures, frames, whole studies, metadata, archives, searches."""

import gzip
import http.client
import os
import random
import statistics
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from bench import clients
from bench.corpus import Kind, Study
from bench.figures import Figure, at_most, ratio_of_at_least
from bench.sides import Side
from bench.stage import Stage

_SECONDS, _REPEATS = 3, 5
_WINDOWS = 40
_SLICES = 200


def pictures(stage: Stage) -> Iterator[Figure]:
    """A picture that was never rendered before, of each kind, and small ones that were."""
    for kind, count, name, goal in (("ct", 100, "CT", 3), ("cr", 20, "CR", 2), ("j2k", 60, "JPEG 2000 CT", 1.2)):
        study = _stored(stage, kind, count)
        load = {side: _load(side, _cold(side, study), "image/jpeg") for side in stage.sides}
        yield _rate(stage, f"rendered cold, {name}", load, goal)
    study = _stored(stage, "ct", 100)
    small = {side: _small(side, study) for side in stage.sides}
    for side in stage.sides:
        _load(side, small[side], "image/jpeg")
    yield _rate(stage, "thumbnail warm", {side: _load(side, small[side], "image/jpeg") for side in stage.sides}, 12)


def frames(stage: Stage) -> Iterator[Figure]:
    """Single frames, a whole study, its metadata, its archive."""
    study = _stored(stage, "ct", _SLICES)
    octets = 'multipart/related; type="application/octet-stream"'
    load = {side: _load(side, [f"{path}/frames/1" for path in _instances(side, study)], octets) for side in stage.sides}
    yield _rate(stage, "frames", load, 1)
    megabytes = sum(map(len, study.files)) / 1e6
    whole = {side: megabytes / _fetched(side, _study(side, study), 'multipart/related; type="application/dicom"')
             for side in stage.sides}  # fmt: skip
    yield _pair(stage, "study of 200 CT by WADO-RS", "MB/s", whole, ratio_of_at_least(0.5))
    path = {side: f"{_study(side, study)}/metadata" for side in stage.sides}
    told = {side: 1 / _fetched(side, path[side], "application/dicom+json") for side in stage.sides}
    yield _pair(stage, "metadata of 200 CT", "/s", told, ratio_of_at_least(20))
    zipped = _fetched(stage.ours, path[stage.ours], "application/dicom+json", encoding="gzip")
    yield Figure("metadata of 200 CT as gzip", "s", zipped, goal=at_most(0.036))
    archived = {stage.ours: megabytes / _fetched(stage.ours, f"{_study(stage.ours, study)}/archive", "*/*")}
    if stage.peer:
        archived[stage.peer] = megabytes / _fetched(stage.peer, _orthanc_archive(stage.peer, study), "*/*", repeats=1)
    yield _pair(stage, "ZIP of 200 CT", "MB/s", archived, ratio_of_at_least(50))


def searches(stage: Stage) -> Iterator[Figure]:
    """Searches among a thousand studies."""
    studies = [stage.corpus.study("tiny", 1) for _ in range(1000)]
    for side in stage.sides:
        for at in range(0, len(studies), 100):
            clients.stow_mixed(side, studies[at : at + 100])
    asked = random.Random(stage.number).sample(studies, 200)
    queries = {
        "PatientID": [f"PatientID={study.mark}" for study in asked],
        "StudyInstanceUID": [f"StudyInstanceUID={study.uid}" for study in asked],
        "AccessionNumber": [f"AccessionNumber={study.mark}" for study in asked],
        "PatientName prefix": [f"PatientName={study.mark[:9]}*" for study in asked],
        "a page of 100": ["limit=100"],
    }
    for name, list_ in queries.items():
        load = {
            side: _load(side, [f"{_root(side)}/studies?{query}" for query in list_], "application/dicom+json")
            for side in stage.sides
        }
        yield _rate(stage, f"search by {name}", load, 3)


def _stored(stage: Stage, kind: Kind, count: int) -> Study:
    study = stage.corpus.study(kind, count)
    for side in stage.sides:
        clients.stow(side, [study], 50)
    _described(stage, study)
    os.sync()
    return study


def _described(stage: Stage, study: Study) -> None:
    """Wait until frames of the study can be had: a second or two behind its acknowledgement."""
    deadline = time.monotonic() + 30
    path = f"{_instances(stage.ours, study)[-1]}/frames/1"
    while _get(stage.ours, path, "*/*", "identity")[0] != 200:
        if time.monotonic() > deadline:
            raise TimeoutError("the study is not described")
        time.sleep(0.05)


def _root(side: Side) -> str:
    return side.stow_path.removesuffix("/studies")


def _study(side: Side, study: Study) -> str:
    return f"{_root(side)}/studies/{study.uid}"


def _instances(side: Side, study: Study) -> list[str]:
    uids = [study.instance(number) for number in range(1, len(study.files) + 1)]
    return [f"{_study(side, study)}/series/{series}/instances/{uid}" for series, uid in uids]


def _cold(side: Side, study: Study) -> list[str]:
    """Ask for each instance under windows that nobody asked for before."""
    return [
        f"{path}/rendered?window={40 + number},{400 + number},linear"
        for number in range(_WINDOWS)
        for path in _instances(side, study)
    ]


def _small(side: Side, study: Study) -> list[str]:
    resource = "rendered?viewport=160,160" if side.name == "Orthanc" else "thumbnail"  # its plugin has no thumbnails
    return [f"{path}/{resource}" for path in _instances(side, study)]


def _orthanc_archive(side: Side, study: Study) -> str:
    return f"/studies/{side.orthanc_id(study.uid)}/archive"


def _load(side: Side, paths: list[str], accept: str) -> clients.Load:
    headers = side.headers | {"Accept": accept}
    return clients.wrk(side, paths, headers, connections=8, seconds=_SECONDS)


def _rate(stage: Stage, name: str, load: dict[Side, clients.Load], goal: float) -> Figure:
    return _pair(stage, name, "/s", {side: item.per_second for side, item in load.items()}, ratio_of_at_least(goal))


def _pair(stage: Stage, name: str, unit: str, values: dict[Side, float], goal) -> Figure:  # noqa: ANN001
    return Figure(name, unit, values[stage.ours], values.get(stage.peer) if stage.peer else None, goal)


def _fetched(side: Side, path: str, accept: str, *, encoding: str = "identity", repeats: int = _REPEATS) -> float:
    """Return the median of the seconds that one client waits for a whole answer, after one that does not count."""
    _get(side, path, accept, encoding)
    took = []
    for _ in range(repeats):
        started = time.perf_counter()
        status, body = _get(side, path, accept, encoding)
        took.append(time.perf_counter() - started)
        if status != 200 or not body:
            raise RuntimeError(f"{side.name} answered {path} with {status}")
        if encoding == "gzip":
            gzip.decompress(body)
    return statistics.median(took)


def _get(side: Side, path: str, accept: str, encoding: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(side.base_url).netloc, timeout=300)
    try:
        headers = side.headers | {"Accept": accept, "Accept-Encoding": encoding}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
