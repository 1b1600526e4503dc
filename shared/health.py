"""Health for operators, served on an address of its own: nothing here is reachable from the public one."""

from collections.abc import Callable, Mapping

import structlog
from flask import Flask, Response, jsonify

Check = Callable[[], None]

log = structlog.get_logger(__name__)


def create_operations_app(service: Flask, checks: Mapping[str, Check]) -> Flask:
    """`/-/live` (the process answers) and `/-/ready` (what it needs answers too: 200, or 503 naming what does not).

    checks: by name, a callable that raises when its dependency is unavailable; run in the service's context.
    """
    operations = Flask(f"{service.name}.operations", static_folder=None)

    @operations.get("/-/live")
    def live() -> Response:
        return jsonify(status="live")

    @operations.get("/-/ready")
    def ready() -> tuple[Response, int]:
        with service.app_context():
            failing = [name for name, check in checks.items() if not passes(name, check)]
        if failing:
            return jsonify(status="unavailable", failing=failing), 503
        return jsonify(status="ready"), 200

    return operations


def passes(name: str, check: Check) -> bool:
    """Whether a check holds; why it does not is for the log, not for whoever asks."""
    try:
        check()
    except Exception:
        log.exception("readiness check failed", check=name)
        return False
    return True
