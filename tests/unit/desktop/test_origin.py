"""Where a page may go."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QUrl

from goop2_desktop.web.origin import Leads, leads, origin_of, site_address, without_token

OWN = "http://k51own.localhost:8080"


@pytest.mark.parametrize(
    ("url", "where"),
    [
        (f"{OWN}/page", Leads.STAY),
        ("HTTP://K51OWN.LOCALHOST:8080/x", Leads.STAY),
        ("about:blank", Leads.STAY),
        (f"blob:{OWN}/1234", Leads.STAY),
        ("http://k51other.localhost:8080/", Leads.PEER),
        ("http://k51own.localhost:9090/", Leads.PEER),
        ("http://127.0.0.1:8080/p/12D3KooW/", Leads.PEER),
        ("goop2:12D3KooW/garden", Leads.PEER),
        ("goop2://12D3KooW/garden", Leads.PEER),
        ("https://example.org/", Leads.OUTSIDE),
        ("http://k51own.localhost.example.org:8080/", Leads.OUTSIDE),
        ("https://own@example.org/", Leads.OUTSIDE),
        ("mailto:bob@example.org", Leads.OUTSIDE),
        ("https://k51own.localhost:8080/", Leads.NOWHERE),
        ("http://127.0.0.1:8081/?token=x", Leads.NOWHERE),
        ("http://localhost/", Leads.NOWHERE),
        ("http://[::1]:631/", Leads.NOWHERE),
        ("file:///etc/passwd", Leads.NOWHERE),
        ("javascript:alert(1)", Leads.NOWHERE),
        ("chrome://version", Leads.NOWHERE),
        ("view-source:http://x/", Leads.NOWHERE),
        ("ftp://example.org/", Leads.NOWHERE),
        ("tel:112", Leads.NOWHERE),
        ("", Leads.NOWHERE),
        ("http://", Leads.NOWHERE),
    ],
)
def test_where_a_navigation_leads(url, where):
    assert leads(QUrl(url), OWN) is where


def test_a_page_without_an_origin_stays_nowhere():
    assert leads(QUrl("http://"), "") is Leads.NOWHERE
    assert leads(QUrl("http://a.localhost:1/"), "") is Leads.PEER


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://A.localhost:80/x", "http://a.localhost"),
        ("http://a.localhost:8080/x?y#z", "http://a.localhost:8080"),
        ("https://a:443/", "https://a"),
        ("data:text/html,x", ""),
    ],
)
def test_origins(url, origin):
    assert origin_of(QUrl(url)) == origin


def test_addresses_have_no_token_and_keep_the_rest():
    url = QUrl(f"{OWN}/garden/a%20b.html?x=1&goop-token=secret&y=2#part")
    assert "secret" not in without_token(url).toString()
    assert site_address("12D3", url) == "goop2:12D3/garden/a%20b.html?x=1&y=2#part"
    assert site_address("12D3", QUrl(f"{OWN}/?goop-token=secret")) == "goop2:12D3"
    assert site_address("12D3", QUrl(f"{OWN}/?q=1")) == "goop2:12D3/?q=1"
    assert site_address("12D3", QUrl(f"{OWN}/#part")) == "goop2:12D3/#part"
