"""The offline provider's phrases in Chinese about devices, and about what can't be answered."""

from collections.abc import Sequence

from llm_service.domain.offline.chinese_events import ChineseEvents
from llm_service.domain.offline.phrases_devices import Crossing
from llm_service.domain.offline.query import TimeRange
from llm_service.domain.offline.result import DeviceCard


class ChineseDevices(ChineseEvents):
    """Phrases in Chinese; see the port for what each says."""

    def unconfigured(self) -> str:
        """Say how to configure a model."""
        return (
            "尚未配置大语言模型，目前只能按固定规则回答与设备有关的问题。"
            "可以这样提问：“有哪些设备”、“WLD001 过去一小时的平均温度是多少”、“比较 WLD001 和 WLD002 昨天的数据”。\n\n"
            "要启用模型，请在环境变量（或 `.env`）中设置任意一个供应商的密钥并重启："
            "`OPENAI_API_KEY`、`GEMINI_API_KEY`、`ANTHROPIC_API_KEY`、"
            "`QWEN_API_KEY`、`GLM_API_KEY` 或 `DEEPSEEK_API_KEY`。"
            "兼容 OpenAI 协议的本地服务（vLLM、Ollama 等）可通过 `OPENAI_BASE_URL`、"
            "`OPENAI_API_KEY` 和 `OPENAI_MODELS` 接入。"
        )

    def crossing_head(self, where: tuple[str, str], first: str, time: str, count: tuple[int, int]) -> str:
        """Say which was first."""
        if not first:
            return f"没有：{where[1]}，{count[1]} 台设备都没有{where[0]}。"
        return f"有：{where[1]}，{count[1]} 台设备中有 {count[0]} 台{where[0]}，最早是 {first}（{time}）："

    def crossing(self, told: Crossing) -> str:
        """Say when it was first so."""
        zone = self.times.name
        if not told.first:
            return f"- {told.device}：没有。"
        if told.single:
            return f"- {told.device}：只有个别数据，可能是传感器瞬时误差；最早 {told.first}（{zone}）。"
        if told.lasting is None:
            return f"- {told.device}：最早 {told.first}（{zone}）。"
        begun = "（所问时段由此开始，可能更早）" if told.before else ""
        earlier = f"；此前 {told.first} 有个别数据" if told.earlier else ""
        return f"- {told.device}：最早 {told.lasting.begin}（{zone}）{begun}，持续 {told.lasting.length}{earlier}。"

    def thanked(self) -> str:
        """Answer thanks."""
        return "不客气。"

    def farewell(self) -> str:
        """Say goodbye."""
        return "再见。"

    def at_service(self) -> str:
        """Answer what is said in passing."""
        return "好的。想了解设备可以直接问我，例如“WLD001 现在在运行吗”。"

    def clock(self, time: str) -> str:
        """Tell the time."""
        return f"本系统的时钟现在是 {time}（{self.times.name}），回答中的时间都以它为准；数据的时间则由设备上传。"

    def not_of_devices(self) -> str:
        """Say that nothing of devices was asked."""
        return "这个问题我回答不了：其中没有关于设备数据的内容。"

    def examples(self) -> str:
        """Say what can be asked."""
        return "请说明设备、字段和时间，例如“WLD001 过去一小时的平均温度是多少”。"

    def no_reason(self, *, lately: bool) -> str:
        """Say that readings hold no reasons."""
        where = "最近的（其他时间请说明）" if lately else "所问范围内的"
        return f"为什么会这样，数据里没有：读数不含原因。{where}异常如下："

    def as_before(self, question: str) -> str:
        """Say that nothing further was understood."""
        return (
            f"以上与前一个回答相同：“{question}”里我没有理解出与此不同的要求。如果问的是别的，请说明设备、字段和时间。"
        )

    def once_more(self) -> str:
        """Tell what it rests on."""
        return "以上是根据已保存的数据重新读取并计算的。所指的设备、字段和时间已在上面写明；如果不是您的意思，请说明。"

    def not_tabled(self, words: str) -> str:
        """Name what comes as a table."""
        return (
            f"这些内容我用文字说明（“{words}”）；每小时的数值和单条数据会列成表格，例如“WLD001 今天每小时的平均温度”。"
        )

    def of_told(self) -> str:
        """Open lines of what was told before."""
        return "前面所说的内容中："

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

    def too_many_calls(self, made: int) -> str:
        """Say what would take fewer."""
        return (
            f"这个问题需要的查询次数超过一次回答所允许的（{made} 次之后不再允许）："
            "请少问几个小时、几天或几台设备，或者把间隔放长。"
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

    def no_field(self, device: str, field: str) -> str:
        """Name the field there is not."""
        return f"{device} 没有字段 {field}，回答中未考虑。"

    def partly(self, devices: str, since: str, until: str) -> str:
        """Say where the readings begin or end."""
        ends = filter(None, (f"始于 {since}" if since else "", f"止于 {until}" if until else ""))
        return f"{devices.replace(', ', '、')} 的数据{'，'.join(ends)}（{self.times.name}），该时段的其余部分没有数据。"

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
        placed = (f"{name} {value}" for name, value in sorted(card.labels.items()))
        told = "，".join(filter(None, (card.device_type, card.model_code, *placed)))
        kind = f"（{told}）" if told else ""
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
        so_far = "截至目前" if self.times.is_open(time) else ""
        if day := self.times.whole_day(time):
            return f"在 {day} " + (f"（{self.times.name}）" if self.times.name != "UTC" else "") + so_far
        if time.start and time.end:
            return f"在 {self._from_to(time)}{so_far}"
        return (
            f"自 {self.times.stamp(time.start)}（{self.times.name}）以来"
            if time.start
            else f"在 {self.times.stamp(time.end)}（{self.times.name}）之前"
            if time.end
            else ""
        )

    def cannot(self, words: str) -> str:
        """Say what can't be done."""
        return (
            f"我做不到（“{words}”）：我只能读取设备的遥测数据，并按固定规则回答与之有关的问题。"
            "例如可以询问平均值、最大值、数量或趋势。"
        )

    def identity(self) -> str:
        """Say who answers."""
        return "我是 Penstock 的离线助手。"

    def absent(self, words: str) -> str:
        """Say that the readings hold nothing of it."""
        return f"这个问题我回答不了（“{words}”）：数据里没有这方面的内容，只有设备的读数。"

    def no_price(self, words: str) -> str:
        """Say how a price is named."""
        return (
            f"无法回答（“{words}”）：数据中没有价格。请在问题中给出价格，例如："
            "“气体每升0.02元，WLD001昨天的气体花了多少钱？”（也可以按每米、每千瓦时）。"
        )

    def to_come(self, words: str) -> str:
        """Say that nothing is predicted."""
        return f"这个问题我回答不了（“{words}”）：我只依据已经测得的数据，不作预测。"

    def no_pieces(self, words: str) -> str:
        """Say that no parts can be counted."""
        return (
            f"这个问题我回答不了（“{words}”）：读数里分不出单个工件，无法计件。可以询问设备运行了多久，或启停了多少次。"
        )

    def cannot_part(self, words: str) -> str:
        """Say what can't be answered."""
        return f"“{words}”这一部分我无法回答：这里不能解释数据，只能计数和求平均。"

    def unread(self, phrases: Sequence[str]) -> str:
        """Name what was not understood."""
        return f"我没有理解{'、'.join(f'“{phrase}”' for phrase in phrases)}，回答中未考虑。"

    def negated(self, words: str) -> str:
        """Say that no number is given, for what was not understood turns it round."""
        return (
            f"我没有理解“{words}”，它可能使所问的意思相反，因此不给出数值。"
            "请换一种说法，例如“不是气孔”或“电流不超过200”。"
        )

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
