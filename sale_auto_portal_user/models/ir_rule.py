from odoo import api, models
from odoo.fields import Domain
from odoo.tools.safe_eval import safe_eval


class IrRule(models.Model):
    _inherit = "ir.rule"

    @api.model
    def _compute_domain(self, model_name, mode="read"):
        """Let owners of accounts read the deliveries of guest orders that joined.

        The rule of ``sale_stock`` for portal users names the account's contact alone, where those of orders and
        invoices count the addresses below it. It is extended here, because this addon works without ``sale_stock``.
        As any rule of a group it adds to what the user's other groups may read, within the global rules.
        """
        domain = super()._compute_domain(model_name, mode=mode)
        if model_name != "stock.picking" or mode != "read" or self.env.su or not self.env.user._is_portal():
            return domain
        if "sale_id" not in self.env[model_name]._fields:
            return domain
        return domain | (self._get_portal_joined_delivery_domain() & self._get_global_domain(model_name, mode))

    @api.model
    def _get_portal_joined_delivery_domain(self):
        """Return the domain of the deliveries whose order is one of a contact that joined the user's.

        That is looked up with each search: nothing of it is out of date in a cache.

        :rtype: odoo.fields.Domain
        """
        joined = [("portal_join_id", "!=", False), ("parent_id", "=", self.env.user.partner_id.id)]
        return Domain("sale_id.partner_id", "any", joined)

    @api.model
    def _get_global_domain(self, model_name, mode):
        """Return the domain of the rules that count for every user, whatever groups the user has.

        :param str model_name: the model
        :param str mode: ``read``, e.g.
        :rtype: odoo.fields.Domain
        """
        values = self._eval_context()
        rules_sudo = self._get_rules(model_name, mode=mode).sudo().filtered(lambda rule: not rule.groups)
        return Domain.AND([Domain(safe_eval(rule.domain_force, values)) for rule in rules_sudo if rule.domain_force])
