"""The words for what a machine is doing, since when, and where it stands."""

from dataclasses import dataclass
from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon
from llm_service.domain.offline.query import Operator, Statistic


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a machine is called while a usual field compares so with a value in that field's own unit."""

    field: str
    operator: Operator
    value: float


# Below this a welding current is noise: the arc is out.
_ARC: Final = 5.0
IDLE: Final = State(field="current", operator=Operator.LT, value=_ARC)
RUNNING: Final = State(field="current", operator=Operator.GE, value=_ARC)
_STATES: Final = {
    IDLE: "standing|stood|stands|sitting|sat|sits|闲|闲了|闲过|空着|闲着|闲了下来"
    "|stop|stops|stopping|came to a stop|stand idle|standing idle|stood idle|sit idle|sat idle"
    "|sitting idle|arc off|arc was off|arc is off|the arc was off|the arc is off|without arc|breaks off|break"
    "|breaks|pause|pauses|stoppage|stoppages|interruption|interruptions|休息|停顿|中断|idle|idling|idled"
    "|not running|not in use|not welding|standing still|stood still|stand still|unused|standby|on standby"
    "|inactive|off|switched off|turned off|powered off|stopped|not working|resting|at rest|halted|paused"
    "|stopped welding|stop welding|stops welding|stopped running|stop running|stops running|stopped working"
    "|stop working|down|go idle|went idle|goes idle|not on|out of use|空闲|空闲状态|闲置|闲着|待机|空转|没在用"
    "|没有运行|未运行|没在运行|不运行|不在运行|没运行|停机|停机了|停着|停下来|停下来了|停下|停了|停过|停|停歇"
    "|歇|歇过|停止运行|停止工作|停止焊接|停止|关机|关着|没开|没焊|没有焊|没焊接|未焊|没焊着|没干活|没在干活|没在焊|没"
    "在焊接|没有焊接|未焊接"
    "|不工作|没工作|没有工作|没在工作|歇着|停工|停过机|停了机|停过工",
    RUNNING: "arc on|arc was on|arc is on|the arc was on|the arc is on|arc burning|arc was burning"
    "|arc is burning|the arc was burning|the arc is burning|the arc burned|with the arc on|under arc"
    "|actively welding|actually welding|电弧燃烧|电弧在|有电弧|starts|start-ups|startups|run starts|weld|welds"
    "|seam|seams|焊道"
    "|welded|焊接|焊接了|焊接过|焊了|焊|焊过|running|in use|busy|in operation|operating|operated|active|working|worked"
    "|in production|ran|run|welding|powered on|switched on|turned on|up and running|start welding"
    "|started welding|starts welding|start running|started running|starts running|start working|started working"
    "|start up|started up|in action|been on|be on|运行|运行了|运行着|在运行|在运行中|运行中|工作|工作了|在工作"
    "|工作中|使用中|在用|开机|开机了|开着|运转|作业|干活|在干活|干活了|焊着|在焊|在焊接|正在焊接|焊接中|起弧|燃弧"
    "|开始焊接|开始工作|开始运行|开工|在转|启动|启动了",
}
# What lies between welds is a stop.
BETWEEN_WELDS: Final = "|".join(
    f"{what} between {article}{weld}"
    for what in ("gap", "gaps", "pause", "pauses", "break", "breaks", "interruptions", "stops", "intervals")
    for article in ("", "the ")
    for weld in ("welds", "seams", "runs")
)
_TIME_BETWEEN: Final = (
    "time between welds|time between the welds|time between seams|time between the seams|time between two welds"
    "|焊缝之间间隔|焊缝之间的间隔|焊缝间隔|焊缝间的间隔|焊接间隔|两次焊接之间|两次焊接的间隔|两条焊缝之间|焊缝之间"
)
_BETWEEN_STOPS: Final = (
    "time between stops|time between the stops|time between two stops|run between stops|time from stop to stop"
    "|停机间隔|两次停机之间|两次停机的间隔|停机之间的时间|两次停机之间的时间|停机之间"
)
# What an arc does: it goes out, it burns.
_ARC_VERBS: Final = {
    IDLE: "go out|goes out|went out|gone out|going out|go off|goes off|went off|is out|was out|be out|die|dies|died"
    "|break|breaks|broke|break off|breaks off|broke off|stop|stops|stopped|get lost|gets lost|got lost|is lost|was lost"
    "|interruption|interruptions|outage|outages|loss|losses|failure|failures|stoppage|stoppages"
    "|extinguish|extinguishes|extinguished|fail|fails|failed|interrupted|out",
    RUNNING: "burn|burns|burned|burnt|lit|is lit|was lit|strike|strikes|struck|ignite|ignites|ignited|start|starts"
    "|started|come on|comes on|came on|go on|goes on|went on|hold|holds|held|stands|stood|stand|is there|was there"
    "|is burning|was burning|active",
}
# "Start an arc", "lost the arc": the verb before its noun.
_ARC_OBJECTS: Final = {
    RUNNING: "start|starts|started|strike|strikes|struck|ignite|ignites|ignited|light|lights|lit|establish|established",
    IDLE: "lose|loses|lost|extinguish|extinguished|drop|dropped|break|broke",
}
_ARC_STARTS: Final = "arc starts|arc start|arc strikes|arc strike|arc ignitions|arc ignition|ignitions|arcs"
_ARCS: Final = ("arc", "the arc", "its arc", "an arc")
_ARC_HAN: Final = {
    IDLE: "断弧|断弧了|断过弧|熄弧|熄弧了|灭弧|电弧熄灭|电弧熄灭了|电弧灭|电弧灭了|电弧断|电弧断了|电弧中断"
    "|没有电弧|没电弧",
    RUNNING: "引弧|起弧了|引燃电弧|电弧开|电弧燃着|燃着弧|电弧点燃|电弧接通|有弧",
}
_BUSIER: Final = "busier|busiest|most used|most active|更忙|最忙|忙|忙碌"
_LEAST_BUSY: Final = "least used|least busy|least active|less used|最闲|最清闲|用得最少|用的最少"
_RUN_TIME: Final = (
    "arc on time|arc-on time|arc time|running time|run time|runtime|operating time|operating hours|running hours"
    "|uptime|welding time|time welding|hours run|uninterrupted run|continuous run|working hours|总运行时间"
    "|总工作时间|总开机时间|运行时间|运行时长|运行小时数|燃弧时间|起弧时间|工作时间|工作时长|开机时间|使用时间"
    "|焊接时间|焊接时长|连续运行|连续工作|连续焊接"
)
_IDLE_TIME: Final = (
    "idle time|idle hours|standby time|downtime|down time|time off|pause time|standstill|standstill time|空闲时间"
    "|空闲时长|闲置时间|待机时间|空转时间|停机时间|停机时长|停工时间"
)
_RUN_SHARE: Final = (
    "how busy|how active|有多忙|多忙|忙不忙|duty cycle|duty factor|utilization|utilisation|utilization rate"
    "|utilisation rate|usage rate|occupancy"
    "|load factor|availability|uptime percentage|uptime share|arc-on ratio|arc on ratio|arc-on percentage"
    "|可用率|可用度|设备可用率|利用率|开机率|稼动率|运行率|使用率|开动率|设备利用率|焊接率|燃弧率|负荷率|暂载率|开工"
    "率|工作率"
)
_IDLE_SHARE: Final = "idle ratio|idle share|downtime percentage|downtime ratio|停机率|空闲率|待机率|闲置率"
_WHILE: Final = {
    RUNNING: "运行时|焊接时|工作时|开机时|焊接的时候|焊接期间|焊接过程中|运行过程中|起弧时|燃弧时",
    IDLE: "空闲时|停机时|待机时|闲置时",
}
_LAST_TIMES: Final = {
    RUNNING: "last weld|last welded|last run|last ran|last worked|last welding|最近一次焊接|上次焊接|上一次焊接"
    "|最后一次焊接|最近一次运行|上次运行|最后一次运行|最近一次工作|上次工作|上次开机|最近一次开机",
    IDLE: "last stop|last break|上次停机|最近一次停机|最后一次停机|上一次停机|上次停下|上次空闲|最近一次空闲"
    "|上次停下来",
}
_NAMED_LAST: Final = "the last|most recent|the most recent|latest|the latest"
_LASTING: Final = {RUNNING: "run", IDLE: "stop|break|pause|stoppage|interruption|standstill"}
_DONE_OR_NOT: Final = {
    IDLE: "停过机没有|停过没有|停了没有|停机没有|停没停|停没停过|停没停过机",
    RUNNING: "焊过没有|焊接过没有|运行过没有|运行了没有|工作过没有|开过机没有|开机没有",
}
_SINCE_WHEN: Final = (
    "since when|from when|for how long has|for how long have|how long has|how long have|since what time"
    "|since which time|从什么时候开始|从什么时候起|从何时起|自何时|自何时起|从什么时候|从几点开始|从几点起"
    "|什么时候开始|几点开始|从何时开始|多久了|多长时间了|有多久了|多少时间了"
)
_GROUPS: Final = (
    "hall|halls|line|area|building|section|shop floor|workshop|bay|site|plant|room|cell|车间|厂房|大厅|产线"
    "|生产线|区域|区|工段|工区|号厅|厅|厂区|号车间|号厂房"
)
_LONGER: Final = (
    "longer|longer than|shorter|shorter than|more time|less time|more hours|more hours than"
    "|fewer hours|fewer hours than|more minutes|more minutes than|fewer minutes|fewer minutes than"
    "|more time than|less time than|how much longer|how much shorter|更久|久|更长"
    "|长一些|更长时间|更短|久一些|长多少|久多少|长多久|久多久|多多久|时间更长|时间更久|时间长|时间久|的时间更长"
    "|的时间更久|的时间长"
)
_SAME_TIME: Final = (
    "same time|the same time|this time|at the same time|at this time|same hour|the same hour|这个时候|这时候|此时"
    "|同一时间|同一时刻|同时|这个时间|这个点|这个钟点|同样时间|相同时间"
    "|simultaneously|simultaneous|at once|concurrently|同一时段|同时段|相同时段|同一时间段|相同时间段|同一个时段|the "
    "same period|same period|the same span|same span|the same time span|same time span|the same time range"
    "|same time range|the same range of time|the same hours|same hours|the same window|the same time window"
    "|the same timeframe|the same time frame|同期|同一期间|同样时段|同样的时段|同样的时间|同样的时间段|同一段时间"
    "|相同的时间|相同的时间段|相同的时段"
)
SAME_TIME: Final = frozenset(_SAME_TIME.split("|"))
"""What names the time that was spoken of."""


