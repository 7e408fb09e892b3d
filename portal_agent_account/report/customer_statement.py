from collections import defaultdict
from datetime import date

from odoo import api, fields, models

from odoo.addons.base.models.ir_actions_report import _wkhtml


class CustomerStatement(models.AbstractModel):
    """What customers owe: the open items of a day, or all entries of a period with opening and closing balance.

    Even if the report is rendered with sudo, the statement only contains what the current user may read in the current
    company. Rendering it in another way reveals nothing else.
    """

    _name = "report.portal_agent_account.report_statement"
    _description = "Customer Statement"

    @api.model
    def _get_report_values(self, docids, data=None):
        """Prepare the statements of customers.

        :param list docids: ids of customers or of their contacts
        :param dict data: ``date_from`` and ``date_to``, see :meth:`_get_options`
        :return: ``docs``, the result of :meth:`_get_statements`, and other values of the template
        :rtype: dict
        :raise AccessError: if the current user may not read one of the customers, or may not read invoices or payments
        """
        reader = self.sudo(False)
        customers = reader.env["res.partner"].browse(docids).commercial_partner_id
        customers.check_access("read")
        if not customers._is_read_by_portal_agent():
            # The ledger is read with sudo, and a statement contains payments and entries in addition to invoices.
            reader.env["account.payment"].check_access("read")
        options = self._get_options(data)
        return {
            "doc_ids": customers.ids,
            "doc_model": customers._name,
            "docs": customers.with_env(self.env),
            "company": self.env.company,
            "has_header": self._has_header(),
            "options": options,
            "statement_date": options["date_to"],
            "statements": reader._get_statements(customers, **options),
        }

    @api.model
    def _has_header(self):
        """Return whether headers and footers are printed: wkhtmltopdf without patched Qt omits them.

        :rtype: bool
        """
        return _wkhtml().is_patched_qt

    @api.model
    def _get_options(self, data=None):
        """Normalize the options of a statement.

        :param dict data: ``date_from`` and ``date_to`` as dates or strings; any other value is ignored
        :return: ``date_from``, ``None`` for open items only, and ``date_to``, today by default. Reversed dates are
            swapped, and future dates are replaced by today.
        :rtype: dict
        """
        today = fields.Date.context_today(self)
        date_from, date_to = (self._read_date((data or {}).get(name)) for name in ("date_from", "date_to"))
        date_to = min(date_to or today, today)
        if date_from and date_from > date_to:
            date_from, date_to = date_to, min(date_from, today)
        return {"date_from": date_from, "date_to": date_to}

    @api.model
    def _read_date(self, value):
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            return None

    @api.model
    def _get_statements(self, customers, date_from=None, date_to=None):
        """Return what customers owe. The number of queries doesn't depend on the number of customers.

        :param customers: ``res.partner`` commercial entities
        :param date date_from: first day of the period; ``None`` for open items only
        :param date date_to: last day, today by default
        :return: list of balances by customer id, one balance per currency, because amounts of different currencies are
            never added up; see :meth:`_get_balance`
        :rtype: dict[int, list[dict]]
        """
        day = date_to or fields.Date.context_today(self)
        items, transfers = self.env["portal.agent.ledger"]._read_items(customers, day, open_only=not date_from)
        parts = defaultdict(lambda: ([], []))
        for item in items:
            parts[item.customer_id, item.currency_id][0].append(item)
        for transfer in transfers if date_from else ():
            parts[transfer.customer_id, transfer.currency_id][1].append(transfer)
        currencies = self.env["res.currency"].browse({currency_id for _customer, currency_id in parts}).grouped("id")
        statements = {customer.id: [] for customer in customers}
        for customer_id, currency_id in sorted(parts, key=lambda key: currencies[key[1]].name):
            balance = self._get_balance(currencies[currency_id], *parts[customer_id, currency_id], date_from)
            if balance["lines"] or balance.get("entries") or balance.get("balance_before"):
                statements[customer_id].append(balance)
        return statements

    @api.model
    def _get_balance(self, currency, items, transfers, date_from):
        """Return what one customer owes in one currency.

        :param currency: single ``res.currency``
        :param list items: ``LedgerItem`` values in that currency
        :param list transfers: ``Transfer`` values in that currency
        :param date date_from: first day of the period; ``None`` for open items only
        :return: ``{"currency", "lines", "amount_due", "ages"}``, where ``lines`` are the open items; for a period also
            ``balance_before``, ``entries`` and ``balance_after``
        :rtype: dict
        """
        Dashboard = self.env["portal.agent.dashboard"]
        ages = [0.0 for _label in Dashboard._get_age_labels()]
        lines = [item for item in items if item.residual]
        lines.sort(key=lambda item: (item.date_due, item.number, item.id))
        for item in lines:
            ages[Dashboard._get_age(item.days_overdue)] += item.residual
        balance = {
            "currency": currency,
            "lines": [self._get_open_line(item) for item in lines],
            "amount_due": currency.round(sum(ages)),
            "ages": [currency.round(amount) for amount in ages],
        }
        if date_from:
            balance |= self._get_period(currency, items, transfers, date_from)
        return balance

    @api.model
    def _get_open_line(self, item):
        """Return the values of an open item on the statement.

        :param LedgerItem item: open item
        :rtype: dict
        """
        Ledger = self.env["portal.agent.ledger"]
        return {
            "kind": item.kind,
            "label": Ledger._get_kinds()[item.kind],
            "move_id": item.move_id,
            "number": item.number,
            "date": item.date,
            "date_due": item.date_due if Ledger._has_due_date(item.kind, item.residual) else False,
            "days_overdue": item.days_overdue,
            "amount": item.amount,
            "amount_due": item.residual,
        }

    @api.model
    def _get_period(self, currency, items, transfers, date_from):
        """Return the entries of a period, one per document or payment, whatever its number of instalments.

        :param currency: single ``res.currency``
        :param list items: ``LedgerItem`` values up to the last day, oldest first
        :param list transfers: ``Transfer`` values up to the last day
        :param date date_from: first day of the period
        :return: ``{"balance_before", "entries", "balance_after"}``; each entry contains the balance after it
        :rtype: dict
        """
        before = sum(each.amount for each in (*items, *transfers) if each.date < date_from)
        moves = defaultdict(list)
        for item in items:
            if item.date >= date_from and item.amount:
                moves[item.move_id, item.kind].append(item)
        entries = [
            {
                "date": group[0].date,
                "kind": kind,
                "number": group[0].number,
                "amount": sum(each.amount for each in group),
            }
            for (_move_id, kind), group in moves.items()
        ]
        entries += [
            {"date": each.date, "kind": "transfer", "number": "", "amount": each.amount}
            for each in transfers
            if each.date >= date_from
        ]
        labels, balance = self.env["portal.agent.ledger"]._get_kinds(), before
        entries.sort(key=lambda entry: entry["date"])
        for entry in entries:
            balance += entry["amount"]
            entry |= {"label": labels[entry["kind"]], "balance": currency.round(balance)}
        return {
            "balance_before": currency.round(before),
            "entries": entries,
            "balance_after": currency.round(balance),
        }
