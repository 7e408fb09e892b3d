"""`./dev screenshots`: the pictures of the README and of the addons' Apps pages, taken of the real thing.

They show a throw-away copy of the demo shop that `./dev run` serves: names, figures and sizes are those of
the demo data. Only dates and times follow the moment at which they are taken.
"""

import contextlib
import re
from dataclasses import dataclass

from . import banners, browser, paths, pictures, recipes
from .mail import MailCatcher
from .progress import Stage, say
from .server import OdooServer

DATABASE = "portal_accounts_test_screenshots"
DESKTOP, PHONE = 1280, 390
HEIGHT = {DESKTOP: 800, PHONE: 844}
SUFFIX = {DESKTOP: "", PHONE: "-phone"}
MAIL_PANE = 700

SHOP_ADDON, AGENT_ADDON = "sale_auto_portal_user", "portal_agent_account"
GUEST_NAME, GUEST_EMAIL = "Greta Guest", "greta.guest@example.com"
AGENT = "agent"
ADMIN = "admin"

# The documents that are shown, found by what the demo data give them.
FIND_CUSTOMER = "SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'res_partner_2'"
FIND_ORDER = "SELECT id FROM sale_order WHERE client_order_ref = 'PO-4040'"
FIND_INVOICE = "SELECT id FROM account_move WHERE state = 'posted' AND amount_total = 2400 AND amount_residual = 1200"
FIND_GUEST_ORDER = "SELECT max(id) FROM sale_order WHERE is_user_created"

IS_COMPLETE = """() => document.fonts.status === "loaded"
    && [...document.images].every((image) => image.complete)
    && [...document.querySelectorAll(".o_portal_agent_chart canvas")].every((canvas) => canvas.style.height)"""
CONTACTS_TO_ASSIGN = ("OpenWood", "The Jackson Group")


@dataclass(frozen=True)
class View:
    """A page that needs no more than being opened.

    :param str name: the picture's name
    :param str path: the page's address
    :param tuple heights: pairs of a width and the picture's height, where it is not a screen's
    """

    name: str
    path: str
    heights: tuple = ()

    def height(self, width):
        """:return: how tall the picture of that width is"""
        return dict(self.heights).get(width, HEIGHT[width])


AGENT_VIEWS = (
    View("dashboard", "/my/agent", ((DESKTOP, 1300), (PHONE, 1500))),
    View("customers", "/my/agent/customers"),
    View("customer", "/my/agent/customers/{customer}", ((DESKTOP, 1100), (PHONE, 1300))),
    View("quotations", "/my/agent/quotations"),
    View("orders", "/my/agent/orders"),
    View("order", "/my/agent/orders/{order}", ((DESKTOP, 1000),)),
    View("invoices", "/my/agent/invoices"),
    View("invoice", "/my/agent/invoices/{invoice}", ((DESKTOP, 1000),)),
)


def run(options):
    """Take all pictures.

    :param argparse.Namespace options: the command line
    :return: 0
    :rtype: int
    :raise DevError: when something is in the way
    """
    from .testing import TestRun

    chromium = browser.ensure_chromium()
    with TestRun.of_all_addons(options.odoo) as tests, MailCatcher() as mail:
        tests.clone(recipes.demo_with_addons(), DATABASE)
        # Daily jobs are not what is shown.
        tests.cluster.query(DATABASE, "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' + interval '1 day'")
        server = OdooServer(
            tests.odoo, tests.cluster, DATABASE, tests.data_dir, tests.logs / "screenshots.log", smtp_port=mail.port
        )
        with server, browser.launch(chromium) as chrome, Stage("Taking pictures") as stage:
            photographer = Photographer(
                chrome, server.url, mail, lambda query: tests.cluster.query(DATABASE, query)[0][0], stage.update
            )
            photographer.take_shop()
            photographer.take_shop_administration()
            photographer.take_agent()
            photographer.take_agent_administration()
            banners.make(chrome)
    say(f"Wrote {', '.join(f'{addon}/static/description' for addon in paths.addons())}.")
    return 0


