from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools.misc import format_amount, format_date

from .mail_headers import clean_name
from .portal_agent_call import LATE_INTERVALS

LINES = 5
EXPIRY_DAYS = 7


class PortalAgentWeekly(models.AbstractModel):
    """The content of an agent's weekly mail, read under the same record rules as the agent's pages."""

    _name = "portal.agent.weekly"
    _description = "Weekly Mail of a Portal Agent"

    @api.model
    def _get_sections(self, since, until):
        """Return the sections of the mail that are not empty.

        Each section has a title, the number of records, lines for the first of them, and a link to the page that lists
        them all.

        :param datetime since: time of the previous mail, in UTC
        :param datetime until: time of this mail, at which the next one starts, in UTC
        :return: ``[{"title", "count", "lines": [{"label", "detail", "amount", "url"}], "url"}]``
        :rtype: list[dict]
        """
        sections = (get_section(since, until) for get_section in self._get_section_methods())
        return [section for section in sections if section["count"]]

    @api.model
    def _get_section_methods(self):
        """Return the methods that read the sections of the mail, in display order. Other addons can add their own.

        :rtype: list[callable]
        """
        return [
            self._get_new_orders,
            self._get_newly_overdue,
            self._get_expiring_quotations,
            self._get_quiet_customers,
        ]

    @api.model
    def _prepare_section(self, title, path, count, lines):
        """Prepare a section of the mail.

        :param str title: translated title
        :param str path: path of the page that lists all records, below ``/my/agent``
        :param int count: number of records
        :param list lines: lines of the first records, from :meth:`_prepare_line`
        :rtype: dict
        """
        return {"title": title, "count": count, "lines": list(lines), "url": self._get_url(path)}

    @api.model
    def _prepare_line(self, path, label, detail, amount=""):
        """Prepare a line of the mail.

        :param str path: path of the linked page, below ``/my/agent``
        :param str label: name of the record
        :param str detail: additional text, such as customer and date
        :param str amount: formatted amount
        :rtype: dict
        """
        return {"label": label, "detail": detail, "amount": amount, "url": self._get_url(path)}

    @api.model
    def _get_url(self, path):
        return self.env.user._get_weekly_mail_url(path)

    @api.model
    def _get_local_day(self, moment):
        """Return the day of a datetime in the agent's time zone.

        :param datetime moment: datetime in UTC
        :rtype: date
        """
        return fields.Datetime.context_timestamp(self, moment).date()

    # ---- sections

    @api.model
    def _get_new_orders(self, since, until):
        """Return the sales orders since the previous mail. An order with a future date appears in a later mail.

        :param datetime since: time of the previous mail, in UTC
        :param datetime until: time of this mail, at which the next one starts, in UTC
        :rtype: dict
        """
        Order = self.env["sale.order"]
        domain = Order._get_portal_agent_order_domain()
        domain &= Domain("date_order", ">=", since) & Domain("date_order", "<", until)
        orders, count = Order._search_portal_agent_page(domain, "date_order desc, id desc", LINES)
        return self._prepare_section(
            self.env._("New orders"),
            f"/orders?date_from={self._get_local_day(since)}&date_to={self._get_local_day(until)}",
            count,
            map(self._prepare_order_line, orders),
        )

    @api.model
    def _prepare_order_line(self, order):
        return self._prepare_line(
            f"/orders/{order.id}",
            order.name,
            clean_name(order.partner_id.display_name),
            format_amount(self.env, order.amount_total, order.currency_id),
        )

    @api.model
    def _get_newly_overdue(self, since, until):
        """Return the invoices with an instalment that has become overdue since the previous mail.

        An instalment due on the day of the previous mail became overdue on the day after.

        :param datetime since: time of the previous mail, in UTC
        :param datetime until: time of this mail, at which the next one starts, in UTC
        :rtype: dict
        """
        Move = self.env["account.move"]
        first_day, last_day = self._get_local_day(since), self._get_local_day(until)
        newly_overdue = {}
        for item in Move._read_portal_agent_instalments(Move._get_portal_agent_invoice_domain()):
            if item.days_overdue and first_day <= item.date_due < last_day:
                newly_overdue.setdefault(item.move_id, []).append(item)
        by_amount = sorted(newly_overdue, key=lambda move_id: -sum(item.amount for item in newly_overdue[move_id]))
        return self._prepare_section(
            self.env._("Newly overdue"),
            "/invoices?filterby=overdue",
            len(newly_overdue),
            [self._prepare_overdue_line(Move.browse(move_id), newly_overdue[move_id]) for move_id in by_amount[:LINES]],
        )

    @api.model
    def _prepare_overdue_line(self, invoice, instalments):
        day = min(item.date_due for item in instalments)
        return self._prepare_line(
            f"/invoices/{invoice.id}",
            invoice.name,
            self.env._(
                "%(customer)s, due on %(date)s",
                customer=clean_name(invoice.partner_id.display_name),
                date=format_date(self.env, day),
            ),
            format_amount(self.env, sum(item.amount_currency for item in instalments), invoice.currency_id),
        )

    @api.model
    def _get_expiring_quotations(self, since, until):
        """Return the quotations that expire within a week.

        :param datetime since: time of the previous mail, in UTC
        :param datetime until: time of this mail, at which the next one starts, in UTC
        :rtype: dict
        """
        Order, today = self.env["sale.order"], fields.Date.today()  # the day by which Odoo lets quotations expire
        domain = (
            Order._get_portal_agent_quotation_domain()
            & Order._get_portal_agent_open_quotation_domain()
            & Domain("validity_date", ">=", today)
            & Domain("validity_date", "<=", today + timedelta(days=EXPIRY_DAYS))
        )
        quotations, count = Order._search_portal_agent_page(domain, "validity_date, id", LINES)
        return self._prepare_section(
            self.env._("Quotations that expire soon"),
            "/quotations?filterby=valid",
            count,
            map(self._prepare_quotation_line, quotations),
        )

    @api.model
    def _prepare_quotation_line(self, quotation):
        return self._prepare_order_line(quotation) | {
            "detail": self.env._(
                "%(customer)s, valid until %(date)s",
                customer=clean_name(quotation.partner_id.display_name),
                date=format_date(self.env, quotation.validity_date),
            )
        }

    @api.model
    def _get_quiet_customers(self, since, until):
        """Return the regular customers whose next order has become late since the previous mail.

        :param datetime since: time of the previous mail, in UTC
        :param datetime until: time of this mail, at which the next one starts, in UTC
        :rtype: dict
        """
        Partner, Call = self.env["res.partner"], self.env["portal.agent.call"]
        today, first_day, last_day = fields.Date.context_today(self), *map(self._get_local_day, (since, until))
        quiet = {
            customer_id: reason
            for customer_id, reason in Call._find_late_regulars(Call._read_habits())
            if (reason["since"] - (today - first_day).days)
            <= LATE_INTERVALS * reason["usual"]
            < (reason["since"] - (today - last_day).days)
        }
        customers = Partner.search(
            Partner._get_portal_agent_domain() & Domain("id", "in", list(quiet)), limit=LINES, order="complete_name, id"
        )
        return self._prepare_section(
            self.env._("Customers gone quiet"),
            "/customers?filterby=call",
            len(quiet),
            [
                self._prepare_line(
                    f"/customers/{customer.id}", clean_name(customer.display_name), Call._get_label(quiet[customer.id])
                )
                for customer in customers
            ],
        )
