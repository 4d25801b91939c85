"""What a running system writes is its owner's alone."""

import stat

import httpx

from penstock_testkit.system import RunningSystem


async def test_everything_below_the_home_is_its_owners_alone(system: RunningSystem, http: httpx.AsyncClient) -> None:
    body = {"model_code": "welding_ai_model", "device_codes": ["WLD001"], "window_size": 100}
    (await http.post("/api/v2/ai/features/dataset", json=body)).raise_for_status()
    body = {"messages": [{"role": "user", "content": "hi"}]}
    (await http.post("/v1/chat/completions", json=body)).raise_for_status()
    found = [system.home, *system.home.rglob("*")]
    assert len(found) > 8
    open_ones = {
        str(path.relative_to(system.home)): oct(stat.S_IMODE(path.lstat().st_mode))
        for path in found
        if stat.S_IMODE(path.lstat().st_mode) & 0o077
    }
    assert open_ones == {}
