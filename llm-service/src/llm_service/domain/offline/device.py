"""Which devices a question speaks of: by code, by name, by number, all of them, all but some."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from llm_service.domain.offline.another_asked import asks_another
from llm_service.domain.offline.device_number import NumberedDevices
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import number_at
from llm_service.domain.offline.query import DeviceReference
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import TokenKind
from llm_service.domain.offline.words_shop import SHOP

NONE_NUMBERED: Mapping[int, NumberedDevices] = MappingProxyType({})
_NO_CODE: Final = ("utc", "gmt", "iso8601", "utf-8", "utf8", "co2", "h2o", "mp3", "ipv4", "ipv6", "sha256", "o2", "m3")
# Lengths to the second and third power are units, not codes.
_POWERS: Final = frozenset(
    f"{length}{power}" for length in ("mm", "cm", "dm", "m", "in", "ft", "yd") for power in (2, 3)
)
_MOST: Final = 100
_LINKS: Final = frozenset({"to", "through", "-", "–", "至", "到"})
_ANY: Final = frozenset({"有没有", "是否有", "有无", "有"})
_ANYTHING: Final = frozenset({"anything", "anyone", "everything", "all of it"})
_SPAN: Final = 64
_NEAR: Final = 4
# Digits of the end of a code that is said alone.
_CODED: Final = 3
_ENDING: Final = frozenset({"?", "？", ".", "!", ",", "right now", "now", "this", "since", "in the last"})
_ALL_ENDING: Final = _ENDING | {
    ":",
    "：",
    "，",
    "。",
    "since",
    "from",
    "between",
    "for",
    "over",
    "in",
    "during",
    "until",
    "and",
}
_GROUPS: Final = frozenset(
    {
        "halls",
        "lines",
        "areas",
        "buildings",
        "sections",
        "plants",
        "两个车间",
        "两车间",
        "各车间",
        "各个车间",
        "每个车间",
        "两个厂房",
        "各厂房",
    }
)
_OUTSIDE: Final = frozenset({"outside", "outside of", "不在"})
_INSIDE: Final = frozenset(
    {"in", "within", "from", "of", "at", "part of", "belonging to", "在", "属于", "those in", "the ones in"}
)
_SHOP: Final = frozenset(
    {
        *("the whole shop", "whole shop", "the entire shop", "the whole plant", "whole plant", "the whole factory"),
        *("the entire plant", "the whole fleet", "全厂", "整个厂", "整个工厂", "全车间", "所有机子"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDevices:
    """Codes in the order of their mention, those left out, and devices named by a number or as all there are."""

    codes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    references: tuple[DeviceReference, ...] = ()
    everyone: bool = False
    by_group: bool = False
    others: bool = False
    another: str = ""


def find_devices(sentence: Sentence, numbered: Mapping[int, NumberedDevices] = NONE_NUMBERED) -> FoundDevices:
    """Return the devices of `sentence`, and mark their words; `numbered` are those listed by numbers, by their place.

    A code that is not known counts when it looks like one: a word with letters and digits, "WLD001", "valve1-0".
    """
    codes: dict[str, None] = {}
    left_out: dict[str, None] = {}
    references: dict[DeviceReference, None] = {}
    everyone = excluding = chosen = False
    by_group = _asks_group(sentence)
    for label in _labels(sentence) if by_group else ():
        references.setdefault(DeviceReference(number=0, label=label))
    for at in range(len(sentence)):
        if (listed := numbered.get(at)) is not None:
            each = (DeviceReference(number=number, excluded=listed.excluded or excluding) for number in listed.numbers)
            references.update(dict.fromkeys(each))
        elif (outside := _outside(sentence, at)) is not None:
            references.setdefault(outside[0])
            sentence.use(at, outside[1])
        elif sentence.has(at, Kind.EXCEPT):
            excluding = _names_device(sentence, sentence.skip(at + 1, (Kind.FILLER, Kind.DEVICE_WORD)))
            sentence.use(at, at + excluding)
        elif (code := _code(sentence, at)) and len(codes) < _MOST:
            (left_out if excluding else codes).setdefault(code)
            sentence.use(at, at + 1)
            for between in _span(sentence, at, code):
                codes.setdefault(between)
        elif (found := _reference(sentence, at)) is not None:
            references.setdefault(replace(found[0], excluded=excluding))
            sentence.use(*found[1])
        elif (group := _group(sentence, at)) is not None:
            chosen = chosen or sentence.has(group[1][0] - 1, Kind.OR)
            sentence.use(*group[1])
            more, end, either = _further(sentence, group[1][1])
            chosen = chosen or either
            references.update(dict.fromkeys((group[0], *more)))
            sentence.use(group[1][1], end)
        elif _everyone(sentence, at) or _counts_all(sentence, at):
            everyone = True
        elif not sentence.has(at, Kind.AND):
            excluding = excluding and any(sentence.has(at, kind) for kind in (Kind.DEVICE_WORD, Kind.FILLER))
    if not codes and not references and not everyone and not left_out:
        references.update(dict.fromkeys(_bare_numbers(sentence)))
    bare = not codes and not references
    placed = bool(references) and all(each.label and not each.excluded for each in references)
    another = asks_another(sentence) if (bare or (placed and not codes)) and not everyone else ""
    others = _asks_others(sentence) if bare and not another else False
    outside = any(each.excluded and not each.label for each in references)
    everyone = everyone or (outside and not codes and all(each.excluded for each in references))
    return FoundDevices(
        others=others,
        another=another,
        codes=tuple(codes),
        left_out=tuple(left_out),
        references=tuple(references),
        everyone=everyone or (bool(left_out) and not codes) or (by_group and not references and not codes),
        by_group=by_group or (chosen and len(references) > 1),
    )


def _bare_numbers(sentence: Sentence) -> list[DeviceReference]:
    """Machines by nothing but their numbers: "who used more, 1 or 3?", "anything wrong on 2 today?"."""
    asked = any(sentence.has(at, Kind.WHICH) for at in range(len(sentence)))
    for at in range(len(sentence)):
        first, second = _small(sentence, at - 1), _small(sentence, at + 1)
        linked = sentence.has(at, Kind.OR) or sentence.text(at) in {"vs", "versus"}
        if asked and linked and first and second and not _starts_time(sentence, at + 2):
            sentence.use(at - 1, at + 2)
            return [DeviceReference(number=first), DeviceReference(number=second)]
        behind = (
            at + 2 >= len(sentence) or sentence.text(at + 2) in _ENDING or Kind.DAY in sentence.lexeme_senses(at + 2)
        )
        if sentence.text(at) == "on" and second and behind:
            sentence.use(at, at + 2)
            return [DeviceReference(number=second)]
    return []


def _small(sentence: Sentence, at: int) -> int:
    """The whole number at `at` that may be a machine's, 0 for anything else."""
    digits = sentence.digits(at)
    return int(digits) if digits.isdecimal() and len(digits) < _CODED else 0


