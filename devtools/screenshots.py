"""`./dev screenshots`: take the screenshots of the documents and of the Apps pages in a copy of the demo shop.

Names and figures come from the demo data; only dates and times depend on when the screenshots are taken.
"""

import contextlib
import io
import re

from tests.system import agent, checkout

from . import browser, paths, recipes
from .mail import MailCatcher
from .progress import Stage, say
from .server import OdooServer

DATABASE = "portal_accounts_test_screenshots"
DESKTOP, PHONE, MAIL_PANE = 1280, 390, 700
HEIGHTS = {DESKTOP: 800, PHONE: 844, MAIL_PANE: 480}
COLOURS = 256

SHOP_ADDON, AGENT_ADDON = "sale_auto_portal_user", "portal_agent_account"
GUEST_NAME, GUEST_EMAIL = "Greta Guest", "greta.guest@example.com"
# A customer of the demo data who has guest orders to join to her account.
MEMBER_NAME, MEMBER = "Mia Member", "mia@example.com"
AGENT, ADMIN = "agent", "admin"

# Queries for the records on the screenshots, by attributes of the demo data.
FIND = {
    "customer": "SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'res_partner_2'",
    "order": "SELECT id FROM sale_order WHERE client_order_ref = 'PO-4040'",
    "invoice": "SELECT id FROM account_move WHERE state = 'posted' AND amount_total = 2400 AND amount_residual = 1200",
    "guest_order": "SELECT max(id) FROM sale_order WHERE is_user_created",
}
# Name, URL and height of the screenshots of pages that only have to be opened.
AGENT_VIEWS = {
    DESKTOP: (
        ("dashboard", "/my/agent", 1300),
        ("calls", "/my/agent/customers?filterby=call", 760),
        ("customer", "/my/agent/customers/{customer}", 1100),
        ("products", "/my/agent/customers/{customer}/products", 620),
        ("invoices", "/my/agent/invoices", 800),
        ("invoice", "/my/agent/invoices/{invoice}", 1000),
    ),
    PHONE: (
        ("customer", "/my/agent/customers/{customer}", 1300),
        ("order", "/my/agent/orders/{order}", 844),
        ("invoices", "/my/agent/invoices", 844),
    ),
}
IS_COMPLETE = """() => document.fonts.status === "loaded"
    && [...document.images].every((image) => image.complete || !image.offsetParent)
    && [...document.querySelectorAll(".o_portal_agent_chart canvas")].every((canvas) => canvas.style.height)"""
CONTACTS_TO_ASSIGN = ("OpenWood", "The Jackson Group")


def run(options):
    """Take all screenshots; see :func:`devtools.running.run`."""
    from .testing import TestRun

    chromium = browser.ensure_chromium()
    with TestRun(options.odoo) as tests, MailCatcher() as mail:
        tests.clone(recipes.demo_with_addons(), DATABASE)
        # Daily actions would change the data.
        tests.cluster.query(DATABASE, "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' + interval '1 day'")
        server = OdooServer(
            tests.odoo, tests.cluster, DATABASE, tests.data_dir, tests.logs / "screenshots.log", smtp_port=mail.port
        )
        with server, browser.launch(chromium) as chrome, Stage("Taking screenshots") as stage:
            find = {name: (lambda q=query: tests.cluster.query(DATABASE, q)[0][0]) for name, query in FIND.items()}
            photographer = Photographer(chrome, server.url, mail, find, stage.update)
            photographer.take_shop()
            photographer.take_agent()
            photographer.take_assignment()
    say(f"Wrote {', '.join(f'{addon}/static/description' for addon in paths.addons())}.")
    return 0


