"""What the tests of the link door share: the right and a wrong fact, and how to type one."""

import re

from sqlalchemy import select

from app.models.links import Capability
from app.services.unit_of_work import reading

RIGHT = {"y": "1958", "m": "3", "d": "7"}
WRONG = {"y": "1949", "m": "12", "d": "3"}


def check(client, token, fields=RIGHT, **more):
    return client.post("/s", data={"token": token, "kind": "birth_date", "act": "check", **fields, **more})


def tries_left(parts, case):
    with reading(parts, case.scope) as session:
        return session.scalar(select(Capability.tries_left).order_by(Capability.created_at.desc()))


def words(answer):
    """The readable text of a page."""
    return re.sub(r"<[^>]+>|\s+", " ", answer.text)
