"""Whether the service of this container serves: the health check of the images.

``python healthy.py grpc 50051`` asks grpc.health.v1, ``python healthy.py http 8000 /health`` expects a 200.
Exit code 0 when it does; 1, with one line saying why, when it does not.
"""

import sys
from http.client import HTTPConnection, HTTPException

_SECONDS = 2.0
_SERVING = b"\x08\x01"  # HealthCheckResponse{status: SERVING} as it is on the wire


def ask_grpc(port: int) -> str:
    """Return why the gRPC server on `port` is not serving, empty when it is."""
    import grpc

    # Bytes in, bytes out: loading protobuf would cost more than the call, every few seconds in every container.
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        try:
            answer = check(b"", timeout=_SECONDS, wait_for_ready=True)
        except grpc.RpcError as error:
            return f"grpc health check on port {port}: {error.code().name}"
    return "" if answer == _SERVING else f"the service on port {port} is not serving"


def ask_http(port: int, path: str) -> str:
    """Return why ``GET path`` on `port` is not answered with 200, empty when it is."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"GET {path} on port {port}: {error}"
    finally:
        connection.close()
    return "" if status == 200 else f"GET {path} on port {port} answered {status}"


def main(arguments: list[str]) -> int:
    """Ask as the arguments say; return the exit code."""
    match arguments:
        case ["grpc", port]:
            problem = ask_grpc(int(port))
        case ["http", port, path]:
            problem = ask_http(int(port), path)
        case _:
            problem = "usage: healthy.py grpc PORT | http PORT PATH"
    if problem:
        sys.stderr.write(f"{problem}\n")
    return 1 if problem else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
