"""The words for how things go, what can't be told, how an answer is to be given, and further ways of asking."""

from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon
from llm_service.domain.offline.query import Intent, Statistic, Verdict
from llm_service.domain.offline.words_data import Comparative

# The trade of a shop, of which no machine measures anything.
_TRADE: Final = (
    "customer|customers|client|clients|orders|work order|work orders|order number|invoice|invoices|revenue"
    "|turnover|profit|profits|profitable|money|budget|salary|salaries|wage|wages|complaint|complaints|complained"
    "|due date|delivery date|deliveries|deadline|dollars|euros|earn|earned|paid|pay for|sales|sold|sell"
    "|客户|顾客|客人|订单|工单|营收|收入|利润|营业额|销售额|钱|赚|赚了|交货|交期|发货|发票|工资|奖金|投诉|预算|销量"
)
# What there is still of something: readings tell what flowed, none how much a spool or a bottle held.
_LEFT: Final = (
    "remaining|is left|are left|left over|still left|still have left|run out|runs out|running out"
    "|in stock|on stock|inventory|enough wire|enough gas|enough shielding gas|enough welding wire"
    "|enough argon"
    "|还剩|还剩下|剩余|剩下|剩多少|还有多少焊丝|焊丝还有多少|还有多少丝|还有多少气|还有多少气体|气还有多少|气体还有多少|还有多少保护气"
    "|保护气还有多少|库存|存货|够用|还够|够不够|还能用多久|还能用几天|快用完|瓶里|气瓶里"
)
_PAPERS: Final = (
    "warranty|the warranty|warranties|under warranty|in warranty|out of warranty|still under warranty|guarantee"
    "|under guarantee|year of manufacture|year of construction|purchase date|purchased|insured|insurance|leased"
    "|保修|保修期|质保|质保期|在保|过保|保质期|出厂日期|出厂|生产日期|购买日期|哪年买的|哪年生产的|说明书|租赁"
)
_CANNOT: Final = (
    f"{_PAPERS}|"
    "next service|the next service|due for service|service due|serviced|供应商|supplier"
    "|safe to|safe for|safely|replace|replaced|replacement|responsible|in charge of|in charge|whose job|谁负责|负责人"
    "|由谁负责|负责|更换|安全吗|是否安全|"
    "need to replace|should i replace|should we replace|have to replace|time to replace|"
    "operator|operators|who operated|who was operating|who is operating|who ran|操作员|操作工|谁操作"
    "|谁在操作|谁在用|remains|remain"
    "|will|will be|going to|gonna|将会|会是多少|会到多少|会达到|会达到多少|将达到|会升到|会涨到|预计"
    "|估计会|会有多少|cost|costs|price|expensive|费用|成本|电费|价格|花费|多少钱|maintenance|serial number"
    "|manufacturer|序列号|厂家|保养|vendor|who supplies|who supplied|weather|the weather|天气|天气预报|室外|户外"
    "|会降到|会跌到|会变成|会变成多少|会升高多少|会上升多少|会下降多少|会降低多少|会增加多少|会减少多少|会升到多少"
    f"|would be if|would happen if|would it be if|会怎么样|会怎样|{_TRADE}|{_LEFT}"
)
_HEATING: Final = (
    "getting hotter|getting warmer|getting colder|getting cooler|getting hot|becoming hotter|becoming warmer"
    "|hotter and hotter|变热了|变冷了|越来越热|越来越冷|变得更热|变得更冷|变热还是变冷|升温还是降温"
)
_COURSES: Final = (
    "getting higher|getting lower|getting better|getting worse|going up or going down|go up or down|rise or fall"
    "|went up or down|increase or decrease|increasing or decreasing|increased or decreased|up or down"
    "|falling or rising|rose or fell|在升还是在降|在涨还是在跌|是升是降|涨了还是跌了|升了还是降了|上涨还是下跌"
    "|上升了还是下降了|升高了还是降低了|是涨了还是跌了|是升还是降|是上升还是下降|是在上升还是下降|是在升还是在降"
    "|升还是降|越来越高|越来越低|越来越大|越来越小|升了没有|降了没有|涨了|跌了|升了|降了|变大了|变小了|变高了"
    "|变低了|变了多少|变化了多少|变了|是涨是跌|涨还是跌"
)
_MORE: Final = "more|更多|多一些|多|更快|快一些"
_FINE: Final = (
    "normal|normally|everything ok|everything okay|everything all right|everything alright|everything fine"
    "|are they ok|are they okay|are they fine|are they all right|are they alright|are they all ok|are they all okay"
    "|are they all fine|all fine|all okay|all alright|all in order|everything in order|is all well|all well"
    "|都正常吗|都好吗|都还好吗|都没问题吧|都没事吧|它们正常吗|它们还好吗"
    "|all good|all ok|all right|working properly|working fine|running fine|running smoothly|behaving normally"
    "|一切正常|还好吗|没问题吧|有没有问题|正常不正常|正不正常|都正常不"
)
_WORRYING: Final = (
    "worried|worry|worried about|worry about|concerned|concerned about|concern|should i look at|i should look at"
    "|should we look at|we should look at|needs attention|need attention|attention|keep an eye on|misbehaving"
    "|需要注意|要注意|需要关注|要关注|值得注意|担心|需要留意"
)
_VERDICTS: Final = {
    Verdict.USUAL: "normal|normal value|normal reading|usual|typical|common|ok|okay|fine|acceptable|plausible"
    "|reasonable|in order|alright|all right|to be expected|正常|正常吗|正常不|正常没|正不正常|正常不正常"
    "|正常值|正常范围|在正常范围"
    "|在正常范围内|常见|合理|可以吗|没问题吧",
    Verdict.UNUSUAL: "abnormal|unusual|strange|odd|suspicious|out of the ordinary|异常|不正常|反常|奇怪",
    Verdict.HIGH: "high|too high|too much|too hot|excessive|unusually high|on the high side|偏高|太高|过高|太大|过大"
    "|偏大|高不高|算高|太热|高吗|大吗|算大",
    Verdict.LOW: "low|too low|too little|too cold|unusually low|on the low side|偏低|太低|过低|太小|过小|偏小|低不低"
    "|算低|低吗|小吗|算小",
}
_FILLERS: Final = (
    "at any time|any time|already|已经|已|make|makes|making|sign of|signs of|any sign of|any signs of|总的"
    "|ones|gimme|lemme see"
    "|u|ur|meant|mainly|mostly|especially|主要|主要是|尤其|true|correct|is that right|is it true|right ?"
    "|对吗|对不对|对吧|是真的吗|焊枪|枪头|焊炬|whether|if it|begin"
    "|begins|began|一整天|整天|全天|整整|whole day|convert|converted|converting|expressed|rounded|rounded to"
    "|round to|round it to|round|保留|保留到|精确到|小数点后|小数点|四舍五入|四舍五入到|reading from|whats"
    "|what s|wheres|pulling|pull|pulls|labelled|labeled|classified|marked|flagged|actually|getting|torch"
    "|registered|hows|kindly|possible|possibly|be so kind|mind|wondering|wonder|curious|quickly|again please"
    "|thx|ta|ty|tia|pls thanks|thank|thanks a lot|thanks in advance|many many thanks|much appreciated"
    "|appreciated|no rush|when you have a minute|if possible|if you can|if not too much trouble"
    "|if it ' s not too much trouble|if it is not too much trouble|if it’s not too much trouble|real quick"
    "|quick one|please and thank you|folks|team|everyone|guys|buddy|mate|sir|madam|boss|my boss|the boss"
    "|my boss wants to know|the boss wants|老板|领导|师傅|老师|老板要看|领导要看|领导想知道|老板想知道|辛苦了"
    "|谢啦|多谢|感谢|非常感谢|不好意思|打扰一下|咋样|咋样了|could|cheers|many thanks|dear|assistant|question"
    "|quick question|for each|seconds in total|tell me|exactly how|真的|到底|究竟|麻烦|麻烦你|劳驾|辛苦|请教"
    "|表示|来表示|显示为|的话|哪边|那边|一边|这台|那台|机子|各项|各项数据|一般|帮我看|帮看|帮我查|帮我查一下"
    "|帮忙查一下|帮忙看看|能否|可不可以|能告诉我|我想了解|了解|了解一下|想了解|我想知道|具体是|是怎样|怎样的"
    "|大家|谁能|问一下|问下|想问|想问一下|想问下|查下|看下|算下|说下|报一下|报下|给出|求出|得出|列一下|统计下"
    "|取|是多大|是多高|该设备|本机|现场|目前为止|到目前为止|截至目前|迄今|迄今为止|为止|至今为止|掉|出来|起来"
    "|下去|过来|state|mode|really|truly|indeed|确实|真正|处于|处在|既|标为|标成|标作|标记|标记为|标记成|标注|标注为"
    "|判为|判定为"
    "|被标为|被标记为|被标记成|被判为"
)
_LATEST: Final = (
    "the last reading|the latest reading|the most recent reading|the last value|the latest value"
    "|the newest reading|the last measurement|last measured value|the last one measured|the last data point"
    "|rn|atm"
    "|last data point|the last readings|this very moment|this instant|as of now|up to the minute|presently|这会儿"
    "|这会|眼下|当下|这一刻|如今|此时此刻|最后的读数|最后一个读数|最后读数|最后一次读数|在干什么|在做什么|在干嘛"
    "|干什么|做什么|什么状态|处于什么状态|最近一次数据|最后一次数据|最近一条|最近一条数据|最近一次读数|最近的一条"
)


