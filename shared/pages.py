"""The frame of every page: theme folder, its files under hashed names, language, what base.html asks.

Each service calls `init_pages(app, PageSettings(…))` once. Its templates then extend "theme/base.html".
"""

import gzip
import hashlib
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from flask import Flask, Response, abort, current_app, g, request
from flask_babel import Babel, lazy_gettext
from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader
from werkzeug.exceptions import SecurityError

from shared.reopening import refused_post

BUILT_IN_THEME = Path(__file__).parent / "theme"
# What a browser asks for: one style sheet made of three files, one script, one icon.
BUNDLES = {
    "theme.css": ("tokens.css", "base.css", "print.css"),
    "app.js": ("app.js",),
    "favicon.svg": ("favicon.svg",),
}
MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
STATIC_PREFIX = "/theme/"
SHARED_TRANSLATIONS = Path(__file__).parent / "translations"
LANGUAGES = ("fr", "en")
LANGUAGE_NAMES = {"fr": "Français", "en": "English"}
LANGUAGE_COOKIE_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """One entry of the header or footer. `url`: a path or an address; `post`: a button that posts there."""

    label: str
    url: str
    post: bool = False

    @property
    def is_current(self) -> bool:
        """Whether the page being shown is this one."""
        return request.path == self.url


def no_navigation() -> Sequence[NavigationEntry]:
    """A header with the service's name alone."""
    return ()


def asked_in_query() -> Sequence[str]:
    """The languages that the request itself asks for (`ui_locales`, OpenID Connect Core 3.1.2.1)."""
    return request.args.get("ui_locales", "").split()


def no_frame() -> str | None:
    """A page without a hidden frame."""
    return None


def nothing_strange() -> bool:
    """Every value of a kept parameter may be repeated in a link."""
    return False


def no_session() -> "IdleEnd | None":
    """Nobody is signed in, or not in a session that ends by itself."""
    return None


def no_wish() -> str | None:
    """Nothing is known of the reader's language."""
    return None


@dataclass(frozen=True, slots=True)
class IdleEnd:
    """When the reader's session ends if nothing more is asked of the service.

    seconds: from this answer on. stay_url: a path of theirs; asking for it makes the session go on, and leads to
    signing in once it is over.
    """

    seconds: int
    stay_url: str

    @property
    def minutes(self) -> int:
        """As it is told, rounded down: never more than there is."""
        return self.seconds // 60


