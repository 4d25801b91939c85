"""InfluxDB's line protocol: what a line means, what is refused, and that reading is linear."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_service.domain.ingest.line_protocol import LineError, PointParser
from feature_service.domain.ingest.precision import BY_SIZE, micros_of_all, nanoseconds_of, unit_of
from feature_service.domain.model.device import MAX_FIELDS
from penstock_kit.errors import InvalidArgument


def read(text):
    """Each point as (measurement, tags, fields, time), each refused line as its reason, by line."""
    found = {}
    for line, point in PointParser(text).points():
        if isinstance(point, LineError):
            found[line] = str(point)
        else:
            found[line] = (point.series.measurement, dict(point.series.tags), dict(point.fields), point.time)
    return found


def one(line):
    return read(line)[1]


def test_a_line_is_measurement_tags_fields_and_time():
    line = 'weld,device=d1,site=a current=182.5,count=3i,total=7u,on=true,off=F,note="ok" 1714557600000000000'
    fields = {"current": 182.5, "count": 3.0, "total": 7.0, "on": 1.0, "off": 0.0, "note": "ok"}
    assert one(line) == ("weld", {"device": "d1", "site": "a"}, fields, 1714557600000000000)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *((text, 1.0) for text in ("t", "T", "true", "True", "TRUE")),
        *((text, 0.0) for text in ("f", "F", "false", "False", "FALSE")),
    ],
)
def test_a_truth_value_is_read_in_each_of_the_five_ways_to_write_it(written, value):
    assert one(f"m v={written} 1")[2] == {"v": value}
    assert isinstance(one(f"m v={written}x 1"), str)


def test_the_order_of_tags_does_not_matter():
    assert one("m,a=1,b=2 v=1 1")[1] == one("m,b=2,a=1 v=1 1")[1]


# What InfluxDB reads of each.
ESCAPES = [
    (r"m\ x,device=d v=1", ("m x", {"device": "d"}, {"v": 1.0}, None)),
    (r"m\,x,device=d v=1", ("m,x", {"device": "d"}, {"v": 1.0}, None)),
    (r"m=x,device=d v=1", ("m=x", {"device": "d"}, {"v": 1.0}, None)),
    (r"m,device=d\ 1 v=1", ("m", {"device": "d 1"}, {"v": 1.0}, None)),
    (r"m,device=d\,1 v=1", ("m", {"device": "d,1"}, {"v": 1.0}, None)),
    (r"m,device=d\=1 v=1", ("m", {"device": "d=1"}, {"v": 1.0}, None)),
    (r"m,de\ vice=d v=1", ("m", {"de vice": "d"}, {"v": 1.0}, None)),
    (r"m,de\,vice=d v=1", ("m", {"de,vice": "d"}, {"v": 1.0}, None)),
    (r"m,de\=vice=d v=1", ("m", {"de=vice": "d"}, {"v": 1.0}, None)),
    (r"m,device=d\n1 v=1", ("m", {"device": r"d\n1"}, {"v": 1.0}, None)),
    (r"m,device=a\b v=1", ("m", {"device": r"a\b"}, {"v": 1.0}, None)),
    (r"m,device=a\\b v=1", ("m", {"device": r"a\\b"}, {"v": 1.0}, None)),
    (r"m,device=a\\,b=1 v=1", "not written as name=value"),
    (r"m,device=a\  v=1", ("m", {"device": "a "}, {"v": 1.0}, None)),
    ("m,device=a\\ v=1", "not written as name=value"),
    ("m,device=a\\,b=2 v=1", "not written as name=value"),
    (r'm,device="d" v=1', ("m", {"device": '"d"'}, {"v": 1.0}, None)),
    (r'"m",device=d v=1', ('"m"', {"device": "d"}, {"v": 1.0}, None)),
    (r'm,device=d "v"=1', ("m", {"device": "d"}, {'"v"': 1.0}, None)),
    (r"m,device=d v\ 1=1", ("m", {"device": "d"}, {"v 1": 1.0}, None)),
    (r"m,device=d v\,1=1", ("m", {"device": "d"}, {"v,1": 1.0}, None)),
    (r"m,device=d v\=1=1", ("m", {"device": "d"}, {"v=1": 1.0}, None)),
    (r'm,device=d v="a b,c=d"', ("m", {"device": "d"}, {"v": "a b,c=d"}, None)),
    (r'm,device=d v="a\"b"', ("m", {"device": "d"}, {"v": 'a"b'}, None)),
    (r'm,device=d v="a\\b"', ("m", {"device": "d"}, {"v": r"a\b"}, None)),
    (r'm,device=d v="a\\"', ("m", {"device": "d"}, {"v": "a\\"}, None)),
    (r'm,device=d v="a\nb"', ("m", {"device": "d"}, {"v": r"a\nb"}, None)),
    (r'm,device=d v="a\,b"', ("m", {"device": "d"}, {"v": r"a\,b"}, None)),
    (r'm,device=d v=""', ("m", {"device": "d"}, {"v": ""}, None)),
    (r'm,device=d v="a"x', "after a text comes a comma or a space"),
    ("  m,device=d   v=1   5  \r", ("m", {"device": "d"}, {"v": 1.0}, 5)),
    ("m,device=ä v=1", ("m", {"device": "ä"}, {"v": 1.0}, None)),
]


@pytest.mark.parametrize(("line", "expected"), ESCAPES)
def test_escapes_mean_what_they_do_to_influxdb(line, expected):
    assert expected in one(line) if isinstance(expected, str) else one(line) == expected


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("m,device=d", "no field"),
        ("m,device=d ", "no field"),
        (",device=d v=1", "no measurement"),
        ("m,device= v=1", "not written as name=value"),
        ("m,device v=1", "not written as name=value"),
        ("m,a=1,a=2 v=1", "tag 'a' is given twice"),
        ("m,device=d v", "not written as name=value"),
        ("m,device=d v=", "no value"),
        ("m,device=d =1", "not written as name=value"),
        ("m,device=d v=nan", "no value"),
        ("m,device=d v=inf", "no value"),
        ("m,device=d v=1_000", "no value"),
        ("m,device=d v=0x10", "no value"),
        ("m,device=d v=٣", "no value"),
        ("m,device=d v=1e400", "too large"),
        ("m,device=d v=text", "no value"),
        ("m,device=d v=9223372036854775808i", "out of the range"),
        ("m,device=d v=-1u", "out of the range"),
        ("m,device=d v=18446744073709551616u", "out of the range"),
        ("m,device=d v=9007199254740993i", "does not hold"),
        ("m,device=d v=9007199254740993u", "does not hold"),
        ("m,device=d v=1 2024-05-01", "no whole number"),
        ("m,device=d v=1 1 2", "no whole number"),
        ("m,device=d v=1 99999999999999999999", "no whole number"),
        ('m,device=d v="open', "quote is left open"),
        ('m,device=d v="a\0b"', "NUL"),
        ("m,device=d v=1\udcff", "UTF-8"),
    ],
)
def test_a_line_that_is_no_point_is_refused_with_what_is_wrong(line, why):
    assert why in one(line)


def test_whole_numbers_that_a_double_holds_are_kept_exactly():
    assert one("m,device=d a=9007199254740992i,b=9223372036854774784i,c=18446744073709549568u")[2] == {
        "a": 2.0**53,
        "b": 2.0**63 - 1024,
        "c": 2.0**64 - 2048,
    }


def test_blank_lines_and_comments_are_no_points_and_are_counted_as_lines():
    assert list(read("\n# m v=1\n\n  \r\nm,device=d v=1\n   # x\nbad\n")) == [5, 7]


def test_a_line_break_within_a_text_does_not_end_the_line():
    found = read('m,device=d a="one\ntwo",b="three\n\nfour" 1\nm,device=d a="x" 2\nbad')
    assert found[1] == ("m", {"device": "d"}, {"a": "one\ntwo", "b": "three\n\nfour"}, 1)
    assert found[5][3] == 2
    assert list(found) == [1, 5, 6]


def test_a_quote_outside_of_field_values_opens_nothing():
    found = read('m,device=1" v=1 1\nm,device=d v=2 2\n"m,device=d v=3 3\n')
    assert [point[3] for point in found.values()] == [1, 2, 3]


def test_an_open_quote_costs_its_own_line_alone():
    found = read('m,device=d a="open 1\n' + "".join(f'm,device=d a="x" {number}\n' for number in range(2, 5)))
    assert "quote is left open" in found[1]
    assert [found[line][3] for line in (2, 3, 4)] == [2, 3, 4]


HARD = ('m,device=d a="open', "m" + "\\," * 50, "m," + "a=b," * 50, "m,device=d " + "v=1," * 50)


@pytest.mark.parametrize("line", [*HARD, '"' * 100, "\\" * 100, "=" * 100])
def test_reading_takes_a_time_that_grows_with_the_size_alone(line):
    def seconds(lines):
        begun = time.process_time()
        for _ in PointParser(f"{line}\n" * lines).points():
            pass
        return time.process_time() - begun

    seconds(100)
    assert seconds(4000) < 0.5 + 40 * seconds(400)


@given(st.text(alphabet=st.sampled_from('m,=\\ "\n#a1iu.-'), max_size=200))
def test_any_text_is_points_and_refused_lines(text):
    found = read(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in found)


name = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8).filter(
    lambda text: not text.endswith("\\") and text.strip() == text and not text.startswith("#")
)


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)


@given(measurement=name, tag=name, value=name, field=name, text=texts)
def test_names_and_texts_that_are_escaped_come_back(measurement, tag, value, field, text):
    def escaped(given, marks):
        return "".join(f"\\{mark}" if mark in marks else mark for mark in given)

    written = text.replace("\\", "\\\\").replace('"', '\\"')
    line = (
        f"{escaped(measurement, ', ')},{escaped(tag, ',= ')}={escaped(value, ',= ')}"
        f' {escaped(field, ",= ")}="{written}" 5'
    )
    found = list(PointParser(line).points())
    assert [number for number, _ in found] == [1]
    point = found[0][1]
    assert (point.series.measurement, dict(point.series.tags), dict(point.fields), point.time) == (
        measurement, {tag: value}, {field: text}, 5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("precision", "nanoseconds"),
    [
        *((text, 1) for text in ("", "n", "ns", "nanosecond", "nanoseconds")),
        *((text, 10**3) for text in ("u", "us", "µ", "µs", "microsecond", "microseconds")),
        *((text, 10**6) for text in ("ms", "millisecond", "milliseconds")),
        *((text, 10**9) for text in ("s", "second", "seconds")),
        ("m", 60 * 10**9),
        ("h", 3600 * 10**9),
    ],
)
def test_every_spelling_of_a_unit_is_known(precision, nanoseconds):
    assert nanoseconds_of(precision) == nanoseconds


@pytest.mark.parametrize("precision", ["d", "S", "sec", "nss", "1"])
def test_another_unit_is_refused(precision):
    with pytest.raises(InvalidArgument, match="precision is"):
        nanoseconds_of(precision)


SIZES = [
    (1_714_557_600, 10**9),
    (5 * 10**9 - 1, 10**9),
    (5 * 10**9, 10**6),
    (5 * 10**12 - 1, 10**6),
    (5 * 10**12, 10**3),
    (5 * 10**15 - 1, 10**3),
    (5 * 10**15, 1),
    (2**63 - 1, 1),
]


@pytest.mark.parametrize(
    ("time", "unit"), [*SIZES, *((-time, unit) for time, unit in SIZES), (-(2**63), 1), (0, 10**9)]
)
def test_times_of_no_named_unit_tell_it_by_their_size_alone_or_among_others(time, unit):
    assert nanoseconds_of("auto") == BY_SIZE
    assert unit_of(time, BY_SIZE) == unit
    assert micros_of_all(np.array([1, time, 10**18]), BY_SIZE).tolist() == [10**6, time * unit // 1_000, 10**15]
    assert unit_of(time, 60) == 60


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("m,{many} f=1", "tags"),
        ("m {many}", "fields"),
        ('m text="a",{many}', "fields"),
        ("m a\\ b=1,{many}", "fields"),
    ],
)
def test_a_line_of_more_fields_or_tags_than_a_device_may_have_is_not_read_to_its_end(line, what):
    many = ",".join(f"n{number}={number}" for number in range(MAX_FIELDS))
    unread = line.format(many=f"{many},last=1,=wrong")
    with pytest.raises(LineError, match=f"more than the {MAX_FIELDS} {what}"):
        PointParser("").point(unread)
    few = PointParser("").point(f"m,{many} {many}")
    assert len(few.fields) == len(few.series.tags) == MAX_FIELDS
