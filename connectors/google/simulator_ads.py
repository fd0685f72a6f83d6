"""The simulated Google Ads API, over gRPC as Google's client library speaks it.

Google publishes no server stubs, so the handlers are put together from the library's own messages.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import grpc
from google.ads.googleads.v26.errors.types.errors import (
    ErrorCode,
    ErrorDetails,
    GoogleAdsError,
    GoogleAdsFailure,
    QuotaErrorDetails,
)
from google.ads.googleads.v26.services.types.customer_service import (
    ListAccessibleCustomersRequest,
    ListAccessibleCustomersResponse,
)
from google.ads.googleads.v26.services.types.google_ads_service import (
    GoogleAdsRow,
    SearchGoogleAdsRequest,
    SearchGoogleAdsResponse,
    SearchGoogleAdsStreamRequest,
    SearchGoogleAdsStreamResponse,
)

from connectors.google.simulator_gaql import NotUnderstood, parse
from connectors.google.simulator_rows import FIELDS, rows
from connectors.google.simulator_world import ADS_SCOPE, CHANNEL, access_of, account, direct, manages, setting
from connectors.simulation import GENERIC, Fault, World

PACKAGE = "google.ads.googleads.{}.services"
FAILURE = "google.ads.googleads.{}.errors.googleadsfailure-bin"
VERSIONS = ("v23", "v24", "v25", "v26")
OVER = ("v20", "v21", "v22")
CHUNK = 1000
"""Rows in one piece of a stream."""

# What a fault of this kind makes this API answer.
KINDS = {
    "token_expired": "OAUTH_TOKEN_EXPIRED",
    "token_revoked": "OAUTH_TOKEN_REVOKED",
    "permission_lost": "USER_PERMISSION_DENIED",
    "account_closed": "CUSTOMER_NOT_ENABLED",
    "app_not_approved": "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION",
    "rate_limit": "RESOURCE_TEMPORARILY_EXHAUSTED",
    "daily_limit": "RESOURCE_EXHAUSTED",
    "version_dead": "UNSUPPORTED_VERSION",
}
# Which gRPC status Google chooses for a family of errors is not published; these are the plain readings.
STATUSES = {
    "authentication_error": grpc.StatusCode.UNAUTHENTICATED,
    "authorization_error": grpc.StatusCode.PERMISSION_DENIED,
    "quota_error": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "internal_error": grpc.StatusCode.INTERNAL,
    "database_error": grpc.StatusCode.ABORTED,
}


class Refused(Exception):  # noqa: N818 - an answer, not a failure of ours
    """A call that the API does not take, by the name of its error ('QuotaError.RESOURCE_EXHAUSTED', or the name alone)."""

    def __init__(self, name: str, retry: float = 0) -> None:
        super().__init__(name)
        self.name = name
        self.retry = retry


class Unreachable(Exception):  # noqa: N818 - an answer, not a failure of ours
    """A call that gets no answer of the API."""


def codes() -> dict[str, tuple[str, Any]]:
    """Every error that v26 knows, as 'Family.NAME' and as NAME -> (field of ErrorCode, value)."""
    found: dict[str, tuple[str, Any]] = {}
    for field, kind in ErrorCode.meta.fields.items():
        for value in kind.enum:
            found[f"{kind.enum.__name__}.{value.name}"] = (field, value)
            found.setdefault(value.name, (field, value))
    # Some names stand in several families; these are the ones that people mean.
    meant = ("InternalError.INTERNAL_ERROR", "RequestError.RESOURCE_NOT_FOUND", "RequestError.REQUIRED_FIELD_MISSING")
    return found | {name.rpartition(".")[2]: found[name] for name in meant if name in found}


class Server:
    """The calls. Each may be refused before it does anything."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._codes = codes()

    def accessible(self, _: ListAccessibleCustomersRequest, context: Any) -> ListAccessibleCustomersResponse:
        """Customers that the person is directly a user of; the login account is ignored."""
        person = self._person(context, "ads.accessible")
        found = direct(self._world, person)
        if not found:
            raise Refused("NOT_ADS_USER")
        return ListAccessibleCustomersResponse(resource_names=[f"customers/{number}" for number in found])

    def search(self, request: SearchGoogleAdsRequest, context: Any) -> SearchGoogleAdsResponse:
        """All rows in one page."""
        return SearchGoogleAdsResponse(results=self._found(request, context))

    def stream(self, request: SearchGoogleAdsStreamRequest, context: Any) -> Iterator[SearchGoogleAdsStreamResponse]:
        """The rows in pieces."""
        found = self._found(request, context)
        for start in range(0, max(len(found), 1), CHUNK):
            yield SearchGoogleAdsStreamResponse(results=found[start : start + CHUNK])

    def _found(self, request: Any, context: Any) -> list[GoogleAdsRow]:
        number = request.customer_id
        if not re.fullmatch(r"\d+", number):
            raise Refused("INVALID_CUSTOMER_ID")
        self._may(self._person(context, "ads.search", number), number, _header(context, "login-customer-id"))
        try:
            query = parse(request.query, FIELDS)
        except NotUnderstood as problem:
            raise Refused(f"QueryError.{problem.name}") from None
        return [GoogleAdsRow(_nested(row)) for row in query.over(rows(self._world, number, query.resource))]

    def _person(self, context: Any, operation: str, number: str = "") -> str:
        doc = access_of(self._world, _header(context, "authorization"))
        person = doc["person"] if doc else ""
        kinds = {*KINDS, *GENERIC, "code"}
        self._strike(self._world.fault(CHANNEL, operation, account=number, person=person, kinds=kinds))
        if doc is None:
            raise Refused("OAUTH_TOKEN_EXPIRED")
        if ADS_SCOPE not in doc["scopes"]:
            raise Refused("OAUTH_TOKEN_INVALID")
        self._count(number)
        return str(person)

    def _count(self, number: str) -> None:
        """Operations of the project in a day and queries about one account in a second, where a setting orders them. Raises Refused."""
        day, second = "ads_operations_a_day", "ads_queries_a_second"
        used = self._world.use(CHANNEL, day, most=setting(self._world, day), seconds=86_400)
        if used.over:
            raise Refused("RESOURCE_EXHAUSTED", used.resets_in)
        used = self._world.use(CHANNEL, f"{second}/{number}", most=setting(self._world, second), seconds=1)
        if number and used.over:
            raise Refused("RESOURCE_TEMPORARILY_EXHAUSTED", used.resets_in)

    def _may(self, person: str, number: str, login: str) -> None:
        if login and not login.isdigit():
            raise Refused("INVALID_LOGIN_CUSTOMER_ID")
        doc = account(self._world, number)
        if doc is None or (login or number) not in direct(self._world, person):
            raise Refused("USER_PERMISSION_DENIED")
        if login and not manages(self._world, login, number):
            raise Refused("INVALID_LOGIN_CUSTOMER_ID_SERVING_CUSTOMER_ID_COMBINATION")
        if doc["status"] in {"CANCELED", "CLOSED"}:  # a suspended one can still be looked at
            raise Refused("CUSTOMER_NOT_ENABLED")

    def _strike(self, fault: Fault | None) -> None:
        if fault is None:
            return
        if fault.kind == "slow":
            time.sleep(float(fault.facts.get("seconds", 1)))
        elif fault.kind in GENERIC:
            raise Unreachable
        else:
            name = str(fault.facts.get("code", "INTERNAL_ERROR")) if fault.kind == "code" else KINDS[fault.kind]
            raise Refused(name, float(fault.facts.get("retry_after", 0)))

    def refuse(self, context: Any, version: str, refused: Refused) -> None:
        """Ends a call the way Google does: a status, and the failure in the trailer."""
        field, value = self._codes.get(refused.name) or self._codes["INTERNAL_ERROR"]
        details = ErrorDetails()
        if field == "quota_error":
            delay = timedelta(seconds=refused.retry)
            details.quota_error_details = QuotaErrorDetails(rate_name="Requests per account", retry_delay=delay)
        error = GoogleAdsError(error_code=ErrorCode({field: value}), message="There was a problem.", details=details)
        number = uuid.uuid4().hex
        failure = GoogleAdsFailure.serialize(GoogleAdsFailure(errors=[error], request_id=number))
        context.set_trailing_metadata(((FAILURE.format(version), failure), ("request-id", number)))
        context.abort(STATUSES.get(field, grpc.StatusCode.INVALID_ARGUMENT), "There was a problem with the request.")


