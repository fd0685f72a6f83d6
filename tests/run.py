"""Everything that `make test` runs, with one summary line at the end.

Tests run on two processes, each with servers of its own, with lint, types, layers and pins beside them; browser tests come last
and one by one, because they are about time.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
BUILD = ROOT / "build"
STRICT = os.environ.get("CI") == "true"
OLDEST = "3.11.0"
"""The oldest Python that is promised."""
OLDEST_JAVA = 17
PROCESSES = 2
WITHOUT_EXTRAS = ("-p", "tests.not_there")


@dataclass(frozen=True)
class Result:
    """How one step went. Counts are of tests by outcome."""

    name: str
    seconds: float
    failed: bool
    output: str
    kinds: dict[str, dict[str, float]]


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def step(name: str, *command: str) -> Result:
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return Result(name, time.monotonic() - began, done.returncode != 0, done.stdout + done.stderr, {})


def tests(name: str, selection: str, *options: str) -> Result:
    """A run of pytest, its output shown as it comes."""
    report = BUILD / f"{name}.json"
    report.unlink(missing_ok=True)
    began = time.monotonic()
    command = [str(BIN / "python"), "-m", "pytest", "-q", "-m", selection, *options]
    environment = os.environ | {"SEGSYNC_TEST_REPORT": str(report)}
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    kinds = json.loads(report.read_text()) if report.exists() else {}
    return Result(name, time.monotonic() - began, code not in {0, 5}, "", kinds)


def pins() -> Result:
    """Every dependency of the project is pinned, and the installer is the one that is pinned."""
    began = time.monotonic()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    lock = (ROOT / "requirements.lock").read_text()
    spark = (ROOT / "requirements-spark.lock").read_text()
    pinned = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lock + spark, re.MULTILINE))
    names = [re.split(r"[\[<>=!~; ]", one, maxsplit=1)[0].lower().replace("_", "-") for one in wanted]
    names += sorted(set(wanted_by_the_oldest()))
    wrong = [
        f"{name} is not in requirements.lock, nor in the one of its extra: make lock"
        for name in names
        if name not in pinned
    ]
    installer = (ROOT / "requirements-installer.txt").read_text()
    if f"uv=={pinned.get('uv')}" not in installer:
        wrong.append("requirements-installer.txt names another uv than requirements.lock: make lock")
    return Result("pins", time.monotonic() - began, bool(wrong), "\n".join(wrong), {})


def wanted_by_the_oldest() -> Iterator[str]:
    """What the installed packages ask for on the oldest Python: it may be more than this one needs."""
    oldest = {"python_full_version": OLDEST, "python_version": OLDEST.rpartition(".")[0], "extra": ""}
    for package in metadata.distributions():
        for asked in map(Requirement, package.requires or ()):
            if package.name != "segsync" and (asked.marker is None or asked.marker.evaluate(oldest)):
                yield asked.name.lower().replace("_", "-").replace(".", "-")


def checks() -> list[Result]:
    return [
        pins(),
        step("lint", str(BIN / "ruff"), "check", "."),
        step("format", str(BIN / "ruff"), "format", "--check", "."),
        step("types", str(BIN / "mypy")),
        step("layers", str(BIN / "lint-imports")),
    ]


def main() -> int:
    BUILD.mkdir(exist_ok=True)
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(checks)
        together = ["--numprocesses", str(PROCESSES), "--dist", "worksteal"]
        ran = [tests("tests", "not browser and not spark", *together, *WITHOUT_EXTRAS)]
        ran += beside.result()
    missing = spark_needs()
    if missing:
        say(f"The Spark tests did not run: {missing}")
    else:
        ran.append(tests("spark", "spark"))
    ran.append(tests("browser", "browser", *WITHOUT_EXTRAS))
    for result in ran:
        if result.failed and result.output:
            say(f"\n--- {result.name} ---\n{result.output.strip()}")
    return summary(ran, without_spark=bool(missing))


def spark_needs() -> str:
    """What is missing for the Spark tests, as a sentence; '' where they can run."""
    java = Path(os.environ["JAVA_HOME"]) / "bin" / "java" if os.environ.get("JAVA_HOME") else shutil.which("java")
    told = (
        "" if java is None else subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    )
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < OLDEST_JAVA:
        return f"they need Java {OLDEST_JAVA} or newer, and there is none (on Debian: apt-get install openjdk-17-jre-headless)."
    if find_spec("pyspark") is None:
        return "pyspark is not installed (make test installs it)."
    return ""


def summary(ran: list[Result], *, without_spark: bool) -> int:
    kinds: dict[str, dict[str, float]] = {}
    for result in ran:
        kinds |= result.kinds
    failed = [result.name for result in ran if result.failed]
    passed, broken, skipped = (
        int(sum(kind[what] for kind in kinds.values())) for what in ("passed", "failed", "skipped")
    )
    if STRICT and kinds.get("browser", {}).get("skipped"):
        failed.append("browser tests were skipped")
    if STRICT and (without_spark or kinds.get("spark", {}).get("skipped")):
        failed.append("Spark tests did not run")
    parts = [
        f"{result.name} {result.seconds:.0f} s" for result in ran if result.name not in {"tests", "spark", "browser"}
    ]
    parts += [f"{name} {int(kind['passed'])} in {kind['seconds']:.0f} s" for name, kind in sorted(kinds.items())]
    say(("FAILED: " + ", ".join(failed) if failed else "All is well") + " | " + " · ".join(parts))
    say(f"{passed} passed, {broken} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
