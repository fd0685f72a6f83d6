"""Pages as tests read them."""

from __future__ import annotations


def text(response, status=200):
    assert response.status_code == status, response.text
    return " ".join(response.text.split())
