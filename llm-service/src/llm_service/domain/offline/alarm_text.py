"""What the offline provider says about alarms, in two languages."""

from collections.abc import Sequence
from typing import Protocol

from llm_service.domain.offline.query import Language


class AlarmText(Protocol):
    """The phrases about alarms."""

    def no_tool(self) -> str:
        """Say that alarms can't be prepared here, and where they are made."""
        ...

    def link(self, link: str, name: str) -> str:
        """Give the link to an alarm's form."""
        ...

    def store(self) -> str:
        """Say that nothing is watched before it is stored."""
        ...

    def each_alone(self) -> str:
        """Say that an alarm watches one value."""
        ...

    def which_limit(self) -> str:
        """Ask when the alarm is to fire."""
        ...

    def which_field(self, fields: Sequence[str]) -> str:
        """Ask for the field, naming those there are."""
        ...

    def how_long(self) -> str:
        """Ask after how long a silence the alarm is to fire."""
        ...


class EnglishAlarms:
    """The phrases in English."""

    def no_tool(self) -> str:
        """Say where alarms are made."""
        return "I can't prepare an alarm here. You can make one on the [dashboard](/dashboard#alarm=%7B%7D)."

    def link(self, link: str, name: str) -> str:
        """Give the link."""
        return f"[Make this alarm: {name}]({link})"

    def store(self) -> str:
        """Say what is left to do."""
        return "Nothing is watched yet: the link opens the form, filled in, and the alarm is there once you store it."

    def each_alone(self) -> str:
        """Say that there is one for each."""
        return "An alarm watches one value, so there is one for each condition."

    def which_limit(self) -> str:
        """Ask for the condition."""
        return (
            "When shall it fire? For example: “tell me when WLD001's current goes above 250”, “… leaves 100 to 200 for "
            "5 minutes”, “… when WLD001 sends no data for 10 minutes”."
        )

    def which_field(self, fields: Sequence[str]) -> str:
        """Ask for the field."""
        return f"Of which field? There are: {', '.join(fields)}." if fields else "Of which field?"

    def how_long(self) -> str:
        """Ask for the time."""
        return "After how long without data? For example: “… when WLD001 sends no data for 10 minutes”."


class ChineseAlarms:
    """The phrases in Chinese."""

    def no_tool(self) -> str:
        """Say where alarms are made."""
        return "这里不能准备告警。您可以在[仪表盘](/dashboard#alarm=%7B%7D)上创建。"

    def link(self, link: str, name: str) -> str:
        """Give the link."""
        return f"[创建告警：{name}]({link})"

    def store(self) -> str:
        """Say what is left to do."""
        return "现在还没有开始监视：链接会打开已填好的表单，保存后告警才生效。"

    def each_alone(self) -> str:
        """Say that there is one for each."""
        return "一个告警只监视一个值，所以每个条件各有一个。"

    def which_limit(self) -> str:
        """Ask for the condition."""
        return "什么情况下告警？例如：“WLD001的电流超过250时提醒我”，“WLD001十分钟没有数据时报警”。"

    def which_field(self, fields: Sequence[str]) -> str:
        """Ask for the field."""
        return f"监视哪个字段？有：{'、'.join(fields)}。" if fields else "监视哪个字段？"

    def how_long(self) -> str:
        """Ask for the time."""
        return "多久没有数据时告警？例如：“WLD001 10分钟没有数据时报警”。"


def alarm_text(language: Language) -> AlarmText:
    """Return the phrases in a language."""
    return ChineseAlarms() if language is Language.CHINESE else EnglishAlarms()
