from odoo import models

CONTACTS_MENU = "contacts.menu_portal_agents"


class IrModuleModule(models.Model):
    _inherit = "ir.module.module"

    def write(self, vals):
        """Add the agents to the menu of Contacts, whichever of both addons is installed last."""
        result = super().write(vals)
        if vals.get("state") == "installed" and {"contacts", "portal_agent_account"} & set(self.mapped("name")):
            self._add_portal_agents_to_contacts()
        return result

    def _add_portal_agents_to_contacts(self):
        """Make the menu "Portal Agents" of Contacts, where that is installed and has none yet.

        This addon does not depend on Contacts. The menu is a record of Contacts, which goes with it: Odoo would
        make an app of a menu without its parent.
        """
        parent = self.env.ref("contacts.menu_contacts", raise_if_not_found=False)
        action = self.env.ref("portal_agent_account.action_portal_agents", raise_if_not_found=False)
        if not parent or not action or self.env.ref(CONTACTS_MENU, raise_if_not_found=False):
            return
        menu = self.env["ir.ui.menu"].create(
            {"name": action.name, "parent_id": parent.id, "action": f"{action._name},{action.id}", "sequence": 5}
        )
        self.env["ir.model.data"]._update_xmlids([{"xml_id": CONTACTS_MENU, "record": menu, "noupdate": True}])
