from odoo import api, fields, models
from odoo.tools import SQL, consteq, hmac
from odoo.tools.urls import urljoin

from .portal_mail_link import makes_links_of

# The largest id that PostgreSQL looks up without an error.
MAX_ID = 2**31 - 1
# What is read of an invitation to tell what a link is worth.
LINK_FIELDS = (
    "user_id",
    "partner_id",
    "order_id",
    "company_id",
    "website_id",
    "email",
    "state",
    "link_number",
    "expiry_date",
    "last_sent_date",
    "sent_count",
)
# What a link is for. Each has a signature of its own: who may decline can't choose a password by it.
CHOOSE_PASSWORD = "choose_password"
DECLINE = "decline"

# The links that a template is rendered with, whoever renders it. They lead to a page that says so.
SAMPLE_PATHS = {
    CHOOSE_PASSWORD: "/my/invitation/sample",
    DECLINE: "/my/invitation/sample/decline",
}


def sign_link(invitation_sudo, login, purpose, number):
    """Sign the link of an invitation.

    The signature changes, and a link that was sent before is void, when the login, the address or the
    number of the link changes. Declining doesn't depend on the number: each mail's link works.

    :param invitation_sudo: sale.portal.invitation record
    :param str login: the login of its account
    :param str purpose: ``CHOOSE_PASSWORD`` or ``DECLINE``
    :param int number: the number of the mail's link
    :return: the signature, in hexadecimal
    :rtype: str
    """
    number = number if purpose == CHOOSE_PASSWORD else 0
    message = (invitation_sudo.id, number, invitation_sudo.user_id.id, login, invitation_sudo.email)
    return hmac(invitation_sudo.env(su=True), f"sale_auto_portal_user.{purpose}", message)


def get_link_path(invitation_sudo, purpose):
    """Return the path of the link in the next mail: for the owner of the address, and nobody else.

    :param invitation_sudo: sale.portal.invitation record
    :param str purpose: ``CHOOSE_PASSWORD`` or ``DECLINE``
    :rtype: str
    """
    signature = sign_link(invitation_sudo, invitation_sudo.user_id.login, purpose, invitation_sudo.link_number + 1)
    path = f"/my/invitation/{invitation_sudo.id}/{signature}"
    return f"{path}/decline" if purpose == DECLINE else path


@makes_links_of("sale.portal.invitation")
def get_link_paths(invitation_sudo):
    """Return the links of the next mail, by the samples that they replace.

    :param invitation_sudo: sale.portal.invitation record
    :rtype: dict[str, str]
    """
    return {sample: get_link_path(invitation_sudo, purpose) for purpose, sample in SAMPLE_PATHS.items()}


class SalePortalInvitation(models.Model):
    """The links in an invitation: who gets one, and what one is worth."""

    _inherit = "sale.portal.invitation"

    # ------------------------------------------------------------
    # Into the mail
    # ------------------------------------------------------------

    def _get_portal_invitation_url(self):
        """Return a sample of the link, for the template.

        ``portal_mail_link.py`` puts the invitation's own in its place, in the mail that the scheduled
        action sends to the customer. Whoever else renders the template gets nobody's link.

        :return: absolute URL, on the domain of the website where the order was placed
        :rtype: str
        """
        self.ensure_one()
        return urljoin(self.get_base_url(), SAMPLE_PATHS[CHOOSE_PASSWORD])

    def _get_portal_decline_url(self):
        """Return a sample of the link that declines the account, as :meth:`_get_portal_invitation_url`.

        :rtype: str
        """
        self.ensure_one()
        return urljoin(self.get_base_url(), SAMPLE_PATHS[DECLINE])

    # ------------------------------------------------------------
    # Out of the mail
    # ------------------------------------------------------------

    @api.model
    def _find_by_link(self, invitation_id, signature, purpose):
        """Find the invitation that a link belongs to.

        :param int invitation_id: from the link
        :param str signature: from the link
        :param str purpose: ``CHOOSE_PASSWORD`` or ``DECLINE``
        :return: the invitation, privileged; empty for a link that is void: its login or address was
            changed, its account archived, or another one sent; nobody archives an internal user by a link
        :rtype: sale.portal.invitation record
        """
        domain = [("id", "=", invitation_id if invitation_id <= MAX_ID else False)]
        invitation_sudo = self.sudo().search_fetch(domain, LINK_FIELDS)
        if not invitation_sudo:
            return invitation_sudo
        login, is_active, is_portal, address = invitation_sudo._read_account()
        is_alive = invitation_sudo.state == "declined" or (
            invitation_sudo.state != "cancelled"
            and is_active
            and address == invitation_sudo.email
            and (is_portal or purpose != DECLINE)
        )
        is_valid = is_alive and any(
            consteq(sign_link(invitation_sudo, login, purpose, number).encode(), signature.encode())
            for number in invitation_sudo._get_valid_link_numbers()
        )
        return invitation_sudo if is_valid else invitation_sudo.browse()

    def _read_account(self):
        """Read of the account what its links depend on, in one query.

        :return: the login, whether the account is active, whether its user is no internal one, and the contact's
            normalized address
        :rtype: tuple[str, bool, bool, str]
        """
        self.ensure_one()
        self.env["res.users"].flush_model(["login", "active", "share", "partner_id"])
        self.env["res.partner"].flush_model(["email_normalized"])
        query = SQL(
            """
            SELECT res_users.login, res_users.active, res_users.share, res_partner.email_normalized
              FROM res_users
              JOIN res_partner ON res_partner.id = res_users.partner_id
             WHERE res_users.id = %s
            """,
            self.user_id.id,
        )
        (account,) = self.env.execute_query(query)
        return account

    def _get_valid_link_numbers(self):
        """Return the numbers of the links that work.

        A mail in Odoo's queue may have left already: until that is known its link works, too, and
        the one before it still does. No customer is without a link while a mail server is away.

        :rtype: list[int]
        """
        self.ensure_one()
        return [self.link_number] + ([self.link_number + 1] if self.state == "queued" else [])

    def _get_link_state(self):
        """Say what a valid link is worth now.

        :return: ``used``, ``declined``, ``expired`` or ``open``
        :rtype: str
        """
        self.ensure_one()
        if self.state in ("declined", "accepted"):
            return "declined" if self.state == "declined" else "used"
        if self._is_account_in_use():
            return "used"
        if self.state == "expired" or not self.expiry_date or self.expiry_date <= fields.Datetime.now():
            return "expired"
        return "open"
