"""The operator's commands, added to `flask`. A refusal is one sentence and exit code 2."""

from flask import Flask

from app.commands import api_keys, hospitals, operations, running, sources


def register(app: Flask) -> None:
    """Add the commands to `flask`."""
    groups = (hospitals.group, api_keys.group, sources.group, operations.keys, operations.audit, operations.messages)
    commands = (running.run_worker, running.run_relay, running.run_scp, operations.sweep)
    for item in (*groups, *commands):
        app.cli.add_command(item)
