"""The offline provider's names of things in Chinese, and its phrases about events and moments."""

import re
from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.chinese_states import ChineseStates
from llm_service.domain.offline.phrases import Spells
from llm_service.domain.offline.query import Condition, Statistic

_STATISTICS: Final = {
    Statistic.MEAN: "平均值",
    Statistic.MIN: "最小值",
    Statistic.MAX: "最大值",
    Statistic.STD: "标准差",
    Statistic.MEDIAN: "中位数",
    Statistic.COUNT: "数据条数",
    Statistic.RANGE: "极差",
    Statistic.SUM: "总和",
    Statistic.MISSING_RATIO: "缺失率",
    Statistic.LAST: "最新值",
    Statistic.FIRST: "第一条值",
    Statistic.VARIANCE: "方差",
    Statistic.SHARE: "占比",
    Statistic.PERCENTILE: "百分位数",
    Statistic.CORRELATION: "相关系数",
    Statistic.EVENTS: "次数",
    Statistic.DURATION: "时长",
    Statistic.INTEGRAL: "累计量",
    Statistic.CHANGE: "变化量",
}
_SLOTS: Final = {
    "conditions": "条件",
    "periods": "另一个时间段",
    "percentiles": "百分位数",
    "interval": "按时间间隔分行",
    "limit": "数据条数",
    "when": "发生时间",
    "unit": "单位",
    "statistics": "统计量",
    "rank": "哪一个最高或最低",
    "fields": "其余字段",
    "time": "时间段",
    "compare": "比较",
    "window_size": "窗口大小",
    "model_code": "数据模型",
    "devices": "其余设备",
    "zone": "按所述时区分行（各行按 UTC 划分）",
    "top": "排名的个数",
    "ordered": "按数值排序",
    "since": "从何时开始",
    "holds": "该时刻是否如此",
    "decimals": "小数位数",
    "least": "至少持续的时间",
    "each": "每一次的情况",
    "measure": "按什么排名（没有指明字段，因此按数据条数）",
    "limits": "统计小时或天的个数",
    "again": "各时段数值的再统计",
    "doing": "何时在做什么",
    "unbroken": "最长的连续运行时间",
    "at_once": "同时满足",
    "latest": "只问最近几次",
    "mean_time": "停机的平均间隔或平均时长",
    "robust": "去除明显偏离的数据",
    "versus": "何时高于或低于另一台",
    "groups": "各组整体的比较",
    "prices": "价格",
}


def _whether(told: Spells) -> str:
    """Yes or no, where that was asked."""
    if told.always:
        return "是，一直如此：" if told.fitting == told.readings else "不，并非一直如此："
    return "有：" if told.whether else ""


# Two blanks, the place between a letter or digit and a particle that follows it, a blank beside a mark.
_DOUBLE: Final = re.compile(r"(?<=\S) {2,}")
_GLUED: Final = re.compile(r"(?<=[A-Za-z0-9_°])(?=[的与和为按在中满共从至])")
_CLOSE: Final = re.compile(r" (?=[，。；：、（）！？])|(?<=[，。；：、（）！？]) (?!\|)")
_LEAST: Final = {False: "至少", True: "超过"}


class ChineseEvents(ChineseStates):
    """The names of things in Chinese, and phrases about when, how often and for how long."""

    statistics = _STATISTICS
    slots = _SLOTS
    lengths = (("周", "周"), ("天", "天"), ("小时", "小时"), ("分钟", "分钟"), ("秒", "秒"))
    leading = " "
    brackets = ("（", "）")

    def where(self, conditions: Sequence[Condition], *, any_of: bool = False) -> str:
        """Name what readings had to fit."""
        link = " 或 " if any_of else " 且 "
        return f"满足 {link.join(map(self.condition, conditions))} " if conditions else ""

    def odd_readings(self, device: str, period: str, count: str) -> str:
        """Open readings that can't be right."""
        return f"{device} {period}有 {count} 条数据远远偏离其余数据，可能是传感器瞬时误差（{self.times.name}）："

    def no_odd_readings(self, device: str, period: str, count: int) -> str:
        """There are none."""
        return f"{device} {period}没有明显偏离其余数据的读数（共 {count} 条数据）。"

    def spells(self, device: str, period: str, where: str, told: Spells) -> str:
        """State how often and how long."""
        if not told.count:
            lead = "没有：" if told.whether else ""
            least = f"且持续{_LEAST[told.over]} {told.least} " if told.least else ""
            counts = told.whole if told.least else f"{told.readings} 条数据，{told.whole}"
            return f"{lead}{device} {period}{where}{least}的情况 0 次（{counts}）。"
        longest = f"；最长一次持续 {told.longest}，始于 {told.begin}（{self.times.name}）" if told.begin else ""
        least = f"，只计持续{_LEAST[told.over]} {told.least} 的" if told.least else ""
        counts = "" if told.least else f"（{told.readings} 条数据中的 {told.fitting} 条）"
        mean = f"；平均每次 {told.mean}" if told.mean else ""
        return (
            f"{_whether(told)}{device} {period}{where}的情况共 {told.count} 次"
            f"（连续的数据算一次{least}），累计 {told.total}，占 {told.whole} 的 {told.share}%{counts}{mean}{longest}。"
        )

    def on_average(self, value: str) -> str:
        """State a mean."""
        return f"平均：{value}。"

    def times_of(self, count: int | str) -> str:
        """Name a number of times."""
        return f"{count} 次"

    def tidy(self, text: str) -> str:
        """Return the text without blanks beside its marks, and with one between the two scripts."""
        return _CLOSE.sub("", _GLUED.sub(" ", _DOUBLE.sub(" ", text)))

    def together(self, value: str) -> str:
        """State a total."""
        return f"合计：{value.replace(', ', '，')}。"

    def spells_head(self, device: str, where: str) -> str:
        """Open a list."""
        return f"{device} {where}的情况（连续的数据算一次）："

    def shares_head(self, device: str, where: str) -> str:
        """Open a list of shares."""
        return f"{device} 的数据中{where}的比例："

    def shares_line(self, period: str, share: str, counts: str) -> str:
        """State one of the list."""
        return f"- {period}：{share}%（{counts}）"

    def spells_line(self, period: str, told: Spells) -> str:
        """State one of the list."""
        return f"- {period}：{told.count} 次，累计 {told.total}（占 {told.share}%）"

    def at_head(self, device: str, asked: str, time: str) -> str:
        """Open the reading at a moment."""
        read = "" if asked == time else f"，取此前最近一条数据（{time}）"
        return f"{device} 在 {asked}（{self.times.name}）的数据{read}："

    def not_so_early(self, device: str, asked: str) -> str:
        """There is none so early."""
        return f"{device} 在 {asked}（{self.times.name}）及之前没有数据。"

    def units(self, device: str, fields: Sequence[tuple[str, str]]) -> str:
        """Name units."""
        return (
            f"{device}：{'，'.join(f'{name} 的单位为 {unit}' if unit else f'{name} 无单位' for name, unit in fields)}。"
        )
