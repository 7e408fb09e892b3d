import logging

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_date, format_datetime

from odoo.addons.account.models.account_move import BYPASS_LOCK_CHECK

_logger = logging.getLogger(__name__)

# Other records of a contact that follow it to the account, if these addons are installed: the field that links to the
# contact, and the field for each value of which a contact can have only one record.
FOLLOWING_MODELS = {
    "event.registration": ("partner_id", None),
    "loyalty.card": ("partner_id", "program_id"),
    "product.wishlist": ("partner_id", "product_id"),
    "slide.channel.partner": ("partner_id", "channel_id"),
}


class SalePortalJoin(models.Model):
    """Turning a guest contact into a child address of the owner's contact, and back.

    The reasons for this approach are given in ``res_partner_join.py``.
    """

    _inherit = "sale.portal.join"

    # ---- joining

    def _join_portal_contact(self, user, proof):
        """Make the guest contact a child address of the owner's contact.

        :param user: owner of the account
        :param str proof: value of the field ``proof``
        """
        self.ensure_one()
        guest, owner = self.partner_id.with_company(self.company_id), user.partner_id
        family = guest._get_portal_guest_family()
        orders = guest._get_portal_guest_orders()
        undo = {
            "addresses": {contact.id: contact._prepare_portal_join_undo() for contact in family},
            "terms": guest._read_portal_terms(),
            "lines": guest._get_portal_guest_moves().line_ids.filtered(lambda line: line.partner_id == guest).ids,
            "records": {},
        }
        self._write_portal_join_contacts(guest, family, owner)
        undo["records"] = self._take_along_records(guest, owner)
        # Whoever placed the orders may know their links, which would now give access to the owner's documents.
        family._withdraw_portal_links()
        self._set_portal_join_state(
            "joined", proof=proof, date=fields.Datetime.now(), user_id=user.id, owner_id=owner.id, undo_data=undo
        )
        orders.filtered(lambda order: order.portal_account_issue).portal_account_issue = False
        self._log_portal_join(orders)
        self.env.flush_all()

    def _write_portal_join_contacts(self, guest, family, owner):
        """Make the guest contact a child of the owner's contact and keep its data as typed.

        :param guest: guest contact
        :param family: guest contact and its child addresses
        :param owner: contact of the account's owner
        """
        family.portal_join_id = self
        # Odoo would select an address of these types by default on the owner's next order.
        (family - guest).filtered(lambda contact: contact.type in ("delivery", "invoice")).type = "other"
        company_name = guest.company_name
        # Write all values at once: a child of type "contact" gets the address of its parent, and values that are
        # not given here are computed from the parent.
        guest.write({"parent_id": owner.id, "type": "other", "lang": guest.lang, "user_id": guest.user_id.id})
        if company_name:  # Odoo clears it when a parent is set
            guest.company_name = company_name
        family._refresh_portal_names()
        self._move_commercial_partner(family, owner.commercial_partner_id)

    def _move_commercial_partner(self, family, entity):
        """Set the commercial entity on the journal entries that ``write`` of Odoo doesn't update.

        Odoo only updates entries that have journal items and whose partner is the contact itself, not the invoices of
        its child addresses.

        :param family: contacts of the journal entries
        :param entity: commercial entity of the contacts
        """
        moves = self.env["account.move"].search(
            [("partner_id", "in", family.ids), ("commercial_partner_id", "!=", entity.id)]
        )
        moves.with_context(bypass_lock_check=BYPASS_LOCK_CHECK).commercial_partner_id = entity

    def _take_along_records(self, guest, owner):
        """Transfer other records of the guest, e.g. loyalty cards, to the owner. Other addons can extend this method.

        :param guest: guest contact
        :param owner: contact of the account's owner
        :return: ids by model name, as needed by :meth:`_give_back_records`
        :rtype: dict
        """
        moved = {}
        for name, (field, single) in FOLLOWING_MODELS.items():
            if name not in self.env or field not in self.env[name]._fields:
                continue
            records = self.env[name].search([(field, "=", guest.id)])
            if single:  # the owner may have only one, so keep the guest's where it is
                taken = self.env[name].search([(field, "=", owner.id)])[single]
                records = records.filtered(lambda record, taken=taken, single=single: record[single] not in taken)
            records[field] = owner
            moved[name] = records.ids
        return moved

    def _get_portal_join_note(self):
        """Return a one-line status of the guest order.

        :return: status, ``False`` if there is none
        :rtype: str or bool
        """
        if self.join_state == "joined":
            return self.env._(
                "Joined on %(date)s by %(owner)s: %(proof)s",
                date=format_date(self.env, self.date),
                owner=self.owner_id.name,
                proof=self._get_portal_join_label("proof", self.proof),
            )
        if self.join_state == "refused":
            return self._get_portal_join_label("reason", self.reason)
        return self.join_state == "waiting" and self._get_portal_join_mail_note()

    @api.model
    def _get_portal_join_label(self, name, value):
        """Return the label of a value of a selection field.

        :param str name: name of the field
        :param value: value of the field
        :type value: str or bool
        :return: label, ``False`` if the field is empty
        :rtype: str or bool
        """
        return dict(self._fields[name]._description_selection(self.env)).get(value, False)

    def _get_portal_join_mail_note(self):
        """Return why the customer was sent no message about this order.

        :return: reason, ``False`` if a message was sent or is about to be
        :rtype: str or bool
        """
        if self.sent_date or self.is_mail_requested:
            return False
        if self.state == "cancelled" and self._is_covered_by_another_mail():
            return self.env._("The message about a later order of the customer offers this one, too.")
        if self.state == "to_send" and self.next_attempt > fields.Datetime.now():
            return self.env._(
                "The message will be sent on %(date)s: the customer received another one a short time ago.",
                date=format_datetime(self.env, self.next_attempt),
            )
        return False

    def _is_covered_by_another_mail(self):
        """Return whether the owner was sent a mail about a later order, whose link also offers this one.

        :rtype: bool
        """
        self.ensure_one()
        told = self._search_portal_joins_told(self.user_id)
        return any(self._is_before(other) and other._has_open_portal_link() for other in told)

    def _log_portal_join(self, orders):
        """Log on the orders and on both contacts which orders joined, and by which proof.

        :param orders: orders of the guest
        """
        note = self.env._(
            "%(orders)s joined the portal account of %(owner)s (%(login)s): %(proof)s.",
            orders=", ".join(orders.mapped("name")),
            owner=self.owner_id.name,
            login=self.user_id.login,
            proof=self._get_portal_join_label("proof", self.proof),
        )
        self._log_on_documents(orders, note)

    def _log_on_documents(self, orders, note):
        """Log a note on orders and on both contacts.

        :param orders: orders to log the note on
        :param str note: text of the note
        """
        contacts = self.partner_id | self.owner_id
        orders._message_log_batch(dict.fromkeys(orders.ids, note))
        contacts._message_log_batch(dict.fromkeys(contacts.ids, note))

    # ---- separating

    def action_separate(self):
        """Separate a joined guest contact from the account.

        :return: client action that reloads the view
        :rtype: dict
        :raise AccessError: if the user is not a sales administrator
        :raise UserError: if later changes prevent the separation
        """
        if not self.env.user.has_group("sales_team.group_sale_manager"):
            raise AccessError(self.env._("Only an administrator of sales may separate orders from an account."))
        self.check_access("read")
        self.ensure_one()
        join = self.with_env(self._portal_join_env())
        family = join.partner_id._get_portal_guest_family()
        (family | join.owner_id).lock_for_update(allow_referencing=True)
        if problem := join._get_portal_separation_problem(family):
            raise UserError(problem)
        join._separate_portal_contact(family)
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _get_portal_separation_problem(self, family):
        """Return why a contact can no longer be separated.

        :param family: guest contact and its child addresses
        :return: error message, ``False`` if the contact can be separated
        :rtype: str or bool
        """
        self.ensure_one()
        if self.join_state != "joined" or self.partner_id.portal_join_id != self:
            return self.env._("These orders are not joined.")
        if self.partner_id.parent_id != self.owner_id or set(map(str, family.ids)) != set(self.undo_data["addresses"]):
            return self.env._("The contact has changed since: it has other addresses or another parent contact.")
        if self._has_portal_bookings_since(family):
            return self.env._("Something has been posted since: an invoice, a credit note or a payment.")
        if family.portal_join_id != self or self._has_portal_orders_since(family):
            return self.env._("Another order of the account uses one of the addresses.")
        if obstacle := family._get_portal_ledger_obstacle(self.partner_id._get_portal_guest_moves()):
            return self._get_portal_join_label("reason", obstacle)
        return False

    def _has_portal_bookings_since(self, family):
        """Return whether the journal items of these contacts have changed since they joined.

        :param family: guest contact and its child addresses
        :rtype: bool
        """
        joined = self.env["account.move.line"].browse(self.undo_data["lines"])
        moves = self.env["account.move"].search([("partner_id", "in", family.ids)])
        since = moves.line_ids.filtered(lambda line: line.partner_id and line not in joined)
        reconciled = joined.matched_debit_ids.debit_move_id | joined.matched_credit_ids.credit_move_id
        return bool(since or joined.exists() != joined or reconciled - joined)

    def _has_portal_orders_since(self, family):
        """Return whether another order is invoiced or delivered to one of these addresses.

        :param family: guest contact and its child addresses
        :rtype: bool
        """
        addresses = [("partner_invoice_id", "in", family.ids), ("partner_shipping_id", "in", family.ids)]
        others = [("partner_id", "not in", family.ids), ("state", "!=", "cancel")]
        return bool(self.env["sale.order"].search_count(["|", *addresses, *others], limit=1))

    def _separate_portal_contact(self, family):
        """Revert :meth:`_join_portal_contact`.

        :param family: guest contact and its child addresses
        """
        guest, undo = self.partner_id.with_company(self.company_id), self.undo_data
        orders = guest._get_portal_guest_orders()
        self._give_back_records(guest, undo["records"])
        for contact in family:
            values = undo["addresses"][str(contact.id)]
            contact.write({**values, "portal_join_id": False, **({"parent_id": False} if contact == guest else {})})
        family._refresh_portal_names()
        guest._write_portal_terms(undo["terms"])
        # Odoo moves journal items to the parent when it is set, but not back when it is removed.
        lines = self.env["account.move.line"].browse(undo["lines"])
        lines.with_context(bypass_lock_check=BYPASS_LOCK_CHECK).partner_id = guest
        self._move_commercial_partner(family, guest)
        family._withdraw_portal_links()  # the owner may know them
        self._set_portal_join_state("separated")
        note = self.env._(
            "%(orders)s no longer belong to the portal account of %(owner)s.",
            orders=", ".join(orders.mapped("name")),
            owner=self.owner_id.name,
        )
        self._log_on_documents(orders, note)
        self.env.flush_all()

    def _give_back_records(self, guest, moved):
        """Return the records moved by :meth:`_take_along_records` to the guest, if the owner still has them.

        :param guest: guest contact
        :param dict moved: ids by model name
        """
        for name, ids in moved.items():
            if name in FOLLOWING_MODELS and name in self.env:
                field = FOLLOWING_MODELS[name][0]
                records = self.env[name].browse(ids).exists()
                records.filtered(lambda record, field=field: record[field] == self.owner_id)[field] = guest
