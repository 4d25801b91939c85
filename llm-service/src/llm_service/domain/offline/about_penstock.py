"""Questions about Penstock itself: "how do I add a device?", "怎么接入设备"; answered by a command or a page."""

from enum import StrEnum
from typing import Final

from llm_service.domain.offline.query import Intent, StructuredQuery
from llm_service.domain.offline.token import tokenize


class About(StrEnum):
    """What of Penstock is asked about."""

    DEVICE = "device"
    PASSWORD = "password"  # noqa: S105 - what is asked about, no secret
    KEY = "key"
    BACKUP = "backup"
    MODEL = "model"
    STOP = "stop"
    START = "start"
    PROGRAM = "program"
    EXPORT = "export"
    ALARMS = "alarms"
    PENSTOCK = "penstock"


# The longest question that is read, in characters and tokens.
_LONGEST: Final = 120
_MOST_WORDS: Final = 24
_HOW: Final = (
    *("how do i", "how do we", "how do you", "how can i", "how can we", "how to", "how would i", "how does one"),
    *("can i", "can we", "could i", "is it possible to", "what do i need to", "what do i have to", "where do i"),
    *("where can i", "where is", "where are", "what is the command", "i want to", "i'd like to", "is there a way to"),
)
_HOW_HAN: Final = ("怎么", "怎样", "如何", "能不能", "可以", "能否", "在哪", "哪里", "我想", "咋")
_WHAT: Final = ("what is penstock", "what's penstock", "penstock是什么", "什么是penstock", "penstock是啥")
# By what is asked about: the verbs and the things one of each of which is named.
_ENGLISH: Final[tuple[tuple[About, frozenset[str], frozenset[str]], ...]] = (
    (
        About.DEVICE,
        frozenset(
            [
                "add",
                "connect",
                "register",
                "create",
                "import",
                "upload",
                "ingest",
                "load",
                "send",
                "hook",
                "integrate",
                "plug",
                "attach",
                "bring",
                "feed",
                "push",
                "install",
                "onboard",
                "set",
            ]
        ),
        frozenset(
            [
                "device",
                "devices",
                "machine",
                "machines",
                "sensor",
                "sensors",
                "data",
                "csv",
                "file",
                "files",
                "pump",
                "pumps",
                "plc",
                "robot",
                "robots",
                "welder",
                "welders",
                "equipment",
                "telemetry",
                "readings",
            ]
        ),
    ),
    (
        About.PASSWORD,
        frozenset(["reset", "change", "find", "forgot", "forgotten", "lost", "get", "recover", "see", "is", "set"]),
        frozenset({"password", "login"}),
    ),
    (
        About.KEY,
        frozenset(["create", "make", "get", "find", "add", "generate", "new", "rotate", "revoke", "is", "need"]),
        frozenset({"key", "keys", "token"}),
    ),
    (
        About.BACKUP,
        frozenset(["back", "backup", "make", "create", "do", "save", "copy", "restore"]),
        frozenset({"up", "backup", "backups"}),
    ),
    (
        About.MODEL,
        frozenset(["add", "use", "get", "configure", "connect", "set", "choose", "change", "enable", "need"]),
        frozenset(
            ["model", "models", "llm", "openai", "anthropic", "gemini", "gpt", "claude", "chatgpt", "deepseek", "qwen"]
        ),
    ),
    (About.STOP, frozenset({"stop", "shut", "quit", "end"}), frozenset({"penstock", "server", "system", "services"})),
    (About.START, frozenset({"start", "run", "restart", "launch"}), frozenset({"penstock", "server", "services"})),
    (
        About.PROGRAM,
        frozenset(["use", "call", "connect", "access", "talk", "query", "ask", "reach"]),
        frozenset({"python", "api", "curl", "rest", "mcp", "sdk", "program", "script"}),
    ),
    (
        About.PENSTOCK,
        frozenset(["is", "are", "find", "read", "get", "see", "learn"]),
        frozenset({"documentation", "docs", "manual", "readme", "tutorial"}),
    ),
)
# What takes data out of Penstock, and what is taken; a machine and a time may be named with it.
_TAKING: Final = frozenset({"export", "download", "dump", "extract", "exporting", "downloading"})
_TAKEN: Final = frozenset(
    {"data", "readings", "values", "telemetry", "measurements", "csv", "excel", "file", "history", "rows", "table"}
)
_TAKING_HAN: Final = ("导出", "下载", "导成", "存成", "拷出")
_TAKEN_HAN: Final = ("数据", "读数", "csv", "excel", "表格", "记录", "文件")
# Alarms are kept apart from the readings: which there are, and which went off.
_ALARMS: Final = frozenset({"alarm", "alarms", "alert", "alerts"})
_ALARMS_HAN: Final = ("报警", "告警", "警报", "预警")
_RAISED: Final = frozenset(
    {
        *("open", "active", "firing", "fired", "fires", "fire", "raised", "triggered", "pending", "acknowledged"),
        *("snoozed", "unacknowledged", "off", "stored", "configured", "defined", "exist", "set", "last", "latest"),
        *("recent", "newest", "first", "list", "which", "current"),
    }
)
# Capitals make fields of these words.
_THINGS: Final = frozenset({"penstock", *(thing for _, _, things in _ENGLISH for thing in things)})
_CHINESE: Final[tuple[tuple[About, tuple[str, ...], tuple[str, ...]], ...]] = (
    (
        About.DEVICE,
        ("添加", "新增", "增加", "接入", "注册", "导入", "上传", "连接", "加", "接", "新建", "录入"),
        ("设备", "机器", "焊机", "数据", "传感器", "文件", "泵", "csv", "机台"),
    ),
    (About.PASSWORD, ("重置", "改", "找回", "忘", "修改", "在", "查"), ("密码",)),
    (About.KEY, ("创建", "新建", "获取", "生成", "申请", "在", "建", "弄"), ("密钥", "apikey", "key", "令牌")),
    (About.BACKUP, ("备份",), ("备份",)),
    (
        About.MODEL,
        ("接入", "配置", "使用", "用", "换", "设置", "加", "启用"),
        ("模型", "openai", "gpt", "deepseek", "claude"),
    ),
    (About.STOP, ("停止", "关闭", "停", "关掉", "退出"), ("penstock", "服务器", "系统")),
    (About.START, ("启动", "运行", "重启", "打开"), ("penstock", "服务器")),
    (About.PROGRAM, ("用", "调用", "访问", "使用"), ("python", "api", "接口", "mcp")),
    (About.PENSTOCK, ("在", "看", "找", "有"), ("文档", "手册", "说明书", "教程")),
)


