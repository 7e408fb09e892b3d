"""`./dev test`: prepare databases, run lint, the addons' own tests with Odoo's runner, and `tests/` with pytest."""

import functools
import itertools
import os
import re
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor

from . import browser, i18n, lint, odoo_source, outcomes, paths, pdf, recipes, server
from .databases import PREFIX
from .errors import DevError
from .locks import FileLock
from .outcomes import UNSTARTED
from .progress import Stage, say
from .results import Result, conclude
from .session import LOGS_VARIABLE, Session, make_log_folder

PARALLEL = 2
LONGEST_RUN = 40 * 60
# The tag of tests that run only with all addons together, and not for each addon alone.
ONCE = "once"
PYTEST_OUTCOME = re.compile(r"\b(?:PASSED|FAILED|ERROR)\b")
# Pytest's exit code if no test was selected.
NO_TESTS = 5
TEST_DEFINITION = re.compile(r"^class (?P<case>\w+)|^    def (?P<test>test_\w+)", re.M)


def run(options):
    """Run the tests.

    :param argparse.Namespace options: the command line
    :return: 0 if everything passed
    :rtype: int
    """
    with TestRun(options.odoo, choose_addons(options.addons), options.name) as tests:
        return tests.conclude(tests.run_all())


def run_lint(options):
    """Run only the static checks; see :func:`run`."""
    if options.fix:
        lint.fix()
    with TestRun(options.odoo) as tests:
        return tests.conclude(tests.report([*lint.check(tests.addons), *tests.check_translations()]))


def run_i18n(options):
    """Write the addons' translation templates; see :func:`run`."""
    with TestRun(options.odoo) as tests:
        for addon, exported in tests.export_translations().items():
            i18n.write(addon, exported)
            say(f"Wrote {i18n.template(addon).relative_to(paths.REPOSITORY)}.")
    return 0


def choose_addons(names):
    """Check the addons of the command line.

    :param list[str] names: names of addons; empty for all addons
    :return: the addons, sorted
    :rtype: list[str]
    :raise DevError: if an addon doesn't exist
    """
    known = paths.addons()
    chosen = sorted(name.strip("/") for name in names) or known
    for name in chosen:
        if name not in known:
            raise DevError(f"There is no addon {name!r} here.", f"The addons are: {', '.join(known)}.")
    return chosen


