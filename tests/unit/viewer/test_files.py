import os

import pytest

from goop2_core.errors import Refused
from goop2_core.viewer.files import Part, _open, etag_of, matches, part_of

TAG = etag_of((1, 10, 3))
RANGES = [
    ("", None),
    ("bytes=0-0", Part(0, 1)),
    ("bytes=0-9", Part(0, 10)),
    ("bytes=0-", Part(0, 10)),
    ("bytes=9-", Part(9, 1)),
    ("bytes=3-5", Part(3, 3)),
    ("bytes=3-500", Part(3, 7)),
    ("bytes=-3", Part(7, 3)),
    ("bytes=-500", Part(0, 10)),
    ("BYTES = 1-2", None),
    ("Bytes=1-2", Part(1, 2)),
    ("bytes= 1 - 2 ", Part(1, 2)),
    ("bytes=5-3", None),
    ("bytes=-", None),
    ("bytes=1-2,4-5", None),
    ("bytes=a-b", None),
    ("bytes=--1", None),
    ("items=0-1", None),
    ("bytes=\u0661-2", None),
    ("bytes=0-" + "9" * 50, None),
    ("bytes=10-", 416),
    ("bytes=10-20", 416),
    ("bytes=-0", 416),
    ("bytes=999999999999999999-", 416),
]


@pytest.mark.parametrize(("header", "expected"), RANGES)
def test_ranges(header, expected):
    headers = {"Range": header} if header else {}
    if expected == 416:
        with pytest.raises(Refused) as refused:
            part_of(headers, 10, TAG)
        assert refused.value.status == 416
    else:
        assert part_of(headers, 10, TAG) == expected


def test_an_empty_file_has_no_ranges():
    for header in ("bytes=0-", "bytes=0-0", "bytes=-1"):
        with pytest.raises(Refused):
            part_of({"Range": header}, 0, TAG)


def test_a_range_of_another_state_is_the_whole_file():
    assert part_of({"Range": "bytes=0-1", "If-Range": TAG}, 10, TAG) == Part(0, 2)
    assert part_of({"Range": "bytes=0-1", "If-Range": '"other"'}, 10, TAG) is None
    assert part_of({"Range": "bytes=0-1", "If-Range": f"W/{TAG}"}, 10, TAG) is None
    assert part_of({"Range": "bytes=0-1", "If-Range": "Mon, 23 Nov 2026 10:00:00 GMT"}, 10, TAG) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", False),
        (TAG, True),
        (f"W/{TAG}", True),
        (f'"x", {TAG}', True),
        ("*", True),
        ('"x"', False),
        (TAG[:-1], False),
    ],
)
def test_if_none_match(header, expected):
    assert matches(header, TAG) is expected


def test_a_pipe_that_took_a_files_place_keeps_nobody(tmp_path):
    os.mkfifo(tmp_path / "page.html")
    with pytest.raises(Refused, match="changed"):
        _open(tmp_path / "page.html", (1, 10, 3))
