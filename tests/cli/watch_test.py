"""The page over HTTP, while its run folder grows."""

import http.client
import json
import socket
import threading

import pytest

from lpg.cli import main, watch
from tests.analysis.watch.folders import advance, begin


@pytest.fixture
def port(tmp_path):
    """Of a page on a run that has just begun."""
    begin(tmp_path)
    with watch.serve(tmp_path, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def get(port, path, host=None, method="GET"):
    connection = http.client.HTTPConnection(watch.HOST, port, timeout=60)
    connection.request(method, path, headers={} if host is None else {"Host": host})
    answer = connection.getresponse()
    found = answer.status, answer.getheader("Content-Type"), answer.read()
    connection.close()
    return found


def status(port):
    return json.loads(get(port, "/status.json")[2])


def test_the_page_follows_the_folder(port, tmp_path):
    code, kind, page = get(port, "/")
    assert code == 200 and kind.startswith("text/html") and b"status.json" in page and b"figure.svg" in page
    before = status(port)
    assert before["share"] == 0 and not before["has_figure"] and get(port, "/figure.svg")[0] == 404
    advance(tmp_path, 1)
    advance(tmp_path, 2)
    after = status(port)
    assert after["version"] != before["version"] and after["share"] == 0.5 and after["seconds_left"] == 20
    assert status(port) == after  # nothing was written meanwhile
    code, kind, figure = get(port, f"/figure.svg?{after['version']}")
    assert code == 200 and kind == "image/svg+xml" and b"<svg" in figure


def test_what_cannot_be_read_for_a_moment_is_said_and_the_server_goes_on(port, tmp_path):
    (tmp_path / "metrics.csv").write_text("meta_update,seconds\n1,x\n")
    assert "cannot be read now" in status(port)["error"]
    (tmp_path / "metrics.csv").unlink()
    advance(tmp_path, 1)
    assert status(port)["share"] == 0.25


def test_only_pages_of_this_machine_get_anything_and_nothing_else_is_served(port):
    assert get(port, "/", host=f"localhost:{port}")[0] == 200
    assert get(port, "/", host=f"elsewhere.example:{port}")[0] == 404
    assert get(port, "/../config.json")[0] == 404 and get(port, "/config.json")[0] == 404
    assert get(port, "/", method="POST")[0] == 501
    # Bound to this machine alone: other addresses of it refuse.
    with watch.ThreadingHTTPServer((watch.HOST, 0), watch._Handler) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_and_a_folder_without_a_run_are_one_line_and_status_2(tmp_path, capsys):
    begin(tmp_path)
    with socket.socket() as taken:
        taken.bind((watch.HOST, 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert main.main(["watch", str(tmp_path), "--port", str(number)]) == main.BAD_INPUT
    assert f"port {number} is taken; give another one with --port" in capsys.readouterr().err
    assert main.main(["watch", str(tmp_path / "x")]) == main.BAD_INPUT
    assert "x is no folder: one of config.json" in capsys.readouterr().err
    assert main.main(["watch", str(tmp_path), "--port", "70000"]) == main.BAD_INPUT
