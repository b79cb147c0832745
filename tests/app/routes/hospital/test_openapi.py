"""The document of the API is true: valid, whole, and without a patient in it."""

import json

import openapi_spec_validator
from flask import Flask

from app.web import openapi
from app.web.authentication import Who, declared

PREFIX = "/api/v1/"


def api_rules(app: Flask):
    return [rule for rule in app.url_map.iter_rules() if rule.rule.startswith(PREFIX)]


def test_the_document_is_openapi_3_1(client):
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.json["openapi"] == "3.1.0"
    openapi_spec_validator.validate(answer.json)


def test_every_route_of_the_api_is_in_it(app):
    document = openapi.document(app)
    routes = {
        (rule.rule.replace("<uuid:", "{").replace("<", "{").replace(">", "}"), method.lower())
        for rule in api_rules(app)
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert len(routes) == 16
    assert routes == {(path, method) for path, methods in document["paths"].items() for method in methods}


def test_every_operation_says_what_each_of_its_kind_can_answer(app):
    for rule, operation in openapi.operations(app):
        statuses = set(operation.answers) | operation.refusals
        assert 500 in statuses
        if declared(app, rule.endpoint)[0] is Who.HOSPITAL_CLIENT:
            assert {401, 406, 429} <= statuses, rule.rule
        if operation.body is not None:
            assert {400, 409, 413, 415, 422} <= statuses, rule.rule
        if operation.query is not None:
            assert 422 in statuses, rule.rule
        if "uid" in rule.arguments:
            assert 400 in statuses, rule.rule


def test_operations_have_names_of_their_own(app):
    document = openapi.document(app)
    names = [described["operationId"] for methods in document["paths"].values() for described in methods.values()]
    assert len(set(names)) == len(names)


def test_only_the_document_itself_is_public(app):
    document = openapi.document(app)
    public = [path for path, methods in document["paths"].items() if any("security" in m for m in methods.values())]
    assert public == ["/api/v1/openapi.json"]


def test_the_document_holds_no_example(app):
    text = json.dumps(openapi.document(app))
    assert '"example' not in text
