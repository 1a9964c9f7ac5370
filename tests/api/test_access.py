"""Who may call what: tokens, cookies, origins, hosts, sizes."""

import stat
from collections.abc import Iterator

from api_caller import Api
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import Mount, Route

from backend.api.documentation import ADDRESS as DOCUMENTATION
from backend.contract.settings import Settings

OPEN = {"/healthz", "/readyz", "/api/v1/session"}
SITE = "http://testserver"


def every_route(api: Api) -> Iterator[tuple[str, str]]:
    app = api.client.app
    assert isinstance(app, FastAPI)
    for route in app.routes:
        if isinstance(route, Route | Mount) and route.path == DOCUMENTATION:
            # Files of the project's own, open like the front end.
            continue
        assert isinstance(route, APIRoute), f"{route} is of a kind that this walk does not know"
        for method in route.methods:
            yield method, route.path


def fill(path: str) -> str:
    return (
        path.replace("{run_id}", "00000000-0000-0000-0000-000000000000")
        .replace("{slug}", "shapes")
        .replace("{sha256}", "a" * 64)
    )


def test_every_route_wants_credentials_except_those_listed(api: Api) -> None:
    routes = [route for route in every_route(api) if route[1] not in OPEN]
    assert len(routes) > 25
    for method, path in routes:
        answer = api.client.request(method, fill(path))
        assert answer.status_code == 401, (method, path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_workers_token_opens_worker_routes_only_and_the_admins_all_others(api: Api) -> None:
    for method, path in every_route(api):
        if path in OPEN:
            continue
        is_worker_route = path.startswith("/api/v1/worker/")
        wrong = api.person if is_worker_route else api.worker
        answer = api.client.request(method, fill(path), headers=wrong)
        assert answer.status_code == 401, (method, path)


def test_token_files_are_readable_by_their_owner_only(api: Api, settings: Settings) -> None:
    for path in (settings.paths.admin_token, settings.paths.worker_token):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert settings.paths.admin_token.read_text().strip() == api.platform.tokens.admin
    assert api.platform.tokens.admin != api.platform.tokens.worker
    assert api.platform.tokens.admin not in repr(api.platform.tokens)


def sign_in(api: Api) -> TestClient:
    answer = api.client.post(
        "/api/v1/session", json={"token": api.platform.tokens.admin}, headers={"Origin": SITE}
    )
    assert answer.status_code == 200, answer.text
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert api.platform.tokens.admin not in cookie
    return api.client


def test_the_token_is_exchanged_for_a_cookie_that_reads_and_ends(api: Api) -> None:
    assert api.client.get("/api/v1/session").json()["is_signed_in"] is False
    browser = sign_in(api)
    assert browser.get("/api/v1/session").json()["is_signed_in"] is True
    assert browser.get("/api/v1/runs").status_code == 200
    secret = browser.cookies["maye_session"]
    assert browser.delete("/api/v1/session", headers={"Origin": SITE}).status_code == 200
    stolen = {"Cookie": f"maye_session={secret}"}
    assert browser.get("/api/v1/runs", headers=stolen).status_code == 401


def test_a_wrong_token_signs_nobody_in(api: Api) -> None:
    answer = api.client.post("/api/v1/session", json={"token": api.platform.tokens.worker})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_a_write_with_a_cookie_needs_this_sites_origin(api: Api) -> None:
    run = api.create_run()
    browser = sign_in(api)
    path = f"/api/v1/runs/{run['id']}/cancel"
    for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        assert browser.post(path, headers=headers).status_code == 403, headers
    assert api.get(f"runs/{run['id']}")["status"] == "queued"
    assert browser.post(path, headers={"Origin": SITE}).status_code == 202


def test_another_sites_page_cannot_sign_a_browser_in_or_out(api: Api) -> None:
    evil = {"Origin": "http://evil.example"}
    body = {"token": api.platform.tokens.admin}
    assert api.client.post("/api/v1/session", json=body, headers=evil).status_code == 403
    assert api.client.delete("/api/v1/session", headers=evil).status_code == 403


def test_a_form_is_not_taken_for_json(api: Api) -> None:
    body = '{"name": "x", "config": {"model": "tiny", "dataset": "shapes"}}'
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        headers = {**api.person, "Content-Type": kind}
        answer = api.client.post("/api/v1/runs", content=body, headers=headers)
        assert answer.status_code == 422, kind


def test_an_unknown_host_is_refused_everywhere(api: Api) -> None:
    for path in ("/", "/healthz", "/api/v1/runs"):
        answer = api.client.get(path, headers={**api.person, "Host": "evil.example"})
        assert answer.status_code == 400
        assert answer.json()["code"] == "host_not_allowed"
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        assert api.client.get("/healthz", headers={"Host": host}).status_code == 200


def test_a_body_of_2_mib_is_refused_whether_or_not_it_says_its_length(api: Api) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(32):
            yield b" " * 65536

    headers = {**api.person, "Content-Type": "application/json"}
    for content in (b" " * 2_097_152, pieces()):
        answer = api.client.post("/api/v1/runs", content=content, headers=headers)
        assert answer.status_code == 413
        assert answer.json()["code"] == "body_too_large"


def test_answers_carry_security_headers_and_a_request_id(api: Api) -> None:
    for path in ("/", "/healthz", "/api/v1/runs"):
        headers = api.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert len(headers["x-request-id"]) == 32