_RANKING: Final = (
    "most first|largest first|biggest first|greatest first|from most to least|most to least|由多到少|多的在前"
    "|大的在前"
    "|from highest to lowest|highest to lowest|highest first|descending|in descending order|order by|ordered by"
    "|从高到低|由高到低|从大到小|由大到小|排一下|排个序|排个名|排一排|从多到少|按高低|按高低排|按高低排序|按大小排|按"
    "大小排序|排列|从大到小排|从高到低排"
    "|从大到小排列|从高到低排列|从高到低排序|从大到小排序|从高到低排一下|从大到小排一下"
)
_RISING: Final = (
    "least first|fewest first|smallest first|由少到多|少的在前|小的在前"
    "|from lowest to highest|lowest to highest|lowest first|ascending|in ascending order|从低到高|从小到大"
    "|从少到多|从低到高排|从小到大排|从低到高排列|从小到大排列|从低到高排序"
)
_BEST_FIRST: Final = "best first|best to worst|from best to worst|the best first|从好到差|从优到劣|最好的在前|好的在前"
_WORST_FIRST: Final = (
    "worst first|worst to best|from worst to best|the worst first|从差到好|从劣到优|最差的在前|差的在前"
)
RANKING: Final = frozenset(
    each for names in (_RANKING, _RISING, _BEST_FIRST, _WORST_FIRST) for each in names.split("|")
)
"""What asks for all of them in an order."""
TORCHES: Final = ("which torch", "whose torch", "which gun", "which one ' s torch")
"""What asks for the machine of a torch."""
ALWAYS: Final = frozenset(
    {
        *("一直", "一直都", "始终", "总是", "一直在", "always", "constantly", "all along", "constant", "all the time"),
        *("continuously", "permanently", "the whole time", "at all times"),
    }
)
"""What asks whether something held at every reading."""
_ABSENT: Final = (
    "supplier|供应商|vendor|who supplies|who supplied|manufacturer|serial number|序列号|厂家|operator|operators"
    "|who operated|who was operating|who is operating|who ran|操作员|操作工|谁操作|谁在操作|谁在用|responsible"
    "|in charge of|in charge|whose job|谁负责|负责人|由谁负责|负责|cost|costs|price|expensive|费用|成本|电费|价格|花费"
    "|多少钱|weather|the weather|天气|天气预报|室外|户外|next service|the next service|due for service|service due"
    f"|{_PAPERS}|serviced|maintenance|保养|who used|{_TRADE}|{_LEFT}"
)
_TO_COME: Final = (
    "predict|prediction|forecast|extrapolate|预测|预报|will|will be|going to|gonna|将会|会是多少|会到多少|会达到"
    "|会达到多少|将达到|会升到|会涨到|预计|估计会|会有多少|会降到|会跌到|会变成|会变成多少|会升高多少|会上升多少"
    "|会下降多少|会降低多少|会增加多少|会减少多少|会升到多少|would be if|would happen if|would it be if|会怎么样|会怎样"
)
COSTS: Final = frozenset(
    {
        *("cost", "costs", "price", "expensive", "费用", "成本", "电费", "价格", "花费", "多少钱"),
        *(
            "money",
            "cash",
            "eur",
            "euro",
            "euros",
            "€",
            "usd",
            "dollar",
            "dollars",
            "$",
            "pound",
            "pounds",
            "£",
            "yuan",
        ),
        *("rmb", "钱", "人民币", "元", "块钱", "欧元", "美元"),
    }
)
"""What readings hold nothing of, and can be told of what was used once a price is named."""
ABSENT: Final = frozenset(_ABSENT.split("|"))
"""What readings hold nothing of."""
TO_COME: Final = frozenset(_TO_COME.split("|"))
"""What asks for what is not measured yet, or was never."""
PIECES: Final = frozenset(
    {"part", "parts", "piece", "pieces", "workpiece", "workpieces", "工件", "件", "产品", "零件", "多少件", "几件"}
)
"""What is made, of which readings don't tell one from the next."""
CANNOT: Final = frozenset(_CANNOT.split("|"))
"""What no rule can tell, wherever it stands in a question."""


