"""What a WSGI server loads: `gunicorn wsgi:application`."""

import os

from app.core.settings import Settings
from app.factory import build_parts, create_app

application = create_app(build_parts(Settings.from_env(os.environ)))
