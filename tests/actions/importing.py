"""Imports as tests look at them: who is here afterwards, what was counted, and which rows came back."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from sqlalchemy import select

from segsync.models import Contact

HEADER = "email,first_name,phone,external_id\n"


def people(session, *columns):
    columns = columns or ("email", "first_name", "phone", "external_id")
    return session.execute(select(*(getattr(Contact, name) for name in columns)).order_by(Contact.id)).all()


def counts(job):
    return job.rows_created, job.rows_updated, job.rows_unchanged, job.rows_rejected


def rejected(job):
    """What a person sees who opens the file of rejected rows: line, reason and cells of each."""
    if not job.rejects_path:
        return []
    return list(csv.reader(io.StringIO(Path(job.rejects_path).read_text("utf-8-sig"))))[1:]
