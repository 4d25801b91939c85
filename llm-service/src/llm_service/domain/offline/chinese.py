"""The offline provider's phrases in Chinese."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.chinese_devices import ChineseDevices
from llm_service.domain.offline.phrases_states import Stretch

_COURSE: Final = {-1: "呈下降趋势", 0: "基本平稳", 1: "呈上升趋势", 2: "有升有降，没有明确的方向"}


_ENDS: Final = {True: "最后 ", False: "前 ", None: " "}


class Chinese(ChineseDevices):
    """Wording in Chinese; see the port for what each phrase says."""

    def readings_counted(self, words: str) -> str:
        """Say what is counted."""
        return f"“{words}”：统计的是满足条件的数据条数，而不是发生的次数。"

    def one_value(self, device: str, period: str, name: str, value: str, count: int) -> str:
        """State one number."""
        return f"{device} {period}的 {name}为 {value}（共 {count} 条数据）。"

    def named(self, field: str, statistic: str) -> str:
        """Name a statistic of a field."""
        return f"{field} {statistic}"

    def row_count(self, device: str, period: str, count: int) -> str:
        """State the number of readings."""
        return f"{device} {period}共有 {count} 条数据。"

    def statistics_head(self, device: str, period: str, count: int) -> str:
        """Open a list."""
        return f"{device} {period}的统计（共 {count} 条数据）："

    def comparison_head(self, devices: Sequence[str], period: str) -> str:
        """Open a comparison."""
        return f"{' 与 '.join(devices)} {period}的对比："

    def difference(self, first: str, second: str, difference: str, percent: str) -> str:
        """State a difference."""
        share = f"（{percent}%）" if percent else ""
        return f"{second} − {first} = {difference}{share}"

    def steady(self, device: str, period: str) -> str:
        """Nothing extreme."""
        return f"{device} {period}没有明显异常：没有数值偏离均值超过 4 个标准差，也没有字段缺失超过 1%。"

    def anomalies_head(self, device: str, period: str) -> str:
        """Open the extremes."""
        return f"{device} {period}有以下异常（偏离均值超过 4 个标准差，或缺失超过 1%）："

    def extreme(self, field: str, value: str, sigmas: str, mean: str) -> str:
        """State an extreme."""
        return f"- {field}：{value}，偏离均值 {mean} 达 {sigmas} 个标准差"

    def ordinary(self, device: str, period: str, windows: int, threshold: str) -> str:
        """Nothing stands out."""
        return f"{device} {period}没有明显异常：{windows} 个窗口的得分都不超过 {threshold}。"

    def strange_head(self, device: str, period: str, count: int, windows: int, threshold: str) -> str:
        """Open the anomalies."""
        return f"{device} {period}有 {count} 处异常（{windows} 个窗口与基线比较，阈值 {threshold}）："

    def brief(self, count: int, of: int) -> str:
        """Say how many anomalies may be one odd reading each."""
        few = ("这一处" if of == 1 else "都") if count == of else f"其中 {count} 处"
        return f"{few}很短，可能只是单个异常读数{'' if count == of else '；持续的排在前面'}。"

    def besides_single(self, count: int) -> str:
        """Say how many odd readings there are besides."""
        return f"此外还有 {count} 处瞬时的单个异常读数。"

    def besides_stops(self, device: str, count: int) -> str:
        """Say how many times are of stops."""
        return f"{device} 另有 {count} 处属于停机或其后的升温，本身不是故障，未列出。"

    def only_single(self, device: str, period: str, count: int, windows: int, threshold: str, *, besides: bool) -> str:
        """Nothing but odd readings."""
        of = f"（{windows} 个窗口与基线比较，阈值 {threshold}）"
        if besides:
            return f"此外还有 {count} 处瞬时的单个异常读数{of}。"
        return f"{device} {period}没有持续的异常，只有 {count} 处瞬时的单个异常读数{of}。"

    def odd_states_head(self, device: str, period: str) -> str:
        """Open odd states."""
        return f"{device} {period}有以下持续的异常（数值为中位数，不计停顿）："

    def odd_state(self, start: str, end: str, length: str, parts: Sequence[str]) -> str:
        """Tell an odd state."""
        return f"- {start} 至 {end}（{self.times.name}，持续 {length}）：{'；'.join(parts)}"

    def instead(self, field: str, value: str, usual: str) -> str:
        """Tell what differs."""
        return f"{field} 为 {value}（平时为 {usual}）"

    def compared_with(self, start: str, end: str) -> str:
        """Say which time anomalies were compared with."""
        return f"基线取自 {start} 至 {end}（{self.times.name}）。"

    def strange(self, start: str, end: str, score: str, shares: Sequence[tuple[str, str]]) -> str:
        """State an anomaly."""
        fields = "、".join(f"{name}（{share}%）" for name, share in shares)
        return f"- {start} 至 {end}（{self.times.name}）：得分 {score}，主要来自 {fields}"

    def missing(self, field: str, percent: str) -> str:
        """State missing values."""
        return f"- {field}：缺失 {percent}%"

    def trend(self, device: str, period: str, field: str, direction: int, numbers: Sequence[str]) -> str:
        """State a course."""
        first, last, change, low, low_at, high, high_at = numbers
        return (
            f"{device} {period}的 {field} {_COURSE[direction]}：从 {first} 到 {last}（变化 {change}），"
            f"最低 {low}（{low_at}），最高 {high}（{high_at}，{self.times.name}）。"
        )

    def beyond(self, devices: tuple[str, str], name: str, *, above: bool, holds: bool, by: str) -> str:
        """Say yes or no of two devices."""
        side, more, less = ("高于", "高", "低") if above else ("低于", "低", "高")
        if holds:
            return f"是：{devices[0]} 的 {name}{side} {devices[1]}，{more} {by}。"
        apart = f"{less} {by}" if by else "两者相同"
        return f"不是：{devices[0]} 的 {name}不{side} {devices[1]}，{apart}。"

    def power_now(self, device: str, time: str, value: str, factors: str) -> str:
        """State the power now."""
        return f"{device} 最新数据（{time}，{self.times.name}）的功率为 {value}（电压 × 电流，{factors}）。"

    def longest_stretch(self, longest: Stretch) -> str:
        """Tell the longest stretch."""
        return f"最长的一段从 {longest.begin} 到 {longest.end}（{self.times.name}，{longest.length}）。"

    def slopes(self, period: str, field: str, first: str, value: str, *, rises: bool, clear: bool) -> str:
        """Say whose values rise or fall the most."""
        way = "上升" if rises else "下降"
        if clear:
            return f"{period} {first} 的 {field} {way}最快：{value}（走势的斜率）。"
        end = "最高" if rises else "最低"
        return f"{period}没有设备的 {field} 明显{way}：斜率都未超出波动范围。斜率{end}的是 {first}，为 {value}。"

    def slope(self, value: str, direction: int) -> str:
        """Tell a slope."""
        return f"{value}（{_COURSE[direction]}）"

    def no_numbers(self, device: str, period: str) -> str:
        """No numbers."""
        return f"{device} {period}没有数值数据。"

    def last_head(self, device: str, time: str, where: str = "") -> str:
        """Open the last reading."""
        if where:
            return f"{device} {where}的最新一条数据的时间为 {time}（{self.times.name}）："
        return f"{device} 最新一条数据的时间为 {time}（{self.times.name}）："

    def ahead(self, by: str) -> str:
        """Say that a time lies ahead of now."""
        return f"该时间比现在还晚{by}：记录所用的时钟有误，因此它未必是当前值。"

    def rows_head(self, device: str, period: str, count: int, newest: bool | None) -> str:
        """Open a table."""
        return f"{device} {period}的{_ENDS[newest]}{count} 条数据："

    def features_head(self, device: str, period: str, windows: int, features: int) -> str:
        """Open the features."""
        return f"{device} {period}共 {windows} 个窗口、{features} 个特征。各特征的均值（最小值至最大值）："

    def feature(self, name: str, mean: str, low: str, high: str) -> str:
        """State a feature."""
        return f"- {name}：{mean}（{low} 至 {high}）"

    def fitting_count(self, device: str, period: str, where: str, fitting: int, total: int) -> str:
        """State a count."""
        return f"{device} {period}的 {total} 条数据中，{where}的有 {fitting} 条。"

    def fitting_share(self, device: str, period: str, where: str, share: str, counts: tuple[int, int]) -> str:
        """State a share."""
        return f"{device} {period}的数据中，{where}的占 {share}%（{counts[1]} 条中的 {counts[0]} 条）。"

    def fitting_times(self, device: str, period: str, where: str, times: tuple[str, str] | None, count: int) -> str:
        """State when readings fit."""
        if times is None:
            return f"{device} {period}没有{where}的数据。"
        return f"{device} {period}{where}的数据共 {count} 条：最早 {times[0]}，最晚 {times[1]}（{self.times.name}）。"

    def extreme_time(self, device: str, period: str, name: str, value: str, time: str) -> str:
        """State an extreme with its time."""
        return f"{device} {period}的 {name}为 {value}，首次出现在 {time}（{self.times.name}）。"

    def correlation(self, device: str, period: str, fields: tuple[str, str], value: str, count: int) -> str:
        """State a correlation."""
        return f"{device} {period}的 {fields[0]} 与 {fields[1]} 的相关系数 r = {value}（共 {count} 条数据）。"

    def ranking(self, name: str, period: str, first: str, value: str, *, lowest: bool, count: int) -> str:
        """Say which is first."""
        when = f"{period.rstrip('的')}，" if period else ""
        if count == 1:
            return f"{when}只有 {first} 可比：{name}为 {value}。"
        return f"{when}{first} 的 {name}最{'低' if lowest else '高'}：{value}（共比较 {count} 项）。"

    def values_head(self, device: str, period: str, field: str, count: int) -> str:
        """Open counts of values."""
        return f"{device} {period}的 {field}（共 {count} 条数据）："

    def interval_head(self, device: str, period: str, name: str, interval: str, count: int) -> str:
        """Open rows per interval."""
        return f"{device} {period}每{interval}的 {name}（共 {count} 行）："

    def intervals_held(self, head: str, interval: str, where: str, count: int, whole: int) -> str:
        """State how many intervals fit."""
        return f"{head}有数据的 {whole} 个{interval}中，{where.strip()} 的有 {count} 个。"

    def percentile(self, share: str) -> str:
        """Name a percentile."""
        return f"第 {share} 百分位数"

    def no_value(self) -> str:
        """Stand for a missing text."""
        return "（无）"

    def and_more(self, count: int) -> str:
        """Say what was left out."""
        return f"- ……另有 {count} 项"
