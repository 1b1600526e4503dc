"""Structured logs: one event, one JSON line on standard error, without secrets or personal data."""

import logging
import re
import sys
import uuid
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, cast

import structlog
from flask import Flask, Response, g, request

# Names whose values never reach a log, whoever logs them.
SECRET_NAMES = re.compile(
    r"pass(word|phrase)|secret|token|verifier|assertion|cookie|authorization|^code$|_code$|demande|nonce|birth|^ine$|email|phone"
)
# Ends like an authorization code, and is a constant of ours.
PLAIN_NAMES = frozenset({"error_code"})
# The same inside a line of text: a query string, a form, a header.
SECRET_PARAMETERS = re.compile(
    r"(?i)\b(code|state|nonce|demande|[a-z_]*token[a-z_]*|[a-z_]*secret|[a-z_]*password[a-z_]*|code_verifier|client_assertion)=[^&\s\"']+"
)
REDACTED = "[redacted]"


def configure_logging(level: str = "INFO") -> None:
    """Send every logger of the process, ours and the libraries', through one JSON writer."""
    shared_steps: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared_steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_steps,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    keep_tokens_out_of_library_logs()


def keep_tokens_out_of_library_logs() -> None:
    """Authlib writes tokens and verifiers at DEBUG, urllib3 whole addresses: hold them above it."""
    for name in ("authlib", "urllib3", "requests"):
        logging.getLogger(name).setLevel(logging.INFO)
    # Ten lines a call at INFO, the account among them.
    logging.getLogger("twilio").setLevel(logging.WARNING)


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog step: blank secret-named values, and secret parameters inside text."""
    for name, value in event.items():
        if name not in PLAIN_NAMES and SECRET_NAMES.search(name.lower()) and value is not None:
            event[name] = REDACTED
        elif isinstance(value, str):
            event[name] = SECRET_PARAMETERS.sub(lambda found: f"{found[1]}={REDACTED}", value)
    return event


class LineWriter:
    """Writes finished lines to standard error. One that is closed or full loses lines, never an answer."""

    def info(self, line: str) -> None:
        """One line, in one write."""
        with suppress(OSError, ValueError):
            sys.stderr.write(line + "\n")


def access_log() -> structlog.typing.FilteringBoundLogger:
    """The writer of one line a request: straight to standard error, in the form of the others.

    A tenth of a request's cost is spared by the shorter way. Only for what holds nothing to redact: `redact` is not
    on it, and no library writes here.
    """
    steps: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    wrapper = structlog.make_filtering_bound_logger(logging.INFO)
    bound = structlog.wrap_logger(LineWriter(), steps, wrapper).bind(logger="access")
    return cast("structlog.typing.FilteringBoundLogger", bound)


def init_request_log(app: Flask) -> None:
    """Give each request a reference, shown on error pages, and write one line when it ends."""
    log = access_log()

    @app.before_request
    def begin_request_log() -> None:
        g.request_reference = uuid.uuid4().hex[:12]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(reference=g.request_reference, service=app.name)

    @app.after_request
    def write_request_log(response: Response) -> Response:
        # The rule, not the address: a path may hold a child's identifier, a query a code.
        rule = request.url_rule.rule if request.url_rule else "(none)"
        if logging.getLogger().isEnabledFor(logging.INFO):
            log.info("request", method=request.method, rule=rule, status=response.status_code)
        return response


def request_reference() -> str:
    """The reference of this request: what a person reads out and an operator searches for."""
    return str(g.get("request_reference", "-"))
