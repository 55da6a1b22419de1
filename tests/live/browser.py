"""Headless Chromium, driven by the DevTools protocol over a pipe: no port, and nothing but the standard library.

    with Browser(directory) as browser:
        page = browser.open("http://127.0.0.1:1234/status", width=360, is_dark=True)
        page.evaluate("document.title")

What the page asked for and what it complained about is kept in `requests` and `complaints`.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time

PROGRAM = shutil.which("chromium")

WENT_AWAY = ("navigated", "Execution context", "Cannot find context")  # of a page which loads while it is asked


class Navigated(Exception):
    """The page that was asked gave way to another one before it had answered."""


def why_missing():
    return None if PROGRAM else "chromium is not installed (Debian package chromium)"


class Browser:
    """One process; ended with all that it started."""

    def __init__(self, directory):
        read_end, commands = os.pipe()
        answers, write_end = os.pipe()
        self._commands, self._answers = commands, answers
        self._buffer, self._number, self._events = b"", 0, []
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{read_end} 4>&{write_end}', "bash", PROGRAM, "--headless", "--no-sandbox",
             "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe",
             f"--user-data-dir={directory}", "about:blank"],
            pass_fds=(read_end, write_end), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(directory)})
        os.close(read_end)
        os.close(write_end)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close", timeout=20)
            self._process.wait(timeout=20)
        except (OSError, EOFError, TimeoutError, subprocess.TimeoutExpired):
            self._process.kill()  # its children end when its pipes close
            self._process.wait(timeout=60)
        os.close(self._commands)
        os.close(self._answers)

    def _read(self, deadline):
        """The next message."""
        while b"\0" not in self._buffer:
            if not select.select([self._answers], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError("chromium does not answer")
            piece = os.read(self._answers, 1 << 20)
            if not piece:
                raise EOFError("chromium has ended")
            self._buffer += piece
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, timeout=60, **parameters):
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            answer = self._read(deadline)
            if answer.get("id") != number:
                self._events.append(answer)
            elif "error" in answer and any(words in answer["error"]["message"] for words in WENT_AWAY):
                raise Navigated(f"{method}: {answer['error']}")
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            else:
                return answer["result"]

    def events(self, session):
        """What was told unasked by one page since it was asked last."""
        found = [e for e in self._events if e.get("sessionId") == session]
        self._events = [e for e in self._events if e.get("sessionId") != session]
        return found

    def open(self, url, width=1000, height=800, is_dark=False, has_script=True):
        """A loaded page with viewport, scheme and script as told."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, target, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.call("Emulation.setScrollbarsHidden", hidden=True)
        page.resize(width, height)
        page.set_scheme(is_dark)
        if not has_script:
            page.call("Emulation.setScriptExecutionDisabled", value=True)
        page.call("Page.navigate", url=url)
        page.wait("document.readyState === 'complete' && location.href !== 'about:blank'")
        return page


class Page:
    def __init__(self, browser, target, session):
        self._browser, self._target, self._session = browser, target, session
        self.requests, self.complaints = [], []

    def call(self, method, **parameters):
        return self._browser.call(method, session=self._session, **parameters)

    def resize(self, width, height=800):
        """A viewport of CSS pixels; a narrow one is a telephone's."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 500)

    def set_scheme(self, is_dark):
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}])

    def evaluate(self, expression):
        """The value of a JavaScript expression, also where the page's own scripts are switched off."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, expression, timeout=60):
        """Until the expression is true, also of a page that loads itself again meanwhile."""
        deadline = time.monotonic() + timeout
        while not self._is_true(expression):
            if time.monotonic() > deadline:
                raise TimeoutError(f"never true: {expression}")
            time.sleep(0.1)

    def _is_true(self, expression):
        try:
            return self.evaluate(expression)
        except Navigated:
            return False

    def listen(self):
        """Brings `requests` and `complaints` up to date."""
        self.evaluate("0")
        for event in self._browser.events(self._session):
            method, told = event["method"], event["params"]
            if method == "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
            elif method == "Runtime.consoleAPICalled":
                self.complaints.append(f"console.{told['type']}: {told['args']}")
            elif method == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(told["exceptionDetails"]))
            elif method == "Log.entryAdded":
                self.complaints.append(f"{told['entry']['level']}: {told['entry']['text']}")
            elif method == "Page.javascriptDialogOpening":
                self.complaints.append(f"dialog: {told['message']}")

    def screenshot(self, path):
        """All of the page, as PNG."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self):
        self._browser.call("Target.closeTarget", targetId=self._target)