def _header(context: Any, name: str) -> str:
    return str(dict(context.invocation_metadata()).get(name, ""))


def _nested(row: dict[str, Any]) -> dict[str, Any]:
    """{'campaign.id': 1} as {'campaign': {'id': 1}}."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        *outer, last = name.split(".")
        place = found
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = value
    return found


# -- handlers ------------------------------------------------------------------------------------------------------


def _guarded(server: Server, version: str, call: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def answer(request: Any, context: Any) -> Any:
        try:
            return call(request, context)
        except Refused as refused:
            return server.refuse(context, version, refused)
        except Unreachable:
            return context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")

    return answer


def _over(_: Any, __: Any) -> Any:
    raise Refused("UNSUPPORTED_VERSION")


def _handlers(server: Server, version: str) -> list[Any]:
    def one(call: Any, asked: Any, told: Any) -> Any:
        guarded = _guarded(server, version, _over if version in OVER else call)
        return grpc.unary_unary_rpc_method_handler(guarded, asked.deserialize, told.serialize)

    def pieces(request: Any, context: Any) -> Any:
        # Made inside the guard: a generator would raise outside of it.
        return iter(list(server.stream(request, context)))

    stream = grpc.unary_stream_rpc_method_handler(
        _guarded(server, version, _over if version in OVER else pieces),
        SearchGoogleAdsStreamRequest.deserialize,
        SearchGoogleAdsStreamResponse.serialize,
    )
    customers = {
        "ListAccessibleCustomers": one(
            server.accessible, ListAccessibleCustomersRequest, ListAccessibleCustomersResponse
        )
    }
    search = {"Search": one(server.search, SearchGoogleAdsRequest, SearchGoogleAdsResponse), "SearchStream": stream}
    package = PACKAGE.format(version)
    return [
        grpc.method_handlers_generic_handler(f"{package}.CustomerService", customers),
        grpc.method_handlers_generic_handler(f"{package}.GoogleAdsService", search),
    ]


def serve_ads(world: World, port: int = 0) -> tuple[Any, int]:
    """Starts the server on 127.0.0.1; a free port when none is named. Stop it with `.stop(None)`."""
    grpc_server = grpc.server(ThreadPoolExecutor(max_workers=8), options=[("grpc.so_reuseport", 0)])
    server = Server(world)
    for version in (*OVER, *VERSIONS):
        grpc_server.add_generic_rpc_handlers(tuple(_handlers(server, version)))
    bound = grpc_server.add_insecure_port(f"127.0.0.1:{port}")
    grpc_server.start()
    return grpc_server, bound
