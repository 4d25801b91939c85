"""Questions that wait in an encrypted queue until there is a gateway; each is asked once. Needs penstock-client."""

import sys
import tempfile
from pathlib import Path

from penstock_client import OfflineQueue, Penstock

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="penstock-queue-"))
queue = OfflineQueue(folder, max_queue_size=100)

with Penstock() as penstock:
    conversation = penstock.conversations.create(title="While there was no network")["id"]
    for question in ("Hello!", "Which machines are there?"):
        queue.add(conversation, question)  # on the disk when the call returns
    print(f"{len(queue)} wait in {folder}")

    report = queue.flush(penstock)
    print(f"{report.sent} asked, {len(queue)} left")
    for message in penstock.conversations.list_messages(conversation)["messages"]:
        if message["role"] != "tool" and message["content"]:  # what its tools were asked and answered is there too
            print(f"{message['role']}: {message['content']}")
