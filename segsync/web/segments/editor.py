"""The segment editor: rules put together in the browser, checked and counted here while somebody types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flask import flash, redirect, render_template, request, url_for
from wtforms import HiddenField, StringField
from wtforms.validators import Length

from segsync.actions import segment_counts
from segsync.actions import segments as actions
from segsync.actions.actor import Refused
from segsync.actions.segment_vocabulary import RulesRefused, checked, vocabulary
from segsync.actions.segments import LONGEST_NAME, Draft
from segsync.models import Segment, Workspace
from segsync.rules.segment_check import Problem, Vocabulary, check
from segsync.rules.segment_fields import COMPANY, Field, Sort
from segsync.rules.segment_rules import BadRules, Group, conditions, parse, read, segments_in
from segsync.rules.segment_words import operator_label, sentence
from segsync.rules.terms import SegmentKind
from segsync.web.forms import PageForm, typed
from segsync.web.frame import actor, db, runtime, show_refusal, workspace_or_404
from segsync.web.segments.blueprint import Answer, found, segments
from segsync.web.segments.shown import COLUMNS, flagged, name_of, reached, shower

MEMBERS: Final = ("people", "companies")
MOST_OFFERED: Final = 1_000
"""Segments offered to be asked for; a workspace with more needs other means."""


class SegmentForm(PageForm):
    """A segment's name and rules. The rules are a tree as JSON that the script keeps."""

    name = StringField("Name", [Length(max=LONGEST_NAME, message=f"A name can have {LONGEST_NAME} characters.")])
    rules = HiddenField()
    version = HiddenField()


@segments.route("/new", methods=["GET", "POST"])
def new(workspace_id: int) -> Answer:
    """A new segment with rules, or a new static list."""
    workspace = workspace_or_404(workspace_id)
    members = request.args.get("members", "people")
    members = members if members in MEMBERS else "people"
    kind = SegmentKind.LIST if request.args.get("kind") == "list" else SegmentKind.RULE
    form = SegmentForm()
    problems: Sequence[Problem] = ()
    if form.validate_on_submit():
        try:
            draft = Draft(typed(form.name), members, kind, _rules(form))
            made = actions.create(db(), actor(), workspace, draft, now=runtime().clock())
        except Refused as refusal:
            problems = _refuse(form, refusal)
        else:
            db().commit()
            flash(f"The segment {made.name} was made.")
            return redirect(url_for("segments.show", workspace_id=workspace.id, segment_id=made.id))
    return _page(form, workspace, members, kind, problems=problems)


@segments.route("/<int:segment_id>/edit", methods=["GET", "POST"])
def edit(workspace_id: int, segment_id: int) -> Answer:
    """Another name, or other rules."""
    workspace, segment = found(workspace_id, segment_id)
    if segment.kind == SegmentKind.WAREHOUSE:
        return redirect(url_for("segments.warehouse_source", workspace_id=workspace.id, segment_id=segment.id))
    form = SegmentForm(data={"name": segment.name, "rules": _json(segment), "version": str(segment.version)})
    problems: Sequence[Problem] = ()
    if form.validate_on_submit():
        try:
            draft = Draft(typed(form.name), rules=_rules(form), version=_version(form))
            actions.change(db(), actor(), workspace, segment.id, draft, now=runtime().clock())
        except Refused as refusal:
            problems = _refuse(form, refusal)
        else:
            db().commit()
            flash(f"The segment {segment.name} was changed.")
            return redirect(url_for("segments.show", workspace_id=workspace.id, segment_id=segment.id))
    return _page(form, workspace, segment.members, SegmentKind(segment.kind), segment=segment, problems=problems)