class Photographer:
    """Takes the screenshots of a running shop.

    :param chrome: Playwright's `Browser`
    :param str url: the shop's address
    :param MailCatcher mail: catcher of the shop's mails
    :param dict find: functions that find the records of :data:`FIND`
    :param tell: function to call with the current step
    """

    def __init__(self, chrome, url, mail, find, tell):
        self.chrome = chrome
        self.url = url
        self.mail = mail
        self.find = find
        self.tell = tell

    def take_shop(self):
        """Take the shop addon's screenshots: a guest's checkout and invitation, a returning guest, the back end."""
        self.take_invitation()
        self.take_returning_guest()
        self.take_shop_staff()

    def take_invitation(self):
        """Take the confirmation page, the invitation mail, and the page that its button opens."""
        self.tell("checkout")
        with self.visit(DESKTOP) as page:
            checkout.buy_as_guest(page, self.url, GUEST_EMAIL, GUEST_NAME)
            for width, height in ((DESKTOP, 640), (PHONE, 844)):
                page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
                page.reload()
                self.take(page, SHOP_ADDON, "confirmation", width, height)
        self.tell("invitation")
        invitation = self.wait_for_mail(GUEST_EMAIL, "password")
        for width, height in ((MAIL_PANE, 480), (PHONE, 580)):
            self.take_mail(invitation, "invitation", width, height)
        (link, *_decline) = (link for link in invitation.links if "/my/invitation/" in link)
        for width, height in ((DESKTOP, 460), (PHONE, 560)):
            with self.visit(width) as page:
                page.goto(link)
                self.take(page, SHOP_ADDON, "password", width, height)

    def take_returning_guest(self):
        """Take the page, the mail and the offer for a customer who buys again without signing in."""
        self.tell("returning guest")
        with self.visit(DESKTOP) as page:
            checkout.buy_as_guest(page, self.url, MEMBER, MEMBER_NAME)
            self.take(page, SHOP_ADDON, "returning", DESKTOP, 560)
        self.take_mail(self.wait_for_mail(MEMBER, "without signing in"), "join-mail", MAIL_PANE, 440)
        with self.log_in(MEMBER, DESKTOP) as page:
            page.goto(f"{self.url}/my/guest-orders")
            self.take(page, SHOP_ADDON, "join", DESKTOP, 460)

    def take_shop_staff(self):
        """Take the order with its account, the invitations, their figures, and the settings."""
        self.tell("order form, invitations, settings")
        with self.log_in(ADMIN, DESKTOP) as page:
            page.goto(f"{self.url}/odoo/action-sale.action_orders/{self.find['guest_order']()}")
            page.wait_for_selector(".o_form_view .o_statusbar_status")
            # The part below would show a URL of this machine.
            self.take(page, SHOP_ADDON, "order", DESKTOP, 640)
            page.goto(f"{self.url}/odoo/portal-invitations")
            page.wait_for_selector(".o_data_row")
            self.take(page, SHOP_ADDON, "invitations", DESKTOP, 560)
            page.goto(f"{self.url}/odoo/action-sale_auto_portal_user.action_portal_invitation_report")
            page.wait_for_selector(".o_graph_view canvas")
            self.take(page, SHOP_ADDON, "figures", DESKTOP, 800)
            page.goto(f"{self.url}/odoo/action-website.action_website_configuration")
            page.locator("#auto_portal_user_website_setting").evaluate("e => e.scrollIntoView({block: 'center'})")
            self.take(page, SHOP_ADDON, "settings", DESKTOP)

    def wait_for_mail(self, address, subject):
        """:return: the mail to an address with the given words in its subject"""
        return self.mail.wait_for(lambda mail: address in mail.recipients and subject in mail.subject)

    def take_mail(self, mail, name, width, height):
        """Take a screenshot of a mail as a mail program shows it."""
        with self.visit(width) as page:
            page.set_content(mail.html)
            page.add_style_tag(content="body { margin: 0; background: #f1f1f1; }")
            self.take(page, SHOP_ADDON, name, width, height)

    def take_agent(self):
        """Take the agent's pages, and the list of agents."""
        ids = {name: self.find[name]() for name in ("customer", "order", "invoice")}
        for width, views in AGENT_VIEWS.items():
            with self.log_in(AGENT, width) as page:
                for name, path, height in views:
                    self.tell(f"{name}, {width} pixels wide")
                    page.set_viewport_size({"width": width, "height": height})
                    page.goto(self.url + path.format(**ids))
                    self.take(page, AGENT_ADDON, name, width, height)
                page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
                page.goto(f"{self.url}/my/agent")
                self.settle(page)
                page.click("#portal_agent_customer_search")
                page.wait_for_selector(".o_portal_agent_selector_list.show [role=option]")
                self.take(page, AGENT_ADDON, "selector", width)
        self.tell("agents")
        with self.log_in(ADMIN, DESKTOP) as page:
            page.goto(f"{self.url}/odoo/action-portal_agent_account.action_portal_agents")
            page.wait_for_selector(".o_data_row")
            self.take(page, AGENT_ADDON, "agents", DESKTOP, 320)

    def take_assignment(self):
        """Take the wizard that assigns the selected contacts to an agent."""
        self.tell("assignment")
        with self.log_in(ADMIN, DESKTOP) as page:
            page.goto(f"{self.url}/odoo/action-base.action_partner_form?view_type=list")
            page.wait_for_selector(".o_data_row")
            for name in CONTACTS_TO_ASSIGN:
                page.locator(".o_data_row", has_text=name).first.locator("input[type=checkbox]").click()
            page.locator(".o_cp_action_menus button", has_text="Actions").click()
            page.locator(".o-dropdown--menu .o_menu_item", has_text="Assign agents").click()
            page.wait_for_selector(".modal .o_form_view")
            page.locator(".modal [name=agent_ids] input").fill("Ada")
            page.locator(".o-autocomplete--dropdown-item", has_text="Ada Agent").first.click()
            # Move the mouse away from elements with a tooltip.
            page.mouse.move(0, 0)
            self.take(page, AGENT_ADDON, "assign", DESKTOP)

    @contextlib.contextmanager
    def visit(self, width):
        """:return: a page in a new browser context with the given width"""
        viewport = {"width": width, "height": HEIGHTS[width]}
        options = {"locale": "en-US", "timezone_id": "UTC", "reduced_motion": "reduce", "has_touch": width == PHONE}
        with browser.open_context(self.chrome, viewport=viewport, **options) as context:
            yield context.new_page()

    @contextlib.contextmanager
    def log_in(self, login, width):
        """:return: a page of a signed-in user, whose password equals the login"""
        with self.visit(width) as page:
            page.goto(f"{self.url}/web/login")
            agent.sign_in(page, login, login)
            page.wait_for_url(re.compile(r"/(my|odoo)"))
            yield page

    @staticmethod
    def settle(page):
        """Wait until a page is complete; the back end's network is never idle, because of its notifications."""
        page.wait_for_load_state("load")
        page.wait_for_function(IS_COMPLETE)
        page.wait_for_timeout(1000)

    def take(self, page, addon, name, width, height=None):
        """Take a screenshot of a page.

        :param page: Playwright page
        :param str addon: addon that the screenshot belongs to
        :param str name: name of the screenshot
        :param int width: width of the page
        :param int height: height of the screenshot; defaults to the height of the screen
        """
        self.settle(page)
        clip = {"x": 0, "y": 0, "width": width, "height": height or HEIGHTS[width]}
        path = paths.REPOSITORY / addon / "static" / "description" / f"{name}{'-phone' if width == PHONE else ''}.png"
        path.write_bytes(compress(page.screenshot(clip=clip, animations="disabled", caret="hide")))


def compress(png):
    """Reduce a screenshot to a colour palette; pages with flat colours show no visible loss.

    :param bytes png: the screenshot
    :return: the picture as a smaller PNG; equal pictures give equal bytes
    :rtype: bytes
    """
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    reduced = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    output = io.BytesIO()
    reduced.save(output, format="PNG", optimize=True)
    return output.getvalue()
