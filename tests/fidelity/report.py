"""The report: one page that needs nothing else, with the figures and the worst ten side by side."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from tests.fidelity.compare import Case

_EDGE = 320
_STYLE = (
    "body{font:16px sans-serif;margin:2em}td,th{padding:.3em .8em;text-align:left;vertical-align:top}"
    "img{max-width:320px;image-rendering:pixelated;background:#000}"
)


def write_report(cases: Sequence[Case], bits: Sequence[str], output: Path) -> None:
    """Write the page."""
    counted = [case for case in cases if case.counts]
    worst = sorted(counted, key=lambda case: case.distance, reverse=True)[:10]
    passed = sum(case.passes for case in counted)
    title = f"Fidelity: {passed} of {len(counted)} pictures within the tolerances"
    rows = "".join(_row(case) for case in worst)
    lines = "".join(f"<li>{escape(line)}</li>" for line in [*bits, *_others(cases)])
    output.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
        f"<h1>{title}</h1><h2>The ten furthest away</h2><table>{rows}</table><h2>Beside these</h2><ul>{lines}</ul>",
        encoding="utf-8",
    )


def _others(cases: Sequence[Case]) -> list[str]:
    lines = [f"{case.task.path.name}: not shown: {case.refusal}" for case in cases if case.refusal]
    unjudged = [case for case in cases if not case.counts]
    return [*lines, *(f"{case.task.path.name}: no two peers agree, or none draws it" for case in unjudged)]


def _row(case: Case) -> str:
    pictures = {"ours": case.ours, **case.peers}
    cells = "".join(f"<td>{escape(name)}<br>{_figure(case, name)}<br>{_image(p)}</td>" for name, p in pictures.items())
    return f"<tr><th>{escape(case.task.path.name)}, frame {case.task.frame + 1}</th>{cells}</tr>"


def _figure(case: Case, name: str) -> str:
    found = case.differences.get(name)
    return f"mean {found.mean:.2f}, p99 {found.p99:.1f}, SSIM {found.ssim:.3f}" if found else "&nbsp;"


def _image(picture: np.ndarray | None) -> str:
    if picture is None:
        return "none"
    drawn = Image.fromarray(np.ascontiguousarray(picture))
    drawn.thumbnail((_EDGE, _EDGE))
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG")
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'
