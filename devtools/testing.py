"""`./dev test`: prepares databases, lints, runs the addons' own tests under Odoo, then `tests/` with pytest."""

import argparse
import ast
import functools
import itertools
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor

from . import browser, i18n, lint, odoo_source, outcomes, paths, pdf, recipes, server
from .databases import PREFIX, Databases
from .errors import DevError
from .locks import FileLock
from .outcomes import UNSTARTED
from .postgres import open_cluster
from .progress import Stage, say
from .results import Result, conclude
from .session import Session

PARALLEL = 2
LONGEST_RUN = 40 * 60
# The tag of tests that run with all addons together, and not for each addon alone as well.
ONCE = "once"
PYTEST_OUTCOME = re.compile(r"\b(?:PASSED|FAILED|ERROR)\b")
KEPT_LOGS = 10
# What pytest ends with when no test was chosen.
NO_TESTS = 5


def run(options):
    """Run the tests.

    :param argparse.Namespace options: the command line
    :return: 0 when everything passed
    :rtype: int
    """
    addons = choose_addons(options.addons)
    started = time.monotonic()
    with TestRun(options, addons) as tests:
        if options.prepare:
            return tests.prepare_and_wait()
        results = tests.run_all()
    return conclude(results, tests.logs, time.monotonic() - started)


def run_lint(options):
    """Run the static checks alone; see :func:`run`."""
    if options.fix:
        lint.fix()
    with TestRun.of_all_addons(options.odoo) as tests:
        results = tests.report([*lint.check(tests.addons), *tests.check_translations()])
    return conclude(results, tests.logs)


def run_i18n(options):
    """Write the addons' translation templates; see :func:`run`."""
    with TestRun.of_all_addons(options.odoo) as tests:
        for addon, exported in tests.export_translations().items():
            i18n.write(addon, exported)
            say(f"Wrote {i18n.template(addon).relative_to(paths.REPOSITORY)}.")
    return 0


def choose_addons(names):
    """Check the names of addons on the command line.

    :param list[str] names: the names; none means all
    :return: the addons, sorted
    :rtype: list[str]
    :raise DevError: when there is no such addon
    """
    known = paths.addons()
    for name in names:
        if name.strip("/") not in known:
            raise DevError(f"There is no addon {name!r} here.", f"The addons are: {', '.join(known)}.")
    return sorted(name.strip("/") for name in names) or known


