"""`./dev test`: prepares databases, lints, runs the addons' own tests under Odoo, then `tests/` with pytest."""

import ast
import functools
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from . import browser, i18n, lint, logcheck, odoo_source, paths, pdf, server
from .databases import PREFIX, Databases, Recipe
from .errors import DevError
from .locks import FileLock
from .postgres import open_cluster
from .progress import Stage, say
from .results import Result, never_ran, read_odoo_tests
from .session import Session

SHOP_MODULES = ("website_sale", "payment_demo")
PARALLEL = 2
LONGEST_RUN = 20 * 60
KEPT_LOGS = 10


def run(options):
    """Run the tests.

    :param argparse.Namespace options: the command line
    :return: 0 when everything passed
    :rtype: int
    """
    addons = _choose_addons(options.addons)
    started = time.monotonic()
    with TestRun(options, addons) as tests:
        if options.prepare:
            return tests.prepare_and_wait()
        results = tests.run_all()
    return _conclude(results, tests.logs, time.monotonic() - started)


def run_lint(options):
    """Run the static checks alone.

    :param argparse.Namespace options: the command line
    :return: 0 when everything passed
    :rtype: int
    """
    if options.fix:
        lint.fix()
    options.name = None
    with TestRun(options, paths.addons()) as tests:
        results = [*tests.lint(), *tests.check_translations()]
    for result in results:
        result.show()
    return _conclude(results, tests.logs)


def run_i18n(options):
    """Write the addons' translation templates.

    :param argparse.Namespace options: the command line
    :return: 0
    :rtype: int
    """
    options.name = None
    with TestRun(options, paths.addons()) as tests:
        for addon, exported in tests.export_translations().items():
            i18n.write(addon, exported)
            say(f"Wrote {i18n.template(addon).relative_to(paths.REPOSITORY)}.")
    return 0


def _choose_addons(names):
    known = paths.addons()
    for name in names:
        if name.strip("/") not in known:
            raise DevError(f"There is no addon {name!r} here.", f"The addons are: {', '.join(known)}.")
    return sorted(name.strip("/") for name in names) or known


def _conclude(results, logs, seconds=None):
    """Print the one line over everything.

    :return: the exit code
    :rtype: int
    """
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    say()
    if failed:
        say(f"Failed: {', '.join(result.name for result in results if result.failed)}. Logs: {logs}")
    if seconds:
        say(f"{seconds:.0f} s")
    say(f"{passed} passed, {failed} failed")
    return int(bool(failed) or not passed)


