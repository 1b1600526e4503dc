"""Write docs/generated anew: settings, error codes, audit events and routes, from the code that defines them; and the
configurations that docs/relying-parties.md shows, from the files that tests run.

`python -m scripts.generate_docs`; a test fails when the committed files are stale.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from flask import Flask

import idp
import livret_service
from idp.errors import DomainError as ProviderError
from idp.errors import OAuthRefusal, oauth_refusals
from livret_service.errors import DomainError as LivretError
from shared.settings import ServiceSettings

FOLDER = Path(__file__).parent.parent / "docs" / "generated"
PACKAGES = {"idp", "livret_service", "shared"}
NOTICE = "Written by `make docs` from the code.\n"


def import_everything() -> None:
    """Load every module, so that every subclass is known."""
    for package in (idp, livret_service):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # The gunicorn entries build an application when imported; migrations run only under Alembic.
            if not module.name.endswith(".wsgi") and ".migrations" not in module.name:
                importlib.import_module(module.name)


def leaves(base: Any) -> Iterator[Any]:
    """Every subclass of ours, at any depth; tests define some of their own."""
    for child in base.__subclasses__():
        if child.__module__.partition(".")[0] in PACKAGES:
            yield child
        yield from leaves(child)


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [list(header), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def first_line(documented: Any) -> str:
    """The first sentence line of a docstring."""
    return (inspect.getdoc(documented) or "").split("\n", 1)[0]


def settings_page() -> str:
    """Every setting of both services, with its default and meaning."""
    from idp.settings import Settings as ProviderSettings
    from livret_service.settings import Settings as LivretSettings

    parts = ["# Settings\n", NOTICE]
    for title, settings in (("Provider", ProviderSettings), ("Livret service", LivretSettings)):
        parts += [f"## {title}\n", table(("variable", "default", "meaning"), setting_rows(settings))]
    return "\n".join(parts)


def setting_rows(settings: type[ServiceSettings]) -> Iterator[tuple[str, str, str]]:
    """One row a setting; a required one says so."""
    prefix = settings.model_config["env_prefix"]
    for name, field in settings.model_fields.items():
        default = "**required**" if field.is_required() else f"`{field.default}`"
        yield f"`{prefix}{name.upper()}`", default, (field.description or "").replace("\n", " ")


def errors_page() -> str:
    """The protocol's error dictionary, then every other error code: what people read, what developers read."""
    parts = ["# Error codes\n", NOTICE, protocol_errors()]
    for title, base in (("Provider", ProviderError), ("Livret service", LivretError)):
        found = {
            leaf for leaf in leaves(base) if "error_code" in vars(leaf) and not issubclass(leaf, OAuthRefusal)
        }
        rows = sorted(
            (
                f"`{leaf.error_code}`",
                getattr(leaf, "sentence", ""),
                getattr(leaf, "hint", "") or first_line(leaf),
            )
            for leaf in found
        )
        parts += [f"## {title}\n", table(("code", "on the page", "meaning"), rows)]
    return "\n".join(parts)


def protocol_errors() -> str:
    """What a service may be told by the provider; each code is an anchor, here and on the provider's own page."""
    rows = (
        (
            f'<a id="{refusal.error_code}"></a>`{refusal.error_code}`',
            f"`{refusal.error}`" if refusal.error else "",
            str(refusal.status),
            refusal.hint,
            first_line(refusal),
        )
        for refusal in oauth_refusals()
    )
    header = ("code", "`error`", "status as JSON", "`error_description`", "rule")
    return "## OpenID Connect\n\n" + table(header, rows)


def events_page() -> str:
    """Every audit event and what it records."""
    from idp.audit.rules import AuditEvent

    rows = sorted(
        # Once each: a dataclass with slots replaces the class it was declared as, which may still be there.
        {
            (
                f"`{event.name}`",
                first_line(event),
                ", ".join(f"`{name}`" for name in event.__dataclass_fields__),
            )
            for event in leaves(AuditEvent)
        }
    )
    return "\n".join(["# Audit events\n", NOTICE, table(("event", "when", "fields"), rows)])


def routes_page(applications: Iterable[Flask]) -> str:
    """Every address of both services, with its methods."""
    parts = ["# Addresses\n", NOTICE]
    for app in applications:
        rows = sorted(
            (
                f"`{rule.rule}`",
                " ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})),
                f"`{rule.endpoint}`",
            )
            for rule in app.url_map.iter_rules()
        )
        parts += [f"## {app.name}\n", table(("address", "methods", "endpoint"), rows)]
    return "\n".join(parts)


def pages(applications: Iterable[Flask]) -> dict[str, str]:
    """File name and content of each generated page."""
    import_everything()
    return {
        "settings.md": settings_page(),
        "errors.md": errors_page(),
        "events.md": events_page(),
        "routes.md": routes_page(applications),
    }


SHOWN_FILE = re.compile(r"(<!-- file: (\S+) -->\n)(?:```\w+\n.*?\n```\n)?", re.DOTALL)
REMEDIES = re.compile(r"(<!-- remedies -->\n)\n(?:\|[^\n]*\n)*")
SHOWN_IN = Path(__file__).parent.parent / "docs" / "relying-parties.md"
LANGUAGES = {"py": "python", "mjs": "js", "conf": "apache", "yml": "yaml", "java": "java"}


def with_files_shown(document: Path) -> str:
    """The document with every file that it shows as the file is now, for tests run them; and with the remedies."""

    def shown(mark: re.Match[str]) -> str:
        file = document.parent / mark[2]
        return f"{mark[1]}```{LANGUAGES[file.suffix[1:]]}\n{file.read_text().rstrip()}\n```\n"

    remedies = table(
        ("code", "what to look at"),
        ((f"`{refusal.error_code}`", refusal.remedy) for refusal in oauth_refusals() if refusal.remedy),
    )
    return REMEDIES.sub(lambda mark: f"{mark[1]}\n{remedies}", SHOWN_FILE.sub(shown, document.read_text()))


def applications_to_describe() -> tuple[Flask, Flask]:
    """Both applications, on databases in memory that nothing is written to."""
    from idp.app import create_app as create_provider
    from idp.settings import Settings as ProviderSettings
    from livret_service.app import create_app as create_livret
    from livret_service.settings import Settings as LivretSettings
    from shared.secrets import new_secret

    keys = {name: new_secret() for name in ProviderSettings.model_fields if re.search(r"_key$", name)}
    provider = ProviderSettings.load(
        issuer="https://compte.example", database_url="sqlite://", mail_security="none", **keys
    )
    livret = LivretSettings.load(
        public_url="https://livret.example",
        database_url="sqlite://",
        secret_key=new_secret(),
        issuer="https://compte.example",
        client_id="livret",
        client_secret=new_secret(),
    )
    return create_provider(provider), create_livret(livret)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file_name, content in pages(applications_to_describe()).items():
        (FOLDER / file_name).write_text(content)
    SHOWN_IN.write_text(with_files_shown(SHOWN_IN))
