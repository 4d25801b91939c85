"""Chinese words for days, parts of the day and months."""

from typing import Final

_SAME: Final = """
周一 星期一 礼拜一 | 周二 星期二 礼拜二 | 周三 星期三 礼拜三 | 周四 星期四 礼拜四 | 周五 星期五 礼拜五
周六 星期六 礼拜六 | 周日 星期日 星期天 周天 礼拜天
今天 今日 | 昨天 昨日 | 明天 明日 | 前天 | 后天 | 现在 目前 当前 此刻 眼下 | 刚才 刚刚 | 最近 近来 | 最新 | 今年
去年 | 明年 | 本周 这周 这个星期 | 上周 上个星期 | 下周 下个星期 | 本月 这个月
上个月 上月 | 下个月 下月 | 今晚 | 昨晚 | 今早 | 上午 早上 早晨 | 下午 | 晚上 夜里 | 中午 | 凌晨 | 早班 | 中班
夜班 晚班 | 周末 | 春节 | 国庆节 | 第一季度 | 第二季度 | 第三季度 | 第四季度
一月 1月|二月|三月|四月|五月|六月|七月|八月|九月|十月|十一月|十二月|北京时间|东京时间|当地时间|实时|截至
"""
DATE_WORDS: Final = {
    word: group.split()[0] for group in _SAME.replace("\n", "|").split("|") if group for word in group.split()
}
# What is true only for a while: an answer to a question with such a word is soon wrong.
PASSING: Final = frozenset(
    """
    今天 昨天 明天 前天 后天 现在 刚才 最近 最新 今年 去年 明年 本周 上周 下周 本月 上个月 下个月 今晚 昨晚 今早
    实时 截至
    """.split()  # noqa: SIM905
)
