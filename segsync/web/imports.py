"""Imports: bring a file, see which column is what and the first rows as they will be stored, start, watch, take what was rejected."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any, Final, cast

from flask import Blueprint, Flask, Request, abort, current_app, flash, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response

from segsync.actions import fields
from segsync.actions import imports as import_actions
from segsync.actions.actor import NotAllowed, Refused
from segsync.actions.import_files import doubles, no_room
from segsync.actions.imports import Incoming, ReadAs
from segsync.models import ImportJob, Segment, Workspace
from segsync.rules.import_mapping import LABELS, ColumnMap, label
from segsync.rules.terms import ImportState
from segsync.runtime import Runtime
from segsync.web.errors import Trouble, trouble_page
from segsync.web.forms import PageForm, typed
from segsync.web.frame import actor, db, runtime, show_refusal, workspace_or_404
from segsync.web.import_forms import FileForm, Offered, ReadingForm, choices_of, mapping_form, mapping_of
from segsync.web.live import fragment
from segsync.web.paging import asked_page, paginate

imports = Blueprint("imports", __name__, url_prefix="/w/<int:workspace_id>/imports")

Answer = str | Response | tuple[str, int]
PIECE: Final = 256 * 1024
STATES: Final = {
    ImportState.UPLOADED: ("circle", "Not started"),
    ImportState.QUEUED: ("wait", "Queued"),
    ImportState.RUNNING: ("syncing", "Importing"),
    ImportState.DONE: ("synced", "Done"),
    ImportState.STOPPED: ("inactive", "Stopped"),
    ImportState.FAILED: ("failed", "Failed"),
}
DISK_FULL: Final = Trouble(
    "The disk is full", "Nothing was kept of the file. Ask whoever runs this installation to make room, then try again."
)


class LargeRequest(Request):
    """Files on their way in lie in our own private folder: the system's one for passing files may be small, or in memory."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if request.endpoint != "imports.new":
            return super()._get_file_stream(total_content_length, content_type, filename, content_length)
        opened: Runtime = current_app.extensions["segsync.runtime"]
        folder = import_actions.folder(opened.settings)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder)


@imports.record
def _take_large_files(state: BlueprintSetupState) -> None:
    cast("Flask", state.app).request_class = LargeRequest


@imports.app_errorhandler(OSError)
def _disk_full(problem: OSError) -> Response:
    if isinstance(no_room(problem), Refused):
        return trouble_page(507, DISK_FULL)
    raise problem


@imports.route("")
def index(workspace_id: int) -> str:
    """All imports of the workspace, newest first."""
    workspace = workspace_or_404(workspace_id)
    page = paginate(db(), import_actions.in_workspace(workspace), number=asked_page())
    return render_template("imports/index.html", page=page, states=STATES, facts=import_actions.facts)


@imports.route("/new", methods=["GET", "POST"])
def new(workspace_id: int) -> Answer:
    """A file comes in."""
    workspace = workspace_or_404(workspace_id)
    into = _asked_list(workspace)
    companies = into.members == "companies" if into else request.args.get("of") == "company"
    form = FileForm(data={"subject": "company" if companies else "contact"})
    if form.validate_on_submit():
        if not form.file.data:
            form.refuse("Choose a file, or drop one here.", field="file")
            return _new(form, into)
        incoming = Incoming(form.file.data.filename or "", form.file.data.stream, into.id if into else None)
        try:
            job = import_actions.upload(db(), runtime().settings, actor(), workspace, typed(form.subject), incoming)
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            return redirect(url_for("imports.mapping", workspace_id=workspace.id, import_id=job.id))
    return _new(form, into)


def _asked_list(workspace: Workspace) -> Segment | None:
    """The list on whose page somebody chose to import a file; None where there is none, or no longer."""
    asked = request.args.get("list", type=int)
    if asked is None:
        return None
    lists = chain.from_iterable(import_actions.lists_of(db(), workspace, subject) for subject in LABELS)
    return next((segment for segment in lists if segment.id == asked), None)


def _new(form: FileForm, into: Segment | None) -> Answer:
    most = runtime().settings.import_max_mb
    form.file.description = (
        f"Drop it here or choose it, up to {most:,} MB. From Excel: “CSV UTF-8”. Columns may have any order and names."
    )
    page = render_template("imports/new.html", form=form, into=into)
    return page, 422 if form.failed else 200


@imports.route("/<int:import_id>/mapping", methods=["GET", "POST"])
def mapping(workspace_id: int, import_id: int) -> Answer:
    """Which column is what; the button starts the import."""
    workspace, job = _found(workspace_id, import_id)
    if job.state != ImportState.UPLOADED:
        return redirect(url_for("imports.show", workspace_id=workspace.id, import_id=job.id))
    offered = _offered(workspace, job)
    kept = {**job.options, "segment_id": job.segment_id}
    form = mapping_form(offered, ColumnMap.from_json(job.mapping), kept)
    if form.validate_on_submit():
        try:
            import_actions.choose(db(), actor(), workspace, job, choices_of(form, len(offered.shape.columns)))
            import_actions.start(db(), actor(), job)
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            runtime().queue.wake_chore("import", job.id)
            return redirect(url_for("imports.show", workspace_id=workspace.id, import_id=job.id))
    return _mapping(workspace, job, offered, form)


