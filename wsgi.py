"""What a WSGI server and the `flask` command load: `gunicorn wsgi:application`."""

import os

from flask.cli import NoAppException

from app.core.logs import configure_logs
from app.core.settings import Settings, SettingsError
from app.factory import build_parts, create_app

try:
    settings = Settings.from_env(os.environ)
    configure_logs(settings.log_format)
    application = create_app(build_parts(settings))
except SettingsError as error:
    raise NoAppException(str(error)) from None  # `flask` shows the sentence, a server ends with it
