"""Ask in a conversation and print what happens; then read the same stream again. Needs penstock-client."""

import sys

from penstock_client import CompleteState, MessageChunk, Penstock, ToolCall

question = " ".join(sys.argv[1:]) or "What was the mean current of WLD001 in the last hour?"

with Penstock() as penstock:
    conversation = penstock.conversations.create(title="From an example")
    stream_id = ""
    for event in penstock.conversations.ask(conversation["id"], question):
        stream_id = event.stream_id
        if isinstance(event, ToolCall):
            print(f"[asks {event.name}]")
        elif isinstance(event, MessageChunk):
            print(event.content, end="", flush=True)
        elif isinstance(event, CompleteState):
            print(f"\n[{event.status}]")
    again = [event.sequence for event in penstock.conversations.resume(stream_id, after=0)]
    print(f"[read again: {len(again)} events]")