def _asks_others(sentence: Sentence) -> bool:
    """Whether those not spoken of before are asked for, and mark the word: "and the others?", "其他的呢"."""
    ends = {"?", "？", "呢", "的", ".", "。"}
    for at in range(len(sentence)):
        ended = all(sentence.text(place) in ends for place in range(at + 1, len(sentence)))
        if sentence.has(at, Kind.OTHERS) and ended:
            sentence.use(at, at + 1)
            return True
    return False


def _asks_group(sentence: Sentence) -> bool:
    """Whether a group is asked for: "which hall", "哪个车间", "per hall"; and mark its words."""
    for at in sentence.find(Kind.GROUP):
        each = sentence.has(at - 1, Kind.EVERY) or sentence.has(at - 1, Kind.ALL)
        before = at - 1 - (sentence.text(at - 1) in {"the", "of", "of the"})
        every = sentence.text(at) in _GROUPS
        asked = every or (sentence.has(before, Kind.WHICH) and sentence.text(before) != "what") or each
        if asked and not _is_label(sentence, at + 1):
            counted = every and (sentence.number(at - 1) == 2 or sentence.text(at - 1) in {"two", "both", "两个"})
            sentence.use(at - (each or counted), at + 1)
            return True
    return False


def _labels(sentence: Sentence) -> list[str]:
    """The groups there are to choose from, "A还是B", "A or B", and mark them."""
    found: list[str] = []
    for at in sentence.find(Kind.OR):
        first = at - 1 - sentence.has(at - 1, Kind.GROUP)
        pair = (first, at + 1)
        if all(0 <= each < len(sentence) and _is_letter(sentence, each) for each in pair):
            found += [sentence.raw(each).upper() for each in pair]
            sentence.use(first, at + 2 + sentence.has(at + 2, Kind.GROUP))
    return found


