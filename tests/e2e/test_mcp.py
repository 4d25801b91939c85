"""Another assistant uses the device tools over MCP, through the whole system."""

import json

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import HANG_SECONDS


async def test_another_assistant_reads_the_mean_of_a_machine_over_mcp(system: RunningSystem) -> None:
    headers = {"Authorization": f"Bearer {system.key}"}
    async with httpx2.AsyncClient(headers=headers, trust_env=False, timeout=HANG_SECONDS) as http:
        transport = streamable_http_client(f"{system.url}/mcp", http_client=http)
        async with Client(transport) as assistant:
            names = {tool.name for tool in (await assistant.list_tools()).tools}
            statistics_tools = {"device_statistics", "device_query", "device_features", "device_anomalies"}
            assert names == {"list_devices", "prepare_alarm", *statistics_tools}
            devices = await assistant.call_tool("list_devices", {})
            device = json.loads(getattr(devices.content[0], "text", ""))["devices"][0]
            asked = {"device_code": device["device_code"]}
            answer = await assistant.call_tool("device_statistics", asked)
            statistics = json.loads(getattr(answer.content[0], "text", ""))
            assert statistics["row_count"] > 0
            assert {item["field"] for item in statistics["statistics"]} <= set(device["fields"])
            unknown = await assistant.call_tool("device_statistics", {"device_code": "NOPE"})
            assert unknown.is_error
