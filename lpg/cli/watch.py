"""`lpg watch`: a local page that follows a run folder while it is written."""

import dataclasses
import errno
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from lpg.cli.main import DONE
from lpg.cli.parsing import parse

if TYPE_CHECKING:
    from lpg.analysis.watch.view import View

HOST = "127.0.0.1"
"""Nobody else's machine can connect."""
PAGE = Path(__file__).with_suffix(".html")


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Serves a page on this machine that follows a run: curves, audit, bandit, time left. Ctrl-C ends it."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """A folder that lpg meta-train, or lpg train or lpg evaluate with --out, writes."""
    port: int = 8300
    """Where the page is; 0: any free port."""

    def __post_init__(self) -> None:
        if not 0 <= self.port < 2**16:
            raise ValueError(f"--port is {self.port}; it must lie in 0 to 65535")


def run(argv: list[str]) -> int:
    """Serves until it is stopped."""
    arguments = parse(Arguments, argv, "lpg watch")
    os.environ["JAX_PLATFORMS"] = "cpu"  # the accelerator is the run's
    with serve(arguments.run, arguments.port) as server:
        print(f"watching {arguments.run} at http://{HOST}:{server.server_port}/ (Ctrl-C ends)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return DONE


def serve(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server that has its port, and does not serve yet.

    Raises:
        ValueError: the folder holds no run, or the port cannot be had.
    """
    from lpg.analysis.watch.view import view_of

    view = view_of(folder)
    lock = threading.Lock()  # figures are drawn one at a time, because their style is global

    class Handler(_Handler):
        def answer(self, path: str) -> tuple[str, bytes] | None:
            """From the view."""
            with lock:
                return answer(view, path)

    try:
        server = ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        why = "taken" if error.errno == errno.EADDRINUSE else "not for every user"
        raise ValueError(f"port {port} is {why}; give another one with --port, or --port 0 for any free one") from error
    server.daemon_threads = True
    return server


def answer(view: "View", path: str) -> tuple[str, bytes] | None:
    """Type and content of a path; none if there is nothing."""
    if path == "/":
        return "text/html; charset=utf-8", PAGE.read_bytes()
    if path == "/status.json":
        version = view.version()  # before the rest, so that what is written meanwhile is shown the next time
        try:
            status = {**dataclasses.asdict(view.status()), "version": version, "has_figure": view.has_figure()}
        except (OSError, ValueError, KeyError) as error:
            status = {"error": f"the folder cannot be read now: {' '.join(str(error).split())}"}
        return "application/json", json.dumps(status).encode()
    if path == "/figure.svg" and view.has_figure():
        from lpg.analysis.style import style

        content = BytesIO()
        with style():
            view.figure().savefig(content, format="svg")
        return "image/svg+xml", content.getvalue()
    return None


class _Handler(BaseHTTPRequestHandler):
    """Answers GET alone, and only to pages of this machine."""

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """See `answer`."""
        raise NotImplementedError

    def do_GET(self) -> None:  # noqa: N802
        """One file."""
        # A page of somebody else's whose name was made to point here must not read it.
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        found = self.answer(self.path.partition("?")[0]) if host in (HOST, "localhost") else None
        if found is None:
            self.send_error(404)
            return
        kind, content = found
        self.send_response(200)
        for name, value in (("Content-Type", kind), ("Content-Length", len(content)), ("Cache-Control", "no-store")):
            self.send_header(name, str(value))
        self.end_headers()
        try:
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the page was closed or loaded anew

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""