def _is_letter(sentence: Sentence, at: int) -> bool:
    raw = sentence.raw(at)
    return at not in sentence.used and len(raw) == 1 and (raw.isdecimal() or (raw.isascii() and raw.isalpha()))


def _names_device(sentence: Sentence, at: int) -> bool:
    return bool(_code(sentence, at)) or _reference(sentence, at) is not None


def _code(sentence: Sentence, at: int) -> str:
    known = sentence.senses(at).get(Kind.DEVICE)
    if isinstance(known, str) and not _is_any(sentence, at):
        return known
    if at in sentence.used or at >= len(sentence) or sentence.senses(at):
        return ""
    token = sentence.lexemes[at].tokens[0]
    word = token.text
    digits = any(character.isdecimal() for character in word)
    if token.kind is TokenKind.QUOTED:
        marked = sentence.has(at - 1, Kind.DEVICE_WORD) or sentence.text(at - 1) in {"named", "called"}
        return token.raw if marked else ""
    if token.kind is not TokenKind.WORD or not digits or word in _NO_CODE or word in _POWERS or _is_field(sentence, at):
        return ""
    return token.raw


def _is_any(sentence: Sentence, at: int) -> bool:
    """Whether a device's code is said as the word for all of them: "which machine", where one is called "machine"."""
    asked = (Kind.WHICH, Kind.EVERY, Kind.ALL, Kind.HOW_MANY)
    return sentence.has(at, Kind.DEVICE_WORD) and any(sentence.has(at - 1, kind) for kind in asked)


def _is_field(sentence: Sentence, at: int) -> bool:
    """ "mean Accelerometer1RMS of valve1-0": letters behind the digits before "of" make a field of it."""
    raw = sentence.lexemes[at].raw
    follows = sentence.text(at + 1) in {"of", "on", "for"}
    return raw[-1].isalpha() and raw[0].isalpha() and (follows or sentence.has(at - 1, Kind.STATISTIC))


def _span(sentence: Sentence, at: int, code: str) -> list[str]:
    """WLD001 to WLD004: the codes between two that differ in their last digits."""
    if sentence.text(at + 1) not in _LINKS:
        return []
    last = _code(sentence, at + 2)
    stem = code.rstrip("0123456789")
    if not last or last.rstrip("0123456789") != stem or len(last) != len(code) or not code[len(stem) :]:
        return []
    first_number, last_number = int(code[len(stem) :]), int(last[len(stem) :] or "0")
    if not first_number < last_number <= first_number + _SPAN:
        return []
    sentence.use(at + 1, at + 2)
    width = len(code) - len(stem)
    return [f"{stem}{number:0{width}d}" for number in range(first_number + 1, last_number)]


