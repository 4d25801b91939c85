"""Names that people take for one another, and names that they do not."""

import pytest

from gateway.auth.look_alikes import looks_of


def alike(first: str, second: str) -> bool:
    return not looks_of(first).isdisjoint(looks_of(second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Henrik", "HENRIK"),
        ("Ian", "lan"),
        ("ada1", "adal"),
        ("bernd", "bemd"),
        ("0tto", "Otto"),
        ("o'neil", "o\u2019neil"),
        ("anna-maria", "anna\u2013maria"),
        ("ann_o", "ann\u203fo"),
        ("a\u00b7b", "a\u2022b"),
        ("ioni\u021b\u0103", "ioni\u0163\u0103"),
        ("\u0638\u0627\u0647\u0631", "\u0638\u0627\u06be\u0631"),
        ("\u0639\u0644\u06cc", "\u0639\u0644\u064a"),
        ("\u06a9\u0631\u06cc\u0645", "\u0643\u0631\u064a\u0645"),
        ("\u0645\u062d\u0645\u062f", "\u0645\u062d\u0640\u0645\u062f"),
        ("\u0634\u0627\u062f", "\u0633\u06db\u0627\u062f"),
        ("\u0e41\u0e14\u0e07", "\u0e40\u0e40\u0e14\u0e07"),
        ("\u0e01\u0e38\u0e33", "\u0e01\u0e4d\u0e38\u0e32"),
        ("\u0e19\u0e49\u0e33", "\u0e19\u0e4d\u0e49\u0e32"),
        ("\u0e01\u0e49\u0e32", "\u0e01\u0e49\u0e49\u0e32"),
        ("\u0ec1\u0e81\u0ec9\u0ea7", "\u0ec0\u0ec0\u0e81\u0ec9\u0ea7"),
        ("\u0edc\u0eb9", "\u0eab\u0e99\u0eb9"),
        ("\u0958\u0932\u092e", "\u0915\u093c\u0932\u092e"),
        ("\u0915\u093f\u093c", "\u0915\u093c\u093f"),
        ("\u0906\u0936\u093e", "\u0905\u093e\u0936\u093e"),
        ("\u0913\u092e", "\u0905\u093e\u0947\u092e"),
        ("\u1781\u17d2\u178f\u17b6", "\u1781\u17d2\u178a\u17b6"),
        ("\u30ab\u7530", "\u529b\u7530"),
        ("\u30da\u30fc\u30bf", "\u307a\u30fc\u30bf"),
        ("\u503c", "\u5024"),
        ("\u05d9\u05d9", "\u05f2"),
    ],
)
def test_names_that_look_the_same_are_one(first: str, second: str) -> None:
    assert first != second
    assert alike(first, second)
    assert alike(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ada", "adb"),
        ("ada1", "ada2"),
        ("anna", "anne"),
        ("ren\u00e9", "ren\u00e8"),
        ("\u0e14\u0e32\u0e27", "\u0e15\u0e32\u0e27"),
        ("\u0e19\u0e49\u0e33", "\u0e19\u0e49\u0e32"),
        ("\u0639\u0644\u06cc", "\u0639\u0645\u0631"),
        ("\u091c\u092f", "\u0935\u093f\u091c\u092f"),
        ("\u5f20\u4f1f", "\u5f20\u8587"),
        ("\uae40\ucca0\uc218", "\uae40\ucca0\uc6b0"),
    ],
)
def test_names_that_people_tell_apart_are_two(first: str, second: str) -> None:
    assert not alike(first, second)


@pytest.mark.parametrize("name", ["ada", "\u0e41\u0e14\u0e07", "\u0639\u0644\u06cc", "\u30ab\u7530"])
def test_a_name_looks_like_itself(name: str) -> None:
    assert alike(name, name)
