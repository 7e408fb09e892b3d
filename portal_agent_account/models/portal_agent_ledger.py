"""The customers' ledger: invoices, credit notes, payments and their reconciliation.

An agent may read invoices and their lines, but neither payments nor the journal items of a document. The statement
therefore reads them here: customers and documents are searched under the current user's rules, their receivable items
are read with sudo, and only plain values (number, date, amount) leave this file.
"""

from collections import defaultdict
from datetime import date
from typing import NamedTuple

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

DOCUMENT_TYPES = ("out_invoice", "out_refund")


class LedgerItem(NamedTuple):
    """A journal item that increases or decreases what a customer owes.

    Amounts are positive if the customer owes them. ``amount`` and ``residual`` are in the currency of the item,
    ``residual_company`` in the currency of the company. The residual amounts are those of the requested day.
    """

    id: int
    move_id: int
    customer_id: int
    kind: str
    number: str
    date: date
    date_due: date
    days_overdue: int
    currency_id: int
    amount: float
    residual: float
    residual_company: float


class Transfer(NamedTuple):
    """A part of a payment that settles an item in another currency or of another customer."""

    customer_id: int
    currency_id: int
    date: date
    amount: float


class PortalAgentLedger(models.AbstractModel):
    _name = "portal.agent.ledger"
    _description = "What Customers Owe and Have Paid"

    @api.model
    def _read_items(self, customers, day, open_only=True):
        """Read the receivable items of customers in the current company.

        :param customers: ``res.partner`` commercial entities that the current user may read
        :param date day: last day to include
        :param bool open_only: whether to omit the items that were settled on that day
        :return: items, oldest first, and settlements across currencies or customers
        :rtype: tuple[list[LedgerItem], list[Transfer]]
        :raise AccessError: if the current user may not read one of the customers
        """
        customers.check_access("read")
        contact_ids, hidden_ids = self._find_contacts(customers)
        domains = self._get_item_domains(customers, contact_ids)
        is_current = (
            open_only
            and not hidden_ids
            and day >= fields.Date.context_today(self)
            and not self._has_later_items(domains, day)
        )
        rows = self._select_lines(domains, day, is_current)
        partials = [] if is_current else self._select_partials([row[0] for row in rows])
        if hidden_ids:
            rows, partials = self._omit_settlements_of_hidden(rows, partials, hidden_ids)
        later = self._sum_up_later_partials(partials, day)
        items = [item for row in rows if (item := self._make_item(row, day, later))]
        if open_only:
            items = [item for item in items if item.residual or item.residual_company]
        return items, [] if is_current else self._get_transfers(items, partials, day)

    @api.model
    def _find_contacts(self, customers):
        """Find the contacts of customers, archived ones included.

        An agent can't read a contact that belongs to another company: its documents are on no page, so its payments
        must not be there either.

        :param customers: ``res.partner`` commercial entities
        :return: ids of the contacts that the current user may read, and of those hidden from an agent
        :rtype: tuple[list[int], list[int]]
        """
        Partner_sudo = self.env["res.partner"].sudo().with_context(active_test=False)
        in_customers = Domain("commercial_partner_id", "in", customers.ids)
        query = Partner_sudo._search(in_customers)
        if not customers._is_read_by_portal_agent():
            return list(query), []
        rules = self.env["ir.rule"]._get_portal_agent_contact_domain().optimize_full(Partner_sudo)
        condition = rules._to_sql(Partner_sudo, query.table, query)
        contacts = self.env.execute_query(query.select(SQL.identifier(query.table, "id"), condition))
        readable_ids = [contact_id for contact_id, is_readable in contacts if is_readable]
        return readable_ids, [contact_id for contact_id, is_readable in contacts if not is_readable]

    @api.model
    def _get_item_domains(self, customers, contact_ids):
        """Return the conditions for the receivable items of customers in the current company.

        Items of documents belong to the customer of the document's contact, as in the record rules. All others, mainly
        payments, belong to the customer of the item. These include sales receipts: an agent can't read them, but the
        customer owes them.

        :param customers: ``res.partner`` commercial entities
        :param list contact_ids: ids of their contacts, see :meth:`_find_contacts`
        :return: condition for the items of documents, and for all others
        :rtype: tuple[Domain, Domain]
        """
        documents = self.env["account.move"]._search(
            self.env["portal.agent.dashboard"]._get_invoice_domain(customers[:0])
            & Domain("state", "=", "posted")
            & Domain("partner_id", "any!", Domain("commercial_partner_id", "in", customers.ids))
        )
        items = self.env["account.move.line"]._get_portal_agent_receivable_domain()
        items &= Domain("company_id", "=", self.env.company.id)
        others = Domain("partner_id", "in", contact_ids) & Domain("move_id.move_type", "not in", DOCUMENT_TYPES)
        return items & Domain("move_id", "in", list(documents)), items & others

    @api.model
    def _has_later_items(self, domains, day):
        """Return whether an item, or an entry reconciled with it, is dated after a day.

        If so, today's open items may differ from that day's.

        :param tuple domains: conditions from :meth:`_get_item_domains`
        :param date day: day of the statement
        :rtype: bool
        """
        Line_sudo = self.env["account.move.line"].sudo()
        # The dates of the entries have an index, the greater of the two dates on their reconciliation has none.
        is_later = (
            Domain("date", ">", day)
            | Domain("matched_debit_ids.debit_move_id.date", ">", day)
            | Domain("matched_credit_ids.credit_move_id.date", ">", day)
        )
        return any(Line_sudo.search_count(domain & is_later, limit=1) for domain in domains)

    @api.model
    def _get_kinds(self):
        """Return the labels of the kinds of items on a statement.

        :rtype: dict[str, str]
        """
        return {
            "invoice": self.env._("Invoice"),
            "credit_note": self.env._("Credit note"),
            "receipt": self.env._("Sales receipt"),
            "payment": self.env._("Payment"),
            "entry": self.env._("Other entry"),
            "transfer": self.env._("Matched with another currency or customer"),
        }

    @api.model
    def _get_kind(self, move_type, is_payment):
        """Return the kind of the items of an entry.

        :param str move_type: type of the entry
        :param bool is_payment: whether the entry belongs to a payment or a bank statement
        :rtype: str
        """
        kinds = {"out_invoice": "invoice", "out_refund": "credit_note", "out_receipt": "receipt"}
        return kinds.get(move_type) or ("payment" if is_payment else "entry")

    @api.model
    def _has_due_date(self, kind, residual):
        """Return whether an open item has to be paid on a day: payments and credits don't.

        Entries do if the customer owes them, such as the invoices of a previous software.

        :param str kind: kind of the item
        :param float residual: residual amount of the item
        :rtype: bool
        """
        return bool(residual) and (kind in ("invoice", "receipt") or (kind == "entry" and residual > 0))

    @api.model
    def _select_lines(self, domains, day, is_current):
        """Return the journal items as rows.

        :param tuple domains: conditions from :meth:`_get_item_domains`
        :param date day: last day to include
        :param bool is_current: whether to return only the items that are open now, whatever their date
        :return: rows with the columns that :meth:`_make_item` expects
        :rtype: list[tuple]
        """
        condition = Domain("reconciled", "=", False) if is_current else Domain("date", "<=", day)
        of_documents, others = domains
        rows = self._select(of_documents & condition, True) + self._select(others & condition, False)
        return sorted(rows, key=lambda row: (row[5], row[1], row[6] or row[5], row[0]))

    @api.model
    def _select(self, domain, is_document):
        """Return the values of journal items.

        :param Domain domain: condition on ``account.move.line``
        :param bool is_document: whether the items belong to documents, so that the document's contact decides on the
            customer
        :rtype: list[tuple]
        """
        Line_sudo = self.env["account.move.line"].sudo()
        Move_sudo, Partner_sudo = self.env["account.move"].sudo(), self.env["res.partner"].sudo()
        query = Line_sudo._search(domain)
        if query.is_empty():
            return []
        move = query.join(Line_sudo._table, "move_id", "account_move", "id", "ledger_move")
        owner = move if is_document else Line_sudo._table
        contact = query.left_join(owner, "partner_id", "res_partner", "id", "ledger_partner")
        return self.env.execute_query(
            query.select(
                SQL.identifier(Line_sudo._table, "id"),
                SQL.identifier(move, "id"),
                Partner_sudo._field_to_sql(contact, "commercial_partner_id", query),
                *(Move_sudo._field_to_sql(move, name, query) for name in ("move_type", "name")),
                *(Line_sudo._field_to_sql(Line_sudo._table, name, query) for name in ("date", "date_maturity")),
                Move_sudo._field_to_sql(move, "payment_state", query),
                SQL(
                    "%s IS NOT NULL OR %s IS NOT NULL",
                    Move_sudo._field_to_sql(move, "origin_payment_id", query),
                    Move_sudo._field_to_sql(move, "statement_line_id", query),
                ),
                *(
                    Line_sudo._field_to_sql(Line_sudo._table, name, query)
                    for name in ("currency_id", "amount_currency", "amount_residual_currency", "amount_residual")
                ),
            )
        )

    @api.model
    def _make_item(self, row, day, later):
        """Convert a row to an item.

        :param tuple row: row from :meth:`_select`
        :param date day: day of the statement
        :param dict later: amounts reconciled after that day, in the currencies of the item and of the company, by item
            id
        :return: item; ``None`` if its amount in its currency is zero and nothing of it is open in the currency of the
            company, as for an exchange difference
        :rtype: LedgerItem | None
        """
        (line_id, move_id, customer_id, move_type, number, date_, maturity, payment_state, is_payment) = row[:9]
        currency_id, amount, residual_now, residual_company = row[9:]
        currency = self.env["res.currency"].browse(currency_id)
        later_amount, later_company = later.get(line_id, (0.0, 0.0))
        residual_company = round(residual_company + later_company, 6)  # both are rounded, their sum is not quite
        if currency.is_zero(amount) and not residual_company:
            return None
        residual = currency.round(residual_now + later_amount)
        if currency.is_zero(residual_now) and payment_state != "blocked":
            payment_state = "not_paid"  # on the requested day a part was still open
        date_due, kind = maturity or date_, self._get_kind(move_type, is_payment)
        return LedgerItem(
            id=line_id,
            move_id=move_id,
            customer_id=customer_id,
            kind=kind,
            number=number,
            date=date_,
            date_due=date_due,
            days_overdue=self.env["account.move"]._get_portal_agent_days_late(move_type, payment_state, date_due, day)
            if self._has_due_date(kind, residual)
            else 0,
            currency_id=currency_id,
            amount=amount,
            residual=residual,
            residual_company=residual_company,
        )

    # ---- reconciliation

    @api.model
    def _select_partials(self, line_ids):
        """Return how journal items were reconciled.

        :param list line_ids: ids of the items
        :return: rows of debit item, credit item, date, and the amount in the currencies of both items and of the
            company
        :rtype: list[tuple]
        """
        if not line_ids:
            return []
        Partial_sudo = self.env["account.partial.reconcile"].sudo()
        query = Partial_sudo._search(Domain("debit_move_id", "in", line_ids) | Domain("credit_move_id", "in", line_ids))
        names = ["debit_move_id", "credit_move_id", "max_date"]
        names += ["debit_amount_currency", "credit_amount_currency", "amount"]
        return self.env.execute_query(
            query.select(*(Partial_sudo._field_to_sql(Partial_sudo._table, name, query) for name in names))
        )

    @api.model
    def _omit_settlements_of_hidden(self, rows, partials, hidden_ids):
        """Reduce payments and other entries by the amounts that settle items of hidden contacts.

        Otherwise a payment would appear without the invoice that it settles. Documents keep their amounts, and a
        transfer shows what settles them.

        :param list rows: rows from :meth:`_select_lines`
        :param list partials: reconciliations from :meth:`_select_partials`
        :param list hidden_ids: ids of the contacts hidden from the current user
        :return: rows with the remaining amounts, and the other reconciliations
        :rtype: tuple[list[tuple], list[tuple]]
        """
        entry_ids = {row[0] for row in rows if row[3] not in DOCUMENT_TYPES}
        matched_ids = {line_id for partial in partials for line_id in partial[:2]} - {row[0] for row in rows}
        is_document = Domain("move_id.move_type", "in", DOCUMENT_TYPES)
        of_hidden = (is_document & Domain("move_id.partner_id", "in", hidden_ids)) | (
            ~is_document & Domain("partner_id", "in", hidden_ids)
        )
        hidden_items = set(
            self.env["account.move.line"].sudo()._search(Domain("id", "in", list(matched_ids)) & of_hidden)
        )
        amounts, others = defaultdict(float), []
        for partial in partials:
            debit_id, credit_id, _max_date, debit_amount, credit_amount, _amount = partial
            if debit_id in entry_ids and credit_id in hidden_items:
                amounts[debit_id] += debit_amount
            elif credit_id in entry_ids and debit_id in hidden_items:
                amounts[credit_id] -= credit_amount
            else:
                others.append(partial)
        return [(*row[:10], row[10] - amounts[row[0]], *row[11:]) for row in rows], others

    @api.model
    def _sum_up_later_partials(self, partials, day):
        """Return the amounts reconciled after a day, by item, in the currencies of the item and of the company."""
        later = defaultdict(lambda: (0.0, 0.0))
        for debit_id, credit_id, max_date, debit_amount, credit_amount, amount in partials:
            if max_date > day:
                in_currency, in_company = later[debit_id]
                later[debit_id] = (in_currency + debit_amount, in_company + amount)
                in_currency, in_company = later[credit_id]
                later[credit_id] = (in_currency - credit_amount, in_company - amount)
        return later

    @api.model
    def _get_transfers(self, items, partials, day):
        """Return settlements across currencies or customers, without which balance and open amount differ.

        :param list items: ``LedgerItem`` values
        :param list partials: reconciliations from :meth:`_select_partials`
        :param date day: last day to include
        :rtype: list[Transfer]
        """
        sides = {item.id: (item.customer_id, item.currency_id) for item in items}
        transfers = []
        for debit_id, credit_id, max_date, debit_amount, credit_amount, _amount in partials:
            debit, credit = sides.get(debit_id), sides.get(credit_id)
            if max_date > day or debit == credit:
                continue
            if debit and debit_amount:
                transfers.append(Transfer(*debit, max_date, -debit_amount))
            if credit and credit_amount:
                transfers.append(Transfer(*credit, max_date, credit_amount))
        return transfers
