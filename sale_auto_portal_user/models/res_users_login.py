"""Logins: whose address is whose, and what may be typed to sign in."""

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL, email_normalize

from odoo.addons.auth_signup.models.res_partner import SignupError

# The address inside a login, as ``email_normalize`` reads it: "Bob <Bob@Example.com>" and
# " bob@example.com" are the same person. Look-ups use the same expression as the indexes: PostgreSQL
# would read every user otherwise.
LOGIN_ADDRESS_SQL = "lower(btrim(coalesce(substring(login from '<([^<>]+)>'), login)))"
# All addresses share so many advisory locks: each takes a place in a table that PostgreSQL makes
# once for all connections, with 6,400 places by default.
LOGIN_LOCKS = 256  # a power of two


class ResUsers(models.Model):
    _inherit = "res.users"

    _login_address_idx = models.Index(f"({LOGIN_ADDRESS_SQL})")
    # The last guard behind the lock and the look-ups: the constraint of ``website``,
    # UNIQUE (login, website_id), lets equal logins through where the website is empty.
    _auto_portal_login_uniq = models.UniqueIndex(
        f"({LOGIN_ADDRESS_SQL}, (coalesce(website_id, 0))) WHERE auto_portal_order_id IS NOT NULL",
        "A portal account with this email exists already.",
    )

    @api.model
    def _search_portal_logins(self, emails):
        """Find the users, archived ones too, that sign in with one of the given addresses.

        :param emails: normalized email addresses
        :type emails: collection of str
        :return: the addresses that are in use, each with the websites that it is in use on;
            ``0`` stands for all websites
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
        """Return these users' logins as :meth:`_search_portal_logins` does.

        :rtype: set[tuple[str, int]]
        """
        return {(user.login, user.website_id.id or 0) for user in self}

    @api.model
    def _lock_portal_logins(self, emails):
        """Reserve addresses until the end of the transaction, without waiting for anybody.

        Two addresses that share a lock by chance delay an account until the scheduled action runs.

        :param emails: normalized email addresses
        :type emails: collection of str
        :return: those that no other transaction is making an account for at this moment
        :rtype: set[str]
        """
        if not emails:
            return set()
        # Evaluated once a row: the locks that can't be had now are left, not waited for.
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
        """Find what :meth:`_search_portal_logins` can't see: users committed since this transaction began.

        Transactions are REPEATABLE READ: they see the database as it was at their first query.
        Once an address is locked, whoever held the lock before has committed, and a second
        connection finds that user. That connection never waits: what it would wait for may wait for
        this transaction, a cycle that PostgreSQL can't see.

        :param emails: normalized email addresses
        :type emails: collection of str
        :return: as :meth:`_search_portal_logins`
        :rtype: set[tuple[str, int]]
        :raise LockNotAvailable: the table of users is being altered
        """
        # An addon that is being installed may have locked the table of users in this very transaction.
        if not emails or not self.env.registry.ready:
            return set()
        with self.env.registry.cursor() as cr:
            cr.execute("LOCK TABLE res_users IN ACCESS SHARE MODE NOWAIT", log_exceptions=False)
            return self.with_env(self.env(cr=cr))._search_portal_logins(emails)

    @api.model
    def _get_login_domain(self, login):
        """Find the user by the address as people type it: in any letter case, with a space before or behind."""
        return super()._get_login_domain(self._get_login_as_stored(login))

    @api.model
    def _get_login_as_stored(self, typed):
        """Return the login that somebody means who typed an address.

        A user with exactly that login comes first. Where two logins differ only in how the
        address is spelled, it takes the exact spelling.

        :param str typed: what was typed
        :return: a user's login, or what was typed where no single user is meant
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
        """Find the user who forgot the password by the email address as people type it, too."""
        domain = super()._get_email_domain(email)
        normalized = isinstance(email, str) and email_normalize(email.strip())
        if not normalized or self.sudo().search_count(domain, limit=1):
            return domain
        website = self.env["website"].get_current_website()
        return Domain("email_normalized", "=", normalized) & website.website_domain()

    @api.model
    def _signup_create_user(self, values):
        """Refuse another spelling of a login that exists, as Odoo refuses the same spelling.

        :raise SignupError: a user has this login
        """
        login = (values.get("login") or "").strip()
        login = email_normalize(login) or login
        website = self.env["website"].get_current_website().filtered("specific_user_account")
        if self.env["sale.order"]._is_portal_login_taken(login, website, self._search_portal_logins({login})):
            raise SignupError(self.env._("Another user is already registered using this email address."))
        return super()._signup_create_user(values)
