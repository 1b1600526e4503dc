from functools import partial

from flask import Flask

from idp.db import db
from shared.database import check_database
from shared.health import create_operations_app


def fail() -> None:
    raise ConnectionError("gone")


def test_a_process_that_answers_is_live(idp_app: Flask):
    operations = create_operations_app(idp_app, {"database": fail}).test_client()

    assert operations.get("/-/live").status_code == 200


def test_a_service_whose_database_answers_is_ready(idp_app: Flask):
    operations = create_operations_app(idp_app, {"database": partial(check_database, db)}).test_client()

    assert operations.get("/-/ready").json == {"status": "ready"}


def test_a_service_whose_database_is_gone_says_which_check_failed_and_not_why(idp_app: Flask):
    operations = create_operations_app(idp_app, {"database": fail}).test_client()

    answer = operations.get("/-/ready")

    assert answer.status_code == 503
    assert answer.json == {"status": "unavailable", "failing": ["database"]}


def test_health_is_not_on_the_public_address(idp_client):
    assert idp_client.get("/-/ready").status_code == 404