@segments.post("/preview")
def preview(workspace_id: int) -> str:
    """Beside the editor: the rules as a sentence, how many, a few of them, and who can be reached."""
    workspace = workspace_or_404(workspace_id)
    members = request.args.get("members", "people")
    members = members if members in MEMBERS else "people"
    own_id = request.args.get("segment", type=int)
    known = vocabulary(db(), workspace, members, now=runtime().clock(), own_id=own_id)
    parts: dict[str, Any] = {"flagged": flagged(request.form.get("name", "")), "members": members, "problems": []}
    try:
        rules = parse(request.form.get("rules", ""))
    except BadRules as bad:
        return render_template("segments/_preview.html", refusal=str(bad), **parts)
    canonical, problems = check(rules, known)
    parts |= {"told": sentence(canonical, known), "problems": _placed(problems)}
    if problems:
        return render_template("segments/_preview.html", **parts)
    try:
        checked(db(), workspace, rules, known, own_id)
    except Refused as refused:
        return render_template("segments/_preview.html", refusal=refused.message, **parts)
    seen = segment_counts.preview(db(), workspace, members, canonical, runtime().clock())
    return render_template("segments/_preview.html", seen=seen, **parts, **sample_parts(members, seen))


def sample_parts(members: str, seen: segment_counts.Preview) -> dict[str, Any]:
    """What the templates of sample and reach need."""
    return {"columns": COLUMNS[members], "show": shower(members), "name_of": name_of, "reached": reached(seen.reach)}


def _rules(form: SegmentForm) -> Group:
    try:
        return parse(typed(form.rules))
    except BadRules as bad:
        raise Refused(str(bad), field="rules") from None


def _version(form: SegmentForm) -> int | None:
    given = typed(form.version)
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else None  # noqa: PLR2004 - 64 bits


def _refuse(form: SegmentForm, refusal: Refused) -> Sequence[Problem]:
    show_refusal(form, refusal)
    return refusal.problems if isinstance(refusal, RulesRefused) else ()


def _page(
    form: SegmentForm,
    workspace: Workspace,
    members: str,
    kind: SegmentKind,
    *,
    segment: Segment | None = None,
    problems: Sequence[Problem] = (),
) -> Answer:
    known = vocabulary(db(), workspace, members, now=runtime().clock(), own_id=segment.id if segment else None)
    page = render_template(
        "segments/editor.html",
        form=form,
        members=members,
        kind=kind.value,
        segment=segment,
        words=words(known, _asked(typed(form.rules))),
        problems=_placed(problems),
    )
    return page, 422 if form.failed else 200


def _json(segment: Segment) -> str:
    return read(segment.rules).model_dump_json()


def _asked(rules: str) -> Group:
    try:
        return parse(rules)
    except BadRules:
        return Group()


def _placed(problems: Sequence[Problem]) -> list[dict[str, str]]:
    return [{"at": ".".join(map(str, each.at)), "message": each.message} for each in problems]


def words(known: Vocabulary, rules: Group) -> dict[str, Any]:
    """What the script offers: fields with their comparisons, and segments. What was put away stays where it is asked for."""
    asked = {each.field for _, each in conditions(rules)}
    fields = [each for each in known.fields.values() if not each.archived or each.name in asked]
    used = set(segments_in(rules))
    offered = [number for number in known.segments if number not in known.barred][:MOST_OFFERED]
    offered += [number for number in known.segments if number in used and number not in offered]
    return {
        "fields": [_field(each, known) for each in fields],
        "segments": {
            who: [
                [str(number), known.segments[number]]
                for number in offered
                if (number in known.segments_of_companies) == companies
            ]
            for who, companies in (("people", False), ("companies", True))
        },
    }


def _field(field: Field, known: Vocabulary) -> dict[str, Any]:
    of_companies = known.members == "companies" or field.name.startswith(COMPANY)
    return {
        "name": field.name,
        "label": field.label + (" (put away)" if field.archived else ""),
        "group": field.group,
        "sort": field.sort.value,
        "choices": field.choices if field.sort is not Sort.YES_NO else (("yes", "yes"), ("no", "no")),
        "segments": "companies" if of_companies else "people",
        "operators": [
            ["!" * negated + operator.value, operator_label(field.sort, operator, negated=negated), operator.values]
            for operator in field.operators
            for negated in (False, True)
        ],
    }
