"""The files under configs/, put to the test as they are but for what is of one site: addresses, ports and paths."""

import re

import programs
import sandbox

CONFIGS = programs.REPOSITORY / "configs"


def adapted(path, replacements):
    """The text of a shipped file with {regular expression: replacement} applied; each must be found."""
    text = (CONFIGS / path).read_text(encoding="utf-8")
    for pattern, replacement in replacements.items():
        text, count = re.subn(pattern, lambda match, by=replacement: match.expand(by), text)
        assert count, f"configs/{path} has nothing like {pattern} any more"
    return text


def installed(*names):
    """A directory with copies of programs that the unprivileged user can execute, wherever the repository is."""
    directory = sandbox.make_directory("bin")
    for name in names:
        copy = directory / name
        copy.write_bytes(open(programs.path(name), "rb").read())
        copy.chmod(0o755)
    return directory
