"""Portal accounts: who has a login already, and what new accounts are copies of."""

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

# The address that somebody signs in with: a login may be spelled ``Name <mail>``. The addon sale_auto_portal_user,
# which works without this one, has the same words; ``tests/test_same_words.py`` compares them.
LOGIN_ADDRESS_SQL = "lower(btrim(coalesce(substring(login from '<([^<>]+)>'), login)))"


class ResUsers(models.Model):
    _inherit = "res.users"

    @api.model
    def _search_portal_agent_logins(self, emails):
        """Find the email addresses that users sign in with, archived users included.

        A login is compared without regard to letter case, and may be spelled ``Name <mail>``.

        :param emails: normalized email addresses
        :return: the address of each user who has one of them
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
    def _find_portal_agent_template_user(self):
        """Return the user that new portal accounts are modelled on, as in Odoo's sign-up.

        :return: ``res.users`` of one record, or none where the system parameter names nobody
        """
        value = self.env["ir.config_parameter"].sudo().get_param("base.template_portal_user_id")
        return self.browse(int(value) if str(value).isdecimal() else ()).exists()

    @api.model
    def _get_portal_agent_template_user(self):
        """Return the user that new portal accounts are modelled on.

        :rtype: res.users
        :raise UserError: if the system parameter names no user
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
        """Return the users who are no persons: a website's visitors, and the model of new accounts.

        Whatever one of them may do, every visitor or every new account may do.

        :rtype: res.users
        """
        visitors = self.env["website"].sudo().search(Domain("user_id", "!=", False)).user_id | (
            self.env.ref("base.public_user", raise_if_not_found=False) or self.browse()
        )
        return visitors | self._find_portal_agent_template_user()
