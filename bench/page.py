"""The study page on a slow phone: its first view over slow 3G, and what Lighthouse says."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import CDPSession, sync_playwright

from bench.figures import Figure, at_least, at_most
from bench.stage import Opened, Stage

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
ROOT = Path(__file__).parent.parent
LIGHTHOUSE = ROOT / ".cache" / "lighthouse"
_LOCKED = Path(__file__).with_name("lighthouse")
_ROUNDS_OF_LIGHTHOUSE = 3
_SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}  # 400 kbit/s
_PAINTED = """async () => {
    const boxes = [...document.images].map(image => [image, image.getBoundingClientRect()]);
    const seen = boxes.filter(([, box]) => box.top < innerHeight && box.bottom > 0);
    await document.fonts.ready;
    await Promise.all(seen.map(([image]) => image.decode()));
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    return performance.now();
}"""


def first_view(stage: Stage) -> Iterator[Figure]:
    """400 kbit/s, 400 ms, a CPU four times as slow, nothing cached."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=2, locale="zh-CN")
        context.add_cookies([{"name": "filmpass", "value": stage.opened.cookie, "url": stage.ours.base_url}])
        page = context.new_page()
        sizes = _slowed(context.new_cdp_session(page))
        page.goto(_address(stage), wait_until="load")
        painted = page.evaluate(_PAINTED)
        browser.close()
    yield Figure("study page over slow 3G: first view painted", "s", painted / 1000, goal=at_most(4))
    yield Figure("study page over slow 3G: bytes on the wire", "kB", sum(sizes) / 1000, goal=at_most(60))


def _slowed(session: CDPSession) -> list[int]:
    """Make a page slow; returns the list that will hold the size of each answer, headers included."""
    sizes: list[int] = []
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    session.send("Network.emulateNetworkConditions", _SLOW_3G)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    return sizes


def lighthouse(stage: Stage) -> Iterator[Figure]:
    """Lighthouse as a phone, in the first three rounds."""
    if stage.number > _ROUNDS_OF_LIGHTHOUSE:
        return
    _obtain_lighthouse()
    scores = _scores(_address(stage), stage.opened)
    yield Figure("Lighthouse mobile: accessibility", "", scores["accessibility"], goal=at_least(100))
    yield Figure("Lighthouse mobile: best practices", "", scores["best-practices"], goal=at_least(95))
    yield Figure("Lighthouse mobile: performance", "", scores["performance"])


def _address(stage: Stage) -> str:
    return f"{stage.ours.base_url}/v/{stage.opened.public_id}"


def _obtain_lighthouse() -> None:
    """Bring Lighthouse once, by npm, every package held to the digest in `bench/lighthouse/package-lock.json`."""
    lock = "package-lock.json"
    brought = LIGHTHOUSE / lock
    if brought.exists() and brought.read_bytes() == (_LOCKED / lock).read_bytes():
        return
    shutil.rmtree(LIGHTHOUSE, ignore_errors=True)
    building = shutil.copytree(_LOCKED, LIGHTHOUSE.with_name("lighthouse-unfinished"), dirs_exist_ok=True)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=building, check=True)
    building.rename(LIGHTHOUSE)


def _scores(address: str, opened: Opened) -> dict[str, float]:
    command = [LIGHTHOUSE / "node_modules" / ".bin" / "lighthouse", address, "--quiet", "--output=json"]
    command += ["--only-categories=accessibility,best-practices,performance", "--no-enable-error-reporting"]
    with tempfile.TemporaryDirectory(prefix="filmpass-bench-") as folder:
        headers = Path(folder, "headers.json")
        headers.write_text(json.dumps(opened.headers))
        command += [f"--extra-headers={headers}", f"--chrome-flags={' '.join(['--headless=new', *FLAGS])}"]
        environment = {**os.environ, "CHROME_PATH": CHROMIUM, "TMPDIR": folder}
        said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=180).stdout
    result = json.loads(said)
    if error := result.get("runtimeError"):
        raise RuntimeError(f"Lighthouse: {error['message']}")
    return {name: category["score"] * 100 for name, category in result["categories"].items()}