def _reference(sentence: Sentence, at: int) -> tuple[DeviceReference, tuple[int, int]] | None:
    """ "machine 2", "welder no. 3", "焊机1号", "2号焊机", "the second one", "第二台", "third machine"."""
    place = sentence.senses(at).get(Kind.ORDINAL)
    if isinstance(place, int):
        behind = at + 1
        if sentence.has(behind, Kind.TIME_UNIT):
            # "第三个小时" is no machine.
            return None
        one = sentence.text(behind) == "one" or sentence.has(behind, Kind.DEVICE_WORD)
        ended = sentence.text(at)[-1:] in {"台", "个"} or sentence.text(at).endswith("one")
        if one or ended:
            by_place = sentence.text(behind) == "one" or ended
            return DeviceReference(number=place, by_place=by_place), (at, behind + one)
    if sentence.has(at, Kind.DEVICE_WORD):
        hashed = at + 1 + (sentence.text(at + 1) in {"#", "no", "number", "no.", "nr"})
        hashed += sentence.text(hashed) == "."
        counted = number_at(sentence, hashed)
        if counted is not None and not counted[0] % 1 and not _starts_time(sentence, counted[1]):
            end = counted[1] + (sentence.text(counted[1]) in {"号", "号机", "#"})
            return DeviceReference(number=int(counted[0])), (at, end)
    digits = sentence.digits(at)
    if len(digits) == _CODED and digits.startswith("0") and not _starts_time(sentence, at + 1):
        # "Did 003 stop": the end of a code.
        return DeviceReference(number=int(digits)), (at, at + 1)
    counted = number_at(sentence, at)
    if counted is not None and sentence.text(counted[1]) in {"号", "#"} and not counted[0] % 1:
        after = sentence.skip(counted[1] + 1, (Kind.FILLER,))
        if sentence.has(after, Kind.DEVICE_WORD) or sentence.text(counted[1] + 1) == "机":
            return DeviceReference(number=int(counted[0])), (at, after + 1)
    return None


def _group(sentence: Sentence, at: int) -> tuple[DeviceReference, tuple[int, int]] | None:
    """ "Hall A", "in area 2", "A车间", "2号厅": the devices with that label."""
    if not sentence.has(at, Kind.GROUP):
        return None
    for value, span in ((at + 1, (at, at + 2)), (at - 1, (at - 1, at + 1)), (at - 2, (at - 2, at + 1))):
        between = value == at - 2 and sentence.text(at - 1) not in {"号", "#"}
        if value < 0 or value >= len(sentence) or value in sentence.used or between or not _is_label(sentence, value):
            continue
        plural = span[1] + sentence.has(span[1], Kind.DEVICE_WORD)
        return DeviceReference(number=0, label=sentence.raw(value)), (span[0], plural)
    return None


def _outside(sentence: Sentence, at: int) -> tuple[DeviceReference, int] | None:
    """ "Not in hall A", "outside hall A", "不在A车间", "除了A车间": those of a group are left out."""
    turned = sentence.has(at, Kind.EXCEPT) or sentence.text(at) in _OUTSIDE
    turned = turned or (sentence.has(at, Kind.NOT) and sentence.text(at + 1) in _INSIDE)
    for place in range(at + 1, at + 1 + _NEAR) if turned else ():
        if sentence.has(place, Kind.GROUP) and (found := _group(sentence, place)) is not None and found[1][0] > at:
            return replace(found[0], excluded=True), found[1][1]
        quiet = place in sentence.used or sentence.text(place) in _INSIDE or sentence.has(place, Kind.FILLER)
        if not quiet and not sentence.has(place, Kind.GROUP) and not _is_label(sentence, place):
            return None
    return None


def _further(sentence: Sentence, at: int) -> tuple[list[DeviceReference], int, bool]:
    """The labels that follow that of a group, "hall A and B", the place behind them, and whether one is chosen."""
    found: list[DeviceReference] = []
    either = False
    while any(sentence.has(at, kind) for kind in (Kind.AND, Kind.OR)) and _is_letter(sentence, at + 1):
        either = either or sentence.has(at, Kind.OR)
        found.append(DeviceReference(number=0, label=sentence.raw(at + 1).upper()))
        at += 2 + sentence.has(at + 2, Kind.GROUP)
    return found, at, either


