"""The offline provider's phrases in Chinese."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.phrases import stamp, whole_day
from llm_service.domain.offline.query import Statistic, TimeRange
from llm_service.domain.offline.result import DeviceCard

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
}
_COURSE: Final = {-1: "呈下降趋势", 0: "基本平稳", 1: "呈上升趋势"}


class Chinese:
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
        return f"{stamp(time.start)} 至 {stamp(time.end)}（UTC）"

    def period(self, time: TimeRange | None) -> str:
        """Name a range."""
        if time is None or (time.start is None and time.end is None):
            return "在全部数据中"
        if day := whole_day(time):
            return f"在 {day} "
        if time.start and time.end:
            return f"在 {self._from_to(time)}"
        return (
            f"自 {stamp(time.start)}（UTC）以来"
            if time.start
            else f"在 {stamp(time.end)}（UTC）之前"
            if time.end
            else ""
        )

    def statistic(self, statistic: Statistic) -> str:
        """Name a statistic."""
        return _STATISTICS[statistic]

    def one_value(self, device: str, period: str, name: str, value: str, count: int) -> str:
        """State one number."""
        return f"{device} {period}的 {name}为 {value}（共 {count} 条数据）。"

    def named(self, field: str, statistic: Statistic) -> str:
        """Name a statistic of a field."""
        return f"{field} {self.statistic(statistic)}"

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

    def missing(self, field: str, percent: str) -> str:
        """State missing values."""
        return f"- {field}：缺失 {percent}%"

    def trend(self, device: str, period: str, field: str, direction: int, numbers: Sequence[str]) -> str:
        """State a course."""
        first, last, change, low, low_at, high, high_at = numbers
        return (
            f"{device} {period}的 {field} {_COURSE[direction]}：从 {first} 到 {last}（变化 {change}），"
            f"最低 {low}（{low_at}），最高 {high}（{high_at}，UTC）。"
        )

    def no_numbers(self, device: str, period: str) -> str:
        """No numbers."""
        return f"{device} {period}没有数值数据。"

    def last_head(self, device: str, time: str) -> str:
        """Open the last reading."""
        return f"{device} 最新一条数据的时间为 {time}（UTC）："

    def rows_head(self, device: str, period: str, count: int, truncated: bool) -> str:
        """Open a table."""
        return f"{device} {period}的{'前 ' if truncated else ' '}{count} 条数据："

    def features_head(self, device: str, period: str, windows: int, features: int) -> str:
        """Open the features."""
        return f"{device} {period}共 {windows} 个窗口、{features} 个特征。各特征的均值（最小值至最大值）："

    def feature(self, name: str, mean: str, low: str, high: str) -> str:
        """State a feature."""
        return f"- {name}：{mean}（{low} 至 {high}）"

    def and_more(self, count: int) -> str:
        """Say what was left out."""
        return f"- ……另有 {count} 项"
