"""The status page of pgha-agent in a real browser: Debian's Chromium, headless.

The pages are those of tests/unit/agent/page_sample.c, served here with the page's own policy.  What the agent serves
as /status is the same page from live facts.
"""

import base64
import hashlib
import http.server
import os
import re
import subprocess
import threading
from pathlib import Path

import pytest

import browser
import sandbox

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY / os.environ.get("BUILD", "build") / "tests" / "unit" / "agent" / "page_sample"
SITUATIONS = ("down", "drained", "hostile", "lagging", "many", "new", "primary", "stale", "standby")
WORDS = {"down": "DOWN", "new": "UNKNOWN", "stale": "UNKNOWN", "primary": "PRIMARY", "many": "PRIMARY"}  # else STANDBY

pytestmark = [pytest.mark.skipif(bool(browser.why_missing()), reason=str(browser.why_missing())),
              pytest.mark.xdist_group("browser")]


def sample(argument):
    assert SAMPLE.exists(), f"{SAMPLE} is not built"
    run = subprocess.run([SAMPLE, argument], capture_output=True, check=True, timeout=20)
    return run.stdout.decode("utf-8")  # strictly: a page that is not UTF-8 is a failure


class Server:
    """Serves each situation under its name.  `is_frozen`: takes requests and never answers; `status`: answers so."""

    def __init__(self):
        outer = self
        self.pages = {f"/{name}": sample(name) for name in SITUATIONS}
        self.policy = sample("-p").strip()
        self.status, self.is_frozen, self.thaw = 200, False, threading.Event()
        self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                if outer.is_frozen:
                    outer.thaw.wait(30)
                page = outer.pages.get(self.path)
                self.send_response(outer.status if page else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Security-Policy", outer.policy)
                self.end_headers()
                self.wfile.write((page or "").encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.root = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.thaw.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def server():
    found = Server()
    yield found
    found.close()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser.Browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture(scope="module", params=SITUATIONS)
def shown(request, chromium):
    """(a situation, its page, the Server): each in turn, for the tests that only look at it."""
    server = Server()
    page = chromium.open(f"{server.root}/{request.param}")
    yield request.param, page, server
    page.close()
    server.close()


@pytest.fixture
def opened(chromium, server):
    """opened(situation, ...) -> browser.Page, closed at the end."""
    pages = []

    def open_page(name, **options):
        pages.append(chromium.open(f"{server.root}/{name}", **options))
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


def word(page):
    return page.evaluate("document.querySelector('h1').innerText.trim()")


@pytest.mark.parametrize("element", ["style", "script"])
def test_policy_names_the_hash_of_what_the_page_has(element):
    content = re.search(f"<{element}>(.*?)</{element}>", sample("primary"), re.S).group(1)
    wanted = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    assert f"{element}-src 'sha256-{wanted}'" in sample("-p"), "to be set in page_policy, lib/agent/page.c"


def assert_shows_its_state_and_asks_for_nothing_else(name, page, server):
    expected = WORDS.get(name, "STANDBY")
    # The style applies: the policy lets it, and nothing of it is lost.
    # All is asked at once: without script the page loads itself anew meanwhile.
    shown = page.evaluate("""[document.querySelector('h1').innerText.trim(), document.title, document.compatMode,
        getComputedStyle(document.querySelector('.hero')).borderLeftStyle,
        parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)]""")
    assert shown[0] == expected and shown[1].startswith(f"{expected} · n") and shown[2:4] == ["CSS1Compat", "solid"]
    assert shown[4] > 30
    page.listen()
    assert page.complaints == []
    assert {url for url in page.requests if not url.startswith("data:")} == {f"{server.root}/{name}"}
    assert set(server.asked) == {f"/{name}"}


def test_page_shows_its_state_and_asks_for_nothing_else(shown):
    assert_shows_its_state_and_asks_for_nothing_else(*shown)


@pytest.mark.parametrize("name", SITUATIONS)
def test_without_script_it_does_so_too(name, opened, server):
    assert_shows_its_state_and_asks_for_nothing_else(name, opened(name, has_script=False), server)


def test_nothing_leaves_the_page_sideways(shown):
    _, page, _ = shown
    for width in (320, 360, 768, 1400):
        page.resize(width)
        assert page.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [width, width]
        # Nor does anything lie cut off within: whatever has text ends where the page ends.
        assert page.evaluate("""Array.from(document.querySelectorAll('main *:not(svg *)'))
            .filter(e => e.getClientRects().length && e.getBoundingClientRect().right > innerWidth + 0.5)
            .map(e => e.tagName + ' ' + e.textContent.slice(0, 40))""") == []


def test_hostile_names_are_text(opened):
    page = opened("hostile")
    assert "owned" not in page.evaluate("document.title").replace("='owned'", "")
    assert page.evaluate("document.querySelectorAll('main script, main img, main b b').length") == 0
    assert page.evaluate("document.querySelectorAll('script').length") == 1
    text = page.evaluate("document.querySelector('main').innerText")
    assert "<script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&amp;" in text
    assert page.evaluate("document.querySelector('#node b').innerText") == "n2</title><script>alert(2)</script>"
    assert "broken ?? bytes" in text
    page.listen()
    assert page.complaints == []  # no dialog either


# The ratio of WCAG 2.2, 1.4.3, of every text to what lies behind it.
CONTRAST = """(() => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const parse = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return Array.from(canvas.getImageData(0, 0, 1, 1).data); };
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = e => { for (; e; e = e.parentElement) {
        const colour = parse(getComputedStyle(e).backgroundColor); if (colour[3] === 255) return colour; }
        return [255, 255, 255, 255]; };
    const found = [];
    for (const e of document.querySelectorAll('header *, main *')) {
        if (!Array.from(e.childNodes).some(n => n.nodeType === 3 && n.data.trim()) || !e.getClientRects().length) continue;
        const style = getComputedStyle(e), back = light(behind(e));
        const front = light(parse(e instanceof SVGElement ? style.fill : style.color));
        const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
        if (ratio < 4.5) found.push(ratio.toFixed(2) + ' ' + e.textContent.slice(0, 30));
    }
    return found;
})()"""


def test_every_text_can_be_read(shown):
    _, page, _ = shown
    for is_dark in (False, True):
        page.set_scheme(is_dark)
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        red = int(re.search(r"\d+", background).group())
        assert red < 60 if is_dark else red > 200
        assert page.evaluate(CONTRAST) == []


def test_page_takes_in_what_changed_and_keeps_what_did_not(opened, server):
    page = opened("standby")
    page.evaluate("window.kept = document.querySelector('h1'); getSelection().selectAllChildren(window.kept); 0")
    server.pages["/standby"] = server.pages["/primary"]
    page.wait("document.querySelector('h1').innerText.trim() === 'PRIMARY'")
    assert page.evaluate("document.title") == "PRIMARY · n1"
    assert page.evaluate("document.getElementById('node').innerText") == "n1 /run/postgresql:5432"
    # The whole of the page is the new one, as if it had been loaded.
    fresh = opened("primary")
    both = [p.evaluate("document.querySelector('main').outerHTML") for p in (page, fresh)]
    assert both[0] == both[1]
    assert len({p.evaluate("document.getElementById('icon').href") for p in (page, fresh)}) == 1
    assert page.evaluate("document.contains(window.kept)")
    assert page.evaluate("getSelection().toString().trim()") == "PRIMARY"
    page.listen()
    assert page.complaints == []


def test_same_facts_move_nothing(opened, server):
    page = opened("many", width=360)
    page.evaluate("""window.changes = 0; new MutationObserver(list => { window.changes += list.length; }).observe(
        document.getElementById('status'), {subtree: true, childList: true, attributes: true, characterData: true});
        scrollTo(0, 700); 0""")
    before = len(server.asked)
    # It is asked meanwhile, so that what it tells unasked is taken.
    sandbox.wait_for(lambda: page.evaluate("1") and len(server.asked) >= before + 2, "two more questions", 60, 0.1)
    page.evaluate("new Promise(done => setTimeout(done, 300))")
    assert page.evaluate("[window.changes, scrollY]") == [0, 700]


def break_by_closing(server):
    server.server.shutdown()
    server.server.server_close()


def break_by_status(server):
    server.status = 503


def break_by_freezing(server):
    server.is_frozen = True


def break_by_another_page(server):
    server.pages["/primary"] = "<!doctype html><title>Log in</title><p>Log in"


@pytest.mark.parametrize("breaking, why", [
    (break_by_closing, "cannot be reached"), (break_by_status, "HTTP status 503"),
    (break_by_freezing, "no answer within 4 s"), (break_by_another_page, "not a status page")])
def test_page_says_when_nobody_answers(breaking, why, opened, server):
    page = opened("primary")
    assert page.evaluate("document.getElementById('gone').hidden")
    assert page.evaluate("document.getElementById('live').innerText") == "live, every 2 s"
    breaking(server)
    page.wait("!document.getElementById('gone').hidden")
    assert re.search(r"is not answering since \d\d:\d\d:\d\d: .*" + why,
                     page.evaluate("document.getElementById('gone').innerText"))
    assert word(page) == "was PRIMARY"
    assert page.evaluate("document.title") == "NOT ANSWERING, was PRIMARY · n1"
    assert re.fullmatch(r"not live for \d+ s", page.evaluate("document.getElementById('live').innerText"))
    assert page.evaluate("getComputedStyle(document.querySelector('main')).filter") == "grayscale(1)"


def test_page_comes_back(opened, server):
    page = opened("primary")
    server.status = 503
    page.wait("!document.getElementById('gone').hidden")
    server.status = 200
    page.wait("document.getElementById('gone').hidden")
    assert word(page) == "PRIMARY"
    assert page.evaluate("document.title") == "PRIMARY · n1"


def test_without_script_the_page_loads_itself_again(opened, server):
    page = opened("primary", has_script=False)
    assert page.evaluate("document.getElementById('live').innerText") == "read anew every 5 s"
    server.pages["/primary"] = server.pages["/down"]
    page.wait("document.querySelector('h1') && document.querySelector('h1').innerText.trim() === 'DOWN'")