def _is_label(sentence: Sentence, at: int) -> bool:
    """Whether a word is a value of a label: a letter, a number or an unknown word with a capital."""
    raw = sentence.raw(at)
    single = len(raw) == 1 and (raw.isupper() or raw.isdecimal() or (raw.isascii() and raw != "a" and raw.isalpha()))
    named = raw[:1].isupper() and raw.isascii() and not sentence.senses(at)
    return single or named or (sentence.number(at) is not None and float(sentence.number(at) or 0) % 1 == 0)


def _starts_time(sentence: Sentence, at: int) -> bool:
    return any(sentence.has(at, kind) for kind in (Kind.TIME_UNIT, Kind.UNIT, Kind.HALF, Kind.OCLOCK, Kind.ROWS))


def _everyone(sentence: Sentence, at: int) -> bool:
    """ "all devices", "every machine", "the four welders", "三台焊机", "所有设备", "每台"."""
    inside = _inside_shop(sentence, at)
    if inside or sentence.text(at) in _SHOP or sentence.text(at) in SHOP:
        sentence.use(at - sentence.text(at - 1).startswith("by"), at + 1 + inside)
        return True
    if sentence.text(at) in _ANYTHING and sentence.has(at + 1, Kind.STATE):
        # "Is anything down?"
        sentence.use(at, at + 1)
        return True
    each = sentence.has(at, Kind.EVERY) or sentence.text(at) in _ANY
    if each and sentence.has(at + 1, Kind.DEVICE_WORD):
        sentence.use(at, at + 2)
        return True
    if sentence.has(at, Kind.ALL):
        after = sentence.skip(at + 1, (Kind.FILLER, Kind.NUMBER, Kind.DIGIT))
        if sentence.number(after) is not None:
            after = sentence.skip(after + 1, (Kind.FILLER,))
        named = sentence.has(after, Kind.DEVICE_WORD)
        if named or sentence.text(at) in {"每台", "各台", "每一台", "all of them", "both"}:
            sentence.use(at, after + named)
            return True
    counted = number_at(sentence, at)
    if counted is not None and counted[0] >= 2 and sentence.has(counted[1], Kind.DEVICE_WORD):
        plural = sentence.senses(counted[1]).get(Kind.DEVICE_WORD) is True
        if plural:
            sentence.use(at, counted[1] + 1 + sentence.has(counted[1] + 1, Kind.DEVICE_WORD))
        return plural
    return False


def _counts_all(sentence: Sentence, at: int) -> bool:
    """ "All four", "all 4 of them" of which nothing else is named: every machine; and mark its words."""
    counted = number_at(sentence, at + 1) if sentence.has(at, Kind.ALL) else None
    if counted is None or counted[0] % 1 or not 2 <= counted[0] < _MOST:
        return False
    end = counted[1] + (sentence.text(counted[1]) in {"of them", "of", "of the"})
    end += end > counted[1] and sentence.text(end) in {"them", "those"}
    ended = end >= len(sentence) or sentence.text(end) in _ALL_ENDING or end > counted[1]
    timed = any(kind in sentence.lexeme_senses(end) for kind in (Kind.DAY, Kind.RELATIVE_PERIOD, Kind.LAST, Kind.PART))
    if not ended and not timed:
        return False
    sentence.use(at, end)
    return True


def _inside_shop(sentence: Sentence, at: int) -> bool:
    """ "车间里": in no hall of a name, which all machines are."""
    within = sentence.text(at) == "车间" and sentence.text(at + 1) in {"里", "内", "里面"}
    return within and not _is_label(sentence, at - 1)
