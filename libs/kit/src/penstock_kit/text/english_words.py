"""The English words that the reading of a text knows: plain data."""

from typing import Final

FILLERS: Final = frozenset(
    """
    a an the this that these those my your our his her its their me i we you he she they it us them one ones
    please kindly just also so then now really actually exactly simply some any such own there here
    do does did doing done be is are was were been being am have has had having will would shall should can could may
    might must get got let lets need needs needed want wants like know
    of for in on at as and or but if about up out regarding concerning via per each s ll d ve re m
    what which whose whats explain define describe tell meaning mean means meant stand stands state
    way ways correct proper best thing things use uses used using via when where who whom
    hello hi hey thanks thank
    """.split()  # noqa: SIM905 - a list of words is read more easily so
)

# A request begins with them; further on they are words like others.
REQUESTS: Final = frozenset("list name show give write tell explain describe define state provide print".split())  # noqa: SIM905
# What may stand before the verb of a request.
POLITE: Final = frozenset("please kindly can could would will you i we want need to like me a an the d".split())  # noqa: SIM905

NEGATIONS: Final = frozenset(
    "not no never without none neither nor cannot except excluding non nothing nobody nowhere unless lacks lack".split()  # noqa: SIM905
)

LINKS: Final = frozenset(
    "from to into than by with over before after against minus divided plus times versus vs between".split()  # noqa: SIM905
)

# Each line: the concept, then words of the same meaning in their base form.
SYNONYMS: Final = """
restart reboot
delete remove erase
change modify alter edit
create make generate build produce
install mount setup
configure set
adjust tune
update upgrade
decrease reduce lower diminish lessen
increase raise rise boost grow
maximum max highest largest greatest biggest peak top
minimum min lowest smallest least bottom
average avg
difference differ different distinguish differentiate
contact reach
quit exit
alarm alert
device equipment appliance
symptom sign indication
cost price fee charge
limit restriction bound cap
holiday vacation leave
summary summarise summarize
simple simply plain easy
lubricate grease
begin start commence launch
stop halt end terminate
fix repair mend
purpose function role
wifi wlan wireless
email mail
buy purchase
fast quick rapid
big large
show display
verify check
compute calculate
choose select pick
allow permit
error fault
picture image photo
author write
company firm business
employee staff
doctor physician
car automobile
help assist
store save keep
send transmit
support supports supported
requirement require
example sample
usually normally
house home
speed velocity
pump pumps
"""

IRREGULAR: Final = {
    "made": "make",
    "built": "build",
    "sent": "send",
    "wrote": "write",
    "written": "write",
    "took": "take",
    "taken": "take",
    "gave": "give",
    "given": "give",
    "kept": "keep",
    "found": "find",
    "shown": "show",
    "went": "go",
    "gone": "go",
    "ran": "run",
    "spoke": "speak",
    "spoken": "speak",
    "sold": "sell",
    "bought": "buy",
    "held": "hold",
    "began": "begin",
    "begun": "begin",
    "chose": "choose",
    "chosen": "choose",
    "drove": "drive",
    "broke": "break",
    "broken": "break",
    "lost": "lose",
    "fell": "fall",
    "fallen": "fall",
    "rose": "rise",
    "risen": "rise",
    "failure": "fail",
    "failures": "fail",
    "maintenance": "maintain",
    "inventor": "invent",
    "inventors": "invent",
    "invention": "invent",
    "paid": "pay",
    "payment": "pay",
    "said": "say",
    "saw": "see",
    "seen": "see",
    "thought": "think",
    "told": "tell",
    "knew": "know",
    "known": "know",
    "meant": "mean",
    "left": "left",
    "analyses": "analysis",
    "indices": "index",
    "criteria": "criterion",
    "data": "data",
    "children": "child",
    "people": "person",
    "men": "man",
    "women": "woman",
    "better": "better",
    "worse": "worse",
    "bus": "bus",
    "news": "news",
    "gas": "gas",
    "lens": "lens",
    "https": "https",
    "https's": "https",
    "dns": "dns",
    "tls": "tls",
    "authors": "author",
    "lubrication": "lubricate",
    "was": "be",
    "during": "during",
    "string": "string",
    "thing": "thing",
    "king": "king",
    "ring": "ring",
    "spring": "spring",
    "bearing": "bearing",
    "rating": "rating",
    "setting": "setting",
    "reading": "reading",
    "shipping": "shipping",
    "overfitting": "overfitting",
    "underfitting": "underfitting",
    "building": "building",
    "meeting": "meeting",
    "need": "need",
    "speed": "speed",
    "feed": "feed",
    "seed": "seed",
    "red": "red",
    "bed": "bed",
    "need to": "need",
}

