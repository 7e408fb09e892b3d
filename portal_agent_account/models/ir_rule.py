from odoo import models

from . import agent_scope
from .res_users import AGENT_GROUP


class IrRule(models.Model):
    _inherit = "ir.rule"

    def _compute_domain_context_values(self):
        """Keep the domains of the scopes apart in the cache of ``_compute_domain``."""
        yield from super()._compute_domain_context_values()
        yield agent_scope.get_agent_scope()

    def _get_rules(self, model_name, mode="read"):
        """Leave the agent's rules out of plain requests, and the portal's out of the agent's.

        Where the agent's rules count they stand alone, instead of being joined with the portal's
        by OR: that is what lets PostgreSQL start from the agent's customers.
        """
        rules = super()._get_rules(model_name, mode=mode)
        user = self.env.user
        if not rules or not user._has_group(AGENT_GROUP):
            return rules
        scope = agent_scope.get_agent_scope()
        agent_group = self.env.ref(AGENT_GROUP)
        if scope == agent_scope.PLAIN or not user._is_portal_agent():
            return rules._filter_rules_of_groups(user.all_group_ids - agent_group)
        agent_rules = rules._filter_rules_of_groups(agent_group)
        if scope == agent_scope.AGENT and any(rule.groups for rule in agent_rules.sudo()):
            return agent_rules
        return rules

    def _filter_rules_of_groups(self, groups):
        """Return the rules among these that are global or belong to one of some groups.

        :param groups: ``res.groups``
        """
        return self.filtered(lambda rule: not (rule_groups := rule.sudo().groups) or rule_groups & groups)
