"""The toolsets `monitoring` and `monitoring-write`, with the official Python SDK as the client."""

import pytest

from gateway import wait_until
from test_mcp_sdk import TOOLS, with_client

RESOURCES = ["notification", "notification_group", "alert_rule", "cron", "ddns", "nat", "service"]
HISTORIES = ["service.overview", "service.history", "server.services"]
LIMITS = {"mcp_rate_limit_per_second": 10_000, "mcp_rate_limit_per_minute": 600_000}


@pytest.fixture
def watched(make_gateway, make_agent):
    """A gateway with both toolsets, an agent, and the token of somebody who may do everything."""
    gateway = make_gateway(settings=LIMITS | {
        "mcp_toolsets": ["core", "monitoring", "monitoring-write"], "tsdb": {"write_buffer_flush_interval": 1}})
    return gateway, make_agent(gateway), gateway.token("nezha:*")


def test_what_is_listed(make_gateway):
    def names(*toolsets: str) -> set[str]:
        gateway = make_gateway("-".join(toolsets), settings={"mcp_toolsets": list(toolsets)})
        tools = gateway.rpc(gateway.token("nezha:*"), "tools/list").json()["result"]["tools"]
        return {tool["name"] for tool in tools}

    reads = {f"{name}.list" for name in RESOURCES} | set(HISTORIES)
    writes = {f"{name}.{verb}" for name in RESOURCES for verb in ("create", "update", "delete")}
    assert names("core") == set(TOOLS)
    assert names("core", "monitoring") == set(TOOLS) | reads
    assert names("monitoring-write") == writes


def test_lists_and_histories_are_as_their_schemas_say(watched):
    gateway, agent, token = watched
    server = agent.server_id

    async def work(client, checked):
        made = {}
        for name, form in {
            "notification": {"name": "n", "url": "https://hook.example", "request_method": 1, "request_type": 1,
                             "skip_check": True},
            "notification_group": {"name": "g"},
            "cron": {"name": "c", "scheduler": "@daily", "command": "true", "servers": [server]},
            "ddns": {"name": "d", "provider": "dummy", "max_retries": 1, "domains": ["bücher.example"]},
            "nat": {"name": "t", "domain": "tunnel.example", "host": "127.0.0.1:80", "server_id": server},
            "service": {"name": "s", "type": 3, "target": gateway.address, "duration": 1, "cover": 1,
                        "skip_servers": {str(server): True}},
            "alert_rule": {"name": "a", "enable": True, "rules": [{"type": "transfer_all_cycle", "max": 1 << 40,
                           "cycle_start": "2026-01-01T00:00:00Z", "cycle_interval": 1, "cycle_unit": "year"}]},
        }.items():
            made[name] = (await checked.call(f"{name}.create", **form))["id"]
        for name, number in made.items():
            (item,) = (await checked.call(f"{name}.list"))["items"]
            assert item["id"] == number if name != "notification_group" else item["group"]["id"] == number
        for ids, count in (([1], 1), ([2], 0)):
            assert len((await checked.call("cron.list", ids=ids))["items"]) == count
        return made["service"]

    service = with_client(gateway, token, "auto", work)
    history = lambda: gateway.call(token, "service.history", service_id=service)["structuredContent"]["servers"]
    wait_until(lambda: history() and history()[0]["stats"]["total_up"] > 0, 30, what="results of the monitor")

    overview = lambda: gateway.call(token, "service.overview")["structuredContent"]
    wait_until(lambda: "cycle_transfer_stats" in overview(), 40, what="an evaluation of the rule")

    async def read(client, checked):
        over = await checked.call("service.overview")
        assert over["services"][str(service)]["service_name"] == "s" and "cycle_transfer_stats" in over
        found = await checked.call("service.history", service_id=service, period="7d")
        rest = gateway.api("GET", f"/service/{service}/history", gateway.login(), params={"period": "7d"})
        assert found["servers"][0]["server_id"] == rest.json()["data"]["servers"][0]["server_id"] == server
        assert (await checked.call("server.services", server_id=server))["services"][0]["monitor_id"] == service
        assert "invalid period" in await checked.error("service.history", service_id=service, period="2d")
        for name in RESOURCES:
            await checked.call(f"{name}.delete", ids=[service])
            assert (await checked.call(f"{name}.list"))["items"] == []

    with_client(gateway, token, "auto", read)


def test_rights_are_those_of_rest(watched, make_agent):
    gateway, agent, token = watched
    form = {"name": "c", "scheduler": "@daily", "servers": [agent.server_id]}
    number = gateway.call(token, "cron.create", **form)["structuredContent"]["id"]
    elsewhere = gateway.token("nezha:cron:*", servers=[make_agent(gateway).server_id])
    assert gateway.call(elsewhere, "cron.list")["structuredContent"] == {"items": []}
    assert gateway.call(elsewhere, "cron.update", id=number, **form)["isError"]
    assert gateway.call(elsewhere, "cron.delete", ids=[number])["isError"]
    reader = gateway.token("nezha:cron:read")
    assert len(gateway.call(reader, "cron.list")["structuredContent"]["items"]) == 1
    assert gateway.call(reader, "cron.delete", ids=[number])["isError"]
    assert gateway.call(reader, "service.history", service_id=1)["isError"]
    assert len(gateway.call(token, "cron.list")["structuredContent"]["items"]) == 1
