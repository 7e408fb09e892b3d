"""Any query string results in a page or a 404, never in an error or in another agent's data."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.system import agent

EXAMPLES = 10
ROUTES = (
    *agent.PAGES,
    "/my/agent/customers/{id}",
    "/my/agent/customers/{id}/products",
    "/my/agent/customers/{id}/products/page/{id}",
    "/my/agent/customers/{id}/statement",
    "/my/agent/orders/{id}",
    "/my/agent/invoices/{id}",
    "/my/agent/orders/page/{id}",
    "/my/agent/{name}/export",
    "/my/agent/weekly-mail/unsubscribe",
)
PARAMETERS = (
    "customer",
    "customer_search",
    "search",
    "search_in",
    "sortby",
    "filterby",
    "groupby",
    "page",
    "date_from",
    "date_to",
    "period",
    "format",
    "report_type",
    "download",
    "position",
    "order",
    "access_token",
    "user",
    "token",
    "debug",
    "lang",
    "from",
)
NASTY = (
    "",
    "0",
    "-1",
    "1",
    "99999999999999999999",
    "2147483648",
    "1e9",
    "NaN",
    "true",
    "null",
    "[]",
    "{}",
    "[1,2]",
    "%",
    "_",
    "%25_%",
    "\x00",
    "a\x00b",
    "\u202emoc.elpmaxe",
    "\ud7ff",
    "😀" * 50,
    "x" * 10_000,
    "'; DROP TABLE res_users; --",
    "<script>alert(1)</script>",
    "2026-02-30",
    "9999-12-31",
    "0000-00-00",
    "2026-01-01T00:00:00",
    "../../etc/passwd",
    "name desc",
    "partner_id.comment",
    "access_token",
    "all",
    "customer",
    "month",
    "xlsx",
    "csv",
    "pdf",
    "html",
)
values = st.one_of(st.sampled_from(NASTY), st.text(max_size=40), st.integers().map(str), st.dates().map(str))
queries = st.lists(st.tuples(st.one_of(st.sampled_from(PARAMETERS), st.text(max_size=10)), values), max_size=6)
ids = st.one_of(st.integers(0, 200), st.integers(2**31 - 2, 2**70))


@pytest.mark.parametrize("route", ROUTES)
def test_any_query_gives_a_page_or_a_clean_404(shared_shop, foreign_names, route):
    session = agent.log_in(shared_shop.url)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(queries, ids, st.sampled_from(("customers", "orders", "invoices", "quotations", "products", "users")))
    def check(query, record_id, name):
        url = shared_shop.url + route.format(id=record_id, name=name)
        answer = session.get(url, params=[(key, value.encode(errors="ignore")) for key, value in query])
        assert answer.status_code in (200, 404), (answer.status_code, answer.url)
        assert "/web/login" not in answer.url, "the agent is still signed in"
        if "text" in answer.headers.get("Content-Type", ""):
            shown = [name for name in foreign_names if name in answer.text]
            assert not shown, (shown, answer.url)
            assert "<script>alert(1)" not in answer.text

    check()
