"""The offline provider's phrases in Chinese."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.chinese_events import ChineseEvents
from llm_service.domain.offline.query import TimeRange
from llm_service.domain.offline.result import DeviceCard

_COURSE: Final = {-1: "呈下降趋势", 0: "基本平稳", 1: "呈上升趋势", 2: "有升有降，没有明确的方向"}


_ENDS: Final = {True: "最后 ", False: "前 ", None: " "}


class Chinese(ChineseEvents):
    """Wording in Chinese; see the port for what each phrase says."""

    def unconfigured(self) -> str:
        """Say how to configure a model."""
        return (
            "尚未配置大语言模型，目前只能按固定规则回答与设备有关的问题。\n\n"
            "要启用模型，请在环境变量（或 `.env`）中设置任意一个供应商的密钥并重启："
            "`OPENAI_API_KEY`、`GEMINI_API_KEY`、`ANTHROPIC_API_KEY`、"
            "`QWEN_API_KEY`、`GLM_API_KEY` 或 `DEEPSEEK_API_KEY`。"
            "兼容 OpenAI 协议的本地服务（vLLM、Ollama 等）可通过 `OPENAI_BASE_URL`、"
            "`OPENAI_API_KEY` 和 `OPENAI_MODELS` 接入。\n\n"
            "现在可以这样提问：“有哪些设备”、“WLD001 过去一小时的平均温度是多少”、“比较 WLD001 和 WLD002 昨天的数据”。"
        )

    def models_failed(self) -> str:
        """Say that models fail."""
        return "已配置的大语言模型目前都无法访问，只能按固定规则回答与设备有关的问题。请稍后再试。"

    def omitted(self, characters: int) -> str:
        """Say what was not read."""
        return (
            f"（您的消息很长：我只读了开头和结尾，略去了 {characters} 个字符。如果因此漏掉了问题，请用一句短话提问。）"
        )

    def no_tools(self) -> str:
        """Say that no tool is there."""
        return (
            "这是一个关于设备的问题，但本次请求没有提供读取遥测数据的工具，也尚未配置大语言模型。"
            "请在打开 `use_tools` 的 Penstock 会话中提问，或配置一个模型（例如 `OPENAI_API_KEY`）。"
        )

    def tool_failed(self, tool: str, message: str) -> str:
        """Pass on a tool's error."""
        return f"无法回答：工具 {tool} 返回错误：{message}"

    def which_device(self, codes: Sequence[str]) -> str:
        """Ask for the device."""
        if not codes:
            return "还没有注册任何设备。请先导入数据：POST /api/v2/data/ingest，并带上 create=true。"
        return f"请问是哪台设备？现有设备：{'、'.join(codes)}。"

    def unknown_devices(self, codes: Sequence[str], existing: Sequence[str]) -> str:
        """Name what exists instead."""
        there = f"现有设备：{'、'.join(existing)}。" if existing else "还没有注册任何设备。"
        return f"没有名为 {'、'.join(codes)} 的设备。{there}"

    def unknown_fields(self, device: str, fields: Sequence[str], existing: Sequence[str]) -> str:
        """Name the fields there are."""
        has = f"现有字段：{'、'.join(existing)}。" if existing else "该设备没有数值字段。"
        return f"{device} 没有字段 {'、'.join(fields)}。{has}"

    def readings_counted(self, words: str) -> str:
        """Say what is counted."""
        return f"“{words}”：统计的是满足条件的数据条数，而不是发生的次数。"

    def no_field(self, device: str, field: str) -> str:
        """Name the field there is not."""
        return f"{device} 没有字段 {field}，回答中未考虑。"

    def no_data(self, device: str, time: TimeRange | None, extent: TimeRange | None) -> str:
        """Name the range that holds data."""
        covers = f"现有数据的时间范围为 {self._from_to(extent)}。" if extent else ""
        return f"{device} {self.period(time)}没有数据。{covers}" if time else f"{device} 没有数据。{covers}"

    def device_list(self, cards: Sequence[DeviceCard], count: int) -> str:
        """List devices."""
        if not cards:
            return self.which_device(())
        return "\n".join([f"共有 {count} 台设备：", *(self._card(card) for card in cards)])

    def _card(self, card: DeviceCard) -> str:
        kind = f"（{'，'.join(filter(None, (card.device_type, card.model_code)))}）" if card.device_type else ""
        fields = f"：{'、'.join(card.fields)}" if card.fields else ""
        extent = f"；数据时间 {self._from_to(card.extent)}" if card.extent else "；暂无数据"
        return f"- {card.code}{kind}{fields}{extent}"

    def _from_to(self, time: TimeRange) -> str:
        assert time.start and time.end
        return f"{self.times.stamp(time.start)} 至 {self.times.stamp(time.end)}（{self.times.name}）"

    def period(self, time: TimeRange | None) -> str:
        """Name a range."""
        if time is None or (time.start is None and time.end is None):
            return "在全部数据中"
        if day := self.times.whole_day(time):
            return f"在 {day} " + (f"（{self.times.name}）" if self.times.name != "UTC" else "")
        if time.start and time.end:
            return f"在 {self._from_to(time)}"
        return (
            f"自 {self.times.stamp(time.start)}（{self.times.name}）以来"
            if time.start
            else f"在 {self.times.stamp(time.end)}（{self.times.name}）之前"
            if time.end
            else ""
        )

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

    def no_numbers(self, device: str, period: str) -> str:
        """No numbers."""
        return f"{device} {period}没有数值数据。"

    def last_head(self, device: str, time: str) -> str:
        """Open the last reading."""
        return f"{device} 最新一条数据的时间为 {time}（{self.times.name}）："

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
        return f"{period.rstrip('的')}，{first} 的 {name}最{'低' if lowest else '高'}：{value}（共比较 {count} 项）。"

    def values_head(self, device: str, period: str, field: str, count: int) -> str:
        """Open counts of values."""
        return f"{device} {period}的 {field}（共 {count} 条数据）："

    def interval_head(self, device: str, period: str, name: str, interval: str, count: int) -> str:
        """Open rows per interval."""
        return f"{device} {period}每{interval}的 {name}（共 {count} 行）："

    def percentile(self, share: str) -> str:
        """Name a percentile."""
        return f"第 {share} 百分位数"

    def no_value(self) -> str:
        """Stand for a missing text."""
        return "（无）"

    def cannot(self, words: str) -> str:
        """Say what can't be done."""
        return (
            f"我做不到（“{words}”）：我只能读取设备的遥测数据，并按固定规则回答与之有关的问题。"
            "例如可以询问平均值、最大值、数量或趋势。"
        )

    def cannot_part(self, words: str) -> str:
        """Say what can't be answered."""
        return f"“{words}”这一部分我无法回答：这里不能解释数据，只能计数和求平均。"

    def unread(self, phrases: Sequence[str]) -> str:
        """Name what was not understood."""
        return f"我没有理解{'、'.join(f'“{phrase}”' for phrase in phrases)}，回答中未考虑。"

    def left_out(self, what: Sequence[str]) -> str:
        """Name what was not heeded."""
        return f"这类回答无法考虑，因此略去：{'、'.join(what)}。"

    def read_as(self, written: str, taken: str) -> str:
        """Say how a word was read."""
        return f"“{written}”按 {taken} 理解。"

    def not_measured(self, devices: str, fields: str) -> str:
        """Say which devices lack what was asked about."""
        return f"以下设备没有 {fields}，未计入：{devices}。"

    def not_converted(self, unit: str, into: str) -> str:
        """Say that a unit does not fit."""
        if not unit:
            return f"该字段的单位未知，因此没有换算成 {into}。"
        return f"{unit} 无法换算成 {into}，数值单位为 {unit}。"

    def did_you_mean(self, codes: Sequence[str]) -> str:
        """Ask back."""
        return f"您是指 {' 或 '.join(codes)} 吗？"

    def and_more(self, count: int) -> str:
        """Say what was left out."""
        return f"- ……另有 {count} 项"