class TestRun:
    """One run of the tests, with its cluster and its folder of logs. Use it as a context manager.

    :param argparse.Namespace options: the command line
    :param list[str] addons: the addons to test
    """

    def __init__(self, options, addons):
        self.options = options
        self.addons = addons
        self.everything = addons == paths.addons() and not options.name
        self._lock = FileLock("test")
        self._cancelled = threading.Event()
        self._counts = {}

    def __enter__(self):
        self._lock.acquire(waiting_for="another ./dev test to end")
        self.odoo = odoo_source.ensure(self.options.odoo)
        self.logs = self._make_log_folder()
        self.data_dir = paths.folder("test-data")
        self.cluster = open_cluster("test", durable=False)
        self.cluster.start()
        self.databases = Databases(self.cluster, self.data_dir)
        return self

    def __exit__(self, *error):
        try:
            self._drop_databases()
        finally:
            self.cluster.stop()
            self._lock.release()

    # Stages

    def run_all(self):
        """Run every stage that the command line asks for.

        :return: all results
        :rtype: list[Result]
        """
        self.chromium = browser.ensure_chromium()
        pdf.ensure_wkhtmltopdf()
        for addon in self.addons:
            self._prepare(self._dependencies(addon))
        # The longest one first, so that the others fit beside it.
        jobs = []
        if self.everything:
            self._prepare(self._shop())
            jobs.append(self.test_together)
        if not self.options.name:
            jobs.append(self.lint)
        jobs += [self._make_addon_job(addon) for addon in self.addons]
        results = self._run_jobs(jobs)
        if self.everything:
            results += self._report(self.check_translations())
            results += self._report([self._check_skipped(results)])
        if self._wants_pytest():
            results += self._report(self.run_pytest())
        if self.options.name and not any(result.passed or result.failed for result in results):
            results.append(Result.of_check("tests", [f"No test's name contains {self.options.name!r}."]))
        return results

    def lint(self):
        """:return: the results of the static checks"""
        return lint.check(self.addons)

    def test_addon(self, addon):
        """Install an addon alone, with no more than it depends on, and run its tests.

        :param str addon: the addon
        :rtype: list[Result]
        """
        return self._run_odoo_tests(f"{addon} alone", self._dependencies(addon), [addon])

    def test_together(self):
        """Install all addons in one database and run all their tests."""
        return self._run_odoo_tests("all addons together", self._shop(), self.addons)

    def export_translations(self):
        """:return: each addon's translation template, as Odoo exports it now"""
        database = self.databases.prepare(self._plain(), self.odoo, self.logs / "prepare-plain.log")
        return i18n.export(
            self.odoo,
            self.cluster,
            self.data_dir,
            database,
            self.addons,
            self.logs / "i18n",
            self.logs / "i18n.log",
        )

    def check_translations(self):
        """:return: a result per addon's translation template"""
        try:
            exported = self.export_translations()
        except DevError as error:
            return [Result.of_check("translation templates", str(error).splitlines())]
        return [lint.check_translations(addon, path) for addon, path in exported.items()]

    def run_pytest(self):
        """Run `tests/` with pytest.

        :rtype: list[Result]
        """
        try:
            environment = self._prepare_session()
        except DevError as error:
            return [Result.of_check("tests/", str(error).splitlines())]
        report, log = self.logs / "pytest.xml", self.logs / "pytest.log"
        command = [sys.executable, "-m", "pytest", "tests", "-p", "devtools.pytest_plugin", f"--junit-xml={report}"]
        # Two at a time: most of these tests wait for a server, a browser or a scheduled action.
        command += ["-k", self.options.name] if self.options.name else ["--numprocesses=2", "--dist=loadfile"]
        with Stage("Running tests/ with pytest") as stage, log.open("w") as output, log.open() as reader:
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
                    time.sleep(0.3)
                    for match in re.finditer(r"(tests/\S+?)::(\S+)", reader.read()):
                        stage.update(match[2])
            finally:
                server.stop(process, patience=30)
        return self._read_pytest(process.returncode, report, log)

    def clone_plain(self, name):
        """Make a database with both addons and without demo data; dropped at the end of the run.

        :param str name: its name, which begins as the names of this run's databases do
        """
        self.databases.clone(self._prepare(self._plain()), name)

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
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return 0

    # Recipes of the databases

    @staticmethod
    def _dependencies(addon):
        """The database with what an addon depends on and nothing else."""
        manifest = ast.literal_eval((paths.REPOSITORY / addon / "__manifest__.py").read_text())
        depends = tuple(sorted(set(manifest["depends"]) - set(paths.addons())))
        return Recipe("_".join(depends)[:24], depends)

    @staticmethod
    def _shop():
        return Recipe("website_sale", ("website_sale",))

    def _plain(self):
        """Both addons without demo data."""
        return Recipe("plain", tuple(paths.addons()), base=self._shop())

    @staticmethod
    def _demo():
        """Both addons in a shop with demo data."""
        return Recipe("demo", tuple(paths.addons()), base=Recipe("demo_shop", SHOP_MODULES, demo=True))

    # Helpers

    def _make_addon_job(self, addon):
        def job():
            return self.test_addon(addon)

        return job

    def _run_jobs(self, jobs):
        """Run jobs side by side and show each result when it is there."""

        def run_job(job):
            try:
                return self._report(job())
            except DevError as error:
                return self._report([Result.of_check(getattr(job, "__name__", "job"), str(error).splitlines())])

        with Stage("Linting and running the addons' own tests") as self._stage, ThreadPoolExecutor(PARALLEL) as pool:
            try:
                return [result for results in pool.map(run_job, jobs) for result in results]
            except BaseException:
                self._cancelled.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    @staticmethod
    def _report(results):
        for result in results:
            result.show()
        return results

    def _prepare(self, recipe):
        return self.databases.prepare(recipe, self.odoo, self.logs / f"prepare-{recipe.label}.log")

    def _run_odoo_tests(self, name, recipe, addons):
        """Run addons' tests; once more where Odoo gave a browser up that a busy machine started too slowly."""
        tags = self._test_tags(addons)
        if not tags:
            return []
        results = self._run_odoo_tests_once(name, recipe, addons, tags)
        if results[0].unstarted:
            say(f"No browser came up within Odoo's 10 s for {', '.join(sorted(results[0].unstarted))}: once more.")
            results = self._run_odoo_tests_once(name, recipe, addons, tags)
        return results

    def _run_odoo_tests_once(self, name, recipe, addons, tags):
        slug = re.sub(r"\W+", "_", name)
        database = f"{PREFIX}_test_{slug}"
        log_file = self.logs / f"{slug}.log"
        self.databases.clone(self._prepare(recipe), database)
        arguments = [
            f"--database={database}",
            f"--init={','.join(addons)}",
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
            on_output=functools.partial(self._show_count, name),
            cancelled=self._cancelled,
            env=browser.environment(self.chromium),
            timeout=LONGEST_RUN,
        )
        self.databases.drop(database)
        return read_odoo_tests(name, log_file, code, expect_tests=bool(self._find_tests(addons)))

    def _show_count(self, name, output):
        self._counts[name] = self._counts.get(name, 0) + len(logcheck.STARTING.findall(output))
        self._stage.update(", ".join(f"{name}: test {count}" for name, count in self._counts.items()))

    def _test_tags(self, addons):
        """Name the tests to run the way Odoo does.

        :return: the value of `--test-tags`, empty when no test's name fits
        :rtype: str
        """
        if not self.options.name:
            return ",".join(f"/{addon}" for addon in addons)
        wanted = self.options.name.lower()
        return ",".join(
            f"/{addon}:{case}.{test}"
            for addon, case, test in self._find_tests(addons)
            if wanted in f"{case}.{test}".lower()
        )

    @staticmethod
    def _find_tests(addons):
        """Read the names of the tests from the addons' files.

        :return: addon, class and method of each test
        :rtype: list[tuple[str, str, str]]
        """
        found = []
        for addon in addons:
            for path in sorted((paths.REPOSITORY / addon / "tests").glob("test_*.py")):
                for case in ast.walk(ast.parse(path.read_text())):
                    if isinstance(case, ast.ClassDef):
                        methods = [node.name for node in case.body if isinstance(node, ast.FunctionDef)]
                        found += [(addon, case.name, name) for name in methods if name.startswith("test_")]
        return found

    @staticmethod
    def _check_skipped(results):
        lines = [f"skipped in every run: {name}" for name in sorted(never_ran(results))]
        return Result.of_check("no test skipped everywhere", lines)

    def _wants_pytest(self):
        return not self.options.addons and (paths.REPOSITORY / "tests").is_dir()

    def _prepare_session(self):
        session = Session(
            odoo_path=str(self.odoo.python_path),
            cluster=self.cluster.describe(),
            data_dir=str(self.data_dir),
            logs=str(self.logs),
            templates={"demo": self._prepare(self._demo()), "shop": self._prepare(self._shop())},
            chromium=str(self.chromium),
        )
        return session.save(self.logs / "session.json")

    def _read_pytest(self, code, report, log):
        """Read pytest's results from its report; a skipped test is a failed one."""
        import xml.etree.ElementTree as ElementTree

        result = Result("tests/", log=str(log))
        if code == 5 and self.options.name:
            return []
        cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
        for case in cases:
            bad = [node for kind in ("failure", "error", "skipped") for node in case.findall(kind)]
            if not bad:
                result.passed += 1
                continue
            result.failed += 1
            result.details.append(f"{case.get('classname')}::{case.get('name')}")
            for node in bad:
                lines = (node.text or node.get("message") or "").strip().splitlines()
                result.details += [f"    {line}" for line in lines[-15:]]
        if code and not result.failed:
            result.failed += 1
            result.details += [f"pytest ended with code {code}:", *log.read_text().splitlines()[-20:]]
        if not cases and not result.failed:
            result.failed += 1
            result.details.append("pytest ran no test")
        return [result]

    def _drop_databases(self):
        for name in self.databases.names():
            if name.startswith((f"{PREFIX}_test_", f"{PREFIX}_e2e_")):
                self.databases.drop(name)

    @staticmethod
    def _make_log_folder():
        root = paths.folder("logs")
        for old in sorted(path for path in root.glob("test-*") if path.is_dir())[:-KEPT_LOGS]:
            shutil.rmtree(old, ignore_errors=True)
        return paths.folder("logs", time.strftime("test-%Y%m%d-%H%M%S"))
