from odoo import api, models
from odoo.fields import Domain
from odoo.tools.safe_eval import safe_eval


class IrRule(models.Model):
    _inherit = "ir.rule"

    @api.model
    def _compute_domain(self, model_name, mode="read"):
        """Let portal users read the deliveries of guest orders that joined their account.

        The portal rule of ``sale_stock`` only covers deliveries of the account's own contact, whereas the rules of
        orders and invoices include its child addresses. The rule is extended in Python because this addon doesn't
        depend on ``sale_stock``. Like any group rule, it is OR-ed with the user's other group rules and AND-ed with
        the global rules.
        """
        domain = super()._compute_domain(model_name, mode=mode)
        if model_name != "stock.picking" or mode != "read" or self.env.su or not self.env.user._is_portal():
            return domain
        if "sale_id" not in self.env[model_name]._fields:
            return domain
        return domain | (self._get_portal_joined_delivery_domain() & self._get_global_domain(model_name, mode))

    @api.model
    def _get_portal_joined_delivery_domain(self):
        """Return the domain of the deliveries of contacts that joined the user's contact.

        The contacts are searched along with the deliveries rather than listed by id: rules are cached.

        :rtype: odoo.fields.Domain
        """
        joined = [("portal_join_id", "!=", False), ("parent_id", "=", self.env.user.partner_id.id)]
        return Domain("sale_id.partner_id", "any", joined)

    @api.model
    def _get_global_domain(self, model_name, mode):
        """Return the domain of the model's global rules.

        :param str model_name: name of the model
        :param str mode: operation, e.g. ``read``
        :rtype: odoo.fields.Domain
        """
        values = self._eval_context()
        rules_sudo = self._get_rules(model_name, mode=mode).sudo().filtered(lambda rule: not rule.groups)
        return Domain.AND([Domain(safe_eval(rule.domain_force, values)) for rule in rules_sudo if rule.domain_force])
