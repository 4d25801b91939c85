"""Nothing is answered past a word: put into a right question, each word of a large vocabulary changes what is read, is
named, or is one of a short list that says nothing there."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import StructuredQuery

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
ENGLISH: Final = """
neither either none nobody never still yet again almost barely hardly merely twice thrice once double triple half
third quarter second first last next previous former latter same different equal unequal another besides except
without unless until since before after meanwhile simultaneously apart separately alternately jointly consecutively
intermittently why not nothing nowhere always often sometimes seldom rarely usually typically generally
occasionally constantly daily hourly weekly monthly yearly early late earlier later soon sooner lately formerly
tomorrow tonight midnight noon dawn dusk weekend weekday holiday Monday January spring above below beneath beyond
outside close beside behind ahead opposite less fewer smaller lower hotter colder warmer slower shorter better
worse best worst cheapest dearest newest oldest jump dip plateau finish resume wait cut drill mill grind polish
paint clean repair replace service maintain inspect adjust calibrate reset restart unload heat charge discharge
operator worker foreman manager apprentice colleague customer supplier vendor inspector engineer technician gearbox
bearing motor spindle belt chain hose nozzle liner cable plug fuse relay probe filter tank hopper conveyor gripper
fixture jig clamp table bench crane forklift steel aluminium copper brass helium oxygen nitrogen carbon rod plate
sheet tube pipe bracket bolt nut screw washer batch order pallet box scrap rework outage incident accident
complaint humidity vibration noise torque force thrust weight mass density viscosity angle position distance depth
width height thickness area radius diameter brightness color phase resistance capacitance magnetism radiation
acidity price cost money euro dollar budget invoice expense profit wage tax discount majority minority remainder
deviation target threshold setpoint tolerance nominal reference benchmark norm specification requirement schedule
expectation red green blue yellow black purple big small heavy wet dry dirty dangerous broken intact smooth rough
jerky loud quiet manual automatic remote internal external upper left front rear bottom north south planned
unplanned scheduled expected unexpected allowed forbidden because although despite therefore otherwise relative
absolute seven hundred dozen couple several few probably perhaps certainly apparently allegedly supposedly lunch
coffee weather rain storm summer smoothed filtered weighted corrected interpolated missing duplicate empty
thereafter beforehand afterwards onwards upwards downwards backwards pressure oil grease dust smoke spark splash
leak crack bend wear rust half should must might produce produced breakdown mostly mainly especially mode begin
trough product real virtual simulated gradually suddenly slowly sharply slightly heavily briefly both
""".split()  # noqa: SIM905
CHINESE: Final = """
均 同时 一起 轮流 依次 交替 先后 首次 末次 再次 依然 从未 从不 未曾 不是 没有 非 除非 即使 尽管 因为 为什么 为何
何时 何地 多远 经常 偶尔 有时 总是 始终 很少 几乎 恰好 正好 刚刚 马上 立刻 随后 之后 之前 以前 以后 后来 中途 中间
前半 后半 三分之一 两倍 翻倍 双倍 加倍 减半 突变 突然 逐渐 缓慢 急剧 略微 明显 反常 恢复 切换 更换 维修 保养 清洁
清洗 检修 检查 调整 校准 复位 重启 返工 报废 上料 下料 换丝 换气 打磨 喷漆 装配 搬运 包装 班长 组长 主管 经理 学徒
同事 客户 供应商 质检员 工程师 技术员 齿轮箱 轴承 电机 主轴 皮带 链条 软管 喷嘴 导电嘴 电缆 插头 保险丝 继电器 探头
滤芯 水泵 料斗 传送带 机器人 夹具 起重机 叉车 钢板 铝材 铜 氮气 螺栓 螺母 支架 批次 订单 工单 早班 中班 托盘 废品
次品 错误 警告 停电 事故 投诉 湿度 振动 噪音 扭矩 压力 重量 体积 密度 角度 位置 距离 深度 宽度 高度 厚度 面积 直径
相位 电阻 价格 成本 费用 电费 预算 工资 利润 发票 目标 公差 额定 参考 基准 规格 计划 红色 绿色 危险 手动 自动 远程
本地 左边 右边 前面 后面 东边 计划内 计划外 意外 允许 禁止 可能 也许 肯定 似乎 据说 午饭 早餐 咖啡 下雨 夏天 冬天
周末 节假日 春节 傍晚 平滑 滤波 加权 修正 插值 缺失 重复 空值 另一台 相反 相同 不同 类似 忙不忙 单独 甚至 反而 居然
竟然 起初 虚拟 模拟 火花 烟雾 漏气 漏水 裂纹 变形 生锈 磨损 油污 灰尘 好几 尤其 主要 如果
""".split()  # noqa: SIM905
# In these questions a word stands where nothing is beside it that would give it a reason.
ASKED: Final = (
    "What was the mean | current of WLD001 in the last hour | ?",
    "Which machine used the most | gas yesterday | ?",
    "Was | the temperature of WLD003 | rising ?",
)
ASKED_IN_CHINESE: Final = ("WLD001|过去一小时的平均电流|是多少？", "昨天哪台机器|用气最多|？")
# Words that say what the question says anyhow, each with the reason.
SAID_ANYHOW: Final = {
    "heat": "names the field that is asked for",
    "both": "in a ranking says all machines, whose number the answer tells",
}


def read(text: str) -> StructuredQuery:
    fields = ("current", "voltage", "wire_feed", "gas_flow", "temperature", "quality_label")
    return parse_prompt(text, NOW, known_devices=("WLD001", "WLD002", "WLD003", "WLD004"), known_fields=fields)


def is_silent(asked: str, word: str, glue: str) -> list[str]:
    """The questions with `word` in one of the places that are read as if it did not stand there."""
    parts = [each.strip() for each in asked.split("|")]
    before = read(glue.join(parts))
    found: list[str] = []
    for at in range(1, len(parts)):
        text = glue.join([*parts[:at], word, *parts[at:]])
        query = read(text)
        same = replace(query, unread=(), notes=()) == replace(before, unread=(), notes=())
        told = query.unread != before.unread or query.notes != before.notes
        found += [text] if same and not told else []
    return found


@pytest.mark.parametrize("asked", ASKED)
def test_no_english_word_is_passed_over_in_silence(asked: str) -> None:
    silent = {word: found for word in ENGLISH if word not in SAID_ANYHOW and (found := is_silent(asked, word, " "))}
    assert not silent


@pytest.mark.parametrize("asked", ASKED_IN_CHINESE)
def test_no_chinese_word_is_passed_over_in_silence(asked: str) -> None:
    silent = {word: found for word in CHINESE if (found := is_silent(asked, word, ""))}
    assert not silent


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Mean current of WLD001 until it stopped", "until"),
        ("What should the mean current of WLD001 today be?", "should"),
        ("What if the mean current of WLD001 today", "if"),
        ("How long was WLD002 idle today because of the alarm?", "alarm"),
        ("How long was WLD002 idle yesterday with a fault?", "fault"),
        ("What mode has WLD001 used today?", "mode"),
        ("WLD001昨天主要的平均电流", "主要"),
        ("WLD002今天停机了多久，次日呢的平均电流", "次日"),
    ],
)
def test_a_word_that_is_empty_elsewhere_is_named_where_it_changes_the_question(text: str, named: str) -> None:
    assert any(named in each for each in read(text).unread), read(text).unread


@pytest.mark.parametrize(
    "text",
    [
        "mean current of both WLD001 and WLD002 in the last hour",
        "When did WLD001 begin to weld today?",
        "Can you tell me if WLD001 was idle at 10:00?",
        "wire feed rate of WLD001 today",
        "How much time did WLD002 spend idle today?",
        "how long was the longest stop of WLD003 yesterday and when did it begin",
        "How often did the current of WLD001 drop below 100 A today?",
    ],
)
def test_a_word_that_sums_up_what_was_read_is_not_named(text: str) -> None:
    assert read(text).unread == ()


def test_a_word_taken_for_one_that_says_nothing_is_told() -> None:
    query = read("mean current of WLD001 trough the last hour")
    told: Sequence[tuple[str, ...]] = [note.words for note in query.notes]
    assert ("trough", "through") in told or query.unread
