"""Decide which orders lead to a portal account; ``sale_order_account_creation`` creates the accounts."""

import re

from psycopg2 import OperationalError
from psycopg2.pool import PoolError

from odoo import SUPERUSER_ID, api, models
from odoo.tools import SQL, email_normalize
from odoo.tools.mail import email_normalize_all, email_split_and_normalize

# A single address, optionally after a name. Odoo's own normalization also repairs invalid addresses
# ("nora@exam ple.com", "a@b@c.com"), so that the invitation could go to a person whom the customer did not enter.
ADDRESS_RE = re.compile(r'(?:.*<)?([^@\s<>,;"]+@[^@\s<>,;".]+(?:\.[^@\s<>,;".]+)+)>?')
MAX_ADDRESS_LENGTH = 254  # RFC 5321, 4.5.3.1.3


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def _filter_portal_account_wanted(self):
        """Keep the orders whose customers have no account yet and should get one.

        The method is read-only. If all customers have an account, as in most cases, it takes a single query.

        :return: orders, in the environment for creating accounts
        :rtype: sale.order recordset
        """
        orders_sudo = self.sudo()
        if not any(orders_sudo.company_id.mapped("auto_portal_user")):
            return self.browse()
        orders_sudo = orders_sudo._filter_without_account().filtered(lambda order: order._is_portal_account_wanted())
        return orders_sudo and orders_sudo.with_env(orders_sudo._portal_account_env())

    def _is_portal_account_wanted(self):
        """Return whether, according to the settings, this order's customer gets an account.

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
        """Return whether anyone could have placed this order without paying.

        :rtype: bool
        """
        self.ensure_one()
        return bool(self.website_id) and self.currency_id.compare_amounts(self.amount_total, 0) <= 0

    def _is_portal_account_wanted_for_free(self):
        """Return whether a free order leads to an account. By default, this depends on the website's sign-up.

        :rtype: bool
        """
        self.ensure_one()
        setting = self.company_id.auto_portal_user_free_orders
        return setting == "always" or (setting == "signup" and self.website_id.auth_signup_uninvited == "b2c")

    def _filter_without_account(self):
        """Keep the orders whose contact has no user, whether active or archived.

        An archived user is never unarchived, because someone revoked the access. The public user's contact, which
        anonymous carts have, is excluded in the same way.

        The query only locks the table of users in a way that the sale itself does, e.g. for the foreign keys of its
        messages. Thus it never waits unless the sale would wait as well.

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

        If several orders have the same customer or email address, the earliest one creates the account.

        :param bool may_grant: whether the requesting user may grant portal access
        :return: decision by order: ``create``, a value of ``portal_account_issue``, or ``False`` if an earlier order of
            the same customer creates the account
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
        for order in self._lock_portal_account_contacts(decisions):
            decisions[order] = "pending"
        return decisions

    def _lock_portal_account_contacts(self, decisions):
        """Lock the contacts for which accounts are created, without waiting for other transactions.

        :param decisions: decisions as in :meth:`_get_portal_account_decisions`
        :type decisions: dict[sale.order, str or bool]
        :return: orders whose contact is locked by another transaction, so that the account has to wait
        :rtype: sale.order recordset
        """
        orders = self.filtered(lambda order: decisions[order] == "create")
        contacts = orders.partner_id.try_lock_for_update(allow_referencing=True)
        return orders.filtered(lambda order: order.partner_id not in contacts)

    def _get_portal_account_decision(self, taken, free, closed=()):
        """Decide for one order whose contact has no user; see the table in the README.

        :param taken: pairs of email address and website id that are logins of users
        :type taken: set[tuple[str, int]]
        :param free: addresses for which no parallel transaction is creating or has just created an account
        :type free: set[str]
        :param closed: contacts for which the requesting user may not create an account
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
        """Return whether a user of the website, or of all websites, has the login.

        :param str login: normalized email address
        :param website: website that the account is restricted to, empty for all websites
        :type website: website recordset
        :param taken: logins as returned by ``res.users._search_portal_logins``
        :type taken: set[tuple[str, int]]
        :rtype: bool
        """
        return bool(taken & {(login, 0), (login, website.id or 0)})

    def _reserve_portal_logins(self):
        """Find out which logins are available to these orders' customers, and reserve them.

        :return: arguments ``taken`` and ``free`` of :meth:`_get_portal_account_decision`
        :rtype: tuple[set, set]
        """
        emails = set(filter(None, (order._get_portal_login() for order in self)))
        users = self.env["res.users"]
        taken = users._search_portal_logins(emails)
        free = users._lock_portal_logins(emails)
        try:
            committed = users._search_committed_portal_logins(free)
        except (OperationalError, PoolError):  # the scheduled action tries again
            return taken, set()
        return taken, free - {email for email, _website in committed - taken}

    def _get_closed_portal_contacts(self):
        """Return the contacts whose account would give access to other documents of their company.

        :return: contacts of companies that have documents of other contacts, unless the setting allows the account
        :rtype: res.partner recordset
        """
        orders = self.filtered(lambda order: not order.company_id.auto_portal_user_company_contacts)
        return orders.partner_id._filter_with_company_documents()

    @api.model
    def _may_grant_portal_access(self):
        """Return whether the current user may grant portal access with Odoo's own wizard.

        The superuser mode is ignored, because the checkout runs with ``sudo``. The superuser may not grant access: a
        scheduled action that processes a payment is not a decision of an employee.

        :rtype: bool
        """
        return self.env.uid != SUPERUSER_ID and self.env["portal.wizard"].sudo(False).has_access("create")

    def _get_portal_login(self):
        """Return the login of the customer's account.

        :return: contact's normalized email address, ``False`` if it isn't a single valid address
        :rtype: str or bool
        """
        self.ensure_one()
        address = ADDRESS_RE.fullmatch((self.partner_id.email or "").strip())
        if not address or len(address[1]) > MAX_ADDRESS_LENGTH:
            return False
        login = email_normalize(address[1], strict=True)
        # Odoo must send mails to the same address: it parses "me@b.com (<you@b.com>)" as me@b.com with a comment.
        return login if email_normalize_all(self.partner_id.email) == [login] else False

    def _get_portal_account_website(self):
        """Return the website that the account is restricted to.

        :return: website of the contact, or else of the order if it has specific user accounts; empty for all websites
        :rtype: website record
        """
        self.ensure_one()
        website = self.website_id
        return self.partner_id.website_id or website.filtered("specific_user_account")
