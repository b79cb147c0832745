"""OHIF's published build, in a real browser, from worklist to measurement; not one request may fail."""

import json
import shutil
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO

import pytest
import requests
from flask import Flask, Response, request, send_from_directory
from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from demo.doors import HOSPITAL
from demo.patients import XIAOMING
from demo.phantom import chest_study
from tests.databases import ROOT
from tests.peers.conftest import lacking

DIST = ROOT / ".cache" / "ohif" / "package" / "dist"
CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--use-gl=angle",
    "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
]  # fmt: skip
PASSED_ON = ("accept", "authorization", "range", "accept-encoding")
SLICES = 24


@dataclass
class Portal:
    """OHIF's files and, on the same origin, our root: as an administrator would put them behind one name."""

    site: object
    with_key: bool
    asked: list[tuple[str, int]] = field(default_factory=list)

    def app(self) -> Flask:
        app = Flask("portal", static_folder=None)
        app.add_url_rule("/", view_func=self.page)
        app.add_url_rule("/app-config.js", view_func=self.config)
        app.add_url_rule(f"/h/{HOSPITAL}/dicom-web/<path:path>", view_func=self.pass_on)
        app.add_url_rule("/<path:path>", view_func=self.page)
        return app

    def page(self, path: str = "index.html") -> Response:
        if (DIST / path).is_file():
            return send_from_directory(DIST, path)
        return send_from_directory(DIST, "index.html") if "." not in path.rpartition("/")[2] else Response(status=404)

    def config(self) -> Response:
        root = f"{request.host_url}h/{HOSPITAL}/dicom-web"
        source = {
            "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb", "sourceName": "film",
            "configuration": {
                "friendlyName": "film", "name": "film", "qidoRoot": root, "wadoRoot": root, "wadoUriRoot": root,
                "qidoSupportsIncludeField": True, "imageRendering": "wadors", "thumbnailRendering": "thumbnail",
                "enableStudyLazyLoad": True, "supportsFuzzyMatching": True, "supportsWildcard": True,
                "omitQuotationForMultipartRequest": True, "bulkDataURI": {"enabled": True},
            },
        }  # fmt: skip
        config = {
            "routerBasename": None, "extensions": [], "modes": [], "customizationService": {}, "showStudyList": True,
            "maxNumberOfWebWorkers": 2, "showWarningMessageForCrossOrigin": False, "showCPUFallbackMessage": False,
            "strictZSpacingForVolumeViewport": True, "investigationalUseDialog": {"option": "never"},
            "maxNumRequests": {"interaction": 20, "thumbnail": 5, "prefetch": 6},
            "defaultDataSourceName": "film", "dataSources": [source],
        }  # fmt: skip
        return Response(f"window.config = {json.dumps(config)};", content_type="text/javascript")

    def pass_on(self, path: str) -> Response:
        headers = {name: value for name, value in request.headers if name.lower() in PASSED_ON}
        key = ("portal", self.site.key) if self.with_key else None
        url = f"{self.site.root}/{path}"
        answer = requests.get(url, params=request.query_string.decode(), headers=headers, auth=key, timeout=60)
        self.asked.append((f"{path}?{request.query_string.decode()}", answer.status_code))
        body = answer.content.replace(self.site.root.encode(), f"{request.host_url}h/{HOSPITAL}/dicom-web".encode())
        return Response(body, answer.status_code, content_type=answer.headers.get("Content-Type"))

    def failed(self) -> list[tuple[str, int]]:
        return [item for item in self.asked if item[1] >= 400]


@pytest.fixture(scope="module")
def chest(site):
    """A thin part of the phantom's chest: enough of it for planes through the volume."""
    images = [image for image, _ in zip(_axial(), range(SLICES), strict=False)]
    files = []
    for image in images:
        buffer = BytesIO()
        image.save_as(buffer, enforce_file_format=True)
        files.append(buffer.getvalue())
    site.stow(*files)
    site.until_described(images[0].StudyInstanceUID, SLICES)
    return images


def _axial():
    return chest_study(XIAOMING, seed=uuid.UUID(int=9), taken_at=datetime(2026, 3, 12, 9, 30, tzinfo=UTC))


@pytest.fixture(params=[True, False], ids=["a portal with the key as password", "a token of the viewer's"])
def portal(request, site):
    if CHROMIUM is None or not DIST.exists():
        lacking("chromium or OHIF")
    made = Portal(site, with_key=request.param)
    server = make_server("127.0.0.1", 0, made.app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page():
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser.new_page(viewport={"width": 1400, "height": 860})
        browser.close()


def test_ohif_lists_opens_measures_and_reconstructs(portal, page, chest, tmp_path):
    study, series = chest[0].StudyInstanceUID, chest[0].SeriesInstanceUID
    token = "" if portal.with_key else f"&token={portal.site.key}"
    if portal.with_key:
        page.goto(portal.url)
        page.get_by_text("XIAOMING", exact=False).first.wait_for(timeout=60_000)
        page.screenshot(path=tmp_path / "worklist.png")
    page.goto(f"{portal.url}/viewer?StudyInstanceUIDs={study}&SeriesInstanceUIDs={series}{token}")
    canvas = page.locator(".cornerstone-canvas").first
    canvas.wait_for(timeout=60_000)
    page.get_by_text(f"(1/{SLICES})").first.wait_for(timeout=60_000)  # the number of the image that is drawn
    _skip_the_tour(page)
    _measure(page, canvas)
    page.wait_for_function(_LENGTH, timeout=30_000)
    page.screenshot(path=tmp_path / "viewer.png")
    planes = f"{portal.url}/viewer?StudyInstanceUIDs={study}&SeriesInstanceUIDs={series}&hangingprotocolId=mpr{token}"
    page.goto(planes)
    page.wait_for_function("document.querySelectorAll('.cornerstone-canvas').length === 3", timeout=120_000)
    page.wait_for_function(_VOLUME_IS_WHOLE, timeout=120_000)
    page.screenshot(path=tmp_path / "planes.png", timeout=90_000)
    slices = [hounsfield_sum(image) for image in sorted(chest, key=lambda image: image.ImagePositionPatient[2])]
    assert page.evaluate(_SUMS_OF_SLICES) in (slices, slices[::-1])
    assert portal.failed() == []


def hounsfield_sum(image) -> int:
    cells = image.pixel_array.astype("i8")
    return int((cells * int(image.RescaleSlope) + int(image.RescaleIntercept)).sum())


_VOLUME_IS_WHOLE = "window.cornerstone?.cache.getVolumes().some((volume) => volume.loadStatus?.loaded)"
_SUMS_OF_SLICES = """() => {
  const [volume] = window.cornerstone.cache.getVolumes();
  const voxels = volume.voxelManager.getCompleteScalarDataArray();
  const [columns, rows, slices] = volume.dimensions;
  const slice = (k) => voxels.subarray(k * columns * rows, (k + 1) * columns * rows);
  return Array.from({ length: slices }, (_, k) => slice(k).reduce((sum, voxel) => sum + voxel, 0));
}"""
_LENGTH = "[...document.querySelectorAll('svg text tspan')].some((text) => text.textContent.includes('mm'))"


def _skip_the_tour(page) -> None:
    tour = page.get_by_text("Skip all")
    if tour.count():
        tour.first.click()


def _measure(page, canvas) -> None:
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.locator('[data-cy="MeasurementTools-split-button-primary"]').first.click()
    page.mouse.move(x - 100, y)
    page.mouse.down()
    page.mouse.move(x + 100, y + 10, steps=6)
    page.mouse.up()
