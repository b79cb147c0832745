"""A small server that shows the pages with sample data, under the content security policy of the product.

What it does is steered by the test: pictures can be held back until an event, fail, or all be closed.
"""

import io
import threading
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from flask import Flask, Response, abort, redirect, request
from PIL import Image, ImageDraw
from werkzeug.serving import make_server

from app.web import facts, pages, words
from tests.pages import samples

ROOT = Path(pages.__file__).parents[1]
POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
BORN = (1949, 3, 12)


@dataclass
class Controls:
    """What the test decides while the browser looks."""

    free: threading.Event = field(default_factory=threading.Event)
    held: set[int] = field(default_factory=set)
    failing: set[int] = field(default_factory=set)
    looks: set[str] = field(default_factory=set)
    closed: bool = False
    asked: list[str] = field(default_factory=list)
    posts: list[dict[str, str]] = field(default_factory=list)
    big: bool = False
    study_changes: dict[str, object] = field(default_factory=dict)


def grey(k: int) -> int:
    """Return the grey level of picture ``k``: a browser test reads the picture's number off its colour."""
    return 20 + 4 * k


def picture_bytes(k: int, edge: int) -> bytes:
    image = Image.new("L", (edge, edge), 0)
    draw = ImageDraw.Draw(image)
    draw.ellipse((edge * 0.06, edge * 0.16, edge * 0.94, edge * 0.84), fill=grey(k))
    draw.ellipse((edge * 0.18, edge * 0.3, edge * 0.42, edge * 0.7), fill=12)
    draw.ellipse((edge * 0.6, edge * 0.3, edge * 0.82, edge * 0.7), fill=12)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=75)
    return out.getvalue()


def build(controls: Controls) -> Flask:
    app = Flask("filmpass-pages", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))

    @app.before_request
    def note() -> None:
        controls.asked.append(request.full_path)
        if controls.closed and request.path.startswith("/v/"):
            abort(Response(pages.render_dead(samples.dead(lang(), why="held", token=None)), 410))

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        if not request.path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store"
        return response

    def lang() -> words.Lang:
        return words.choose_language(
            request.values.get("lang"), request.cookies.get("lang"), request.headers.get("Accept-Language")
        )

    @app.get("/s/<token>")
    def landing(token: str) -> str:
        return pages.render_landing(samples.landing(lang()))

    @app.post("/s/<token>")
    def opened(token: str) -> str:
        controls.posts.append(request.form.to_dict())
        if request.form["act"] == "not_mine":
            return pages.render_dead(samples.dead(lang(), why="switched_off", can_resend=False))
        return pages.render_fact(samples.fact(lang()))

    @app.post("/s")
    def proved() -> object:
        form = request.form
        controls.posts.append(form.to_dict())
        values = pages.FactValues(**{name: form.get(name, "") for name in ("y", "m", "d", "fact")})
        page = samples.fact(
            lang(), kind=form.get("kind", "birth_date"), input=form.get("input", "boxes"), values=values
        )
        if form["act"] == "show":
            return pages.render_fact(page)
        born = facts.parse_birth_date(values.y, values.m, values.d, today=samples.NOW.date())
        if isinstance(born, str):
            return pages.render_fact(replace(page, error=born))
        if (born.year, born.month, born.day) != BORN:
            return pages.render_fact(replace(page, error="mismatch", tries_left=3))
        return redirect(f"/v/{samples.PUBLIC_ID}", 303)

    @app.post("/s/resend")
    def resent() -> str:
        return pages.render_resent(pages.ResentPage(lang=lang(), hospital=samples.HOSPITALS[lang()]))

    @app.get("/v/<public_id>")
    def study(public_id: str) -> str:
        big = controls.big or request.args.get("big") == "1"
        return pages.render_study(samples.study(lang(), **({"big": big} | controls.study_changes)))

    @app.get("/v/<public_id>/series/<int:n>")
    def viewer(public_id: str, n: int) -> str:
        k = request.args.get("i", 24 if n == 1 else 1, type=int)
        wanted = request.args.get("w")
        look, preparing = (wanted, None) if wanted in controls.looks else (None, wanted)
        offered = samples.LOOKS if "w" in request.args else ()
        page = samples.viewer(
            lang(), position=n, k=k, picture=samples.picture(k), big=controls.big, looks=offered, look=look,
            preparing=preparing,
        )  # fmt: skip
        return pages.render_viewer(page)

    @app.get("/v/<public_id>/series/<int:n>/clips")
    def clips(public_id: str, n: int) -> str:
        return pages.render_clips(samples.clips(lang(), big=controls.big))

    @app.get("/v/<public_id>/series/<int:n>/index.json")
    def index(public_id: str, n: int) -> dict[str, object] | Response:
        if request.args.get("w") not in {None, *controls.looks}:
            return Response(status=202)
        count = samples.SERIES[n - 1].pictures
        pictures = [asdict(samples.picture(k)) for k in range(1, count + 1)]
        return {"count": count, "pictures": pictures, "key": 24 if n == 1 else None}

    @app.get("/v/<public_id>/p/<int:n>/<int:k>.jpg")
    def full(public_id: str, n: int, k: int) -> Response:
        if k in controls.failing:
            abort(500)
        if k in controls.held:
            controls.free.wait(30)
        return Response(picture_bytes(k, 512), mimetype="image/jpeg")

    @app.get("/v/<public_id>/<any(p, q):kind>/<int:n>/<int:k>/<look>.jpg")
    def in_a_look(public_id: str, kind: str, n: int, k: int, look: str) -> Response:
        return Response(picture_bytes(k, 512 if kind == "p" else 80), mimetype="image/jpeg")

    @app.get("/v/<public_id>/q/<int:n>/<int:k>.jpg")
    def small(public_id: str, n: int, k: int) -> Response:
        return Response(picture_bytes(k, 80), mimetype="image/jpeg")

    @app.get("/v/<public_id>/t/<int:n>.jpg")
    def thumb(public_id: str, n: int) -> Response:
        return Response(picture_bytes(24, 160), mimetype="image/jpeg")

    @app.get("/v/<public_id>/key/<int:n>/<int:k>.jpg")
    def key(public_id: str, n: int, k: int) -> Response:
        return Response(picture_bytes(24, 512), mimetype="image/jpeg")

    return app


@dataclass
class Server:
    """The harness on a free port of the loopback; ``controls`` steers it."""

    controls: Controls
    address: str
    stop: object


def serve() -> Server:
    controls = Controls()
    server = make_server("127.0.0.1", 0, build(controls), threaded=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def stop() -> None:
        controls.free.set()
        server.shutdown()
        server.server_close()
        thread.join()

    return Server(controls=controls, address=f"http://127.0.0.1:{server.server_port}", stop=stop)