# Rewritten before the words are read, in this order.
PHRASES: Final = (
    (r"\bwi[- ]fi\b|\bwireless (?:network|lan)\b", "wifi"),
    (r"\be-mails?\b", "email"),
    (r"\bset(?:ting)?[ -]up\b", "setup"),
    (r"\b(?:log|sign)(?:ged|ging)?[ -]?in(?:to)?\b|\blogin\b", "login"),
    (r"\b(?:log|sign)(?:ged|ging)?[ -]?out(?: of)?\b|\blogout\b", "logout"),
    (
        r"\b(turn|switch)(?:ed|ing|es|s)? (?:(.{1,40}?) )?on\b(?! (?:mon|tues|wednes|thurs|fri|satur|sun)day)",
        r"switchon \2",
    ),
    (r"\b(turn|switch)(?:ed|ing|es|s)? (?:(.{1,40}?) )?off\b", r"switchoff \2"),
    (r"\bturn(?:ed|ing)? (?:(.{1,40}?) )?down\b", r"decrease \1"),
    (r"\bturn(?:ed|ing)? (?:(.{1,40}?) )?up\b", r"increase \1"),
    (r"\broll(?:ing|ed)? ?(?:(.{1,40}?) )?back\b", r"rollback \1"),
    (r"\bget(?:ting)? in (?:touch|contact) with\b", "contact"),
    (r"\bget(?:ting)? rid of\b", "delete"),
    (r"\b(?:it |is |be )?possible to\b", "intentwhether"),
    (r"\bhow (?:frequently|often)\b", "intenthowoften"),
    (r"\bat what temperature (?:does|do|will) (\w+) boil\b", r"boiling point \1"),
    (r"\bwhat(?:'s| is| are| was) the (?:number|amount|count) of\b|\bhow (?:many|much)\b", "intenthowmany"),
    (r"\bis the number of (.{1,60}?) limited\b", r"intentwhether limit intenthowmany \1"),
    (r"\bis there a (limit|restriction|cap) (?:on|to|for) the number of\b", r"intentwhether limit intenthowmany"),
    (r"\bhow long (?:does|do|will|would) (.{1,80}?) last\b", r"intenthowlong \1"),
    (r"\bhow long\b|\bwhat(?:'s| is) the (?:length|duration|lifetime|lifespan|service life) of\b", "intenthowlong"),
    (r"\bwhat(?:'s| is) (?:the )?(\w+)'s (?:length|duration|lifetime|lifespan)\b", r"intenthowlong \1"),
    (r"\b(?:what(?:'s| is|'re| are) )?the reasons? (?:for|that|why|behind)?\b", "intentwhy "),
    (r"^\s*what (?:causes|makes) (.{1,80}?) to (\w+)", r"intentwhy \1 \2"),
    (r"\bwhy\b|\bhow come\b", "intentwhy"),
    (
        r"\b(?:what(?:'s| is| are| would be) )?the (?:(?:correct|right|best|proper|easiest|usual) )?"
        r"(?:way|ways|procedure|process|method|steps?|instructions?) (?:to|for|of)\b",
        "intenthow",
    ),
    (
        r"\b(?:what are )?ways to\b|\bsteps (?:to|for|of)\b|\binstructions (?:to|for)\b|\bin (?:which|what) way\b"
        r"|\bwhat (?:do|must|should) (?:i|we|you) (?:have to |need to )?do to\b|\bwhat is (?:needed|required|necessary) to\b",  # noqa: E501
        "intenthow",
    ),
    (
        r"\bwhere (?:can|do|could|should) (?:i|we|you|one) (?:find|see|look up|get)\b|\bwhere (?:is|are|was|were)\b",
        "intentwhere",
    ),
    (r"\bwhat(?:'s| is) the (?:location|place|position) of\b|\bwhere\b", "intentwhere"),
    (r"\bhow can i see\b", "intentwhere"),
    (
        r"\bwhat time\b|\bat which time\b|\bwhen\b(?=.{0,40}\b(?:is|was|were|did|does|do|will|should|can)\b.*\?)",
        "intentwhen",
    ),
    (r"\bwho(?: is| was|'s) the author of\b", "intentwho write"),
    (r"\bwho(?: is| was|'s) the inventor of\b", "intentwho invent"),
    (r"\bwho\b", "intentwho"),
    (r"\bhow\b", "intenthow"),
    (r"\bwhat happens?\b|\bwhat (?:will|would) happen\b", "happen"),
    (r"\bwhat(?:'s| is| are) (.{1,80}?) (?:used|good|useful) for\b", r"purpose \1"),
    (r"\bin (?:simple|plain|easy) (?:words|terms|language)\b", "simple"),
    (r"\bgive (?:me |us )?a summary of\b", "summary"),
    (r"\bdegrees? (?=celsius|fahrenheit|c\b|f\b)", ""),
    (r"\bdegrees? centigrade\b", "celsius"),
    (r"\b(csv|json|pdf|xml|excel) files?\b", r"\1"),
    (r"\bsupport team\b", "support"),
    (r"\bcapital city\b", "capital"),
    (r"\bcustomer (?:support|service)\b", "support"),
    (r"\bmaking use of\b|\bby means of\b", "with"),
    (r"\bdivided by\b", "divided"),
    (r"\bservice life\b", "lifetime"),
    (r"\btime[- ]series\b", "timeseries"),
)

