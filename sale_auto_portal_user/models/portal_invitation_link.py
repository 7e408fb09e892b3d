from odoo import api, fields, models
from odoo.tools import SQL, consteq, hmac
from odoo.tools.mail import email_normalize_all
from odoo.tools.urls import urljoin

from .portal_mail_link import makes_links_of

# Largest value of a PostgreSQL integer: looking up a larger id raises an error.
MAX_ID = 2**31 - 1
# Fields that are read to validate a link.
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
# Purposes of a link. Each has its own signature, so that the link to decline can't be used to choose a password.
CHOOSE_PASSWORD = "choose_password"
DECLINE = "decline"

# Placeholder links that templates are rendered with. They lead to a page that explains what they are.
SAMPLE_PATHS = {
    CHOOSE_PASSWORD: "/my/invitation/sample",
    DECLINE: "/my/invitation/sample/decline",
}


def sign_link(invitation_sudo, login, purpose, number):
    """Return the signature of an invitation's link.

    A change of the login, the email address or the link number changes the signature and voids links sent earlier.
    Links to decline don't depend on the number: those of earlier mails keep working.

    :param invitation_sudo: sale.portal.invitation record
    :param str login: login of the invited user
    :param str purpose: ``CHOOSE_PASSWORD`` or ``DECLINE``
    :param int number: number of the mail's link
    :return: hexadecimal signature
    :rtype: str
    """
    number = number if purpose == CHOOSE_PASSWORD else 0
    message = (invitation_sudo.id, number, invitation_sudo.user_id.id, login, invitation_sudo.email)
    return hmac(invitation_sudo.env(su=True), f"sale_auto_portal_user.{purpose}", message)


def get_link_path(invitation_sudo, purpose):
    """Return the path of the link in the next mail. It must only be disclosed to the owner of the email address.

    :param invitation_sudo: sale.portal.invitation record
    :param str purpose: ``CHOOSE_PASSWORD`` or ``DECLINE``
    :rtype: str
    """
    signature = sign_link(invitation_sudo, invitation_sudo.user_id.login, purpose, invitation_sudo.link_number + 1)
    path = f"/my/invitation/{invitation_sudo.id}/{signature}"
    return f"{path}/decline" if purpose == DECLINE else path


@makes_links_of("sale.portal.invitation")
def get_link_paths(invitation_sudo):
    """Return the link paths of the next mail, by the sample path that each of them replaces.

    :param invitation_sudo: sale.portal.invitation record
    :rtype: dict[str, str]
    """
    return {sample: get_link_path(invitation_sudo, purpose) for purpose, sample in SAMPLE_PATHS.items()}


class SalePortalInvitation(models.Model):
    """Links of invitations: generation and validation."""

    _inherit = "sale.portal.invitation"

    # ------------------------------------------------------------
    # Links in the mail template
    # ------------------------------------------------------------

    def _get_portal_invitation_url(self):
        """Return a sample of the link to choose a password, for the template.

        ``portal_mail_link.py`` replaces it by the actual link in the mail that the scheduled action sends to the
        customer. Anyone else who renders the template only gets the sample.

        :return: absolute URL on the domain of the website where the order was placed
        :rtype: str
        """
        self.ensure_one()
        return urljoin(self.get_base_url(), SAMPLE_PATHS[CHOOSE_PASSWORD])

    def _get_portal_decline_url(self):
        """Return a sample of the link to decline the account; see :meth:`_get_portal_invitation_url`.

        :rtype: str
        """
        self.ensure_one()
        return urljoin(self.get_base_url(), SAMPLE_PATHS[DECLINE])

    # ------------------------------------------------------------
    # Validation
    # ------------------------------------------------------------

    @api.model
    def _find_by_link(self, invitation_id, signature, purpose):
        """Return the invitation that a link belongs to.

        A link is void if the login or the address has changed, if the account is archived, or if a newer link was
        sent. A link to decline is also void for an internal user, who must not be archived by it.

        :param int invitation_id: id in the link
        :param str signature: signature in the link
        :param str purpose: ``CHOOSE_PASSWORD`` or ``DECLINE``
        :return: invitation in sudo mode, empty if the link is void
        :rtype: sale.portal.invitation record
        """
        domain = [("id", "=", invitation_id if invitation_id <= MAX_ID else False)]
        invitation_sudo = self.sudo().search_fetch(domain, LINK_FIELDS)
        if not invitation_sudo:
            return invitation_sudo
        login, is_active, is_portal, addresses = invitation_sudo._read_account()
        is_alive = invitation_sudo.state == "declined" or (
            invitation_sudo.state != "cancelled"
            and is_active
            and addresses == [invitation_sudo.email]
            and (is_portal or purpose != DECLINE)
        )
        is_valid = is_alive and any(
            consteq(sign_link(invitation_sudo, login, purpose, number).encode(), signature.encode())
            for number in invitation_sudo._get_valid_link_numbers()
        )
        return invitation_sudo if is_valid else invitation_sudo.browse()

    def _read_account(self):
        """Read the values of the account that its links depend on, in one query.

        :return: login, whether the user is active, whether it is not an internal user, and the contact's normalized
            email addresses
        :rtype: tuple[str, bool, bool, list[str]]
        """
        self.ensure_one()
        self.env["res.users"].flush_model(["login", "active", "share", "partner_id"])
        self.env["res.partner"].flush_model(["email"])
        query = SQL(
            """
            SELECT res_users.login, res_users.active, res_users.share, res_partner.email
              FROM res_users
              JOIN res_partner ON res_partner.id = res_users.partner_id
             WHERE res_users.id = %s
            """,
            self.user_id.id,
        )
        [(login, is_active, is_portal, email)] = self.env.execute_query(query)
        return login, is_active, is_portal, email_normalize_all(email)

    def _get_valid_link_numbers(self):
        """Return the numbers of the links that work.

        A queued mail may already have been sent: until its outcome is known, both its link and the previous one work.
        Thus the customer always has a working link, even while the mail server is down.

        :rtype: list[int]
        """
        self.ensure_one()
        return [self.link_number] + ([self.link_number + 1] if self.state == "queued" else [])

    def _is_queued_link(self, signature):
        """Return whether a link to choose a password belongs to the mail in the queue, and not to an earlier one.

        :param str signature: signature in the link
        :rtype: bool
        """
        self.ensure_one()
        if self.state != "queued":
            return False
        queued = sign_link(self, self.user_id.login, CHOOSE_PASSWORD, self.link_number + 1)
        return consteq(queued.encode(), signature.encode())

    def _get_link_state(self, signature=""):
        """Return the current state of a valid link.

        The link of a queued mail doesn't expire. The expiry date still belongs to the link of the mail before it: a
        mail that was requested, but not sent, extends no earlier link.

        :param str signature: signature in the link to choose a password
        :return: ``used``, ``declined``, ``expired`` or ``open``
        :rtype: str
        """
        self.ensure_one()
        if self.state in ("declined", "accepted"):
            return "declined" if self.state == "declined" else "used"
        if self._is_account_in_use():
            return "used"
        if self._is_queued_link(signature):
            return "open"
        if self.state == "expired" or not self.expiry_date or self.expiry_date <= fields.Datetime.now():
            return "expired"
        return "open"
