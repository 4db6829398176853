"""The page of `lpg watch` in a real browser, where there is one: its script shows what the folder holds."""

import re
import shutil
import subprocess
import threading

import pytest

from lpg.cli import watch
from tests.analysis.watch.folders import advance, begin

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def seen(port, folder) -> str:
    """What the browser shows, after the script of the page has run for two seconds of its time."""
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}",
         "--virtual-time-budget=2000", "--dump-dom", f"http://{watch.HOST}:{port}/"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_the_page_shows_share_time_left_and_figure(tmp_path):
    run = tmp_path / "run"
    begin(run)
    advance(run, 1)
    advance(run, 2)
    with watch.serve(run, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        page = seen(server.server_port, tmp_path / "browser")
        server.shutdown()
        thread.join()
    text = " ".join(re.sub(r"<[^>]*>", " ", re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)).split())
    # Two of four meta-updates in twenty seconds.
    assert "run: lpg on chain/short" in text and "50 %, about 20 s left" in text and "meta-updates 2 of 4" in text
    assert re.search(r'<img[^>]*src="/?figure\.svg\?', page)
    # The twin: nothing of this is in the file that the server sends.
    assert "about 20 s left" not in watch.PAGE.read_text()
