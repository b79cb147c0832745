"""The operator's commands, several in one process: loading Filmpass takes longer than most of them run.

`python -m demo.operator '[["keys", "init"], ["db", "upgrade"]]'` does what `flask keys init` and `flask db upgrade` do.
"""

import json
import sys

from flask.cli import FlaskGroup

from wsgi import application


def main() -> None:
    """Run each command; the first that is refused ends the process with its exit code."""
    group = FlaskGroup(create_app=lambda: application)
    for arguments in json.loads(sys.argv[1]):
        group.main(arguments, prog_name="flask", standalone_mode=False)


if __name__ == "__main__":
    main()