# Pairs of words that turn a question round.
ANTONYMS: Final = """
enable disable | switchon switchoff | increase decrease | open close | start stop | maximum minimum | before after
above below | lock unlock | install uninstall | import export | upload download | add delete | encrypt decrypt
oldest newest | old new | rise fall | connect disconnect | advantage disadvantage | buy sell | inlet outlet
mute unmute | best worst | better worse | input output | left right | first last | activate deactivate
attach detach | load unload | show hide | accept reject | accept refuse | allow deny | allow forbid
allow block | push pull
more less | more fewer | most fewest | longest shortest | long short | hot cold | warm cold | high low | higher lower
inside outside | internal external | positive negative | public private | online offline | valid invalid | safe unsafe
available unavailable | compress decompress | compress extract | mount unmount | subscribe unsubscribe
follow unfollow
earliest latest | early late | full empty | send receive | read write | lend borrow | win lose | success failure
login logout | expand collapse | forward backward | clockwise counterclockwise | heating cooling | heat cool
fast slow | fastest slowest | big small | bigger smaller | rich poor | strong weak | strongest weakest | true false
pass fail | enter exit | arrive depart | arrival departure | import export | up down | upper lower | over under
northern southern | north south | east west | morning evening | day night | grant revoke | register unregister
assemble disassemble | pros cons | benefit drawback | benefit risk | charge discharge | with without
increment decrement
minimise maximise | minimize maximize | ascending descending | horizontal vertical | legal illegal
possible impossible
required optional | include exclude | included excluded | join leave | undo redo | freeze thaw | parent child
"""
