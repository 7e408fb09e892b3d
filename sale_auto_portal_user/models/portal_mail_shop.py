import re
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import email_normalize, formataddr
from odoo.tools.urls import urljoin

from ..tools import _portal_safe_text

# The longest name before an address. Python leaves the quotes out when it writes a longer one on several lines.
NAME_LENGTH = 60
# What has a meaning in the header of an address. In a name that has to be encoded Python leaves the quotes out, too.
SPECIALS_RE = re.compile(r'[()<>\[\]:;@\\,"]+')


class SalePortalMail(models.AbstractModel):
    """What a mail about a portal account says of the shop, and how long its link works."""

    _inherit = "sale.portal.mail"

    def _get_portal_company(self):
        """Return the company that writes.

        :rtype: res.company record
        """
        self.ensure_one()
        return self.company_id

    def _get_portal_shop(self):
        """Return who writes: the website where the order was placed, else the company.

        :rtype: website or res.company record
        """
        self.ensure_one()
        return self.website_id or self.company_id

    def _get_portal_shop_logo_url(self):
        """Return the address of the shop's logo.

        :return: absolute URL, readable without signing in
        :rtype: str
        """
        self.ensure_one()
        shop = self._get_portal_shop()
        path = f"/web/image/website/{shop.id}/logo" if shop._name == "website" else f"/logo.png?company={shop.id}"
        return urljoin(shop.get_base_url(), path)

    def _get_portal_sender(self):
        """Return the sender of the mail: the shop's name with the company's address.

        :return: a formatted address, ``False`` where the company has none
        :rtype: str or bool
        """
        self.ensure_one()
        address = email_normalize(self.company_id.email)
        return address and self._format_address(self._get_portal_shop().name, address)

    @api.model
    def _format_address(self, name, address):
        """Format an address for a header, whatever its name is made of: it stays a name, and names no other address.

        :param str name: the name
        :param str address: one email address
        :rtype: str
        """
        name = _portal_safe_text(name, NAME_LENGTH, keep_links=True)
        if not name.isascii():
            name = " ".join(SPECIALS_RE.sub(" ", name).split())
        return formataddr((name, address))

    @api.model
    def _get_validity_hours(self):
        """Return how long a link works: Odoo's ``auth_signup.signup.validity.hours``.

        :rtype: int
        """
        return int(self.env["ir.config_parameter"].sudo().get_param("auth_signup.signup.validity.hours", 144))

    def _get_portal_invitation_validity(self):
        """Say how long the link works.

        :return: whole days from two days on, else hours
        :rtype: str
        """
        hours = self._get_validity_hours()
        if hours >= 48:
            return self.env._("%(days)s days", days=hours // 24)
        return self.env._("1 hour") if hours == 1 else self.env._("%(hours)s hours", hours=hours)

    def _get_next_expiry(self):
        """Return until when a link that is sent now works.

        :rtype: datetime.datetime
        """
        return fields.Datetime.now() + timedelta(hours=self._get_validity_hours())