def _offered(workspace: Workspace, job: ImportJob) -> Offered:
    custom = fields.for_rows(db(), workspace, job.subject)
    return Offered(
        job.subject, import_actions.shape(job), custom, import_actions.lists_of(db(), workspace, job.subject)
    )


def _mapping(
    workspace: Workspace, job: ImportJob, offered: Offered, form: PageForm, reading: ReadingForm | None = None
) -> Answer:
    shape = offered.shape
    said = {"encoding": shape.encoding, "delimiter": shape.delimiter, "header": shape.header}
    reading = reading or ReadingForm(formdata=None, data=said)
    page = render_template(
        "imports/mapping.html",
        job=job,
        shape=shape,
        form=form,
        reading=reading,
        examples=import_actions.first_cells(job),
        doubles=doubles(shape.columns),
        **_seen(workspace, job, mapping_of(form, len(shape.columns))),
    )
    return page, 422 if form.failed or reading.failed else 200


def _seen(workspace: Workspace, job: ImportJob, chosen: ColumnMap) -> dict[str, Any]:
    custom = fields.for_rows(db(), workspace, job.subject)
    known = import_actions.known_fields(job.subject, custom)
    # While somebody chooses, a field may be taken twice for a moment: the first column has it.
    targets = tuple(
        target if target in known and target not in chosen.targets[:place] else ""
        for place, target in enumerate(chosen.targets)
    )
    seen = import_actions.preview(db(), workspace, job, ColumnMap(targets, chosen.clear, chosen.date_order))
    return {"seen": seen, "names": [label(job.subject, target, custom) for target in seen.targets]}


@imports.post("/<int:import_id>/preview")
def preview(workspace_id: int, import_id: int) -> Answer:
    """The first rows as they will be stored, while somebody chooses."""
    workspace, job = _found(workspace_id, import_id)
    if job.state != ImportState.UPLOADED:
        abort(404)
    offered = _offered(workspace, job)
    form = mapping_form(offered)
    return render_template(
        "imports/_preview.html", **_seen(workspace, job, mapping_of(form, len(offered.shape.columns)))
    )


@imports.post("/<int:import_id>/reading")
def read_as(workspace_id: int, import_id: int) -> Answer:
    """Other letters, another sign between cells, or no header."""
    workspace, job = _found(workspace_id, import_id)
    form = ReadingForm()
    if form.validate_on_submit():
        said = ReadAs(typed(form.encoding), typed(form.delimiter), header=bool(form.header.data))
        try:
            import_actions.read_as(db(), actor(), workspace, job, said)
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            return redirect(url_for("imports.mapping", workspace_id=workspace.id, import_id=job.id))
    offered = _offered(workspace, job)
    unchosen = mapping_form(offered, ColumnMap.from_json(job.mapping), {})
    return _mapping(workspace, job, offered, unchosen, form)


@imports.post("/<int:import_id>/discard")
def discard(workspace_id: int, import_id: int) -> Answer:
    """Throws a file away that was not started."""
    workspace, job = _found(workspace_id, import_id)
    import_actions.discard(db(), actor(), job)
    db().commit()
    flash("The file was thrown away. Nothing of it was imported.")
    return redirect(url_for("imports.index", workspace_id=workspace.id))


@imports.post("/<int:import_id>/stop")
def stop(workspace_id: int, import_id: int) -> Answer:
    """Ends an import that is under way."""
    workspace, job = _found(workspace_id, import_id)
    try:
        import_actions.stop(db(), actor(), job)
    except NotAllowed:
        raise
    except Refused as refusal:
        flash(refusal.message)
    else:
        flash("The import was stopped. What is in stays; the file was thrown away.")
    return redirect(url_for("imports.show", workspace_id=workspace.id, import_id=job.id))


@imports.route("/<int:import_id>")
def show(workspace_id: int, import_id: int) -> Answer:
    """How far an import is, and what came of it."""
    workspace, job = _found(workspace_id, import_id)
    if job.state == ImportState.UPLOADED:
        return redirect(url_for("imports.mapping", workspace_id=workspace.id, import_id=job.id))
    return render_template("imports/show.html", job=job, **_progress(job))


@imports.route("/<int:import_id>/live")
def live(workspace_id: int, import_id: int) -> Response:
    """The part of that page that changes."""
    _, job = _found(workspace_id, import_id)
    busy = job.state in {ImportState.QUEUED, ImportState.RUNNING}
    return fragment(render_template("imports/_progress.html", job=job, **_progress(job)), busy=busy)


def _progress(job: ImportJob) -> dict[str, Any]:
    segment = db().get(Segment, job.segment_id) if job.segment_id else None
    return {"states": STATES, "segment": segment, **import_actions.facts(job)}


@imports.route("/<int:import_id>/rejected.csv")
def rejected(workspace_id: int, import_id: int) -> Response:
    """The rejected rows: line, reason and the row."""
    _, job = _found(workspace_id, import_id)
    path, size = import_actions.rejects(db(), actor(), job)
    db().commit()
    name = f"{Path(job.file_name).stem}-rejected.csv"
    response = current_app.response_class(_pieces(path, size), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.content_length = size
    return response


def _pieces(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while size and (piece := file.read(min(PIECE, size))):
            size -= len(piece)
            yield piece


def _found(workspace_id: int, import_id: int) -> tuple[Workspace, ImportJob]:
    workspace = workspace_or_404(workspace_id)
    try:
        return workspace, import_actions.find(db(), workspace, import_id)
    except NotAllowed:
        raise
    except Refused:
        abort(404)
