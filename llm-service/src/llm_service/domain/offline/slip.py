"""Short words as they slip from the pen, too short to be told by their letters: "nite", "wich", "nd"."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Lexicon
from llm_service.domain.offline.query import Note, Remark
from llm_service.domain.offline.token import Token, TokenKind

_MOST: Final = 8
_SLIPS: Final = {
    slip: word
    for word, slips in {
        "night": "nite|nght|nigth|nihgt|ngiht",
        "which": "wich|whch|whcih|wihch|whitch",
        "what": "wat|wht|waht|whta",
        "when": "wen|whn|wehn",
        "how": "hw|hwo",
        "and": "nd|adn",
        "was": "wsa|wuz",
        "did": "ddi",
        "many": "mny|mayn|meny",
        "much": "mch|mcuh|muhc",
        "with": "wiht|wth",
        "from": "frm|fomr",
        "between": "betwen|btween|bewteen|betwene",
        "about": "abt|abot",
        "hour": "huor|houer",
        "hours": "huors|houers",
        "than": "thn|tahn|thna",
        "have": "hve|hav|haev",
        "does": "deos",
        "above": "abov|abvoe|abve",
        "below": "belwo|belw",
        "over": "ovr|ovre",
        "under": "undr|udner",
        "machine": "mashine|machne|machin|maschine|mchine",
        "machines": "mashines|machnes|machins|mchines",
        "hottest": "hotest|hottst|hotttest",
        "hotter": "hoter|hottr",
        "coldest": "coldst|colest",
        "higher": "higer|highr|hihger",
        "lower": "lowr|lwoer",
        "morning": "mornig|mornin|moring|monring|mroning",
        "evening": "evning|evenig|eveing",
        "afternoon": "afternon|aftrnoon|afternnon|aftenoon",
        "running": "runing|runnin|runnning|runnig",
        "welding": "weldng|weldig|wleding|weldin",
        "stopped": "stoped|stoppd|stpped",
        "idle": "idel|iddle|idl",
        "working": "workin|workng|wroking",
        "longest": "longst|lognest|longets",
        "often": "oftn|offen|oftne",
    }.items()
    for slip in slips.split("|")
}


def correct_slips(
    tokens: Sequence[Token], words: Lexicon, known: Lexicon
) -> tuple[tuple[Token, ...], tuple[Note, ...]]:
    """Return `tokens` with the words meant in place of slips of the pen, and what was taken for what.

    Names of devices and fields, words that the lexicon has and what is glued to a number ("22nd") stay as they are; at
    most eight are put right.
    """
    corrected, notes = list(tokens), list[Note]()
    for at, token in enumerate(tokens):
        word = _SLIPS.get(token.text) if token.kind is TokenKind.WORD else None
        known_word = token.glued or token.text in words.words or token.text in known.words
        if word is None or known_word or token.raw[1:] != token.raw[1:].lower() or len(notes) >= _MOST:
            continue
        corrected[at] = replace(token, text=word)
        notes.append(Note(remark=Remark.READ_AS, words=(token.raw, word)))
    return tuple(corrected), tuple(notes)
