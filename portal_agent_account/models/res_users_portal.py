"""Portal accounts: existing logins, and the template of new accounts."""

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from .res_users import AGENT_GROUP

# The address in a login: a login may be written as ``Name <mail>``. The addon sale_auto_portal_user works without this
# one and contains the same expression; ``tests/test_same_words.py`` compares the two.
LOGIN_ADDRESS_SQL = "lower(btrim(coalesce(substring(login from '<([^<>]+)>'), login)))"


class ResUsers(models.Model):
    _inherit = "res.users"

    @api.model
    def _search_portal_agent_logins(self, emails):
        """Find the email addresses that users sign in with, including archived users.

        The comparison ignores case. A login may be written as ``Name <mail>``.

        :param emails: normalized email addresses
        :return: matching addresses, one for each user
        :rtype: list[str]
        """
        self.flush_model(["login"])
        query = SQL(
            f"""
            SELECT wanted.email
              FROM unnest(%s::text[]) AS wanted(email)
              JOIN res_users ON {LOGIN_ADDRESS_SQL} = wanted.email
            """,
            list(emails),
        )
        return [email for (email,) in self.env.execute_query(query)] if emails else []

    @api.model
    def _lock_portal_agent_logins(self):
        """Make sure that a parallel transaction doesn't give another user the same login.

        With ``website``, the database allows equal logins. All transactions that create or change agents' logins update
        the same row, so PostgreSQL refuses those that don't see the logins of an earlier one. Odoo repeats them.
        """
        group = self.env.ref(AGENT_GROUP)
        query = SQL("UPDATE res_groups SET write_date = write_date WHERE id = %s", group.id)
        self.env.cr.execute(query, log_exceptions=False)

    @api.model
    def _find_portal_agent_template_user(self):
        """Return the template user of new portal accounts, as in Odoo's sign-up.

        :return: single ``res.users``; empty if the system parameter doesn't reference a user
        """
        value = self.env["ir.config_parameter"].sudo().get_param("base.template_portal_user_id")
        return self.browse(int(value) if str(value).isdecimal() else ()).exists()

    @api.model
    def _get_portal_agent_template_user(self):
        """Return the template user of new portal accounts.

        :rtype: res.users
        :raise UserError: if the system parameter doesn't reference a user
        """
        template = self._find_portal_agent_template_user()
        if not template:
            raise UserError(
                self.env._(
                    "There is no portal template user: the system parameter base.template_portal_user_id names none."
                )
            )
        return template

    @api.model
    def _get_impersonal_users(self):
        """Return the users that don't belong to a person: website visitors, and the template of new accounts.

        Every right of such a user applies to all visitors or to all new accounts.

        :rtype: res.users
        """
        visitors = self.env["website"].sudo().search(Domain("user_id", "!=", False)).user_id | (
            self.env.ref("base.public_user", raise_if_not_found=False) or self.browse()
        )
        return visitors | self._find_portal_agent_template_user()