class Photographer:
    """Takes the pictures of one running shop.

    :param chrome: Playwright's `Browser`
    :param str url: the shop's address
    :param MailCatcher mail: where the shop's mails arrive
    :param find: runs a query on the shop's database, and gives the one value that it finds
    :param tell: is told what is being done
    """

    def __init__(self, chrome, url, mail, find, tell):
        self.chrome = chrome
        self.url = url
        self.mail = mail
        self.find = find
        self.tell = tell

    def take_shop(self):
        """A guest's checkout, and the invitation that follows it."""
        from tests.system import checkout

        with self.visit(DESKTOP) as page:
            self.tell("checkout")
            checkout.buy_as_guest(page, self.url, GUEST_EMAIL, GUEST_NAME)
            for width in (DESKTOP, PHONE):
                page.set_viewport_size({"width": width, "height": HEIGHT[width]})
                page.reload()
                self.take(page, SHOP_ADDON, "confirmation", width, height=640 if width == DESKTOP else None)
        self.tell("invitation")
        invitation = self.mail.wait_for(
            lambda message: GUEST_EMAIL in message.recipients and "password" in message.subject
        )
        for width in (MAIL_PANE, PHONE):
            with self.visit(width) as page:
                page.set_content(invitation.html)
                page.add_style_tag(content="body { margin: 0; background: #f1f1f1; }")
                self.take(page, SHOP_ADDON, "invitation", width, height=480 if width == MAIL_PANE else 580)

    def take_shop_administration(self):
        """The guest's order, and the settings."""
        for width in (DESKTOP, PHONE):
            with self.log_in(ADMIN, width) as page:
                self.tell(f"order form, settings, {width} pixels wide")
                page.goto(f"{self.url}/odoo/action-sale.action_orders/{self.find(FIND_GUEST_ORDER)}")
                page.wait_for_selector(".o_form_view .o_statusbar_status")
                if width == PHONE:
                    page.locator(".o_control_panel button:has(.fa-bolt)").click()
                # Below stands an address of this machine.
                self.take(page, SHOP_ADDON, "order", width, height=640 if width == DESKTOP else None)
                page.goto(f"{self.url}/odoo/action-website.action_website_configuration")
                page.locator("#auto_portal_user_website_setting").evaluate("e => e.scrollIntoView({block: 'center'})")
                self.take(page, SHOP_ADDON, "settings", width)

    def take_agent(self):
        """Every page of an agent."""
        ids = {
            "customer": self.find(FIND_CUSTOMER),
            "order": self.find(FIND_ORDER),
            "invoice": self.find(FIND_INVOICE),
        }
        for width in (DESKTOP, PHONE):
            with self.log_in(AGENT, width) as page:
                for view in AGENT_VIEWS:
                    self.tell(f"{view.name}, {width} pixels wide")
                    page.set_viewport_size({"width": width, "height": view.height(width)})
                    page.goto(self.url + view.path.format(**ids))
                    self.take(page, AGENT_ADDON, view.name, width, view.height(width))
                page.set_viewport_size({"width": width, "height": HEIGHT[width]})
                page.goto(f"{self.url}/my/agent")
                self.settle(page)
                page.click("#portal_agent_customer_search")
                page.wait_for_selector(".o_portal_agent_selector_list.show [role=option]")
                self.take(page, AGENT_ADDON, "selector", width)

    def take_agent_administration(self):
        """How the administrator assigns customers to agents."""
        for width in (DESKTOP, PHONE):
            with self.log_in(ADMIN, width) as page:
                self.tell(f"administration, {width} pixels wide")
                page.goto(f"{self.url}/odoo/action-portal_agent_account.action_portal_agents")
                page.wait_for_selector(".o_data_row")
                self.take(page, AGENT_ADDON, "agents", width, height=420)
        with self.log_in(ADMIN, DESKTOP) as page:
            self._open_assignment(page)
            self.take(page, AGENT_ADDON, "assign", DESKTOP)

    def _open_assignment(self, page):
        """Select contacts, and choose "Assign agents" in the menu of actions."""
        page.goto(f"{self.url}/odoo/action-base.action_partner_form?view_type=list")
        page.wait_for_selector(".o_data_row")
        for name in CONTACTS_TO_ASSIGN:
            page.locator(".o_data_row", has_text=name).first.locator("input[type=checkbox]").click()
        page.locator(".o_cp_action_menus button", has_text="Actions").click()
        page.locator(".o-dropdown--menu .o_menu_item", has_text="Assign agents").click()
        page.wait_for_selector(".modal .o_form_view")
        page.locator(".modal [name=agent_ids] input").fill("Ada")
        page.locator(".o-autocomplete--dropdown-item", has_text="Ada Agent").first.click()
        # Away from what explains itself under the mouse.
        page.mouse.move(0, 0)

    # Helpers

    @contextlib.contextmanager
    def visit(self, width):
        """A page in a browser context of its own.

        :param int width: how wide the screen is
        """
        viewport = {"width": width, "height": HEIGHT.get(width, 800)}
        with browser.open_context(
            self.chrome,
            viewport=viewport,
            locale="en-US",
            timezone_id="UTC",
            reduced_motion="reduce",
            has_touch=width == PHONE,
        ) as context:
            yield context.new_page()

    @contextlib.contextmanager
    def log_in(self, login, width):
        """A page of a user; the password of the demo users is their login.

        :param str login: who
        :param int width: how wide the screen is
        """
        with self.visit(width) as page:
            page.goto(f"{self.url}/web/login")
            page.fill("input[name=login]", login)
            page.fill("input[name=password]", login)
            page.click(".oe_login_form button[type=submit]")
            page.wait_for_url(re.compile(r"/(my|odoo)"))
            yield page

    @staticmethod
    def settle(page):
        """Wait until a page shows all of itself; the back end's is never idle, it listens for news."""
        page.wait_for_load_state("load")
        page.wait_for_function(IS_COMPLETE)
        page.wait_for_timeout(1000)

    def take(self, page, addon, name, width, height=None):
        """Take a picture of what the page shows.

        :param page: Playwright page
        :param str addon: whose picture it is
        :param str name: its name
        :param int width: how wide the page is
        :param int height: how tall the picture is; a screen's height when None
        """
        self.settle(page)
        clip = {"x": 0, "y": 0, "width": width, "height": height or HEIGHT[width]}
        path = paths.REPOSITORY / addon / "static" / "description" / f"{name}{SUFFIX.get(width, '')}.png"
        pictures.save(path, page.screenshot(clip=clip, animations="disabled", caret="hide"))
