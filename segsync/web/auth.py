"""Signing in and out, accepting an invitation, and one's own profile."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import EmailField, PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

from segsync.actions import browser_sessions, invitations, people, profile, signin
from segsync.actions.actor import Refused
from segsync.models import Person
from segsync.web.errors import Trouble, trouble_page
from segsync.web.forms import PageForm, typed
from segsync.web.frame import actor, db, me, runtime, safe_next, show_refusal, signed_in
from segsync.web.guard import begin_session, end_session, this_browser
from segsync.web.words import counted

auth = Blueprint("auth", __name__)

NOT_SAME = "The two passwords are not the same."
NEW_PASSWORD_HELP = f"At least {people.SHORTEST_PASSWORD} characters. Four or five unrelated words make a good one."
Answer = str | Response | tuple[str, int]


class SignInForm(PageForm):
    """E-mail and password."""

    email = EmailField("E-mail", [InputRequired("Type your e-mail address.")])
    password = PasswordField("Password", [InputRequired("Type your password.")])


class JoinForm(PageForm):
    """What an invited person says about themselves."""

    name = StringField("Your name", [InputRequired("Type your name."), Length(max=100)])
    password = PasswordField("Password", [InputRequired("Choose a password.")], description=NEW_PASSWORD_HELP)
    again = PasswordField(
        "The same password again", [InputRequired("Type it once more."), EqualTo("password", NOT_SAME)]
    )


class NameForm(PageForm):
    """One's own name."""

    name = StringField(
        "Your name", [InputRequired("A name is needed."), Length(max=100)], description="As colleagues see it."
    )


class PasswordForm(PageForm):
    """Another password for oneself."""

    current = PasswordField("Current password", [InputRequired("Type your current password.")])
    password = PasswordField("New password", [InputRequired("Choose a password.")], description=NEW_PASSWORD_HELP)
    again = PasswordField(
        "The new password again", [InputRequired("Type it once more."), EqualTo("password", NOT_SAME)]
    )


@auth.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Answer:
    """Lets a person in, and on to where they were going."""
    going_to = safe_next(request.args.get("next"), "/")
    if signed_in():
        return redirect(going_to)
    form = SignInForm()
    status = 200
    if form.validate_on_submit():
        try:
            begin_session(*signin.check(runtime(), _tried(form)))
        except Refused as refusal:
            show_refusal(form, refusal)
            status = 429 if isinstance(refusal, signin.TooManyTries) else 422
        else:
            return redirect(going_to)
    return render_template("auth/sign_in.html", form=form), status if status != 200 or not form.failed else 422  # noqa: PLR2004


@auth.post("/sign-out")
def sign_out() -> Response:
    """Ends the session of this browser."""
    end_session()
    response = redirect(url_for("auth.sign_in"))
    # what was seen is not to be had by going back
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@auth.route("/join/<token>", methods=["GET", "POST"])
def join(token: str) -> Answer:
    """An invited person gives a name and a password, and is in."""
    try:
        invitation = invitations.find(db(), token, runtime().clock())
    except Refused as refusal:
        return trouble_page(404, Trouble("This invitation cannot be used", refusal.message))
    form = JoinForm(name=invitation.name)
    if form.validate_on_submit():
        try:
            person = invitations.accept(db(), token, typed(form.name), typed(form.password), runtime().clock())
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            _begin_anew(person)
            return redirect("/")
    return render_template("auth/join.html", form=form, invitation=invitation), 422 if form.failed else 200


@auth.route("/profile")
def my_profile() -> Answer:
    """One's own name and password, and what one may do."""
    return _profile(NameForm(name=me().name), PasswordForm())


@auth.post("/profile/name")
def rename() -> Answer:
    """Another name for oneself."""
    form = NameForm()
    if form.validate_on_submit():
        try:
            profile.rename(db(), actor(), typed(form.name))
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            db().commit()
            flash("Your name was changed.")
            return redirect(url_for("auth.my_profile"))
    return _profile(form, PasswordForm(formdata=None))


@auth.post("/profile/password")
def change_password() -> Answer:
    """Another password for oneself. Other browsers are signed out, this one goes on."""
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            person = profile.change_password(
                db(), actor(), typed(form.current), typed(form.password), runtime().clock()
            )
        except Refused as refusal:
            show_refusal(form, refusal)
        else:
            _begin_anew(person)
            flash("Your password was changed. You are signed out everywhere else.")
            return redirect(url_for("auth.my_profile"))
    return _profile(NameForm(formdata=None, name=me().name), form)


@auth.post("/profile/browsers/<int:browser_id>/sign-out")
def sign_out_there(browser_id: int) -> Response:
    """Ends one's session in one other browser."""
    browser_sessions.end_one(db(), actor(), browser_id, runtime().clock())
    db().commit()
    flash("You are signed out there.")
    return redirect(url_for("auth.my_profile"))


@auth.post("/profile/browsers/sign-out")
def sign_out_elsewhere() -> Response:
    """Ends one's sessions in all other browsers."""
    ended = browser_sessions.end_others(db(), actor(), current_user.token, runtime().clock())
    db().commit()
    flash(f"You are signed out of {counted(ended, 'other browser')}." if ended else "You are signed in nowhere else.")
    return redirect(url_for("auth.my_profile"))


def _begin_anew(person: Person) -> None:
    """A session that begins with what was just done for the person, or not at all."""
    token = browser_sessions.begin(db(), person, this_browser(), runtime().clock())
    db().commit()
    begin_session(person, token)


def _profile(name_form: NameForm, password_form: PasswordForm) -> Answer:
    page = render_template(
        "auth/profile.html",
        name_form=name_form,
        password_form=password_form,
        browsers=browser_sessions.mine(db(), actor(), runtime().clock()),
        here=current_user.browser_id,
        at_most=browser_sessions.LISTED,
    )
    return page, 422 if name_form.failed or password_form.failed else 200


def _tried(form: SignInForm) -> signin.SignIn:
    return signin.SignIn(typed(form.email), typed(form.password), request.remote_addr or "", this_browser())
