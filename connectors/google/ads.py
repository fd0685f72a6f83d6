"""The Google Ads API, as far as we need it: GAQL in, rows out, errors as problems. Accounts and campaigns come from here.

Address by name in `Application.bases`: `ads`. A real one ("googleads.googleapis.com") is spoken to over TLS; one that
starts with http:// or grpc:// is a local stand-in without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from importlib import import_module
from typing import Any

import grpc
from google.ads.googleads import util
from google.ads.googleads.client import GoogleAdsClient
from google.ads.googleads.errors import GoogleAdsException
from google.ads.googleads.interceptors import ExceptionInterceptor, Interceptor, MetadataInterceptor
from google.api_core.exceptions import GoogleAPICallError, RetryError, ServiceUnavailable
from google.api_core.retry import Retry, if_exception_type

from connectors.contract import Application, Around
from connectors.google import limits
from connectors.google.per_process import PerProcess
from connectors.google.replies import ADS, STATUS, problem
from connectors.problems import Code, ConnectorProblem, SetupNeeded

VERSION = "v26"
HOST = "googleads.googleapis.com"
MESSAGE_BYTES = 64 * 1024 * 1024
# The limit that a refusal is about: of the day, or of so many queries in a moment.
LIMITS: Mapping[str, str] = {Code.DAILY_LIMIT: limits.ADS, Code.RATE_LIMIT: limits.ADS_QUERIES}
SERVICES = ("CustomerService", "GoogleAdsService")
MODULE = "google.ads.googleads.{}.services.services.{}"
FAILURE = "google.ads.googleads.{}.errors.googleadsfailure-bin"
# The library retries nothing by itself. A connection that went stale is worth a second try; everything else is told.
RETRY = Retry(predicate=if_exception_type(ServiceUnavailable), initial=0.3, maximum=2.0, multiplier=2.0, timeout=5.0)


def _service_module(version: str, name: str) -> Any:
    return import_module(MODULE.format(version, util.convert_upper_case_to_snake_case(name)))


class _Bearer(Interceptor, grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    """Sends a person's access token with each call, so that one channel serves all people.

    gRPC's own call credentials would tie the channel to one token, and are refused where there is no TLS.
    """

    def __init__(self, version: str, token: str, around: Around) -> None:
        super().__init__(version)
        self._header = ("authorization", f"Bearer {token}")
        self._around = around

    def _signed(self, details: Any) -> Any:
        metadata = [*(details.metadata or ()), self._header]
        return self.get_client_call_details_instance(details.method, details.timeout, metadata, details.credentials)

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        """One answer."""
        with self._around(str(details.method)):
            return continuation(self._signed(details), request)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        """An answer in pieces."""
        with self._around(str(details.method)):
            return continuation(self._signed(details), request)


class _Client(GoogleAdsClient):  # type: ignore[misc]
    """Google's client on a channel of ours, and without its log: that prints whole requests and replies."""

    def __init__(self, channel: Any, app: Application, version: str, token: str, login: str) -> None:
        super().__init__(None, login_customer_id=login or None, version=version, use_proto_plus=True)
        self._channel = channel
        self._token = token
        self._around = app.around

    def get_service(self, name: str, **_: Any) -> Any:
        """The service on our channel, with the token and the login account in every call."""
        service = getattr(_service_module(self.version, name), f"{name}Client")
        channel = grpc.intercept_channel(
            self._channel,
            MetadataInterceptor(None, self.login_customer_id),
            ExceptionInterceptor(self.version, use_proto_plus=True),
            _Bearer(self.version, self._token, self._around),
        )
        return service(transport=service.get_transport_class()(channel=channel))


class Ads:
    """Reads from the Google Ads API. Opens its channel at the first call, once in each process."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._version = app.version or VERSION
        self._base = app.bases.get("ads", HOST)
        self._seconds = app.request_seconds
        self._channel = PerProcess(self._open)
        # Loading a version takes a second and 50 MB: once here, not in each forked worker. An unknown one is told at the call.
        with suppress(ModuleNotFoundError):
            for name in SERVICES:
                _service_module(self._version, name)

    def _open(self) -> Any:
        scheme, _, host = self._base.rstrip("/").rpartition("://")
        options = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_metadata_size", 16 * 1024 * 1024)]
        if scheme in {"http", "grpc"}:
            return grpc.insecure_channel(host, options=options)
        return grpc.secure_channel(host, grpc.ssl_channel_credentials(), options=options)

    def accessible(self, token: str) -> list[str]:
        """Ids of the customers that this person is directly a user of. Raises any ConnectorProblem."""
        with self._service("CustomerService", token) as service:
            reply = service.list_accessible_customers(retry=RETRY, timeout=self._seconds)
            return [name.removeprefix("customers/") for name in reply.resource_names]

    def rows(self, token: str, customer: str, query: str, *, login: str = "") -> list[Any]:
        """The rows of a GAQL query, seen from the account `login`. Raises any ConnectorProblem."""
        with self._service("GoogleAdsService", token, login) as service:
            chunks = service.search_stream(customer_id=customer, query=query, retry=RETRY, timeout=self._seconds)
            return [row for chunk in chunks for row in chunk.results]

    @contextmanager
    def _service(self, name: str, token: str, login: str = "") -> Iterator[Any]:
        """Hands out a service, which has to stay referenced while a stream is read, and turns errors into problems."""
        try:
            yield _Client(self._channel.get(), self._app, self._version, token, login).get_service(name)
        except ModuleNotFoundError:
            raise SetupNeeded(Code.APP_VERSION, version=self._version) from None
        except GoogleAdsException as error:
            raise _understood(error.failure.errors, error.request_id or "") from None
        except RetryError as error:
            raise self._without_details(error.cause) from None
        except (GoogleAPICallError, grpc.RpcError) as error:
            raise self._without_details(error) from None

    def _without_details(self, error: Any) -> ConnectorProblem:
        """Quota and internal errors do not arrive as GoogleAdsException, but carry the same trailer."""
        call = (getattr(error, "errors", None) or [error])[0]
        trailer = dict(call.trailing_metadata() or ()) if hasattr(call, "trailing_metadata") else {}
        found = trailer.get(FAILURE.format(self._version))
        if found:
            types = import_module(f"google.ads.googleads.{self._version}.errors.types.errors")
            return _understood(types.GoogleAdsFailure.deserialize(found).errors, str(trailer.get("request-id", "")))
        status = call.code().name if hasattr(call, "code") and callable(call.code) else "UNAVAILABLE"
        return problem(STATUS.get(status), raw=status)


def _understood(errors: Sequence[Any], reference: str) -> ConnectorProblem:
    """The problem of the first error that we know, else of the first."""
    named = [(_name(error), error) for error in errors]
    if not named:
        return problem(None, raw="no error named", reference=reference)
    (family, name), error = next((pair for pair in named if pair[0][1] in ADS), named[0])
    found = problem(ADS.get(name), raw=f"{family}.{name}", reference=reference, retry_after=_retry_delay(error))
    if found.code in LIMITS:
        found.limit = LIMITS[found.code]
    return found


def _name(error: Any) -> tuple[str, str]:
    code = error.error_code
    member = type(code).pb(code).WhichOneof("error_code")
    value = getattr(code, member) if member else None
    return type(value).__name__, str(getattr(value, "name", value))


def _retry_delay(error: Any) -> timedelta | None:
    delay = error.details.quota_error_details.retry_delay if "quota_error_details" in error.details else None
    return delay if isinstance(delay, timedelta) and delay > timedelta(0) else None


def quoted(text: str) -> str:
    """A string of GAQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
