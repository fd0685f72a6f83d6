"""How an import finds whom its rows mean."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from segsync.actions.import_merge import Target, _by_index, _cursor, fitting
from tests.builders import make_organization, make_workspace


@pytest.mark.parametrize(
    ("subject", "indexes"),
    [
        (
            "contact",
            (
                "uq_contact_workspace_id_external_id",
                "ix_contact_workspace_id_email",
                "ix_contact_workspace_id_phone",
            ),
        ),
        (
            "company",
            ("uq_company_workspace_id_external_id", "uq_company_workspace_id_company_domain"),
        ),
    ],
    ids=["people", "companies"],
)
def test_people_are_found_by_the_index_of_each_identifier_whatever_the_planner_believes(session, subject, indexes):
    """A new workspace, of which the database knows nothing yet, is not read from end to end for every row."""
    workspace = make_workspace(session, make_organization(session))
    session.execute(text(f"analyze {subject}"))
    cursor, asked = _cursor(session), dict.fromkeys(("external_id", "email", "phone", "company_domain"), "[]")
    _by_index(cursor, alone=True)
    cursor.execute(f"explain {fitting(Target(workspace.id, subject, ()))}", {**asked, "without": [7]})
    plan = "\n".join(line for (line,) in cursor.fetchall())
    assert [index for index in indexes if f"using {index} on" in plan] == list(indexes)
    assert plan.count("Index Scan using") == len(indexes)
