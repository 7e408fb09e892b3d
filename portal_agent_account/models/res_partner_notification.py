"""Notify administrators after they made, invited or dismissed agents, or assigned customers."""

from odoo import api, models

# Maximum number of names in a notification.
NAMES = 10


class ResPartner(models.Model):
    _inherit = "res.partner"

    @api.model
    def _notify_portal_agents_made(self, names, left_out):
        """Report who was made an agent; see :meth:`_notify_portal_agent_result`."""
        done = self.env._("Made portal agents and invited: %(names)s.", names=self._join_portal_agent_names(names))
        return self._notify_portal_agent_result(names and done, self.env._("Nobody was made a portal agent."), left_out)

    @api.model
    def _notify_portal_agents_dismissed(self, names, left_out):
        """Report who was dismissed; see :meth:`_notify_portal_agent_result`."""
        done = self.env._("Dismissed: %(names)s.", names=self._join_portal_agent_names(names))
        return self._notify_portal_agent_result(names and done, self.env._("Nobody was dismissed."), left_out)

    @api.model
    def _notify_portal_agents_invited(self, names, left_out):
        """Report who was invited; see :meth:`_notify_portal_agent_result`."""
        done = self.env._("Invited: %(names)s.", names=self._join_portal_agent_names(names))
        return self._notify_portal_agent_result(names and done, self.env._("Nobody was invited."), left_out)

    @api.model
    def _join_portal_agent_names(self, names):
        """Join names, and replace the last ones by their number if there are many.

        :param list names: all names
        :rtype: str
        """
        text = ", ".join(names[:NAMES])
        if len(names) <= NAMES:
            return text
        return self.env._("%(names)s and %(count)s more", names=text, count=len(names) - NAMES)

    @api.model
    def _notify_portal_agent_result(self, done, nothing, left_out):
        """Report what was done and who was left out.

        :param str done: sentence about what was done; empty if nothing was done
        :param str nothing: sentence to use if nothing was done
        :param left_out: sentences about those who were left out
        :return: client action
        :rtype: dict
        """
        sentences = list(left_out)
        if len(sentences) > NAMES:
            count = len(sentences) - NAMES
            sentences[NAMES:] = [self.env._("%(count)s more were left out.", count=count)]
        kind = "warning" if sentences else "success" if done else "info"
        return self._notify_about_portal_agents(kind, " ".join([done or nothing, *sentences]))

    @api.model
    def _notify_about_portal_agents(self, kind, message):
        """Show a notification and refresh the current view.

        :param str kind: ``success``, ``info`` or ``warning``; a warning stays until it is closed
        :param str message: text of the notification
        :return: client action
        :rtype: dict
        """
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": kind,
                "message": message,
                "sticky": kind == "warning",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }
