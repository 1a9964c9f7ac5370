"""`maye.Client`: every route of the platform that a person may use, one method each."""

import os
from collections.abc import Mapping
from typing import Any, Self

from backend.contract.settings import Settings
from maye.client.connection import Connection, Json
from maye.client.experiment_methods import ExperimentMethods
from maye.client.library_methods import LibraryMethods
from maye.client.measurement_methods import MeasurementMethods
from maye.client.operation_methods import OperationMethods
from maye.client.run_methods import RunMethods
from maye.errors import NotSignedInError


class Client(RunMethods, MeasurementMethods, ExperimentMethods, LibraryMethods, OperationMethods):
    """A signed-in connection to a platform; answers are JSON as dictionaries, typed.

    with Client() as maye:
        run = maye.submit("quickstart", seed=1)
        print(maye.wait(run["id"])["status"])
    """

    def __init__(
        self, address: str | None = None, token: str | None = None, *, timeout_s: float = 60.0
    ) -> None:
        """Connect.

        Args:
            address: for example http://127.0.0.1:8000; by default that of MAYE_API_URL, else that
                of the platform of MAYE_HOME.
            token: by default MAYE_TOKEN, else the one in $MAYE_HOME/admin-token.
            timeout_s: longest wait for an answer.

        Raises:
            NotSignedInError: no token was found.
        """
        if address is None or token is None:
            found_address, found_token = find_platform(os.environ, has_token=token is not None)
            address, token = address or found_address, token or found_token
        self.connection = Connection(address, token, timeout_s=timeout_s)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, timeout_s: float = 60.0) -> Self:
        """Connect to the server of MAYE_API_URL or of MAYE_HOME, with MAYE_TOKEN or its token file.

        Raises:
            NotSignedInError: no token was found.
        """
        return cls(*find_platform(environ), timeout_s=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.connection.http.close()

    @property
    def address(self) -> str:
        """Where the platform is."""
        return self.connection.address

    def get(self, path: str, **query: str | int | None) -> Any:
        """GET a resource under /api/v1/ by its path."""
        return self.connection.get(path, query)

    def post(self, path: str, body: Json | None = None) -> Any:
        """POST to a resource under /api/v1/ by its path."""
        return self.connection.post(path, body)


def find_platform(environ: Mapping[str, str], *, has_token: bool = False) -> tuple[str, str]:
    """Address and token of the platform that the environment names.

    Args:
        environ: holds MAYE_API_URL and MAYE_TOKEN, or MAYE_HOME with the files of a running one.
        has_token: the token is known already: none is looked for.

    Raises:
        NotSignedInError: no token was found.
    """
    settings = Settings.from_environment(environ)
    home = settings.paths
    address = settings.api_url
    served_at = home.root / "address"
    if "MAYE_API_URL" not in environ and served_at.is_file():
        address = served_at.read_text(encoding="ascii").strip()
    token = environ.get("MAYE_TOKEN", "")
    if not token and not has_token:
        try:
            token = home.admin_token.read_text(encoding="ascii").strip()
        except OSError as error:
            raise NotSignedInError(
                f"no token: MAYE_TOKEN is not set and {home.admin_token} cannot be read "
                f"({error.strerror}). Start the platform with `maye up`, or set MAYE_HOME to "
                "the folder of a running one"
            ) from error
    return address, token
