from collections import defaultdict
from datetime import date

from odoo import api, fields, models

from odoo.addons.base.models.ir_actions_report import _wkhtml


class CustomerStatement(models.AbstractModel):
    """What customers owe: open items of a day, or everything of a period with the balance before and after it.

    Whatever rights a page has lent to the rendering, a statement holds what the person who asks for it
    may read, of the current company, and nothing else. So nothing is gained by asking in another way.
    """

    _name = "report.portal_agent_account.report_statement"
    _description = "Customer Statement"

    @api.model
    def _get_report_values(self, docids, data=None):
        """Prepare the statements of some customers.

        :param list docids: ids of customers, or of contacts of theirs
        :param dict data: ``date_from`` and ``date_to``, see :meth:`_get_options`
        :return: ``docs``, and for each of them what ``_get_statements`` says
        :rtype: dict
        :raise AccessError: if whoever asks may not read one of the customers, or no invoices
        """
        reader = self.sudo(False)
        customers = reader.env["res.partner"].browse(docids).commercial_partner_id
        customers.check_access("read")
        if not customers._is_read_by_portal_agent():
            # The ledger is read with more rights: a statement has payments and entries beside invoices.
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
        """Return whether headers and footers are printed: without a patched Qt wkhtmltopdf leaves them out.

        :rtype: bool
        """
        return _wkhtml().is_patched_qt

    @api.model
    def _get_options(self, data=None):
        """Make sense of what somebody asks for.

        :param dict data: ``date_from`` and ``date_to`` as dates or texts; anything else stands for nothing
        :return: ``date_from``, ``None`` for open items alone, and ``date_to``, today by default. Dates the wrong way
            round are put right, and no day is in the future.
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
        """Return what customers owe, in as many queries for many as for one.

        :param customers: ``res.partner``, commercial entities
        :param date date_from: first day of the period; ``None`` for open items alone
        :param date date_to: last day, today by default
        :return: by the customer's id a list of balances, one for each currency: amounts of different currencies are
            never added up. See ``_get_balance``.
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

        :param currency: a ``res.currency`` of one record
        :param list items: ``LedgerItem`` in that currency
        :param list transfers: ``Transfer`` of that currency
        :param date date_from: first day of the period, ``None`` for open items alone
        :return: ``{"currency", "lines", "amount_due", "ages"}``, the lines being what is open; of a period also
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
        """Return what a statement says of an item that is open.

        :param LedgerItem item: the item
        :rtype: dict
        """
        return {
            "kind": item.kind,
            "label": self.env["portal.agent.ledger"]._get_kinds()[item.kind],
            "move_id": item.move_id,
            "number": item.number,
            "date": item.date,
            "date_due": item.date_due if item.kind == "invoice" else False,
            "days_overdue": item.days_overdue,
            "amount": item.amount,
            "amount_due": item.residual,
        }

    @api.model
    def _get_period(self, currency, items, transfers, date_from):
        """Return what happened in a period: a document or payment each, however many instalments it has.

        :param currency: a ``res.currency`` of one record
        :param list items: ``LedgerItem`` up to the last day, the oldest first
        :param list transfers: ``Transfer`` up to the last day
        :param date date_from: first day of the period
        :return: ``{"balance_before", "entries", "balance_after"}``, each entry with the balance after it
        :rtype: dict
        """
        before = sum(each.amount for each in (*items, *transfers) if each.date < date_from)
        moves = defaultdict(list)
        for item in items:
            if item.date >= date_from:
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
