"""`./dev screenshots`: the pictures of the documents and of the addons' Apps pages, taken of a copy of the demo shop.

Names, figures and sizes are those of the demo data; only dates and times follow the moment at which they are taken.
"""

import contextlib
import io
import re

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
# A customer of the demo data whose guest orders wait for her account.
MEMBER_NAME, MEMBER = "Mia Member", "mia@example.com"
AGENT, ADMIN = "agent", "admin"

# The documents that are shown, found by what the demo data give them.
FIND = {
    "customer": "SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'res_partner_2'",
    "order": "SELECT id FROM sale_order WHERE client_order_ref = 'PO-4040'",
    "invoice": "SELECT id FROM account_move WHERE state = 'posted' AND amount_total = 2400 AND amount_residual = 1200",
    "guest_order": "SELECT max(id) FROM sale_order WHERE is_user_created",
}
# Name, address and height of the pictures of pages that need no more than being opened.
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
    """Take all pictures; see :func:`devtools.running.run`."""
    from .testing import TestRun

    chromium = browser.ensure_chromium()
    with TestRun(options.odoo) as tests, MailCatcher() as mail:
        tests.clone(recipes.demo_with_addons(), DATABASE)
        # Daily jobs are not what is shown.
        tests.cluster.query(DATABASE, "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' + interval '1 day'")
        server = OdooServer(
            tests.odoo, tests.cluster, DATABASE, tests.data_dir, tests.logs / "screenshots.log", smtp_port=mail.port
        )
        with server, browser.launch(chromium) as chrome, Stage("Taking pictures") as stage:
            find = {name: (lambda q=query: tests.cluster.query(DATABASE, q)[0][0]) for name, query in FIND.items()}
            photographer = Photographer(chrome, server.url, mail, find, stage.update)
            photographer.take_shop()
            photographer.take_agent()
            photographer.take_assignment()
    say(f"Wrote {', '.join(f'{addon}/static/description' for addon in paths.addons())}.")
    return 0


class Photographer:
    """Takes the pictures of one running shop.

    :param chrome: Playwright's `Browser`
    :param str url: the shop's address
    :param MailCatcher mail: where the shop's mails arrive
    :param dict find: functions that find the records of :data:`FIND`
    :param tell: is told what is being done
    """

    def __init__(self, chrome, url, mail, find, tell):
        self.chrome = chrome
        self.url = url
        self.mail = mail
        self.find = find
        self.tell = tell

    def take_shop(self):
        """A guest's checkout and the invitation that follows it, a returning guest, and what the staff sees."""
        self.take_invitation()
        self.take_returning_guest()
        self.take_shop_staff()

    def take_invitation(self):
        """The confirmation page, the mail, and the page behind its button."""
        from tests.system import checkout

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
        """A customer buys again without signing in: what the page and the mail say, and what is offered."""
        from tests.system import checkout

        self.tell("returning guest")
        with self.visit(DESKTOP) as page:
            checkout.buy_as_guest(page, self.url, MEMBER, MEMBER_NAME)
            self.take(page, SHOP_ADDON, "returning", DESKTOP, 560)
        self.take_mail(self.wait_for_mail(MEMBER, "without signing in"), "join-mail", MAIL_PANE, 440)
        with self.log_in(MEMBER, DESKTOP) as page:
            page.goto(f"{self.url}/my/guest-orders")
            self.take(page, SHOP_ADDON, "join", DESKTOP, 460)

    def take_shop_staff(self):
        """The order that made an account, the invitations, their figures, and the settings."""
        self.tell("order form, invitations, settings")
        with self.log_in(ADMIN, DESKTOP) as page:
            page.goto(f"{self.url}/odoo/action-sale.action_orders/{self.find['guest_order']()}")
            page.wait_for_selector(".o_form_view .o_statusbar_status")
            # Below stands an address of this machine.
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
        """:return: the mail to an address with these words in its subject"""
        return self.mail.wait_for(lambda mail: address in mail.recipients and subject in mail.subject)

    def take_mail(self, mail, name, width, height):
        """Take a picture of a mail as a mail program shows it."""
        with self.visit(width) as page:
            page.set_content(mail.html)
            page.add_style_tag(content="body { margin: 0; background: #f1f1f1; }")
            self.take(page, SHOP_ADDON, name, width, height)

    def take_agent(self):
        """Pages of an agent."""
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
        """How the administrator assigns customers to an agent: select contacts, choose "Assign agents"."""
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
            # Away from what explains itself under the mouse.
            page.mouse.move(0, 0)
            self.take(page, AGENT_ADDON, "assign", DESKTOP)

    @contextlib.contextmanager
    def visit(self, width):
        """:return: a page in a browser context of its own, of a screen of that width"""
        viewport = {"width": width, "height": HEIGHTS[width]}
        options = {"locale": "en-US", "timezone_id": "UTC", "reduced_motion": "reduce", "has_touch": width == PHONE}
        with browser.open_context(self.chrome, viewport=viewport, **options) as context:
            yield context.new_page()

    @contextlib.contextmanager
    def log_in(self, login, width):
        """:return: a page of a user; the password of the demo users is their login"""
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
        clip = {"x": 0, "y": 0, "width": width, "height": height or HEIGHTS[width]}
        path = paths.REPOSITORY / addon / "static" / "description" / f"{name}{'-phone' if width == PHONE else ''}.png"
        path.write_bytes(compress(page.screenshot(clip=clip, animations="disabled", caret="hide")))


def compress(png):
    """Reduce a screenshot to a palette, as pages of flat colours can be without a visible loss.

    :param bytes png: the screenshot
    :return: the same picture as a smaller PNG, the same bytes when it shows the same
    :rtype: bytes
    """
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    reduced = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    output = io.BytesIO()
    reduced.save(output, format="PNG", optimize=True)
    return output.getvalue()
