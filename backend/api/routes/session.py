"""Signing in and out of a browser."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from backend.api.dependencies import COOKIE, NowDep, PlatformDep, check_origin, has_session
from backend.api.schemas import SessionInfo, SignIn
from backend.api.services.credentials import SESSION_DAYS, sign_in, sign_out
from backend.api.version import VERSION

router = APIRouter(prefix="/session", tags=["session"])


def check_origin_if_sent(request: Request) -> None:
    """Scripts send no Origin; a browser's must be ours."""
    if "origin" in request.headers:
        check_origin(request)


FromHere = Annotated[None, Depends(check_origin_if_sent)]


@router.get("")
def get_session(request: Request, platform: PlatformDep, now: NowDep) -> SessionInfo:
    """Whether the browser is signed in."""
    return SessionInfo(is_signed_in=has_session(request, platform, now), version=VERSION)


@router.post("")
def create_session(
    body: SignIn,
    request: Request,
    response: Response,
    platform: PlatformDep,
    now: NowDep,
    origin: FromHere,
) -> SessionInfo:
    """Exchange the token for a cookie."""
    with platform.database.session_scope() as session:
        secret = sign_in(session, platform.tokens, body.token, now=now)
    response.set_cookie(
        COOKIE,
        secret,
        max_age=SESSION_DAYS * 86400,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return SessionInfo(is_signed_in=True, version=VERSION)


@router.delete("")
def delete_session(
    request: Request, response: Response, platform: PlatformDep, origin: FromHere
) -> SessionInfo:
    """Sign out."""
    secret = request.cookies.get(COOKIE)
    if secret:
        with platform.database.session_scope() as session:
            sign_out(session, secret)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return SessionInfo(is_signed_in=False, version=VERSION)
