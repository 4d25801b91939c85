"""A service of the supervisor's tests: answers /ready on a port, and misbehaves as told.

    child_service.py PORT LIVES_FILE MODE

MODE: ``good``; ``crash`` ends at once with code 3; ``settings`` ends with code 2; ``once`` crashes in its first life
only; ``deaf`` ignores SIGTERM. LIVES_FILE grows by a byte per life.
"""

import http.server
import os
import signal
import sys
from pathlib import Path


class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ready" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def main(port: int, lives: Path, mode: str) -> None:
    with lives.open("ab") as file:
        file.write(b".")
    life = lives.stat().st_size
    if mode == "crash" or (mode == "once" and life == 1):
        print("no flux capacitor", flush=True)
        raise SystemExit(3)
    if mode == "settings":
        raise SystemExit(2)
    server = http.server.HTTPServer(("127.0.0.1", port), Ready)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if mode == "deaf" else leave)
    print(f"life {life} of {os.getpid()}", flush=True)
    server.serve_forever()


def leave(number: int, frame: object) -> None:
    print("goodbye", flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
