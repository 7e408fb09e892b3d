"""Fixtures for end-to-end tests: databases, servers, a mail catcher, a browser."""

import contextlib
import os
import re

import pytest

from . import browser as browsers
from . import recipes
from .locks import FileLock
from .mail import MailCatcher
from .server import OdooServer
from .session import LOGS_VARIABLE, Session, make_log_folder

TEST_PREFIX = "portal_accounts_e2e"
# The name of this process; pytest-xdist's processes share the cluster and the folder of logs.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")


def pytest_configure(config):
    """If pytest was started directly, prepare what `./dev test` would have prepared."""
    if LOGS_VARIABLE not in os.environ:
        lock = FileLock("test")
        lock.acquire(waiting_for="another run of the tests to end")
        config.add_cleanup(lock.release)
        os.environ[LOGS_VARIABLE] = str(make_log_folder())


def pytest_collection_modifyitems(items):
    """Start with the files that take long, so that no process is left with one of them at the end."""
    items.sort(key=lambda item: not item.get_closest_marker("long"))


@pytest.fixture(scope="session")
def dev_session():
    """The environment of the tests: a :class:`devtools.session.Session`."""
    with Session() as session:
        yield session


@pytest.fixture(scope="session")
def odoo_source(dev_session):
    """The Odoo under test: a :class:`devtools.odoo_source.OdooSource`."""
    return dev_session.odoo


@pytest.fixture(scope="session")
def cluster(dev_session):
    """The PostgreSQL server: a :class:`devtools.postgres.Cluster`."""
    return dev_session.cluster


@pytest.fixture(scope="session")
def databases(dev_session):
    """The databases of that server: :class:`devtools.databases.Databases`."""
    return dev_session.databases


@pytest.fixture(scope="session")
def database_template(dev_session):
    """The name of the template with `website_sale`, without demo data and without our addons."""
    return dev_session.prepare(recipes.SHOP)


@pytest.fixture(scope="session")
def make_database(dev_session):
    """A function that clones a template and returns the new database's name.

    `make_database(template=None)`: the default template has both addons, the shop, the demo payment provider and demo
    data. The databases are dropped at the end of the session.
    """
    demo = dev_session.prepare(recipes.demo_with_addons())
    made = []

    def make(template=None):
        made.append(f"{TEST_PREFIX}_{WORKER}_{len(made) + 1}")
        dev_session.databases.clone(template or demo, made[-1])
        return made[-1]

    yield make
    for name in made:
        dev_session.databases.drop(name)


@contextlib.contextmanager
def server_factory(dev_session, odoo_source, cluster, name):
    """Provide a function that starts servers; stop them afterwards and check their logs.

    :param Session dev_session: environment of the tests
    :param OdooSource odoo_source: Odoo to start
    :param Cluster cluster: PostgreSQL server to use
    :param str name: prefix of the logs' names
    """
    started = []

    def make(database, check_log=(), **options):
        log_file = dev_session.log_file(f"{name}-{len(started) + 1}")
        log_file.unlink(missing_ok=True)
        server = OdooServer(odoo_source, cluster, database, dev_session.data_dir, log_file, **options)
        started.append((server, check_log))
        return server.start()

    yield make
    for server, _check_log in started:
        server.stop()
    for server, check_log in started:
        if check_log is not None:
            unexpected = server.find_unexpected_log_entries(check_log)
            assert not unexpected, f"{server.log_file}:\n" + "\n".join(map(str, unexpected))


@pytest.fixture
def make_server(dev_session, odoo_source, cluster, request):
    """A function that starts an :class:`OdooServer` on a database; all are stopped after the test.

    `make_server(database, smtp_port=None, workers=0, cron_threads=1, extra_args=(), check_log=())`.
    After the test, the log must contain no unexpected WARNING or ERROR. `check_log` lists further expected entries as
    :class:`devtools.logcheck.Expected`; `check_log=None` disables the check.
    """
    with server_factory(dev_session, odoo_source, cluster, re.sub(r"\W+", "_", request.node.name)) as make:
        yield make


@pytest.fixture(scope="session")
def make_shared_server(dev_session, odoo_source, cluster):
    """Like `make_server`, for servers that several tests share; they are stopped after the last test."""
    with server_factory(dev_session, odoo_source, cluster, f"shared-{WORKER}") as make:
        yield make


@pytest.fixture
def mail_catcher(tmp_path):
    """A running :class:`devtools.mail.MailCatcher` that stores its mails in the test's folder."""
    with MailCatcher(tmp_path / "mails") as catcher:
        yield catcher


@pytest.fixture(scope="session")
def browser():
    """A running Chromium, as Playwright's `Browser`.

    Open a new context in each test, with :func:`devtools.browser.open_context`.
    """
    with browsers.launch(browsers.ensure_chromium()) as running:
        yield running


@pytest.fixture
def page(browser):
    """A page in a new browser context, without cookies and history."""
    with browsers.open_context(browser) as context:
        yield context.new_page()
