"""Uses the to-do list over MCP as another assistant would, and prints what it saw as JSON.

Arguments: the server's URL and a token; and, to have only these made, calls as JSON: a list of
tool and arguments.
"""

import asyncio
import json
import sys

from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client


def told(result):
    return {"error": bool(result.is_error), "content": result.structured_content}


async def main(url, token, calls=None):
    http = create_mcp_http_client(headers={"Authorization": f"Bearer {token}"})
    async with Client(streamable_http_client(url, http_client=http)) as client:
        if calls:
            made = [told(await client.call_tool(*call)) for call in json.loads(calls)]
            print(json.dumps(made))
            return
        tools = (await client.list_tools()).tools
        added = await client.call_tool("add_task", {"title": "buy milk", "priority": "high"})
        task_id = added.structured_content["task"]["task_id"]
        seen = {
            "tools": {tool.name: tool.annotations.model_dump(by_alias=True) for tool in tools},
            "deleting": next(tool.description for tool in tools if tool.name == "delete_task"),
            "added": told(added),
            "completed": told(await client.call_tool("complete_task", {"task_id": task_id})),
            "undone": told(await client.call_tool("undo", {})),
            "listed": told(await client.call_tool("list_tasks", {"search": "milk"})),
            "missing": told(await client.call_tool("delete_task", {"task_id": "task-999"})),
        }
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
