from datetime import datetime

from odoo import api, fields, models
from odoo.tools import SQL

from .res_users_login import LOGIN_ADDRESS_SQL


class ResUsers(models.Model):
    _inherit = "res.users"

    # Both fields are written together. The proof is void once the login has changed to another address.
    portal_mailbox = fields.Char(
        readonly=True,
        copy=False,
        groups="base.group_erp_manager",
        help="Address whose mailbox this user has access to: the user opened a link that was mailed to it.",
    )
    portal_mailbox_date = fields.Datetime(
        readonly=True,
        copy=False,
        groups="base.group_erp_manager",
        help="When this was last proved. Earlier guest orders of the address are offered to this user.",
    )

    def _get_portal_login_address(self):
        """Return the email address in the user's login, in the same way as :data:`LOGIN_ADDRESS_SQL`.

        :rtype: str
        """
        self.ensure_one()
        login = self.login or ""
        if "<" in login and ">" in login:
            login = login.split("<", 1)[1].split(">", 1)[0] or login
        return login.strip().lower()

    @api.model
    def _search_portal_owner(self, address, website):
        """Find the owner of an email address: the active portal user who signs in with it on a website.

        :param address: email address in lower case, or ``False``
        :type address: str or bool
        :param website: website where the order was placed
        :return: owner of the address, empty if nobody, an employee or an archived user signs in with it
        :rtype: res.users record
        """
        if not address:
            return self.browse()
        self.flush_model(["login", "website_id"])
        rows = self.env.execute_query(
            SQL(
                """
            SELECT id FROM res_users
             WHERE %s = %s AND (website_id IS NULL OR website_id = %s)
          ORDER BY website_id, id
            """,
                SQL(LOGIN_ADDRESS_SQL),
                address,
                website.id or None,
            )
        )
        users = self.browse(user_id for (user_id,) in rows)
        # Same precedence as Odoo's sign-in: users of this website come before users of all websites.
        return users.filtered(lambda user: user._is_portal_owner())[:1]

    def _is_portal_owner(self):
        """Return whether this user may own guest orders, i.e. is an active portal user.

        :rtype: bool
        """
        self.ensure_one()
        return self.active and self.share and self._is_portal() and self.partner_id.active

    def _is_portal_account_unused(self):
        """Return whether the owner, who has neither signed in nor chosen a password, is invited by this addon.

        An order created the account, or the owner has requested an invitation.

        :rtype: bool
        """
        self.ensure_one()
        user_sudo = self.sudo()
        is_invited = user_sudo.portal_tokens_exposed or user_sudo.portal_invitation_ids
        return bool(is_invited) and self._needs_portal_password()

    def _needs_portal_password(self):
        """Return whether the owner has neither signed in nor chosen a password, and can be sent an invitation.

        This includes owners to whom an employee granted access. Their invitation can only be sent if the contact still
        has the login's address.

        :rtype: bool
        """
        self.ensure_one()
        user_sudo = self.sudo()
        if user_sudo.login_date or user_sudo._filter_portal_account_in_use():
            return False
        address = user_sudo.partner_id._get_portal_address()
        return user_sudo.portal_tokens_exposed or address == user_sudo._get_portal_login_address()

    def _prove_portal_mailbox(self, date=None):
        """Record that this user has access to the mailbox of the login's email address.

        :param date: date covered by the proof, by default now
        :type date: datetime.datetime or None
        """
        self.ensure_one()
        date = max(date or fields.Datetime.now(), self._get_portal_mailbox_date() or datetime.min)
        self.sudo().write({"portal_mailbox": self._get_portal_login_address(), "portal_mailbox_date": date})

    def _set_first_portal_password(self, password):
        """Record the proof of access to the mailbox: only a mail to the address contains the invitation's link."""
        result = super()._set_first_portal_password(password)
        self._prove_portal_mailbox()
        return result

    def _get_portal_mailbox_date(self):
        """Return when this user last proved access to the mailbox of the current login.

        :return: date, ``False`` for a user who signed up with the address and never opened a link mailed to it
        :rtype: datetime or bool
        """
        self.ensure_one()
        user_sudo = self.sudo()
        return user_sudo.portal_mailbox == self._get_portal_login_address() and user_sudo.portal_mailbox_date

    def _has_portal_colleagues(self):
        """Return whether other users can see this user's documents, because the user belongs to a company.

        :rtype: bool
        """
        self.ensure_one()
        contact_sudo = self.sudo().partner_id
        entity_sudo = contact_sudo.commercial_partner_id
        others = [("partner_id", "child_of", entity_sudo.id), ("id", "!=", self.id)]
        return contact_sudo != entity_sudo or bool(self.sudo().search_count(others, limit=1))
