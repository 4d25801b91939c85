"""The words of asking, in English and Chinese: intents, devices, question words, and those that say nothing."""

from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon
from llm_service.domain.offline.query import Intent

_INTENTS: Final = {
    Intent.LIST_DEVICES: "data range|range of data|range of the data|data range available|earliest data|oldest data"
    "|where is|where are|where ' s|在哪里|在哪儿|位于哪里"
    "|first data|how old is the data|what data do you have|available data"
    "|data available|how far back does the data go|how far back do the data go|how far back"
    "|what period does the data cover|time span of the data|data coverage|since when do we have data"
    "|since when is there data|since when are there data|since when do you have data"
    "|from when to when do we have data|数据范围|数据时间范围|数据的时间范围|有多久的数据|从什么时候开始有数据"
    "|从什么时候有数据|数据从什么时候开始|什么时候开始有数据|list|enumerate|列出|列举|设备列表|设备清单|哪些"
    "|有哪些|哪几台|什么设备",
    Intent.COMPARE: "compare|compared|compares|comparing|comparison|compared to|compared with|minus|减|减去|减掉"
    "|versus|vs|vs .|difference|difference between|differ|differs|against|比较|对比"
    "|相比|差异|差别|差多少|相差|比",
    Intent.FEATURES: "feature|features|特征",
    Intent.ANOMALY: "anomaly|anomalies|anomalous|outlier|outliers|abnormal|abnormality|abnormalities|unusual"
    "|fault|faults|wrong|wrong with|what's wrong|what ' s wrong|problem|problems|issue|issues|odd|strange|spike"
    "|spikes|sensor spike|sensor spikes"
    "|outlying values|glitch|glitches|sensor glitch|sensor glitches|sensor error|sensor errors"
    "|measurement error|measurement errors|bad values|healthy|alarm|alarms|anything wrong|out of the ordinary"
    "|trouble|异常|异常值|异常数据|异常点|尖峰|毛刺|野值|跳变|坏值|离群值|离群|离群点|故障|问题|毛病|不对劲"
    "|出问题|不正常|正常吗|正常不|正常没|正不正常|健康",
    Intent.TREND: "trend|trends|trending|over time|rising|falling|increasing|decreasing|drifting|drift|drifts"
    "|evolve|evolved|evolving|plot|chart|graph|curve|going up|going down|going up or down|go up|go down|went up"
    "|went down|gone up|gone down|climbing|dropping|rise|fall|increase|decrease|increased|decreased|rose|fell"
    "|develop|developed|develops|dropped|risen|climbed|declined|declining|decline|fallen|grown|warmed|cooled"
    "|change|changed|changing|up or down|rising or falling|creeping up|creeps up|crept up|creeping"
    "|edging up|inching up|爬升|慢慢上升|慢慢升高|逐渐上升|逐渐升高|趋势|走势|变化|变化趋势|曲线|上升|下降"
    "|升高|降低|上涨|下跌|在涨|在降|上升还是下降|升高还是降低|走向|增加|减少|降幅|跌幅|涨幅|升幅|增幅|跌得|降得|升得|涨得",
    Intent.QUERY: "raw data|raw|raw values|raw readings|data points|records|table|log|history"
    "|individual readings|原始数据|明细|数据记录|历史数据|原始|逐条",
    Intent.STATISTICS: "stat|stats|status|statistic|statistics|summary|summarise|summarize|overview"
    "|summaries|how is|how was|how are|how were|how did|how ' s|how high|how low"
    "|how fast|how much|how large|how big|key figures|统计|概况|汇总|总结|情况"
    "|状态|怎么样|如何|统计数据|统计信息|多高|多大|多低|运行情况|概览",
}
_SINGULAR: Final = (
    "device|machine|welder|welding machine|weld machine|sensor unit|equipment|unit|pump|valve|asset|station|robot"
    "|机器|设备|焊机|焊接机|泵|阀|台设备"
)
_PLURAL: Final = (
    "devices|machines|welders|welding machines|pumps|valves|units|assets|stations|robots|fleet|shop|台焊机|台机器"
    "|台设备|台"
)
_CANNOT: Final = (
    "delete|deleted|deleting|remove|erase|drop|wipe|create|add|insert|register|rename|update|modify|edit|write"
    "|overwrite|restart|reboot|stop|shut down|shutdown|turn off|turn on|switch off|switch on|start|pause|resume"
    "|reset|calibrate|set|adjust|predict|prediction|forecast|extrapolate|poem|story|joke|song|essay|translate"
    "|email|e-mail|send|notify|export|download|upload|import|buy|order|schedule|book|call|draw|paint|recommend"
    "|fix|repair|explain|why|reason|cause|root cause|删除|删掉|移除|清除|清空|创建|新建|添加|增加设备|注册|重命名"
    "|停掉|停下|停下来|关停|关了|开启|启用|修改|更新|编辑|写|写一首诗|写首诗|诗|故事|笑话|重启|停止|停机|关闭|关掉|打开|启动|暂停|重置|校准|设置|调整"
    "|预测|预报|翻译|发邮件|发送|通知|导出|下载|上传|导入|购买|画|推荐|修复|维修|为什么|为何|原因|解释"
)
# Words that change nothing of what is asked.
_FILLERS: Final = (
    "the|a|an|so far|until now|till now|to now|up to now|至今|到现在|take|takes|took|taken"
    "|send|sends|sent|transmit|transmits|transmitted|reported|record|logged"
    "|produce|produced|distribution|distributed|histogram|quartiles|分布情况|直方图|分布图"
    "|common|commonest|frequent|分布|by|of|in|on|at|for|to|from|is|was|are|were"
    "|be|been|being|am|do|does|did|done|has|have|had|having|can|could|would|should|will|shall|may|might|must"
    "|what|which|who|how|it|its|it ' s|that|this|these|those|there|here|i|me|my|we|us|our|you|your|they|them"
    "|their|one|please|pls|plz|tell|show|give|get|find|fetch|display|print|see|look|look at|know|want|need|like"
    "|would like|let|let ' s|let me|me know|calculate|compute|determine|work out|figure out|check|report|return"
    "|shows|showed|shown|say|provide|query|read|describe|analyse|analyze|value|values|reading|readings|data|measurement"
    "|measurements|measured|recorded|number|numbers|figure|figures|result|results|over|during|within|through"
    "|throughout|across|about|around|approximately|roughly|exact|exactly|just|only|also|then|so|ok|well|hi"
    "|hello|hey|thanks|thank you|between|with|as|per|than|up|out|into|if|any|anything|some|something|much|whole"
    "|entire|complete|full|overall|all time|ever|happen|happened|happening|time|times|period|range|timeframe"
    "|window of time|interval|level|rate|degree of|point|points|observed|seen|go|goes|went|going|got|was it"
    "|is it|did it|compare with|quick|quickly|now please|sorry|hmm|' s|’ s|' ve|' d|' ll|' re|'|’|?|!|.|,|;|:|("
    '|)|[|]|…|*|_|"|“|”|#|weld|welds|demo|telemetry|of the|in the|during the|over the|for the|to me|for me'
    "|do you|can you|could you|would you|i want|i need|i ' d like|what ' s|what is|what was|in total|altogether"
    "|in all|respectively|each of them|both|together|same|side|by side|kind of|sort of|的|了|是|在|吗|上传"
    "|上传了|上报|采集|测量|差不多|呢|啊|吧|呀|么|么样|多少|几|什么|怎么|怎样|请|请问|帮我|帮忙|帮|给我|给|我"
    "|你|您|我们|想|要|想要|想知道|知道|告诉我|告诉|查|查一下|查询|查看|看|看看|看一下|显示|算|算一下|计算|求"
    "|求一下|统计一下|获取|读取|分析|分析一下|说|说说|介绍|一下|值|数值|数据|读数|数|有|有没有|会|能|能不能"
    "|可以|可否|是否|是不是|为|等于多少|其|它|它的|该|这|那|这个|那个|此|段|时间|时间段|期间内|里面|当中|之间"
    "|左右|大约|大概|整个|全部数据|所有数据|总共|一共|共|共有|各|分别|都|就|还|也|又|再|和|出现|发生|到|达到过"
    "|曾|曾经|过|次|条|个|位|度数|水平|情况下|焊缝|一次|哦|嗯|好|谢谢|？|。|，|！|；|：|（|）|、|《|》|～|·|于"
    "|从|至|把|将|用|以|对|关于|做|成|上|下|中|里|内|及|是多少|是什么|多少钱|怎么回事|每个|一|时|的话|来|去|得"
    "|地|着"
)


