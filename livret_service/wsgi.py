"""What gunicorn serves: `livret_service.wsgi:app` to everybody, `livret_service.wsgi:operations` to operators, on another address."""

from functools import partial

from livret_service.app import create_app
from livret_service.db import db
from shared.database import check_database
from shared.health import create_operations_app

app = create_app()
operations = create_operations_app(app, {"database": partial(check_database, db)})
