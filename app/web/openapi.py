"""The OpenAPI 3.1 document of the hospital API, built from what the routes declare. No example holds a patient."""

import re
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from werkzeug.routing import Rule

from app.web.authentication import Who, declared
from app.web.operations import BODY_LIMIT, Operation, operation_of

PREFIX = "/api/v1"
_REFERENCE = "#/components/schemas/{model}"
_UID = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)*$", "maxLength": 64}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "A repeated request with the same key acts once and gets the first answer again.",
}


def operations(app: Flask) -> list[tuple[Rule, Operation]]:
    """Return the routes of the hospital API with what each declares."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith(f"{PREFIX}/")]
    return [(rule, operation_of(app.view_functions[rule.endpoint])) for rule in sorted(rules, key=lambda r: r.rule)]


@lru_cache(maxsize=1)  # anyone may ask for it, and it takes longer to build than a page
def document(app: Flask) -> dict[str, Any]:
    """Build the document, once.

    References
    ----------
    OpenAPI Specification 3.1.0; RFC 9457 for the problems.
    """
    declarations = operations(app)
    paths: dict[str, dict[str, Any]] = {}
    for rule, operation in declarations:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        public = declared(app, rule.endpoint) == (Who.ANYONE, None)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            described = _describe(rule, operation)
            paths.setdefault(path, {})[method.lower()] = described | ({"security": []} if public else {})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Filmpass hospital API",
            "version": "1",
            "description": f"JSON in and out; a body has at most {BODY_LIMIT} bytes. docs/api.md tells how it is used.",
        },
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas([operation for _, operation in declarations]) | {"Problem": _PROBLEM},
        },
    }


def _describe(rule: Rule, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": rule.endpoint.rpartition(".")[2],
        "summary": operation.summary,
        "parameters": _parameters(rule, operation),
        "responses": {str(status): _answer(status, model) for status, model in operation.answers.items()}
        | {str(status): _refusal(status) for status in sorted(operation.refusals)},
    }
    if operation.body is not None:
        required = any(field.is_required() for field in operation.body.model_fields.values())
        schema = {"$ref": _REFERENCE.format(model=operation.body.__name__)}
        described["requestBody"] = {"required": required, "content": {"application/json": {"schema": schema}}}
        described["parameters"].append(_IDEMPOTENCY)
    return described


def _parameters(rule: Rule, operation: Operation) -> list[dict[str, Any]]:
    kinds = {"uid": _UID, "quarantine_id": {"type": "string", "format": "uuid"}}
    found = [{"name": name, "in": "path", "required": True, "schema": kinds[name]} for name in sorted(rule.arguments)]
    if operation.query is not None:
        schema = operation.query.model_json_schema()
        found += [
            {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": described}
            for name, described in schema["properties"].items()
        ]
    return found


def _answer(status: int, model: type[BaseModel] | None) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(model=model.__name__)} if model else {"type": "object"}
    return {"description": HTTPStatus(status).phrase, "content": {"application/json": {"schema": schema}}}


def _refusal(status: int) -> dict[str, Any]:
    return {
        "description": HTTPStatus(status).phrase,
        "content": {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
    }


def _schemas(declared_operations: list[Operation]) -> dict[str, Any]:
    wanted: dict[type[BaseModel], JsonSchemaMode] = {}
    for operation in declared_operations:
        wanted |= {model: "serialization" for model in operation.answers.values() if model is not None}
        wanted |= {operation.body: "validation"} if operation.body is not None else {}
    _, schemas = models_json_schema(list(wanted.items()), ref_template=_REFERENCE)
    definitions: dict[str, Any] = schemas["$defs"]
    return definitions