# Words that limit what is asked and that no rule can heed: they stay unread, though the parts of them say nothing.
_UNHEEDED: Final = (
    "以外|之外|this time|next time|last run|last weld|one time|at times|some time|这次|这一次|本次|下次|下一次"
    "|有时|有时候|上班|下班|上料|下料|过载|到位|里程|内部|上部|下部|中部|时好时坏|预热|加热|冷却|散热|发热|过热"
    "|水冷|好几|好几次|几十|再次"
)


def add_talk_words(lexicon: Lexicon) -> None:
    """Add the words of asking to `lexicon`."""

    def add(kind: Kind, value: object, phrases: str) -> None:
        lexicon.add(kind, value, phrases.split("|"))

    for intent, names in _INTENTS.items():
        add(Kind.INTENT, intent, names)
    add(Kind.DEVICE_WORD, False, _SINGULAR)
    add(Kind.DEVICE_WORD, True, _PLURAL)
    add(
        Kind.FIELD_WORD,
        None,
        "fields|sensors|signals|channels|columns|measurands|metrics|字段|测点|传感器|信号|通道|指标",
    )
    add(
        Kind.ALL,
        None,
        "all|all the|every|each|every single|any|all of the|both|everything|所有|所有的|全部|全部的|每|每台|各"
        "|各台|任何|每一台|各个|全体",
    )
    add(
        Kind.EXCEPT,
        None,
        "except|except for|except when|but not|excluding|exclude|ignoring|ignore|omitting|leaving out|leave out"
        "|not counting|disregarding|disregard|discounting|discount|filtering out|filter out"
        "|setting aside|skipping|removing|excluded|left out|not included|not counted|disregarded|omitted"
        "|without|apart from|other than|besides|unless|anything but|everything but|all but|any but|any label but|lack"
        "|lacks|lacking|free of|free from|failed to be|fails to be|fail to be|rather than|instead of"
        "|不考虑|过滤掉|滤掉|滤除|撇开|抛开|扣除|刨除|刨去"
        "|除非|除|除了|除去|不含|不包括|不包含|排除|剔除|去掉|去除|忽略|不计"
        "|不算",
    )
    add(
        Kind.WHICH,
        None,
        "which|which of|which ones|what|rank|ranking|ranked|sort|sorted"
        "|排名|排序|哪|哪台|哪一台|哪个|哪一个|哪些|有哪些"
        "|哪几台|谁",
    )
    add(
        Kind.HOW_MANY,
        None,
        "how many|多少件|几件|多少条|多少个|多少台|几台|几条|多少行|多少个点|多少个样本|多少数据|几个|有几",
    )
    add(
        Kind.ASK_WHEN,
        None,
        "how long since|how long is it since|how long has it been since|how long ago|how long ago did"
        "|how long ago was|when|what time|at what time|at which time|when exactly|which time|time of"
        "|the time of|什么时候|是什么时候|是何时|何时|什么时间|几点|几时|哪个时间|时间点|在什么时候|何时候"
        "|的时间",
    )
    add(Kind.ORDINAL, -1, "last one|the last one|最后一台|最后一个")
    for number, name in enumerate("一二三四五六七八九", 1):
        lexicon.add(Kind.ORDINAL, number, (f"第{name}", f"第{name}台", f"第{name}个"))
    add(Kind.IN, None, "in|as|into|expressed in|converted to|convert to|convert into|用|以|换算成|换成|转换成|按|单位")
    add(Kind.CANNOT, None, _CANNOT)
    add(
        Kind.FOLLOW,
        None,
        "and|and of|and for|and the|what about|how about|same for|the same for|also|and what about|and in|那|那么"
        "|还有|同样|呢|再看|也看",
    )
    add(
        Kind.ROWS,
        None,
        "readings|reading|rows|row|values|records|points|data points|samples|measurements|entries|observations"
        "|条数据|条|条读数|行|行数据|个数据|个读数|条记录|个点|个样本|数据",
    )
    add(Kind.NEWEST, False, "the first|the earliest|the oldest|first|earliest|oldest|最早|最早的|最初|前")
    add(
        Kind.NEWEST,
        True,
        "the last|the latest|the newest|the most recent|last|latest|newest|most recent|recent|最近|最近的|最后的"
        "|最新|最新的|最后|后",
    )
    add(Kind.FILLER, None, _FILLERS)
    add(Kind.UNHEEDED, None, _UNHEEDED)


# Kinds of one-letter words that only count where a number stands before them.
AFTER_NUMBER: Final = frozenset({Kind.UNIT, Kind.TIME_UNIT})
