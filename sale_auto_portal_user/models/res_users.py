import logging

from odoo import api, fields, models
from odoo.exceptions import UserError

_logger = logging.getLogger(__name__)

# Number of users whose links the scheduled action voids in one run.
TOKEN_BATCH_SIZE = 100


class ResUsers(models.Model):
    _inherit = "res.users"

    auto_portal_order_id = fields.Many2one(
        comodel_name="sale.order",
        string="Created by Order",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        groups="base.group_erp_manager",
        help="The sales order whose confirmation created this portal account.",
    )
    # The account was created by an order, which may have been deleted, and links to documents that were disclosed
    # before the owner's first login still work.
    portal_tokens_exposed = fields.Boolean(readonly=True, copy=False, groups=fields.NO_ACCESS)

    @api.model
    def _create_portal_users(self, vals_list):
        """Create portal users from the template user in one batch, without sending any email.

        This is a batch version of ``_create_user_from_template`` of ``auth_signup``, which copies one user at a time.

        :param list[dict] vals_list: values of the users, with at least ``login`` and ``partner_id``
        :return: new users, in the order of ``vals_list``
        :rtype: res.users recordset
        :raise UserError: if there is no template user
        """
        template = self._get_portal_template_user()
        # Odoo writes on the contacts one by one and would fetch these fields for each of them separately.
        self.env["res.partner"].browse([vals["partner_id"] for vals in vals_list]).fetch(["properties", "user_ids"])
        users = self.with_context(
            no_reset_password=True,  # our own invitation is sent after the commit
            mail_create_nolog=True,  # logged in one batch below
            portal_account_batch=True,
        ).create([template.copy_data({"active": True, "portal_tokens_exposed": True, **vals})[0] for vals in vals_list])
        users._log_portal_access_granted()
        return users

    def _inverse_notification_type(self):
        """Skip new accounts whose groups are up to date, because writing groups clears Odoo's caches."""
        users = self
        if self.env.context.get("portal_account_batch"):
            inbox_id = self.env["ir.model.data"]._xmlid_to_res_id("mail.group_mail_notification_type_inbox")
            users = self.filtered(lambda user: (inbox_id in user.group_ids.ids) != (user.notification_type == "inbox"))
        return super(ResUsers, users)._inverse_notification_type() if users else None

    @api.model
    def _get_portal_template_user(self):
        """Return the template of new portal users, which is the same as for Odoo's sign-up.

        :return: user set in the system parameter ``base.template_portal_user_id``
        :rtype: res.users record
        :raise UserError: if the parameter doesn't refer to a user
        """
        parameter = self.env["ir.config_parameter"].sudo().get_param("base.template_portal_user_id", "")
        template_id = int(parameter) if parameter.isdigit() else False
        # Fetch all fields that are copied in one query, which also fetches the current user, the author of the notes.
        domain = [("id", "in", [template_id, self.env.uid])]
        users = self.with_context(active_test=False).search_fetch(domain, order="id").with_env(self.env)
        template = users.filtered(lambda user: user.id == template_id)
        if not template:
            raise UserError(
                self.env._(
                    "There is no portal template user: the system parameter base.template_portal_user_id names none."
                )
            )
        return template

    def _log_portal_access_granted(self):
        """Log Odoo's note on granted portal access on the contacts, in one batch."""
        portal_users = self.filtered(lambda user: user._is_portal())
        portal_users.partner_id._message_log_batch(
            {
                user.partner_id.id: user.with_env(
                    user.auto_portal_order_id._portal_account_env()
                )._get_portal_access_update_body(True)
                for user in portal_users
            }
        )

    def _update_last_login(self):
        """Void the links to the customer's documents at the owner's first login.

        Whoever placed the order saw its link, but might not be the owner of the address.
        """
        res = super()._update_last_login()
        user_sudo = self.sudo()
        if user_sudo.portal_tokens_exposed:
            self.env.cr.flush()  # pending writes of the login must fail outside of our savepoint
            orders_sudo = user_sudo.env["sale.order"]
            try:
                with orders_sudo._portal_account_savepoint():
                    user_sudo._void_portal_tokens()
            except Exception:
                if self.env.cr.closed:
                    raise
                # The next login and the scheduled action try again.
                _logger.warning("The links to the documents of %s still work", user_sudo.login, exc_info=True)
                orders_sudo._trigger_pending_portal_accounts()
        return res

    def _void_portal_tokens(self):
        """Void the tokens of the documents that these users' contacts currently have.

        A payment in progress is still processed, but the page that the payer returns to asks to sign in. Documents that
        are locked by another transaction are left to the scheduled action.
        """
        users = self.try_lock_for_update(allow_referencing=True)
        for user in users:
            is_complete = True
            for documents in user.partner_id._get_exposed_portal_documents():
                locked = documents.try_lock_for_update(allow_referencing=True)
                user.partner_id._rotate_portal_tokens(locked)
                is_complete = is_complete and locked == documents
            user.portal_tokens_exposed = not is_complete
        if any(self.mapped("portal_tokens_exposed")):
            self.env["sale.order"]._trigger_pending_portal_accounts()

    @api.model
    def _void_exposed_portal_tokens(self):
        """Void the tokens that could not be voided at the owner's first login."""
        users = self.with_context(active_test=False).search(
            [("portal_tokens_exposed", "=", True), ("log_ids", "!=", False)],
            limit=TOKEN_BATCH_SIZE,
        )
        users._void_portal_tokens()
        if len(users) == TOKEN_BATCH_SIZE:
            self.env["sale.order"]._trigger_pending_portal_accounts()
