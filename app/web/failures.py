"""A failure on a patient's page, said in words: the status stays, scripts and systems keep the problem document."""

from flask import Flask, Response, request

from app.web import pages
from app.web.preferences import FORM_REFUSED, preferences

_PAGES = ("/s/", "/v/")


def register(app: Flask) -> None:
    """Reword after each request."""
    app.after_request(_in_words)


def _in_words(response: Response) -> Response:
    """Answer a person who reloads the page of a form, or meets an error of ours, with a page that says what to do."""
    asks_for_page = "text/html" in request.headers.get("Accept", "") and f"{request.path}/".startswith(_PAGES)
    is_problem = response.mimetype == "application/problem+json" and response.status_code not in FORM_REFUSED
    if asks_for_page and is_problem:
        lang, big = preferences()
        if response.status_code >= 500:
            response.set_data(pages.render_trouble(pages.TroublePage(lang=lang, big=big)))
        else:
            response.set_data(pages.render_reopen(pages.ReopenPage(lang=lang, big=big)))
        response.content_type = "text/html; charset=utf-8"
    return response
