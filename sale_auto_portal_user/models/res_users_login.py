"""Lookup and reservation of logins by email address."""

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL, email_normalize

from odoo.addons.auth_signup.models.res_partner import SignupError

# Extracts the email address from a login in the same way as ``email_normalize``: "Bob <Bob@Example.com>" and
# " bob@example.com" are the same person. Queries use the exact expression of the indexes, or PostgreSQL would scan all
# users.
LOGIN_ADDRESS_SQL = "lower(btrim(coalesce(substring(login from '<([^<>]+)>'), login)))"
# Number of advisory locks shared by all addresses. PostgreSQL's lock table is shared by all connections and limited, by
# default to 6,400 locks.
LOGIN_LOCKS = 256  # a power of two


class ResUsers(models.Model):
    _inherit = "res.users"

    _login_address_idx = models.Index(f"({LOGIN_ADDRESS_SQL})")
    # Last safeguard after the lock and the searches: the constraint UNIQUE (login, website_id) of ``website`` doesn't
    # prevent equal logins if the website is empty.
    _auto_portal_login_uniq = models.UniqueIndex(
        f"({LOGIN_ADDRESS_SQL}, (coalesce(website_id, 0))) WHERE auto_portal_order_id IS NOT NULL",
        "A portal account with this email exists already.",
    )

    @api.model
    def _search_portal_logins(self, emails):
        """Find which of the given addresses are logins of users, including archived users.

        :param emails: normalized email addresses
        :type emails: collection of str
        :return: pairs of an address in use and the id of its user's website, ``0`` for all websites
        :rtype: set[tuple[str, int]]
        """
        if not emails:
            return set()
        self.flush_model(["login", "website_id"])
        address = SQL(LOGIN_ADDRESS_SQL)
        return set(
            self.env.execute_query(
                SQL(
                    """
            SELECT wanted.email, coalesce(res_users.website_id, 0)
              FROM unnest(%s) AS wanted(email)
              JOIN res_users ON %s = lower(wanted.email)
            """,
                    list(emails),
                    address,
                )
            )
        )

    def _get_portal_logins(self):
        """Return these users' logins in the format of :meth:`_search_portal_logins`.

        :rtype: set[tuple[str, int]]
        """
        return {(user.login, user.website_id.id or 0) for user in self}

    @api.model
    def _lock_portal_logins(self, emails):
        """Reserve addresses until the end of the transaction, without waiting.

        If two addresses happen to share a lock, one of the accounts is delayed until the scheduled action runs.

        :param emails: normalized email addresses
        :type emails: collection of str
        :return: reserved addresses, for which no other transaction is creating an account
        :rtype: set[str]
        """
        if not emails:
            return set()
        # The function is evaluated once per row and doesn't wait for locks that are taken.
        rows = self.env.execute_query(
            SQL(
                """
            SELECT wanted.email
              FROM unnest(%s) AS wanted(email)
             WHERE pg_try_advisory_xact_lock(
                       hashtext('sale_auto_portal_user'), hashtext(lower(wanted.email)) & %s
                   )
            """,
                sorted(emails),
                LOGIN_LOCKS - 1,
            )
        )
        return {email for (email,) in rows}

    @api.model
    def _search_committed_portal_logins(self, emails):
        """Find logins that were committed after this transaction began, which :meth:`_search_portal_logins` can't see.

        Transactions are REPEATABLE READ: they see the database as of their first query. Once an address is locked, the
        previous holder of the lock has committed, and a second connection finds its user. That connection must never
        wait: it could wait for a transaction that waits for this one, a deadlock that PostgreSQL can't detect.

        :param emails: normalized email addresses
        :type emails: collection of str
        :return: same as :meth:`_search_portal_logins`
        :rtype: set[tuple[str, int]]
        :raise LockNotAvailable: if the table of users is being altered
        """
        # During the installation of addons, this transaction itself may have locked the table of users.
        if not emails or not self.env.registry.ready:
            return set()
        with self.env.registry.cursor() as cr:
            cr.execute("LOCK TABLE res_users IN ACCESS SHARE MODE NOWAIT", log_exceptions=False)
            return self.with_env(self.env(cr=cr))._search_portal_logins(emails)

    @api.model
    def _get_login_domain(self, login):
        """Accept the login in any letter case and with surrounding spaces."""
        return super()._get_login_domain(self._get_login_as_stored(login))

    @api.model
    def _get_login_as_stored(self, typed):
        """Return the stored login that matches a typed login.

        An exact match takes precedence. If several logins only differ in their spelling, only an exact match counts.

        :param str typed: login as typed
        :return: stored login; the typed login if there is no unique match
        :rtype: str
        """
        if not isinstance(typed, str):
            return typed
        self.flush_model(["login", "website_id"])
        website = self.env["website"].get_current_website()
        logins = {
            login
            for (login,) in self.env.execute_query(
                SQL(
                    "SELECT login FROM res_users WHERE %s = lower(%s) AND coalesce(website_id, 0) IN (0, %s)",
                    SQL(LOGIN_ADDRESS_SQL),
                    typed.strip(),
                    website.id or 0,
                )
            )
        }
        return logins.pop() if len(logins) == 1 and typed not in logins else typed

    @api.model
    def _get_email_domain(self, email):
        """Accept any spelling of the email address when the password is reset."""
        domain = super()._get_email_domain(email)
        normalized = isinstance(email, str) and email_normalize(email.strip())
        if not normalized or self.sudo().search_count(domain, limit=1):
            return domain
        website = self.env["website"].get_current_website()
        return Domain("email_normalized", "=", normalized) & website.website_domain()

    @api.model
    def _signup_create_user(self, values):
        """Refuse other spellings of an existing login, as Odoo refuses the same spelling.

        :raise SignupError: if a user has this login
        """
        login = (values.get("login") or "").strip()
        login = email_normalize(login) or login
        website = self.env["website"].get_current_website().filtered("specific_user_account")
        if self.env["sale.order"]._is_portal_login_taken(login, website, self._search_portal_logins({login})):
            raise SignupError(self.env._("Another user is already registered using this email address."))
        return super()._signup_create_user(values)