def add_asking_words(lexicon: Lexicon) -> None:
    """Add these words to `lexicon`."""

    def add(kind: Kind, value: object, phrases: str) -> None:
        lexicon.add(kind, value, phrases.split("|"))

    add(Kind.DECIMALS, None, "decimal|decimals|decimal place|decimal places|digits|place|places|位小数|位")
    add(
        Kind.WHOLE,
        None,
        "nearest integer|nearest whole number|whole number|integer|nearest degree|取整|整数|四舍五入到整数",
    )
    add(Kind.CANNOT, None, _CANNOT)
    add(Kind.INTENT, Intent.TREND, _HEATING)
    add(Kind.MORE, Comparative(field="temperature", statistic=None), _HEATING)
    add(Kind.INTENT, Intent.TREND, _COURSES)
    add(Kind.MORE, Comparative(field="temperature", statistic=None), "多少度|几度")
    add(Kind.INTENT, Intent.ANOMALY, _FINE)
    add(Kind.INTENT, Intent.ANOMALY, _WORRYING)
    add(Kind.MORE, Comparative(field="", statistic=Statistic.MAX), _MORE)
    add(Kind.MORE, Comparative(field="", statistic=Statistic.MIN), "less|更少|少一些|少|更慢|慢一些")
    add(Kind.FILLER, None, _FILLERS)
    add(Kind.STATISTIC, Statistic.LAST, _LATEST)
    add(
        Kind.ASK_WHEN,
        None,
        "with times|with the times|with time|with their times|and times|and the times|incl . times"
        "|and at what time|and when|with timestamps|with timestamp|and when that was|以及什么时候|和时刻"
        "|at what times|what times|during what times"
        "|every time|each time|all the times|all times|the times|on which occasions|哪些时间|哪几次|什么时段"
        "|哪些时段|哪段时间|每次|及其时间|及时间|以及时间|和时间|及出现时间|和出现时间|以及出现的时间|出现时间"
        "|and its time|and the time of it|and the time|with its time|between which times|at which times"
        "|which times|during which times|which periods|in which periods|during which periods|几点几分|几点钟"
        "|什么时刻|是几点|都在什么时候|有哪些时候|是什么时候的事|几点的事"
        "|从几点到几点|几点到几点|从几点几分到几点几分|从什么时候到什么时候|什么时候到什么时候|起止时间|起止时刻"
        "|from when to when|from what time to what time|from when until when|when that was|是几点出现的|什么时候出现的",
    )
    add(Kind.UNHEEDED, None, "|".join(sorted(ALWAYS)))
    add(Kind.UNHEEDED, None, "uninterrupted|continuous|unbroken|in a row|without a break|连续|持续|不间断|不停")
    add(Kind.FILLER, None, "很|非常|挺|特别|比较|very|quite")
    add(Kind.UNHEEDED, None, "later|afterwards")
    add(Kind.UNHEEDED, None, "out of range|out of the range|out of spec|within range|in range|超差|超限|范围内|范围外")
    for verdict, names in _VERDICTS.items():
        add(Kind.VERDICT, verdict, names)
    add(Kind.FIELD, "gas_flow", "气|argon|shielding argon|氩气|氩气流量|二氧化碳")
    add(Kind.FIELD, "current", "curr|amps drawn|amp draw")
    add(Kind.FIELD, "temperature", "体温|机身温度|枪温")
    add(
        Kind.EXCEPT,
        None,
        "skip|skip the|omit|filter out|but leave out|not counting|disregarding|disregard|skipping|and leave out"
        "|don't count|not counting the|without counting|not including|不要算|别算|不计入",
    )
    add(
        Kind.OTHERS,
        None,
        "others|the others|the other ones|the rest|other machines|the other machines|other ones|其他|其它|其余|别的"
        "|别的几台|别的机器|别的焊机|别的|其他几台|其它几台|其余几台|另外几台|其他机器|其他焊机|其余的"
        "|其他三台|其他两台|其它三台|其余三台|其余两台|另外三台|另外两台|the other three|the other two|other three",
    )
    add(
        Kind.ALL,
        None,
        "the whole shop|whole shop|the entire shop|the whole plant|whole plant|the whole factory|the entire plant"
        "|the whole fleet|全厂|整个厂|整个工厂|全车间|所有机子",
    )
    add(Kind.WHICH, None, _RANKING)
    add(Kind.WHICH, None, "|".join(TORCHES))
    add(Kind.WHICH, None, _RISING)
    add(Kind.STATISTIC, Statistic.MIN, _RISING)
    for best, names in ((True, _BEST_FIRST), (False, _WORST_FIRST)):
        add(Kind.WHICH, None, names)
        add(Kind.BEST, best, names)
