from odoo import models

CONTACTS_MENU = "contacts.menu_portal_agents"


class IrModuleModule(models.Model):
    _inherit = "ir.module.module"

    def write(self, vals):
        """Add the "Portal Agents" menu to Contacts, whichever of the two addons is installed last."""
        result = super().write(vals)
        if vals.get("state") == "installed" and {"contacts", "portal_agent_account"} & set(self.mapped("name")):
            self._add_portal_agents_to_contacts()
        return result

    def _add_portal_agents_to_contacts(self):
        """Create the menu "Portal Agents" in Contacts if Contacts is installed and has none yet.

        This addon doesn't depend on Contacts. The menu belongs to Contacts so that uninstalling Contacts removes it
        too: Odoo turns a menu without its parent into an app.
        """
        parent = self.env.ref("contacts.menu_contacts", raise_if_not_found=False)
        action = self.env.ref("portal_agent_account.action_portal_agents", raise_if_not_found=False)
        if not parent or not action or self.env.ref(CONTACTS_MENU, raise_if_not_found=False):
            return
        menu = self.env["ir.ui.menu"].create(
            {"name": action.name, "parent_id": parent.id, "action": f"{action._name},{action.id}", "sequence": 5}
        )
        self.env["ir.model.data"]._update_xmlids([{"xml_id": CONTACTS_MENU, "record": menu, "noupdate": True}])
