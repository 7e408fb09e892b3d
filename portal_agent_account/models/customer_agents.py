from odoo import fields
from odoo.exceptions import AccessError


class CustomerAgents(fields.Many2many):
    """A related field with the agents of a record's customer, limited to those the user may read.

    Odoo computes a related field with sudo, and then refuses the whole record because of a single value that the user
    may not read, such as the agent of another company. Without sudo the field can't be grouped by.
    """

    def compute_value(self, records):
        with records.env.protecting([self], records):
            for record in records:
                try:
                    self._compute_related(record)
                except AccessError:  # the user may not read the customer itself
                    record[self.name] = False