def about_penstock(text: str, query: StructuredQuery) -> About | None:
    """Return what of Penstock `text`, read as `query`, asks about; None for a question about devices.

    A machine's name, a field, a time or a number makes it one about readings.
    """
    if len(text) <= _LONGEST and _asks_export(text):
        return About.EXPORT
    if len(text) <= _LONGEST and _asks_alarms(text, query):
        return About.ALARMS
    measured = query.devices or query.references or query.time or query.interval or query.percentiles
    if len(text) > _LONGEST or measured or any(each.lower() not in _THINGS for each in query.fields):
        return None
    tokens = [token.text.replace("’", "'") for token in tokenize(text)][:_MOST_WORDS]
    joined = "".join(tokens)
    if any("".join(each.split()) in joined for each in _WHAT):
        return About.PENSTOCK
    return _in_chinese(joined) or _in_english(tokens)


def _asks_export(text: str) -> bool:
    tokens = [token.text for token in tokenize(text)][:_MOST_WORDS]
    words, joined = frozenset(tokens), "".join(tokens)
    english = bool(_TAKING & words and _TAKEN & words)
    return english or (any(each in joined for each in _TAKING_HAN) and _has(joined, _TAKEN_HAN))


def _asks_alarms(text: str, query: StructuredQuery) -> bool:
    """Whether it is asked which alarms there are or went off; what is wrong with a machine the readings tell."""
    tokens = [token.text for token in tokenize(text)][:_MOST_WORDS]
    words, joined = frozenset(tokens), "".join(tokens)
    raised = bool(_ALARMS & words) and (bool(_RAISED & words) or query.intent is Intent.CHAT)
    return not query.conditions and (raised or any(each in joined for each in _ALARMS_HAN))


def _in_english(tokens: list[str]) -> About | None:
    said = f" {' '.join(tokens)} ".replace(" ' ", "'")
    if not any(f" {each} " in said for each in _HOW):
        return None
    words = frozenset(tokens)
    return next((about for about, verbs, things in _ENGLISH if verbs & words and things & words), None)


def _in_chinese(joined: str) -> About | None:
    if not any(each in joined for each in _HOW_HAN):
        return None
    named = (
        about for about, verbs, things in _CHINESE if any(verb in joined for verb in verbs) and _has(joined, things)
    )
    return next(named, None)


def _has(joined: str, things: tuple[str, ...]) -> bool:
    return any(thing in joined for thing in things)
