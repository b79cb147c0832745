"""Whatever is owed is paid: each topic has a job, each job a topic that somebody owes."""

import ast
import importlib

from app.jobs.drain import JOBS
from tests.rules import tree


def _owed_topics():
    """The topics in every `owe(session, hospital_id, TOPIC, ...)`, looked up where they are named."""
    for path, module in tree.modules("app").items():
        for called, call in tree.calls(module):
            if called == "owe":
                names = vars(importlib.import_module(path.removesuffix(".py").replace("/", ".")))
                topic = call.args[2]
                assert isinstance(topic, ast.Name | ast.Attribute), f"{path}: a topic is a named constant"
                yield eval(ast.unparse(topic), names)


def test_every_topic_has_a_job_and_every_job_a_topic():
    assert set(_owed_topics()) == set(JOBS)


def test_jobs_can_be_called():
    assert all(callable(job) for job in JOBS.values())
