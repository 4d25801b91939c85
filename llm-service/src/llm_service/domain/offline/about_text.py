"""What is said of Penstock itself, in both languages: the README's commands and the pages to read on."""

from typing import Final

from llm_service.domain.offline.about_penstock import About
from llm_service.domain.offline.query import Language

_INGEST: Final = (
    "```sh\n"
    'curl "localhost:8000/api/v2/data/ingest?device_code=pump-7&model_code=pump&create=true'
    '&timestamp_column=datetime" \\\n'
    "     -H \"Authorization: Bearer $KEY\" -H 'Content-Type: text/csv' --data-binary @pump.csv\n"
    "```"
)
_DEVICE: Final = "WLD001"
_EXPORT: Final = (
    "```sh\n"
    f'curl "localhost:8000/api/v2/data/query/history?device_code={_DEVICE}" \\\n'
    f"     -H \"Authorization: Bearer $KEY\" -H 'Accept: text/csv' > {_DEVICE}.csv\n"
    "```"
)
_ENGLISH: Final = {
    About.ALARMS: (
        "Alarms are not in the readings, and I can't read them: what fires, when it began and every alarm there is are "
        "on the [dashboard](/dashboard) in the card “Alerts and alarms”, and over HTTP at `GET /api/v1/alerts` and "
        "`GET /api/v1/alarms`. I can prepare one (“tell me when WLD001's current goes above 250”) and say what is "
        "unusual in the readings (“any anomalies today?”)."
    ),
    About.EXPORT: (
        f"A device's readings come as a file over HTTP, all of them or those of a time:\n\n{_EXPORT}\n\n`$KEY` is the "
        "key of `var/admin.key`. `&start_time=2026-01-31T08:00:00Z&end_time=…` takes a part; `Accept: "
        "application/vnd.apache.arrow.stream` gives Arrow in place of CSV. I can't write files myself; every route is "
        "described at http://127.0.0.1:8000/docs."
    ),
    About.DEVICE: (
        "Send its readings, as a table with a column of times: with `create=true` the device is made by its first "
        f"readings.\n\n{_INGEST}\n\n`$KEY` is the key of `var/admin.key`. Machines can also send over MQTT "
        f"(docs/mqtt.md) "
        "or in InfluxDB's line protocol (docs/influxdb.md); every route is described at http://127.0.0.1:8000/docs."
    ),
    About.PASSWORD: (
        "The administrator's password is in `var/admin.password`. `.venv/bin/penstock admin reset` makes a new one "
        "when "
        "it is lost."
    ),
    About.KEY: (
        "The first key for programs is in `var/admin.key`. `.venv/bin/penstock key create` makes another one; "
        "`key list`, `key rotate` and `key revoke` show, renew and delete keys."
    ),
    About.BACKUP: (
        "`.venv/bin/penstock backup FOLDER` copies everything while Penstock runs, `.venv/bin/penstock restore FOLDER` "
        "puts it back while it is stopped. See docs/operations.md."
    ),
    About.STOP: "Ctrl-C where it was started stops everything, `.venv/bin/penstock down` does it from elsewhere.",
    About.START: (
        "`make up` starts everything, and `.venv/bin/penstock status` shows what runs. See docs/operations.md."
    ),
    About.PROGRAM: (
        "Programs speak to http://127.0.0.1:8000 as to OpenAI (`/v1`) or Anthropic (`/v1/messages`), with the key of "
        "`var/admin.key`; assistants that speak MCP find the device tools at `/mcp`. There is a client in Python "
        "(client/README.md), and every route is described at http://127.0.0.1:8000/docs."
    ),
    About.PENSTOCK: (
        "Penstock is a self-hosted platform for teams that run devices: it keeps what machines measure, answers "
        "questions "
        "about it, and stands between programs and language models. README.md is the start, docs/README.md lists every "
        "document, docs/tutorial.md is a first hour, and http://127.0.0.1:8000/docs describes every route."
    ),
}
_CHINESE: Final = {
    About.ALARMS: (
        "报警不在设备数据里，我读不到：正在触发的、何时开始的以及全部报警都在[看板](/dashboard)的“Alerts and alarms”"
        "卡片中，也可通过 `GET /api/v1/alerts` 和 `GET /api/v1/alarms` 查看。"
        "我可以准备一个报警（“WLD001的电流超过250时通知我”），也可以说明数据里有什么异常（“今天有什么异常吗”）。"
    ),
    About.EXPORT: (
        f"设备数据可以通过 HTTP 导出为文件，全部或某段时间：\n\n{_EXPORT}\n\n`$KEY` 是 `var/admin.key` 中的密钥。"
        "加上 `&start_time=2026-01-31T08:00:00Z&end_time=…` 只取一段；把 Accept 换成 "
        "`application/vnd.apache.arrow.stream` 则得到 Arrow 文件。我自己不能写文件；全部接口见 "
        "http://127.0.0.1:8000/docs。"
    ),
    About.DEVICE: (
        "把它的数据作为带时间列的表格发送即可：带上 `create=true`，第一批数据会自动创建设备。\n\n"
        f"{_INGEST}\n\n`$KEY` 是 `var/admin.key` 中的密钥。设备也可以通过 MQTT（docs/mqtt.md）或 InfluxDB 行协议"
        "（docs/influxdb.md）发送；全部接口见 http://127.0.0.1:8000/docs。"
    ),
    About.PASSWORD: "管理员密码在 `var/admin.password` 中；丢失时用 `.venv/bin/penstock admin reset` 重新生成。",
    About.KEY: (
        "第一个程序密钥在 `var/admin.key` 中；`.venv/bin/penstock key create` 可再创建一个，"
        "`key list`、`key rotate`、`key revoke` 用于查看、更换和删除。"
    ),
    About.BACKUP: (
        "`.venv/bin/penstock backup FOLDER` 可在运行时备份全部数据，`.venv/bin/penstock restore FOLDER` 在停止后恢复。"
        "详见 docs/operations.md。"
    ),
    About.STOP: "在启动它的终端按 Ctrl-C，或在别处执行 `.venv/bin/penstock down`。",
    About.START: "`make up` 启动全部服务，`.venv/bin/penstock status` 查看运行情况。详见 docs/operations.md。",
    About.PROGRAM: (
        "程序可以像访问 OpenAI（`/v1`）或 Anthropic（`/v1/messages`）那样访问 http://127.0.0.1:8000，密钥在 "
        "`var/admin.key` 中；支持 MCP 的助手使用 `/mcp`。Python 客户端见 client/README.md，"
        "全部接口见 http://127.0.0.1:8000/docs。"
    ),
    About.PENSTOCK: (
        "Penstock 是供设备团队自行部署的平台：保存设备的测量数据，回答相关问题，并为程序接入大语言模型。"
        "入门见 README.md，文档目录见 docs/README.md，第一小时教程见 docs/tutorial.md，"
        "全部接口见 http://127.0.0.1:8000/docs。"
    ),
}


def about_text(about: About, language: Language, device: str = "") -> str:
    """Return what is said of it, of `device` where one is named; "" of a model, which the wording of a report tells."""
    text = (_CHINESE if language is Language.CHINESE else _ENGLISH).get(about, "")
    plain = device and all(each.isalnum() or each in "-_." for each in device)
    return text.replace(_DEVICE, device) if plain else text
