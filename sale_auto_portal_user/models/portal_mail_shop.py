import re
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import email_normalize, formataddr
from odoo.tools.urls import urljoin

from ..tools import _portal_safe_text

# Maximum length of the name before an address. Python omits the quotes when it folds a longer name over several lines.
NAME_LENGTH = 60
# Special characters in address headers. Python also omits the quotes of a name that has to be encoded.
SPECIALS_RE = re.compile(r'[()<>\[\]:;@\\,"]+')


class SalePortalMail(models.AbstractModel):
    """Sender of mails about portal accounts, and validity of their links."""

    _inherit = "sale.portal.mail"

    def _get_portal_company(self):
        """Return the company that sends the mail.

        :rtype: res.company record
        """
        self.ensure_one()
        return self.company_id

    def _get_portal_shop(self):
        """Return the website where the order was placed, or else the company.

        :rtype: website or res.company record
        """
        self.ensure_one()
        return self.website_id or self.company_id

    def _get_portal_shop_logo_url(self):
        """Return the URL of the shop's logo.

        :return: absolute URL that is accessible without signing in
        :rtype: str
        """
        self.ensure_one()
        shop = self._get_portal_shop()
        path = f"/web/image/website/{shop.id}/logo" if shop._name == "website" else f"/logo.png?company={shop.id}"
        return urljoin(shop.get_base_url(), path)

    def _get_portal_sender(self):
        """Return the sender of the mail: the shop's name with the company's address.

        :return: formatted address, ``False`` if the company has none
        :rtype: str or bool
        """
        self.ensure_one()
        address = email_normalize(self.company_id.email)
        return address and self._format_address(self._get_portal_shop().name, address)

    @api.model
    def _format_address(self, name, address):
        """Format an address for a header, such that the name can't be parsed as another address.

        :param str name: display name
        :param str address: single email address
        :rtype: str
        """
        name = _portal_safe_text(name, NAME_LENGTH, keep_links=True)
        if not name.isascii():
            name = " ".join(SPECIALS_RE.sub(" ", name).split())
        return formataddr((name, address))

    @api.model
    def _get_validity_hours(self):
        """Return the validity of a link in hours: the system parameter ``auth_signup.signup.validity.hours``.

        :rtype: int
        """
        return int(self.env["ir.config_parameter"].sudo().get_param("auth_signup.signup.validity.hours", 144))

    def _get_portal_invitation_validity(self):
        """Return the validity of a link as text.

        :return: number of days from two days on, number of hours below
        :rtype: str
        """
        hours = self._get_validity_hours()
        if hours >= 48:
            return self.env._("%(days)s days", days=hours // 24)
        return self.env._("1 hour") if hours == 1 else self.env._("%(hours)s hours", hours=hours)

    def _get_next_expiry(self):
        """Return the expiry date of a link that is sent now.

        :rtype: datetime.datetime
        """
        return fields.Datetime.now() + timedelta(hours=self._get_validity_hours())