@dataclass(frozen=True, slots=True)
class PageSettings:
    """What differs between the two services.

    public_url: the configured address of this service, without final slash. A refused Host is sent there.
    footer_base: where the footer's pages live; empty for this service, the issuer for another one.
    navigation: called for each page, for the header.
    hidden_frame: called for each page; the address of a frame that nobody sees, or None.
    idle_end: called for each page; None where no session would end.
    languages: those that are translated; with one, no language link is shown.
    asked_languages: called for each page of who has not chosen; tags of RFC 5646, the dearest first.
    known_wish: called for a page whose reader chose no language here; the one known of them, or None.
    kept_parameters: what the pages' addresses hold besides `lang`. A page that was asked with anything else, as an
    answer of the protocol is, shows no language link: no link repeats what others wrote.
    has_strange_address: called for each page; whether one of those holds what is not ours after all.
    """

    service_name: str
    public_url: str
    navigation: Callable[[], Sequence[NavigationEntry]] = no_navigation
    footer_base: str = ""
    theme_dir: Path | None = None
    languages: tuple[str, ...] = LANGUAGES
    asked_languages: Callable[[], Sequence[str]] = asked_in_query
    known_wish: Callable[[], str | None] = no_wish
    kept_parameters: frozenset[str] = frozenset()
    has_strange_address: Callable[[], bool] = nothing_strange
    secure_cookies: bool = True
    hidden_frame: Callable[[], str | None] = no_frame
    idle_end: Callable[[], IdleEnd | None] = no_session


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as browsers get it. `url` changes with the content, so it may be kept for ever."""

    url: str
    content: bytes
    compressed: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class LanguageLink:
    """A link that shows the same page, and keeps the same request, in another language."""

    tag: str
    label: str
    url: str
    is_current: bool


def theme_folders(theme_dir: Path | None) -> list[Path]:
    """Where a theme file is looked for, in order."""
    return [theme_dir, BUILT_IN_THEME] if theme_dir else [BUILT_IN_THEME]


def find_theme_file(name: str, theme_dir: Path | None) -> Path:
    """The file of the installed theme, or the built-in one. Raises FileNotFoundError on an unknown name."""
    for folder in theme_folders(theme_dir):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(name)


def read_image_origins(theme_dir: Path | None) -> tuple[str, ...]:
    """The origins whose pictures the theme shows: `img_src` of theme.toml."""
    described = tomllib.loads(find_theme_file("theme.toml", theme_dir).read_text(encoding="utf-8"))
    return tuple(described.get("img_src", ()))


def build_asset(name: str, theme_dir: Path | None) -> Asset:
    """Read the files of a bundle and name the result after its content."""
    files = (find_theme_file(part, theme_dir) for part in BUNDLES[name])
    content = b"\n".join(file.read_bytes() for file in files)
    stem, _, suffix = name.rpartition(".")
    fingerprint = hashlib.sha256(content).hexdigest()[:12]
    return Asset(
        url=f"{STATIC_PREFIX}{stem}.{fingerprint}.{suffix}",
        content=content,
        compressed=gzip.compress(content, compresslevel=9, mtime=0),
        media_type=MEDIA_TYPES[suffix],
    )


class Pages:
    """What base.html knows as `pages`. Holds no request; each answer reads the current one."""

    def __init__(self, settings: PageSettings) -> None:
        self.settings = settings
        self.assets = {name: build_asset(name, settings.theme_dir) for name in BUNDLES}
        self.by_url = {asset.url: asset for asset in self.assets.values()}
        self.image_origins = read_image_origins(settings.theme_dir)

    @property
    def service_name(self) -> str:
        """The name in the header and at the end of every title."""
        return self.settings.service_name

    @property
    def home_url(self) -> str:
        """Where the name in the header leads; the configured address when the Host was refused."""
        return self.settings.public_url + "/" if host_is_refused() else "/"

    @property
    def help_url(self) -> str:
        """The page of answers."""
        return self.footer_page("/aide")

    @property
    def language(self) -> str:
        """The language of this answer: the one chosen here, else asked for, else known of the reader, else the first."""
        languages = self.settings.languages
        known = None if self.is_bare() else self.settings.known_wish
        return chosen_language(languages) or self.asked_language or (known and known()) or languages[0]

    @property
    def asked_language(self) -> str | None:
        """What the client asked for; None when none of ours is among it."""
        if "asked_language" not in g:
            g.asked_language = known_language(self.settings.asked_languages(), self.settings.languages)
        return cast("str | None", g.asked_language)

    def static(self, name: str) -> str:
        """The address of a bundle."""
        return self.assets[name].url

    def navigation(self) -> Sequence[NavigationEntry]:
        """The entries of the header; none on a bare page, for they may build addresses and ask the database."""
        return () if self.is_bare() else self.settings.navigation()

    def hidden_frame(self) -> str | None:
        """The address of this page's hidden frame, if it has one."""
        return None if self.is_bare() else self.settings.hidden_frame()

    def idle_end(self) -> IdleEnd | None:
        """When the reader's session ends by itself; None on a page that looks nothing up."""
        return None if self.is_bare() else self.settings.idle_end()

    def is_bare(self) -> bool:
        """Whether nothing may be looked up for this page: the Host was refused, or the database is down."""
        return host_is_refused() or g.get("database_is_down", False)

    def footer_page(self, path: str) -> str:
        """The address of a page of the footer."""
        base = self.settings.public_url if host_is_refused() else ""
        return (self.settings.footer_base or base) + path

    def footer(self) -> Sequence[NavigationEntry]:
        """The entries of the footer, the same on every page."""
        return (
            NavigationEntry(lazy_gettext("Aide"), self.footer_page("/aide")),
            NavigationEntry(lazy_gettext("Accessibilité : non conforme"), self.footer_page("/accessibilite")),
            NavigationEntry(lazy_gettext("Mentions légales"), self.footer_page("/mentions-legales")),
            NavigationEntry(lazy_gettext("Données personnelles"), self.footer_page("/donnees-personnelles")),
        )

    def language_links(self) -> Sequence[LanguageLink]:
        """One link a language; none when there is no choice, or no page to show in another one."""
        tags = self.settings.languages
        if len(tags) < 2 or host_is_refused() or takes_posts_alone():
            return ()
        is_known = request.args.keys() <= {"lang", *self.settings.kept_parameters}
        if not is_known or self.settings.has_strange_address():
            return ()
        current = self.language
        return [LanguageLink(tag, LANGUAGE_NAMES[tag], same_page_in(tag), tag == current) for tag in tags]


