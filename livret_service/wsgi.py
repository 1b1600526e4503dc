"""The gunicorn entry: `gunicorn livret_service.wsgi:app`."""

from livret_service.app import create_app

app = create_app()