class TestRun(Session):
    """One run of the tests, alone in the home folder. Use it as a context manager.

    :param str odoo: which Odoo, as `--odoo` takes it
    :param list[str] addons: the addons to test; all when None
    :param str name: a part of the names of the tests to run; all when None
    """

    longest_run = LONGEST_RUN

    def __init__(self, odoo=None, addons=None, name=None):
        self._started = time.monotonic()
        self._lock = FileLock("test")
        self._lock.acquire(waiting_for="another run of the tests to end")
        super().__init__(odoo, make_log_folder())
        self.addons = addons or paths.addons()
        self.name = name
        self.everything = self.addons == paths.addons() and not name
        self._cancelled = threading.Event()
        self._counts = {}
        self._runs = []

    def __exit__(self, *error):
        try:
            for name in self.databases.names():
                if name.startswith((f"{PREFIX}_test_", f"{PREFIX}_e2e_")):
                    self.databases.drop(name)
        finally:
            super().__exit__(*error)
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
        if self.name and not any(result.passed or result.failed for result in results):
            results += self.report([self.no_test_found()])
        return results

    def ensure_programs(self):
        """Find or install the programs that Odoo's tests need."""
        self.chromium = browser.ensure_chromium()
        pdf.ensure_wkhtmltopdf()

    def _choose_jobs(self):
        """Prepare the databases and list the jobs: the longest first, so that the shorter ones run in parallel."""
        tested = [addon for addon in self.addons if self.test_tags([addon])]
        for addon in tested:
            self.prepare(recipes.dependencies(addon))
        jobs = []
        if self.addons == paths.addons():
            self.prepare(recipes.SHOP)
            self.prepare(recipes.demo_with_addons())
            jobs.append(self._run_pytest)
        if self.everything:
            self.prepare(recipes.with_addons())
            jobs.append(functools.partial(self._test, "all addons together", recipes.SHOP, self.addons))
        # Each addon with its dependencies only. Tests tagged `once` run only with all addons together, which gives them
        # more models, routes and rules.
        without = f",-{ONCE}" if self.everything else ""
        jobs += [
            functools.partial(self._test, f"{addon} alone", recipes.dependencies(addon), [addon], without)
            for addon in tested
        ]
        if not self.name:
            jobs.append(functools.partial(lint.check, self.addons))
        if self.everything:
            jobs.append(self.check_translations)
        return jobs

    def _test(self, name, recipe, addons, more_tags=""):
        """Install addons in a database and run their tests."""
        found = self.run_tests(name, recipe, f"--init={','.join(addons)}", self.test_tags(addons) + more_tags)
        self._runs.append(found)
        return [found.judge(name), found.check_end(name), found.check_log(name)]

    def export_translations(self):
        """:return: the exported translation template of each addon"""
        database = self.prepare(recipes.with_addons())
        return i18n.export(self.odoo, self.cluster, self.data_dir, database, self.addons, self.logs / "i18n")

    def check_translations(self):
        """:return: a result per translation template"""
        # The database's key is a digest of Odoo and of the addons' files, translations included.
        return lint.check_translations(self.addons, recipes.with_addons().key(self.odoo), self.export_translations)

    def _run_pytest(self):
        """Run `tests/` with pytest."""
        report, log = self.logs / "pytest.xml", self.log_file("pytest")
        command = [sys.executable, "-m", "pytest", "tests", f"--junit-xml={report}", "-v", "--color=no"]
        # Two processes: most of these tests wait for a server, a browser or a scheduled action. They take the files in
        # the order of the collection, where the long ones come first.
        parallel = ["--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder"]
        command += ["-k", self.name] if self.name else parallel
        environment = {LOGS_VARIABLE: str(self.logs), odoo_source.PATH_VARIABLE: str(self.odoo.python_path)}
        with log.open("w") as output:
            process = subprocess.Popen(
                command,
                cwd=paths.REPOSITORY,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        show = functools.partial(self._show_count, "tests/", PYTEST_OUTCOME)
        code = server.follow(process, log, show, self._cancelled)
        if code == NO_TESTS and self.name:
            return []
        return [_read_pytest(code, report, log)]

    # Helpers

    def clone(self, recipe, name):
        """Create a database, which is dropped at the end of the run.

        :param Recipe recipe: contents of the database
        :param str name: name of the database, with the prefix `portal_accounts_test_`
        """
        self.databases.clone(self.prepare(recipe), name)

    def report(self, results):
        """Print results.

        :return: the same results
        """
        for result in results:
            result.show()
        return results

    def conclude(self, results):
        """Print the summary.

        :return: the exit code
        """
        return conclude(results, self.logs, time.monotonic() - self._started)

    def no_test_found(self):
        """:return: the result of a run that found no test of the given name"""
        return Result.of_check("tests", [f"No test, test class or test file has {self.name!r} in its name."])

    def run_tests(self, name, recipe, modules, tags):
        """Run tests with Odoo's runner in a new database; repeat those for which no browser started.

        :param str name: name of the run
        :param Recipe recipe: contents of the database
        :param str modules: option that installs or updates the modules to test
        :param str tags: tests to run, in the syntax of `--test-tags`
        :rtype: outcomes.Run
        """
        found = self._run_tests_once(name, recipe, modules, tags)
        if unstarted := found.select(UNSTARTED):
            say(f"No browser started within Odoo's limit of 10 s; running again: {', '.join(unstarted)}")
            # The asterisk includes tests without the tag `standard`.
            found.take(self._run_tests_once(f"{name} again", recipe, modules, ",".join(f"*{t}" for t in unstarted)))
        return found

    def _run_tests_once(self, name, recipe, modules, tags):
        slug = re.sub(r"\W+", "_", name)
        database, log_file = f"{PREFIX}_test_{slug}", self.log_file(slug)
        self.clone(recipe, database)
        arguments = [
            f"--database={database}",
            modules,
            f"--test-tags={tags}",
            "--stop-after-init",
            "--max-cron-threads=0",
            f"--http-port={server.find_free_port()}",
            # A tour on a busy machine may exceed the limits of a request.
            "--limit-time-real=0",
            "--limit-time-cpu=0",
        ]
        code = server.run(
            self.odoo,
            self.cluster,
            self.data_dir,
            arguments,
            log_file,
            env=browser.environment(self.chromium),
            on_output=functools.partial(self._show_count, name, outcomes.STARTING),
            cancelled=self._cancelled,
            timeout=self.longest_run,
        )
        self.databases.drop(database)
        return outcomes.Run(log_file, code)

    def _run_jobs(self, jobs):
        """Run jobs in parallel and show each result as soon as it is available."""

        def run_job(job):
            try:
                return self.report(job())
            except DevError as error:
                name = getattr(job, "func", job).__name__.strip("_")
                return self.report([Result.of_check(name, str(error).splitlines())])

        with Stage("Testing") as self._stage, ThreadPoolExecutor(PARALLEL) as pool:
            try:
                return list(itertools.chain.from_iterable(pool.map(run_job, jobs)))
            except BaseException:
                self._cancelled.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def run_alone(self, title, name, recipe, modules, tags):
        """Run tests with Odoo's runner and no other job in parallel; see :meth:`run_tests`.

        :param str title: title of the progress line
        :rtype: outcomes.Run
        """
        self._counts = {}
        with Stage(title) as self._stage:
            return self.run_tests(name, recipe, modules, tags)

    def _show_count(self, name, pattern, output):
        self._counts[name] = self._counts.get(name, 0) + len(pattern.findall(output))
        self._stage.update(", ".join(f"{name}: test {count}" for name, count in self._counts.items()))

    def test_tags(self, addons):
        """:return: the tests to run, in the syntax of `--test-tags`; empty if none matches the name"""
        if not self.name:
            return ",".join(f"/{addon}" for addon in addons)
        return ",".join(find_tests(addons, [paths.REPOSITORY, *self.odoo.addons_paths], self.name))


def find_tests(addons, folders, name):
    """Find tests by a part of the name of the test, its class or its file.

    :param list[str] addons: addons to search
    :param list[Path] folders: folders that contain the addons
    :param str name: part of the name, in any case
    :return: the tests, in the syntax of `--test-tags`
    :rtype: list[str]
    """
    found, case = [], ""
    for addon, folder in itertools.product(addons, folders):
        for path in sorted((folder / addon / "tests").glob("test_*.py")):
            for match in TEST_DEFINITION.finditer(path.read_text()):
                case = match["case"] or case
                if match["test"] and name.lower() in f"{path.name}:{case}.{match['test']}".lower():
                    found.append(f"/{addon}:{case}.{match['test']}")
    return found


def _read_pytest(code, report, log):
    """Read the results from pytest's report; a skipped test counts as failed."""
    result = Result("tests/", log=str(log))
    for case in ElementTree.parse(report).iter("testcase") if report.exists() else ():
        bad = [node for kind in ("failure", "error", "skipped") for node in case.findall(kind)]
        result.passed += not bad
        result.failed += bool(bad)
        for node in bad:
            lines = (node.text or node.get("message") or "").strip().splitlines()
            result.details += [f"{case.get('classname')}::{case.get('name')}", *(f"    {line}" for line in lines[-15:])]
    if (code or not result.passed) and not result.failed:
        result.failed += 1
        result.details += [f"pytest ended with code {code}:", *log.read_text().splitlines()[-20:]]
    return result
