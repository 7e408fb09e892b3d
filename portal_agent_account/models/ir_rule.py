"""The only file that touches Odoo's record rules. docs/porting-to-20.md says what a port to Odoo 20.0 changes."""

from odoo import api, models, tools
from odoo.fields import Domain
from odoo.tools.safe_eval import safe_eval

from . import agent_scope
from .res_users import AGENT_GROUP


class IrModelAccess(models.Model):
    _inherit = "ir.model.access"

    def check(self, model, mode="read", raise_exception=True):
        """Let website designers open an agent's page whatever their access rights: it shows them no record."""
        if mode == "read" and self.env["ir.rule"]._is_design_of_portal_agent_page(model):
            return True
        return super().check(model, mode=mode, raise_exception=raise_exception)


class IrRule(models.Model):
    _inherit = "ir.rule"

    def _compute_domain_context_values(self):
        """Cache the result of ``_compute_domain`` per scope."""
        yield from super()._compute_domain_context_values()
        yield agent_scope.get_agent_scope()

    def _compute_domain(self, model_name, mode="read"):
        """Show website designers what an agent without customers sees."""
        if self._is_design_of_portal_agent_page(model_name):
            return Domain.FALSE
        return super()._compute_domain(model_name, mode=mode)

    @api.model
    def _is_design_of_portal_agent_page(self, model_name):
        """Return whether a user who is not an agent opens an agent's page that shows the model.

        :param str model_name: model that is read
        :rtype: bool
        """
        return (
            agent_scope.is_on_agent_route()
            and not self.env.user._is_portal_agent()
            and hasattr(self.env[model_name], "_portal_agent_readable_names")
        )

    def _get_rules(self, model_name, mode="read"):
        """Apply either the rules of the agents' group or those of the other groups to an agent.

        Odoo joins the rules of several groups with OR. With the rules of a single group, PostgreSQL can start from the
        agent's customers.
        """
        rules = super()._get_rules(model_name, mode=mode)
        user = self.env.user
        if not rules or not user._has_group(AGENT_GROUP):
            return rules
        agent_group = self.env.ref(AGENT_GROUP)
        if agent_scope.get_agent_scope() != agent_scope.AGENT or not user._is_portal_agent():
            return rules._filter_rules_of_groups(user.all_group_ids - agent_group)
        agent_rules = rules._filter_rules_of_groups(agent_group)
        return agent_rules if any(rule.groups for rule in agent_rules.sudo()) else rules

    @api.model
    @tools.ormcache("self.env.uid", "tuple(self._compute_domain_context_values())")
    def _get_portal_agent_contact_domain(self):
        """Return the contacts that the global rules let the current user read, which excludes other companies.

        The parents of the current companies are looked up here, instead of whenever the domain is used: Odoo doesn't
        allow changes to the hierarchy of companies.

        :rtype: Domain
        """
        Partner_sudo = self.env["res.partner"].sudo()

        def look_up(condition):
            field = Partner_sudo._fields.get(condition.field_expr)
            is_hierarchy = condition.operator == "parent_of" and field and field.comodel_name == "res.company"
            return condition.optimize_full(Partner_sudo) if is_hierarchy else condition

        return Domain.AND(self._get_rule_domains("res.partner", of_groups=False)).map_conditions(look_up)

    @api.model
    def _do_groups_hide(self, model_name, domain):
        """Return whether the rules of the current user's groups may hide a record, including a future one.

        :param str model_name: name of the model
        :param Domain domain: condition that the records meet
        :rtype: bool
        """
        domains = self._get_rule_domains(model_name, of_groups=True)
        hidden = domain & ~Domain.OR(domains) if domains else Domain.FALSE
        return not hidden.optimize_full(self.env[model_name].sudo()).is_false()

    @api.model
    def _get_rule_domains(self, model_name, of_groups):
        """Return the domains of the record rules that apply when the current user reads a model.

        :param str model_name: name of the model
        :param bool of_groups: whether to return the rules of the user's groups instead of the global rules
        :rtype: list[Domain]
        """
        rules_sudo = self.sudo(False)._get_rules(model_name).sudo()
        values = self._eval_context()
        return [
            Domain(safe_eval(rule.domain_force, values) if rule.domain_force else [])
            for rule in rules_sudo
            if bool(rule.groups) == of_groups
        ]

    def _filter_rules_of_groups(self, groups):
        """Filter the rules that are global or belong to one of the groups.

        :param groups: ``res.groups`` records
        """
        return self.filtered(lambda rule: not (rule_groups := rule.sudo().groups) or rule_groups & groups)