def same_page_in(tag: str) -> str:
    """This page's path and query with another `lang`: the carried request stays."""
    query = [pair for pair in request.args.items(multi=True) if pair[0] != "lang"]
    return own_path(f"{request.path}?{urlencode([*query, ('lang', tag)])}")


def takes_posts_alone() -> bool:
    """Whether this address exists and cannot be opened: no link may lead to it."""
    methods = set(current_app.url_map.bind("").allowed_methods(request.path))
    return bool(methods) and "GET" not in methods


def own_path(path: str) -> str:
    """A path as a link to this service: `//evil.test` would lead to another one."""
    return "/" + path.lstrip("/\\")


def host_is_refused() -> bool:
    """Whether the Host header is not one of `TRUSTED_HOSTS`: no link may then be made from the request."""
    try:
        return not request.host
    except SecurityError:
        return True


def chosen_language(languages: Sequence[str]) -> str | None:
    """`?lang=`, else the cookie; None when the reader chose none of ours here."""
    return known_language((request.args.get("lang"), request.cookies.get("lang")), languages)


def known_language(wishes: Iterable[str | None], languages: Sequence[str]) -> str | None:
    """The first wish that is translated, whatever its region or case; None without one."""
    tags = (wish.partition("-")[0].lower() for wish in wishes if wish)
    return next((tag for tag in tags if tag in languages), None)


def first_fault() -> bool:
    """True once a request: the first faulty field gets `autofocus`, for readers without the script."""
    if g.get("fault_seen"):
        return False
    g.fault_seen = True
    return True


def init_pages(app: Flask, settings: PageSettings) -> Pages:
    """Install the theme, its files, the languages and the globals that templates use."""
    pages = Pages(settings)
    app.extensions["pages"] = pages
    install_theme(app, settings.theme_dir)
    app.jinja_env.globals.update(pages=pages, first_fault=first_fault, refused_post=refused_post)
    if "babel" not in app.extensions:
        Babel(
            app,
            default_locale=settings.languages[0],
            # The frame's words are the same in both services; each adds its own.
            default_translation_directories=f"translations;{SHARED_TRANSLATIONS}",
            default_timezone="Europe/Paris",
            locale_selector=lambda: pages.language,
        )
    app.add_url_rule(f"{STATIC_PREFIX}<name>", "theme_file", send_theme_file, methods=["GET"])
    app.after_request(remember_language)
    return pages


def current_pages(app: Flask) -> Pages:
    """The pages of an application that called `init_pages`."""
    return cast("Pages", app.extensions["pages"])


def install_theme(app: Flask, theme_dir: Path | None) -> None:
    """Make theme files known to templates as "theme/…", the installed folder before the built-in one."""
    own: Any = app.jinja_env.loader
    theme = PrefixLoader({"theme": FileSystemLoader(theme_folders(theme_dir))})
    app.jinja_env.loader = ChoiceLoader([theme, own] if own else [theme])
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def send_theme_file(name: str) -> Response:
    """A theme file under its hashed name; an older name is absent."""
    asset = current_pages(current_app).by_url.get(STATIC_PREFIX + name)
    if asset is None:
        abort(404)
    packed = request.accept_encodings.quality("gzip") > 0
    response = Response(asset.compressed if packed else asset.content, mimetype=asset.media_type)
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def remember_language(response: Response) -> Response:
    """Keep a language chosen by link, if it is one of ours."""
    settings = current_pages(current_app).settings
    tag = request.args.get("lang")
    if tag in settings.languages and len(settings.languages) > 1:
        response.set_cookie(
            "lang",
            tag,
            max_age=LANGUAGE_COOKIE_SECONDS,
            secure=settings.secure_cookies,
            httponly=True,
            samesite="Lax",
        )
    return response
