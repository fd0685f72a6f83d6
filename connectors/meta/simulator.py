"""Meta on this machine: the dialog under /www, Graph under /graph, over the wire as the real one. See docs/simulators.md."""

from __future__ import annotations

import flask

from connectors.meta import simulator_audiences as audiences
from connectors.meta import simulator_members as members
from connectors.meta import simulator_signin as signin
from connectors.meta.simulator_calls import Answered, check_version, count_application, open_call
from connectors.meta.simulator_errors import GraphError
from connectors.meta.simulator_people import hasher, seed
from connectors.simulation import World

ANY = ["GET", "POST", "DELETE"]
NODES = {"": audiences.one_audience, "users": members.users, "usersreplace": members.replace, "ads": audiences.audience_ads,
         "sessions": members.sessions}  # fmt: skip
ACCOUNT = {"": audiences.one_account, "customaudiences": audiences.account_audiences, "adsets": audiences.account_ad_sets,
           "usersofanyaudience": members.erase}  # fmt: skip
ME = {"": signin.me, "permissions": signin.permissions, "adaccounts": audiences.my_accounts}


def blueprint(world: World) -> flask.Blueprint:
    """All of Meta's addresses."""
    meta = flask.Blueprint("meta", __name__)
    page = signin.consent(world)
    meta.add_url_rule("/www/<version>/dialog/oauth", "dialog", lambda version: page.view(), methods=["GET", "POST"])  # noqa: ARG005

    @meta.before_request
    def due() -> None:
        process(world)
        if "/graph/" in flask.request.path:
            count_application(world)

    @meta.errorhandler(GraphError)
    def refused(error: GraphError) -> flask.Response:
        return error.response

    @meta.errorhandler(Answered)
    def answered(early: Answered) -> flask.Response:
        return early.response

    @meta.get("/graph/<version>/oauth/access_token")
    @meta.post("/graph/<version>/oauth/access_token", endpoint="access_token_post")
    def access_token(version: str) -> flask.Response:
        check_version(world, version)
        return signin.access_token(world)

    @meta.get("/graph/<version>/debug_token")
    def debug_token(version: str) -> flask.Response:
        check_version(world, version)
        return signin.debug_token(world)

    @meta.route("/graph/<version>/<node>/", methods=ANY, defaults={"edge": ""}, strict_slashes=False)
    @meta.route("/graph/<version>/<node>/<edge>", methods=ANY)
    def graph(version: str, node: str, edge: str) -> flask.Response:
        return _graph(world, version, node, edge)

    return meta


def _graph(world: World, version: str, node: str, edge: str) -> flask.Response:
    call = open_call(world, version)
    if node == "me" and edge in ME:
        return ME[edge](call)
    if node.startswith("act_") and edge in ACCOUNT:
        return ACCOUNT[edge](call, node.removeprefix("act_"))
    if edge in NODES:
        return NODES[edge](call, node)
    raise GraphError(2500)


def process(world: World) -> None:
    """Applies what is due by the simulated clock."""
    audiences.forget(world)
    audiences.count_again(world)
    members.close_late(world)


__all__ = ["blueprint", "hasher", "process", "seed"]
