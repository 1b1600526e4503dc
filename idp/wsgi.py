"""What gunicorn serves: `idp.wsgi:app` to everybody, `idp.wsgi:operations` to operators, on another address."""

from functools import partial

from idp.app import create_app
from idp.db import db
from idp.signing_keys.service import check_signing_keys
from shared.database import check_database
from shared.health import create_operations_app

app = create_app()
operations = create_operations_app(
    app, {"database": partial(check_database, db), "signing_keys": check_signing_keys}
)