def add_state_words(lexicon: Lexicon) -> None:
    """Add these words to `lexicon`."""

    def add(kind: Kind, value: object, phrases: str) -> None:
        lexicon.add(kind, value, phrases.split("|"))

    for state, names in _STATES.items():
        add(Kind.STATE, state, names)
    for state, verbs in _ARC_VERBS.items():
        add(Kind.STATE, state, "|".join(f"{arc} {verb}" for arc in _ARCS for verb in verbs.split("|")))
        add(Kind.STATE, state, _ARC_HAN[state])
    for state, verbs in _ARC_OBJECTS.items():
        add(Kind.STATE, state, "|".join(f"{verb} {arc}" for arc in (*_ARCS, "arcs") for verb in verbs.split("|")))
    add(Kind.STATE, RUNNING, _ARC_STARTS)
    for kind, value in ((Kind.STATE, RUNNING), (Kind.BUSIER, None)):
        add(kind, value, _BUSIER)
        add(kind, value, _LEAST_BUSY)
    add(Kind.STATISTIC, Statistic.MIN, _LEAST_BUSY)
    add(Kind.STATE, IDLE, BETWEEN_WELDS)
    for state, names in ((RUNNING, _RUN_TIME), (IDLE, _IDLE_TIME), (IDLE, _TIME_BETWEEN), (RUNNING, _BETWEEN_STOPS)):
        add(Kind.STATE, state, names)
        add(Kind.HOW_LONG, None, names)
    for state, names in ((RUNNING, _RUN_SHARE), (IDLE, _IDLE_SHARE)):
        add(Kind.STATE, state, names)
        add(Kind.TIME_SHARE, None, names)
    for state, names in _WHILE.items():
        add(Kind.STATE, state, names)
        add(Kind.WHERE, None, names)
    add(Kind.SINCE_WHEN, None, _SINCE_WHEN)
    for kind in (Kind.SINCE_WHEN, Kind.NOT):
        add(kind, None, "多久没|多久没有|多长时间没|多长时间没有|多久未|有多久没|有多久没有|已经多久没|已经多久没有")
    add(Kind.GROUP, None, _GROUPS)
    for state, nouns in _LASTING.items():
        named = (f"{last} {noun}" for last in _NAMED_LAST.split("|") for noun in nouns.split("|"))
        names = "|".join((_LAST_TIMES[state], *named))
        add(Kind.STATE, state, names)
        add(Kind.OCCASION, True, names)
    add(
        Kind.NEXT,
        None,
        "next|the next|coming|the coming|following|upcoming|下一个|下一|下个|接下来|接下来的|未来|未来的|今后|往后",
    )
    for state, names in _DONE_OR_NOT.items():
        add(Kind.STATE, state, names)
        add(Kind.WHETHER, None, names)
    add(Kind.BEFORE_LAST, None, "before last|before the last one|before the last|before that|before that one")
    add(Kind.SAME_TIME, None, _SAME_TIME)
    add(Kind.LONGER, None, _LONGER)
