"""What a reader chose: language and large type, kept in two cookies that say nothing else."""

from flask import request

from app.web.words import Lang, choose_language


def preferences() -> tuple[Lang, bool]:
    """Return the language and whether large type was asked for."""
    asked = request.form.get("lang") or request.args.get("lang")
    lang = choose_language(asked, request.cookies.get("lang"), request.headers.get("Accept-Language"))
    return lang, request.args.get("big", request.cookies.get("big")) == "1"
