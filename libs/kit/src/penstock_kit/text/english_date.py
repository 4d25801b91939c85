"""English words for days, months, parts of the day and zones."""

from typing import Final

_SAME: Final = """
monday mon | tuesday tue | wednesday wed | thursday thu | friday fri | saturday sat | sunday sun | january jan
february feb
march mar | april apr | may | june jun | july jul | august aug | september sept sep | october oct | november nov
december dec
today | yesterday | tomorrow | tonight | now | currently current presently | latest | recent recently lately
am a.m | pm p.m | noon midday
midnight | morning | afternoon | evening | night | weekend | weekday | christmas | easter | summer | winter
spring season | autumn fall season
"""
_GROUPS: Final = [group.split() for line in _SAME.strip().splitlines() for group in line.split("|")]
DATE_WORDS: Final = {
    word: group[0]
    for group in _GROUPS
    for word in group
    # Words that are more often something else: "may", "march", "mar", "sun", "sat", "fall", "current", "season".
    if word not in {"may", "march", "mar", "sun", "sat", "mon", "fall", "spring", "current", "season", "now"}
}
"""What is a date wherever it stands."""

CAPITAL_MONTHS: Final = frozenset({"May", "March", "Mar", "Sun", "Sat", "Mon"})
"""What is a date with a capital, past the beginning of a sentence."""

PASSING_PHRASES: Final = (
    r"\b(?:right |just |by )?now\b|\bcurrently\b|\bpresently\b|\bat (?:the|this) moment\b|\bat present\b|\bas of\b|\bso far\b",  # noqa: E501
    r"\btoday(?:'s)?\b|\byesterday(?:'s)?\b|\btomorrow(?:'s)?\b|\btonight(?:'s)?\b|\bthis (?:morning|afternoon|evening)\b",  # noqa: E501
    r"\b(?:this|last|next|past|previous|coming) (?:\w+ )?(?:second|minute|hour|day|week|month|quarter|year|night|weekend|"  # noqa: E501
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday)s?\b",
    r"\b(?:latest|newest|most recent|recently|lately|up[- ]to[- ]date)\b|\breal[- ]time\b|\b(?:minutes?|hours?|days?|weeks?|months?) ago\b",  # noqa: E501
    r"\bsince (?:yesterday|monday|tuesday|wednesday|thursday|friday|saturday|sunday|this|last)\b|\bwhat time is it\b|\bwhat day is it\b",  # noqa: E501
    r"\bthe current (?:time|date|day|weather|price|status|state|value|temperature|pressure|version|reading|load|level|speed)s?\b",  # noqa: E501
    r"\bstill (?:running|open|on|off|active|online|down)\b|\b(?:weather|stock price|exchange rate|forecast|news)\b",
)
"""What makes the answer to a question true for a while only."""

ZONES: Final = frozenset(
    "utc gmt cet cest bst est edt cst cdt mst mdt pst pdt jst ist hkt sgt aest aedt msk eet eest wet west".split()  # noqa: SIM905
)
