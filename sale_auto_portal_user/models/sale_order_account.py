"""Decide whose orders lead to a portal account; ``sale_order_account_creation`` makes the accounts."""

import re

from psycopg2 import OperationalError
from psycopg2.pool import PoolError

from odoo import SUPERUSER_ID, api, models
from odoo.tools import SQL, email_normalize
from odoo.tools.mail import email_normalize_all, email_split_and_normalize

# One address as people write it, alone or behind a name. Odoo's own normalization also repairs what
# it can ("nora@exam ple.com", "a@b@c.com"), and would invite somebody whom the customer did not name.
ADDRESS_RE = re.compile(r'(?:.*<)?([^@\s<>,;"]+@[^@\s<>,;".]+(?:\.[^@\s<>,;".]+)+)>?')
MAX_ADDRESS_LENGTH = 254  # RFC 5321, 4.5.3.1.3


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def _filter_portal_account_wanted(self):
        """Keep the orders whose customers are to have an account and have none.

        This only reads, with a single query where all customers have an account, as most do.

        :return: the orders, in the environment in which accounts are created
        :rtype: sale.order recordset
        """
        orders_sudo = self.sudo()
        if not any(orders_sudo.company_id.mapped("auto_portal_user")):
            return self.browse()
        orders_sudo = orders_sudo._filter_without_account().filtered(lambda order: order._is_portal_account_wanted())
        return orders_sudo and orders_sudo.with_env(orders_sudo._portal_account_env())

    def _is_portal_account_wanted(self):
        """Tell whether the settings ask for an account for this order's customer.

        :rtype: bool
        """
        self.ensure_one()
        company = self.company_id
        return bool(
            self.state == "sale"
            and company.auto_portal_user
            and (company.auto_portal_user_scope == "all" or self.website_id)
            and (not self._is_free_web_order() or self._is_portal_account_wanted_for_free())
        )

    def _is_free_web_order(self):
        """Tell whether anybody could have placed this order without paying.

        :rtype: bool
        """
        self.ensure_one()
        return bool(self.website_id) and self.currency_id.compare_amounts(self.amount_total, 0) <= 0

    def _is_portal_account_wanted_for_free(self):
        """Tell whether an order that costs nothing leads to an account, by default as the shop's own sign-up.

        :rtype: bool
        """
        self.ensure_one()
        setting = self.company_id.auto_portal_user_free_orders
        return setting == "always" or (setting == "signup" and self.website_id.auth_signup_uninvited == "b2c")

    def _filter_without_account(self):
        """Keep the orders whose contact has no user, active or archived.

        An archived user is never revived: someone revoked that access. The public user's own
        contact, that of an anonymous cart, has a user as well.

        The query takes the lock on the table of users that the sale itself takes too, e.g. for the
        foreign keys of the messages that it writes: it never waits where the sale would not.

        :rtype: sale.order recordset
        """
        if not self:
            return self
        self.env["res.users"].flush_model(["partner_id"])
        partner_ids = self.partner_id.ids
        query = SQL("SELECT partner_id FROM res_users WHERE partner_id IN %s", tuple(partner_ids))
        without_account = set(partner_ids).difference(*self.env.execute_query(query))
        if not without_account:
            return self.browse()
        return self.filtered(lambda order: order.partner_id.id in without_account)

    def _get_portal_account_decisions(self, may_grant=False):
        """Decide for each order whether its customer gets an account.

        The earliest order of a customer, or of an email address, comes first.

        :param bool may_grant: whoever asks for the accounts may grant portal access
        :return: per order ``create``, a value of ``portal_account_issue``, or ``False`` where an
            earlier one of these orders serves the same customer
        :rtype: dict[sale.order, str or bool]
        """
        closed = self.partner_id.browse() if may_grant else self._get_closed_portal_contacts()
        taken, free = self._reserve_portal_logins()
        served_ids = set()
        decisions = {}
        for order in self.sorted("id"):
            partner_id = order.partner_id.id
            decision = partner_id not in served_ids and order._get_portal_account_decision(taken, free, closed)
            if decision == "create":
                served_ids.add(partner_id)
                taken.add((order._get_portal_login(), order._get_portal_account_website().id or 0))
            decisions[order] = decision
        for order in self._filter_busy_portal_contacts(decisions):
            decisions[order] = "pending"
        return decisions

    def _filter_busy_portal_contacts(self, decisions):
        """Keep the orders whose account would wait for a transaction that is writing on the contact.

        The other contacts are locked: nobody writes on them before the account is there.

        :param decisions: what was decided
        :type decisions: dict[sale.order, str or bool]
        :rtype: sale.order recordset
        """
        orders = self.filtered(lambda order: decisions[order] == "create")
        contacts = orders.partner_id.try_lock_for_update(allow_referencing=True)
        return orders.filtered(lambda order: order.partner_id not in contacts)

    def _get_portal_account_decision(self, taken, free, closed=()):
        """Decide for one order whose contact has no user: the table of the README.

        :param taken: pairs of email address and website id that users sign in with
        :type taken: set[tuple[str, int]]
        :param free: addresses that no parallel transaction makes or has just made an account for
        :type free: set[str]
        :param closed: contacts whose account nobody here may grant
        :type closed: res.partner recordset or tuple
        :return: ``create`` or a value of ``portal_account_issue``
        :rtype: str
        """
        self.ensure_one()
        partner, login = self.partner_id, self._get_portal_login()
        if not (partner.email or "").strip():
            return "no_email"
        if len(email_split_and_normalize(partner.email)) > 1:
            return "several_emails"
        if not login:
            return "invalid_email"
        if not partner.active:
            return "archived"
        if self._is_portal_login_taken(login, self._get_portal_account_website(), taken):
            return "login_taken"
        if partner in closed:
            return "company_documents"
        if login not in free:
            return "pending"
        return "create"

    @api.model
    def _is_portal_login_taken(self, login, website, taken):
        """Tell whether a user has the login; a user of all websites has it on each of them.

        :param str login: the normalized address
        :param website: the website that the account is limited to, empty for all websites
        :type website: website recordset
        :param taken: as returned by ``res.users._search_portal_logins``
        :type taken: set[tuple[str, int]]
        :rtype: bool
        """
        return bool(taken & {(login, 0), (login, website.id or 0)})

    def _reserve_portal_logins(self):
        """Find out which logins these orders' customers can have, and keep others from taking them.

        :return: as :meth:`_get_portal_account_decision` takes them
        :rtype: tuple[set, set]
        """
        emails = set(filter(None, (order._get_portal_login() for order in self)))
        users = self.env["res.users"]
        taken = users._search_portal_logins(emails)
        free = users._lock_portal_logins(emails)
        try:
            committed = users._search_committed_portal_logins(free)
        except (OperationalError, PoolError):  # the scheduled action looks again
            return taken, set()
        return taken, free - {email for email, _website in committed - taken}

    def _get_closed_portal_contacts(self):
        """Return the contacts whose account would open documents of their company.

        :return: contacts of companies with documents of others, unless the setting allows an account
        :rtype: res.partner recordset
        """
        orders = self.filtered(lambda order: not order.company_id.auto_portal_user_company_contacts)
        return orders.partner_id._filter_with_company_documents()

    @api.model
    def _may_grant_portal_access(self):
        """Tell whether the person behind this request may grant portal access with Odoo's own wizard.

        The rights of the environment don't count: the checkout runs with ``sudo``. Behind the
        superuser is nobody: a scheduled action that follows up a payment is no decision of the shop.

        :rtype: bool
        """
        return self.env.uid != SUPERUSER_ID and self.env["portal.wizard"].sudo(False).has_access("create")

    def _get_portal_login(self):
        """Return the login of the customer's account.

        :return: the contact's normalized email address, ``False`` where it isn't one valid address
        :rtype: str or bool
        """
        self.ensure_one()
        address = ADDRESS_RE.fullmatch((self.partner_id.email or "").strip())
        if not address or len(address[1]) > MAX_ADDRESS_LENGTH:
            return False
        login = email_normalize(address[1], strict=True)
        # Mails go to what Odoo reads: it takes "me@b.com (<you@b.com>)" for me, with a comment.
        return login if email_normalize_all(self.partner_id.email) == [login] else False

    def _get_portal_account_website(self):
        """Return the website that the account is limited to.

        :return: the contact's, or the order's where that website has accounts of its own
        :rtype: website record, empty for an account of all websites
        """
        self.ensure_one()
        website = self.website_id
        return self.partner_id.website_id or website.filtered("specific_user_account")
