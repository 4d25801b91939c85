"""The offline provider's phrases in Chinese about since when, for which stretches and whether something holds."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.phrases_states import (
    Doing,
    FarExtreme,
    MeanTime,
    Place,
    StandingSince,
    Stretch,
    Versus,
)
from llm_service.domain.offline.shared_wording import SharedWording

_SIDES: Final = {-1: "低于平常", 0: "在平常范围内", 1: "高于平常"}
_ENDS: Final = {True: "最高", False: "最低"}


class ChineseStates(SharedWording):
    """Phrases in Chinese; see the port for what each says."""

    def stretches(self, count: int, total: str, listed: Sequence[Stretch]) -> str:
        """List stretches."""
        longest = f"，其中最长的 {len(listed)} 段" if count > len(listed) else ""
        head = f"共 {count} 段，累计 {total}{longest}："
        return "\n".join([head, *(f"- {each.begin} 至 {each.end}（{each.length}）" for each in listed)])

    def latest_stretches(self, number: int, count: int, listed: Sequence[Stretch], *, whole: bool) -> str:
        """List the last ones."""
        head = f"共 {count} 段，最近的 {number} 段："
        if not whole:
            head = f"共 {count} 段，无法单独列出最近的 {number} 段，以下为最长的 {len(listed)} 段（请缩短时间范围）："
        return "\n".join([head, *(f"- {each.begin} 至 {each.end}（{each.length}）" for each in listed)])

    def gaps(self, device: str, count: int, total: str, listed: Sequence[Stretch], longest: Stretch | None) -> str:
        """List gaps."""
        if not count:
            return f"{device} 的数据之间没有中断。"
        most = f"，最长的一处 {longest.length}，始于 {longest.begin}" if longest and count > 1 else ""
        some = f"，其中最长的 {len(listed)} 处" if count > len(listed) else ""
        head = f"{device} 的数据共有 {count} 处中断，累计 {total}{most}{some}："
        return "\n".join(
            [head, *(f"- {each.begin} 至 {each.end}（{self.times.name}，{each.length}）" for each in listed)]
        )

    def lost_readings(self, count: int, every: str) -> str:
        """Say how many readings gaps are."""
        return f"按每 {every} 秒一条计算，约缺少 {count} 条数据。"

    def time_column(self) -> str:
        """Name the column of times."""
        return f"时间（{self.times.name}）"

    def last_stretch(self, last: Stretch, *, ongoing: bool) -> str:
        """Tell the last stretch."""
        so_far = f"仍在持续（至今 {last.length}）" if ongoing else f"持续 {last.length}"
        return f"最后一次始于 {last.begin}（{self.times.name}），{so_far}。"

    def since(self, device: str, where: str, last: Stretch, seen: str) -> str:
        """Say since when."""
        held = f"至最新一条数据（{seen}）已持续 {last.length}"
        return f"{device} 自 {last.begin}（{self.times.name}）起一直{where.strip()}，{held}。"

    def no_longer(self, device: str, where: str, last: Stretch) -> str:
        """Say that it is over."""
        ended = f"上一次为 {last.begin} 至 {last.end}（{self.times.name}，{last.length}）"
        return f"{device} 的最新一条数据不再{where.strip()}；{ended}。"

    def never(self, device: str, where: str, period: str) -> str:
        """Say that it never held."""
        return f"{device} {period}从未{where.strip()}。"

    def holding(self, fitting: Sequence[str], count: int, where: str) -> str:
        """Say which devices fit."""
        named = f"：{'、'.join(fitting)}" if fitting else ""
        return f"{count} 台设备中有 {len(fitting)} 台{where.strip()}{named}。"

    def holds(self, device: str, *, fits: bool | None, values: Sequence[str], time: str) -> str:
        """Say whether a device fits."""
        lead = "" if fits is None else "是：" if fits else "否："
        return f"{lead}{device} 的 {'，'.join(values)}（{time}，{self.times.name}）。"

    def versus(self, told: Versus, listed: Sequence[Stretch], count: int) -> str:
        """Set one device against another."""
        first, second = told.devices
        side = "高于" if told.above else "低于"
        head = (
            f"{told.period}，按每 {told.width}的平均值比较，{first} 的 {told.field} 在 {told.count} 个时段中有 "
            f"{told.held} 个{side} {second}（{told.share}%，累计 {told.length}）"
        )
        if not listed:
            return f"{head}。"
        head += f"，共 {count} 段，其中最长的 {len(listed)} 段：" if count > len(listed) else "："
        return "\n".join([head, *(f"- {each.begin} 至 {each.end}（{each.length}）" for each in listed)])

    def arc_power(self, device: str, period: str, value: str, *, energy: bool) -> str:
        """State power or energy."""
        what = "电弧电能（平均功率×时间）" if energy else "电弧平均功率"
        return f"{device} {period}的{what}（电压×电流）为 {value}。"

    def which_time(
        self, name: tuple[str, str, str], told: Sequence[tuple[str, str]], *, lowest: bool, same: bool
    ) -> str:
        """Say which time it is."""
        (first, value), (second, other) = told
        devices, number, where = name
        named = f"{devices} {where}的{number}" if where else f"{devices} {number}"
        if same:
            return f"{named}两个时段相同：{first}和{second}都是 {value}。"
        return f"{named}：{first} {value}，{second} {other}；{first}更{'低' if lowest else '高'}。"

    def standing_since(self, told: StandingSince) -> str:
        """Say since when it runs or stands."""
        zone, state = self.times.name, "运行" if told.running else "停机"
        seen = f"截至最新数据（{told.seen}，{zone}）"
        if not told.begin:
            return f"{told.device} {seen}一直处于{state}状态（{told.condition}）。"
        since = f"{'' if told.known else '第一条数据 '}{told.begin}（{zone}）"
        before = f"此前停机 {told.before.length}。" if told.before else ""
        pausing = "此刻处于短暂停顿。" if told.pausing else ""
        return (
            f"{told.device} 自 {since}起一直处于{state}状态（{told.condition}），{seen}已持续 {told.length}。"
            f"{before}{pausing}"
        )

    def pauses_left_out(self, least: str) -> str:
        """Say what is no stop."""
        return f"不足 {least}的停顿不算停机。"

    def pausing(self, line: str, length: str) -> str:
        """Say that it pauses."""
        return f"{line}它正处于短暂停顿（目前 {length}），不算停机。"

    def running_ones(self, devices: Sequence[str], count: int, *, running: bool) -> str:
        """Say which run or stand."""
        named = f"：{'、'.join(devices)}" if devices else ""
        return f"{count} 台设备中有 {len(devices)} 台{'在运行' if running else '停机'}{named}。"

    def energy_estimated(self) -> str:
        """Say that no energy is measured."""
        return "没有测量电能，以下由电压和电流估算："

    def judged(self, place: Place, *, holds: bool) -> str:
        """Say where a value lies."""
        newest = "最新数据 " if place.newest else ""
        return (
            f"{'是' if holds else '否'}：对 {place.device} {place.period}的 {place.field} 来说，{newest}{place.value} "
            f"{_SIDES[place.side]}；90% 的数据在 {place.low} 至 {place.high} 之间（中位数 {place.middle}）。"
        )

    def state(self, condition: str, *, running: bool) -> str:
        """Tell a state."""
        return f"- 状态：{'运行中' if running else '停机'}（以 {condition} 为运行）"

    def newest_overview(self) -> str:
        """Explain the newest readings."""
        return "以上是概况：当前状态和最新数据；如需统计，请说明时间，例如“今天”。"

    def starts_told(self, words: str) -> str:
        """Explain starts."""
        return f"“{words}”按“持续至少 10 分钟的停机的结束”理解；所列的是这样的停机。"

    def lasting_told(self, least: str) -> str:
        """Explain stops."""
        return f"只计持续至少 {least}的停机，更短的停顿不计（要全部计入，请问“包括短的”）。"

    def at_once(
        self,
        devices: Sequence[str],
        where: str,
        period: str,
        total: str,
        listed: Sequence[Stretch],
        *,
        count: int,
        whole: bool,
    ) -> str:
        """Say when all were so."""
        text = f"{'、'.join(devices)} {period}同时{where}的情况"
        known = "" if whole else "（只比较了各台最长的几段，可能还有）"
        if not count:
            return f"{text} 0 次{known}。"
        more = f"；前 {len(listed)} 段" if count > len(listed) else ""
        lines = (f"- {each.begin} 至 {each.end}（{each.length}）" for each in listed)
        return "\n".join([f"{text}共 {count} 次，累计 {total}{known}{more}：", *lines])

    def of_which_lasting(self, count: int, least: str, total: str) -> str:
        """Say which of all stops last."""
        if not count:
            return f"其中没有一次达到 {least}，都是短暂停顿。"
        return f"其中持续至少 {least}的有 {count} 次，累计 {total}；其余为短暂停顿。"

    def single_readings(self, count: int) -> str:
        """Say that they are single readings."""
        return f"{'这' if count == 1 else '这些都'}是个别数据，可能是传感器瞬时误差：没有一次持续超过 2 秒。"

    def without_readings(self, length: str) -> str:
        """Say for how long there are no readings."""
        return f"其中有 {length} 没有数据。"

    def oee_told(self, words: str) -> str:
        """Say which part is told."""
        return (
            f"{words} = 可用率 × 性能 × 质量。上面给出的是数据能说明的可用率部分：电弧燃烧（current >= 5）的数据占比。"
            "数据中没有计划生产时间和节拍，因此无法得出性能；质量可以问合格数据的占比。"
        )

    def answered(self, text: str, *, holds: bool) -> str:
        """Put yes or no first."""
        return f"{'是' if holds else '不是'}：{text}"

    def doing(self, told: Doing, listed: Sequence[Stretch]) -> str:
        """State what it did."""
        pauses = f"（不足 {told.least}的停顿计入运行）" if told.least else ""
        head = f"{told.device} {told.period}：总时长 {told.whole}，运行 {told.running}{pauses}，"
        if not told.count:
            return f"{head}没有更长的停机。"
        more = f"，其中最长的 {len(listed)} 次" if told.count > len(listed) else ""
        head += f"停机 {told.count} 次，共 {told.stopped}{more}："
        return "\n".join([head, *(f"- {each.begin} 至 {each.end}（{each.length}）" for each in listed)])

    def mean_time(self, told: MeanTime) -> str:
        """State a mean time."""
        least = f"{'超过' if told.over else '至少'} {told.least}的" if told.least else ""
        name = "平均每次停机时长" if told.repair else "平均停机间隔"
        if not told.count:
            return f"{told.device} {told.period}没有{least}停机，因此没有{name}。"
        spent = f"{'停机' if told.repair else '未停机'} {told.spent}"
        return f"{told.device} {told.period}的{name}为 {told.value}（{spent}，{least}停机 {told.count} 次）。"

    def mean_time_name(self, *, repair: bool) -> str:
        """Name a mean time."""
        return "平均每次停机时间" if repair else "平均停机间隔"

    def stops_alone(self) -> str:
        """Explain stops."""
        return "数据只反映停机，不反映原因：这里无法把故障与其他停机区分开。"

    def ratio(self, device: str, period: str, fields: tuple[str, str], value: str, means: tuple[str, str]) -> str:
        """State a ratio."""
        return f"{device} {period}的 {fields[0]} 与 {fields[1]} 之比为 {value}（按平均值：{means[0]} 比 {means[1]}）。"

    def not_drawn(self, words: str) -> str:
        """Explain that there is no picture."""
        return f"文字里没有图（“{words}”），以上用文字说明数据的情况；聊天页面的回答下方有这些数据的图表。"

    def maybe_before(self, first: str, begin: str) -> str:
        """Explain an edge."""
        return f"{first} 紧接时段的起点 {begin}：此前可能已经如此，因此不能确定它是开始时刻。"

    def overview(self) -> str:
        """Explain an overview."""
        return "我没有识别出具体问的是什么，以上只是概况。"

    def pooled(self, value: str) -> str:
        """State a number of all."""
        return f"合并计算：{value}。"

    def most_anomalies(self, counts: Sequence[tuple[str, str]], *, lowest: bool) -> str:
        """Rank devices by their anomalies."""
        order = "由少到多" if lowest else "由多到少"
        return f"异常{order}：{'，'.join(f'{device} {times}' for device, times in counts)}。"

    def groups(self, numbers: Sequence[tuple[str, str]], name: str) -> str:
        """State a number of each group."""
        named = f"（{name}）" if name else ""
        return f"按组{named}：{'，'.join(f'{label} 为 {value}' for label, value in numbers)}。"

    def of_rows(self, name: str, value: str, count: int) -> str:
        """State a number of all rows."""
        return f"这 {count} 个数的 {name}为 {value}。"

    def cut_short(self, time: str) -> str:
        """Say where rows end."""
        return f"一次回答容纳不下更多行：{time}（{self.times.name}）之后的数据已略去。"

    def presence(self, period: str, there: int, missing: Sequence[str]) -> str:
        """State who has readings."""
        told = f"{there + len(missing)} 台设备中有 {there} 台{period}有数据"
        return f"{told}；没有数据的：{'、'.join(missing)}。" if missing else f"{told}，没有缺数据的设备。"

    def has_readings(self, device: str, count: int) -> str:
        """State its number of readings."""
        return f"- {device}：{count} 条"

    def unbroken(self, device: str, stretch: Stretch) -> str:
        """State the longest time without a stop."""
        return f"{device} 不停机连续运行最长 {stretch.length}：{stretch.begin} 至 {stretch.end}。"

    def defects_head(self, device: str, field: str) -> str:
        """Open bad stretches."""
        return f"{device} 持续的问题（按 {field}，只列持续至少 1 分钟的时段）："

    def defect(self, label: str, stretch: Stretch) -> str:
        """Tell a bad stretch."""
        return f"- {label}：{stretch.begin} 至 {stretch.end}（{self.times.name}，{stretch.length}）"

    def spikes_head(self, device: str) -> str:
        """Open far readings."""
        return f"{device} 有个别数据明显偏离其余数据："

    def spike(self, field: str, value: str, edge: str, time: str, *, highest: bool) -> str:
        """Tell a far reading."""
        side = "低于" if highest else "高于"
        return (
            f"- {field}：{'最高' if highest else '最低'} {value}（{time}，{self.times.name}；99% 的数据{side} {edge}）"
        )

    def of_labelled(self, field: str) -> str:
        """Say what shares are of."""
        return f"这里只计有 {field} 的数据。"

    def unlabelled(self, names: str, field: str) -> str:
        """Name devices without labels."""
        return f"没有任何 {field} 的数据：{names}。"

    def label_count(self, label: str, readings: int, spells: int | None) -> str:
        """Tell how many readings have a label."""
        return f"{label} {readings} 条数据" + ("" if spells is None else f"、{spells} 段")

    def prevalent(self, device: str, period: str, first: str, counts: Sequence[str], *, lowest: bool) -> str:
        """Say which label is the most."""
        told = f"{first} {'更少' if lowest else '更多'}" if first else "一样多"
        return f"{device} {period}：{told}（{'；'.join(counts)}）。"

    def of_fitting(self, where: str, shares: Sequence[str]) -> str:
        """Tell shares of the readings of a state."""
        return f"在{where.strip()} 的数据中：{'，'.join(shares)}。"

    def periods_head(self, device: str, name: str) -> str:
        """Open ranked ranges."""
        return f"{device} 的 {name}，按排名："

    def rest_told(self) -> str:
        """Open numbers without far readings."""
        return "去除明显偏离的数据后："

    def spikes_told(self) -> str:
        """Open extremes that lie far from the rest."""
        return "注意：有个别数据明显偏离其余数据，可能是传感器瞬时误差："

    def without_spike(self, told: FarExtreme) -> str:
        """Tell an extreme far from the rest, and what it is without."""
        at = f"（{told.rest_time}）" if told.rest_time else ""
        without = f"；不计超出 {told.bound} 的数据则为 {told.rest}{at}" if told.rest else ""
        what = f"{told.device} 的 {told.name}：{told.value}（{told.time}，{self.times.name}）"
        return f"- {what}，而 99% 的数据止于 {told.edge}{without}"

    def order_without(self, ranked: Sequence[str]) -> str:
        """Rank without readings far from the rest."""
        return f"去除此类数据后的排名：{'，'.join(ranked)}。"

    def ends_head(self, device: str, period: str, field: str, count: int, *, highest: bool) -> str:
        """Open the highest or lowest readings."""
        return f"{device} {period}的 {field} {_ENDS[highest]}的 {count} 条数据："