class TestRun:
    """One run of the tests, with its cluster and its folder of logs. Use it as a context manager.

    :param argparse.Namespace options: the command line
    :param list[str] addons: the addons to test
    """

    longest_run = LONGEST_RUN
    settings = None

    def __init__(self, options, addons):
        self.options = options
        self.addons = addons
        self.everything = addons == paths.addons() and not options.name
        self._lock = FileLock("test")
        self._cancelled = threading.Event()
        self._counts = {}
        self._runs = []

    @classmethod
    def of_all_addons(cls, odoo=None):
        """Make a run in which nobody chooses addons or tests: what it prepares serves something else as well.

        :param str odoo: which Odoo, as `--odoo` takes it
        :rtype: TestRun
        """
        return cls(argparse.Namespace(odoo=odoo, name=None), paths.addons())

    def __enter__(self):
        self._lock.acquire(waiting_for="another ./dev test to end")
        self.odoo = odoo_source.ensure(self.options.odoo)
        self.logs = _make_log_folder()
        self.data_dir = paths.folder("test-data")
        self.cluster = open_cluster("test", durable=False, settings=self.settings)
        self.cluster.start()
        self.databases = Databases(self.cluster, self.data_dir)
        return self

    def __exit__(self, *error):
        try:
            for name in self.databases.names():
                if name.startswith((f"{PREFIX}_test_", f"{PREFIX}_e2e_")):
                    self.databases.drop(name)
        finally:
            self.cluster.stop()
            self._lock.release()

    # Stages

    def run_all(self):
        """Run everything that the command line asks for.

        :return: all results
        :rtype: list[Result]
        """
        self.ensure_programs()
        results = self._run_jobs(self._choose_jobs())
        if self.everything:
            skipped = [f"skipped in every run: {name}" for name in sorted(outcomes.never_ran(self._runs))]
            results += self.report([Result.of_check("no test skipped everywhere", skipped)])
        if self.options.name and not any(result.passed or result.failed for result in results):
            results.append(Result.of_check("tests", [f"No test's name contains {self.options.name!r}."]))
        return results

    def ensure_programs(self):
        """Find, or install, what Odoo's tests need beside Odoo."""
        self.chromium = browser.ensure_chromium()
        pdf.ensure_wkhtmltopdf()

    def _choose_jobs(self):
        """Prepare the databases, and choose what is run on them: the longest first, so that the others fit beside it.

        :return: functions that return results
        :rtype: list
        """
        for addon in self.addons:
            self.prepare(recipes.dependencies(addon))
        jobs = []
        if not self.options.addons:
            jobs.append(functools.partial(self.run_pytest, self._prepare_session()))
        if self.everything:
            self.prepare(recipes.with_addons())
            jobs.append(functools.partial(self.test, "all addons together", recipes.SHOP, self.addons))
        # With no more than it depends on. What is tagged `once` is left to the run of all addons together, which has
        # more models, routes and rules to try it on.
        without = f",-{ONCE}" if self.everything else ""
        jobs += [
            functools.partial(self.test, f"{addon} alone", recipes.dependencies(addon), [addon], without)
            for addon in self.addons
        ]
        if not self.options.name:
            jobs.append(functools.partial(lint.check, self.addons))
        if self.everything:
            jobs.append(self.check_translations)
        return jobs

    def test(self, name, recipe, addons, more_tags=""):
        """Install addons in a database and run their tests.

        :param str name: the run
        :param Recipe recipe: what is in the database before
        :param list[str] addons: the addons
        :param str more_tags: what follows the tags of their tests
        :rtype: list[Result]
        """
        tags = self.test_tags(addons)
        if not tags:
            return []
        found = self.run_tests(name, recipe, f"--init={','.join(addons)}", tags + more_tags)
        self._runs.append(found)
        return [found.judge(name), found.check_end(name, bool(self.find_tests(addons))), found.check_log(name)]

    def export_translations(self):
        """:return: each addon's translation template, as Odoo exports it now"""
        database = self.prepare(recipes.with_addons())
        return i18n.export(self.odoo, self.cluster, self.data_dir, database, self.addons, self.logs / "i18n")

    def check_translations(self):
        """:return: a result per addon's translation template"""
        return [lint.check_translations(addon, path) for addon, path in self.export_translations().items()]

    def run_pytest(self, environment):
        """Run `tests/` with pytest.

        :param dict environment: the variable that names what was prepared
        :rtype: list[Result]
        """
        report, log = self.logs / "pytest.xml", self.logs / "pytest.log"
        command = [sys.executable, "-m", "pytest", "tests", "-p", "devtools.pytest_plugin", f"--junit-xml={report}"]
        # Two at a time: most of these tests wait for a server, a browser or a scheduled action.
        command += ["-k", self.options.name] if self.options.name else ["--numprocesses=2", "--dist=loadfile"]
        with log.open("w") as output, log.open() as reader:
            process = subprocess.Popen(
                [*command, "-v", "--color=no"],
                cwd=paths.REPOSITORY,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                while process.poll() is None:
                    if self._cancelled.wait(0.3):
                        raise KeyboardInterrupt
                    self._show_count("tests/", PYTEST_OUTCOME, reader.read())
            finally:
                server.stop(process, patience=30)
        if process.returncode == NO_TESTS and self.options.name:
            return []
        return [_read_pytest(process.returncode, report, log)]

    def prepare_and_wait(self):
        """Prepare everything for pytest, say how to start it, and wait for Ctrl-C.

        :return: 0
        :rtype: int
        """
        self.chromium = browser.ensure_chromium()
        environment = self._prepare_session()
        assignment = " ".join(f"{name}={value}" for name, value in environment.items())
        say("\nReady. While this runs, in another terminal:")
        say(f"  {assignment} {sys.executable} -m pytest -p devtools.pytest_plugin tests")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0

    # Helpers

    def prepare(self, recipe):
        """:return: the name of the template database of a recipe, which is made if need be"""
        return self.databases.prepare(recipe, self.odoo, self.logs / f"prepare-{recipe.label}.log")

    def clone(self, recipe, name):
        """Make a database; it is dropped at the end of the run.

        :param Recipe recipe: what is in it
        :param str name: its name, which begins as the names of this run's databases do
        """
        self.databases.clone(self.prepare(recipe), name)

    def report(self, results):
        """:return: the same results, each printed"""
        for result in results:
            result.show()
        return results

    def run_tests(self, name, recipe, modules, tags):
        """Run tests under Odoo in a database of their own, and those once more that no browser came up for.

        :param str name: the run
        :param Recipe recipe: what is in the database
        :param str modules: the option that installs or updates the modules to test
        :param str tags: which of their tests
        :rtype: outcomes.Run
        """
        found = self._run_tests_once(name, recipe, modules, tags)
        if unstarted := found.select(UNSTARTED):
            say(f"No browser came up within Odoo's 10 s for {', '.join(unstarted)}: once more.")
            # Odoo leaves out what has no standard tag unless it is named so.
            again = self._run_tests_once(f"{name} again", recipe, modules, ",".join(f"*{test}" for test in unstarted))
            found.take(again)
        return found

    def _run_tests_once(self, name, recipe, modules, tags):
        slug = re.sub(r"\W+", "_", name)
        database, log_file = f"{PREFIX}_test_{slug}", self.logs / f"{slug}.log"
        self.clone(recipe, database)
        arguments = [
            f"--database={database}",
            modules,
            f"--test-tags={tags}",
            "--stop-after-init",
            "--max-cron-threads=0",
            f"--http-port={server.find_free_port()}",
            # A tour on a busy machine may take longer than a request in production.
            "--limit-time-real=0",
            "--limit-time-cpu=0",
        ]
        code = server.run(
            self.odoo,
            self.cluster,
            self.data_dir,
            arguments,
            log_file,
            on_output=functools.partial(self._show_count, name, outcomes.STARTING),
            cancelled=self._cancelled,
            env=browser.environment(self.chromium),
            timeout=self.longest_run,
        )
        self.databases.drop(database)
        return outcomes.Run(log_file, code)

    def _run_jobs(self, jobs):
        """Run jobs side by side and show each result when it is there."""

        def run_job(job):
            try:
                return self.report(job())
            except DevError as error:
                name = getattr(job, "func", job).__name__
                return self.report([Result.of_check(name, str(error).splitlines())])

        with Stage("Testing") as self._stage, ThreadPoolExecutor(PARALLEL) as pool:
            try:
                return [result for results in pool.map(run_job, jobs) for result in results]
            except BaseException:
                self._cancelled.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _show_count(self, name, pattern, output):
        self._counts[name] = self._counts.get(name, 0) + len(pattern.findall(output))
        self._stage.update(", ".join(f"{name}: test {count}" for name, count in self._counts.items()))

    def run_alone(self, title, name, recipe, modules, tags):
        """Run tests under Odoo while nothing else is run; see :meth:`run_tests`.

        :param str title: what is shown meanwhile
        :rtype: outcomes.Run
        """
        self._counts = {}
        with Stage(title) as self._stage:
            return self.run_tests(name, recipe, modules, tags)

    def test_tags(self, addons):
        """Name the tests to run the way Odoo does.

        :return: the value of `--test-tags`, empty when no test's name fits
        :rtype: str
        """
        if not self.options.name:
            return ",".join(f"/{addon}" for addon in addons)
        wanted = self.options.name.lower()
        tests = (test for test in self.find_tests(addons) if wanted in test.partition(":")[2].lower())
        return ",".join(tests)

    def find_tests(self, addons):
        """Read the names of the tests from the addons' files.

        :return: the tests, as `--test-tags` takes them
        :rtype: list[str]
        """
        found = []
        for addon, folder in itertools.product(addons, [paths.REPOSITORY, *self.odoo.addons_paths]):
            for path in sorted((folder / addon / "tests").glob("test_*.py")):
                for case in ast.walk(paths.parse(path)):
                    if isinstance(case, ast.ClassDef):
                        names = [node.name for node in case.body if isinstance(node, ast.FunctionDef)]
                        found += [f"/{addon}:{case.name}.{name}" for name in names if name.startswith("test_")]
        return found

    def _prepare_session(self):
        session = Session(
            odoo_path=str(self.odoo.python_path),
            cluster=self.cluster.describe(),
            data_dir=str(self.data_dir),
            logs=str(self.logs),
            templates={"demo": self.prepare(recipes.demo_with_addons()), "shop": self.prepare(recipes.SHOP)},
            chromium=str(self.chromium),
        )
        return session.save(self.logs / "session.json")


def _read_pytest(code, report, log):
    """Read pytest's results from its report; a skipped test is a failed one."""
    result = Result("tests/", log=str(log))
    cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    for case in cases:
        bad = [node for kind in ("failure", "error", "skipped") for node in case.findall(kind)]
        result.passed += not bad
        result.failed += bool(bad)
        for node in bad:
            lines = (node.text or node.get("message") or "").strip().splitlines()
            result.details += [f"{case.get('classname')}::{case.get('name')}", *(f"    {line}" for line in lines[-15:])]
    if (code or not cases) and not result.failed:
        result.failed += 1
        result.details += [f"pytest ended with code {code}:", *log.read_text().splitlines()[-20:]]
    return result


def _make_log_folder():
    root = paths.folder("logs")
    for old in sorted(path for path in root.glob("test-*") if path.is_dir())[:-KEPT_LOGS]:
        shutil.rmtree(old, ignore_errors=True)
    return paths.folder("logs", time.strftime("test-%Y%m%d-%H%M%S"))
