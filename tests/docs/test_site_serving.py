"""The built site as the platform serves it: safe, complete and without a request elsewhere."""

from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import urljoin, urlsplit

import pytest
from starlette.testclient import TestClient

from backend.api import app as application
from backend.api.documentation import NOT_BUILT
from backend.api.guard import SECURITY_HEADERS
from backend.contract.settings import Settings

BASE = "http://testserver"


@pytest.fixture
def http(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    return serve(site, tmp_path, monkeypatch)


def serve(folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """The whole application with this folder as its documentation; no database is opened."""
    monkeypatch.setattr(application, "find_documentation", lambda: folder)
    app = application.create_app(Settings(home=home / "home", static_dir=home / "dist"))
    return TestClient(app, base_url=BASE, follow_redirects=False)


class References(HTMLParser):
    """What a page refers to, and the names of its parts."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.names: set[str] = set()
        self.inline_scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.names |= {given[name] for name in ("id", "name") if name in given}
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.inline_scripts += 1
        if any(name.startswith("on") for name in given):
            self.inline_scripts += 1
        for name in ("src", "srcset", "data", "poster"):
            if name in given:
                self.loaded.append(given[name])
        if "href" in given:
            (self.linked if tag == "a" else self.loaded).append(given["href"])


def read_page(path: Path) -> References:
    found = References()
    found.feed(path.read_text(encoding="utf-8"))
    return found


def pages_of(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def address_of(page: Path, site: Path) -> str:
    """Where the platform serves a page."""
    path = page.relative_to(site).as_posix()
    return f"{BASE}/docs/{path.removesuffix('index.html')}"


def test_pages_are_open_to_everybody_under_the_platforms_headers(http: TestClient) -> None:
    for path in ("/docs/", "/docs/tutorial/first-run/", "/docs/reference/configuration/"):
        answer = http.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value
        assert answer.headers["cache-control"] == "no-cache"


def test_an_unchanged_page_is_not_sent_again(http: TestClient) -> None:
    first = http.get("/docs/")
    again = http.get("/docs/", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert http.head("/docs/").headers["etag"] == first.headers["etag"]


def test_files_that_are_named_by_their_content_are_kept(http: TestClient, site: Path) -> None:
    names = [path.name for path in (site / "assets/javascripts").glob("*.min.js")]
    assert any(name.startswith("inline.") for name in names)
    for name in names:
        answer = http.get(f"/docs/assets/javascripts/{name}")
        assert "immutable" in answer.headers["cache-control"]
    assert http.get("/docs/assets/maye.css").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/docs", "/docs/how-to"])
def test_a_folder_without_its_slash_shows_the_way(http: TestClient, path: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.headers["location"]) == (307, f"{path}/")


def test_an_address_that_looks_like_a_host_stays_here(http: TestClient) -> None:
    answer = http.get("/docs//how-to")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs//how-to/")


@pytest.mark.parametrize("path", ["/docs/none", "/docs/none/", "/docs/x.css"])
def test_what_is_not_there_has_a_page_that_leads_back(http: TestClient, path: str) -> None:
    answer = http.get(path)
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-cache"
    assert 'href="/docs/tutorial/first-run/"' in answer.text


def test_a_name_that_no_disk_takes_is_not_there(http: TestClient) -> None:
    assert http.get(f"/docs/{'n' * 300}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/docs/../secret",
        "/docs/%2e%2e/secret",
        "/docs/..%2fsecret",
        "/docs/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/docs//etc/passwd",
        "/docs/%2fetc/passwd",
        "/docs/assets/..%5c..%5csecret",
        "/docs/link",
        "/docs/x%00.html",
    ],
)
def test_nothing_outside_the_site_is_read(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("index")
    (folder / "404.html").write_text("missing")
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    answer = serve(folder, tmp_path, monkeypatch).get(path)
    assert "secret" not in answer.text
    assert "root:" not in answer.text
    assert answer.status_code in {404, 503}


def test_files_are_only_read(http: TestClient) -> None:
    answer = http.post("/docs/")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_site_that_was_not_built_says_how_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = serve(tmp_path / "nowhere", tmp_path, monkeypatch).get("/docs/")
    assert (answer.status_code, answer.text) == (503, NOT_BUILT)


def test_pages_load_nothing_from_elsewhere_and_hold_no_script(site: Path) -> None:
    pages = pages_of(site)
    assert len(pages) > 30
    for page in pages:
        found = read_page(page)
        outside = [link for link in found.loaded if urlsplit(link).netloc]
        assert not outside, page
        assert found.inline_scripts == 0, page
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert "url(http" not in text.replace('"', "").replace("'", ""), sheet
        assert "@import" not in text, sheet


def test_every_link_inside_the_site_has_a_target(site: Path) -> None:
    pages = {address_of(page, site): read_page(page) for page in pages_of(site)}
    missing: list[str] = []
    for address, page in pages.items():
        for link in (*page.linked, *page.loaded):
            parts = urlsplit(urljoin(address, link))
            if f"{parts.scheme}://{parts.netloc}" != BASE:
                continue
            if parts.path == "/":
                continue  # The dashboard.
            target = f"{BASE}{parts.path}"
            inside = site / PurePosixPath(parts.path).relative_to("/docs")
            is_page = target in pages or inside.is_file()
            known = pages[target].names if target in pages else {parts.fragment}
            if not is_page or (parts.fragment and parts.fragment not in known):
                missing.append(f"{address} -> {link}")
    assert not missing


def test_every_name_on_a_reference_page_is_unique(site: Path) -> None:
    for page in (site / "reference").rglob("index.html"):
        text = page.read_text(encoding="utf-8")
        names = [part.partition('"')[0] for part in text.split('<span id="')[1:]]
        assert len(names) == len(set(names)), page
