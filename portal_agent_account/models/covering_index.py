from odoo import models
from odoo.tools import sql


class CoveringIndex(models.Index):
    """An index that holds, beside its key, what the agent's pages count and add up.

    PostgreSQL finds and sums the documents of ten thousand customers in the index alone: in the table they
    lie scattered, each on a page of its own. See ``benchmarks/``.

    Columns that the table lacks are left out: not every shop has the addon that brings them. The table is
    asked and not the registry, where an addon is missing that is loaded after the one that is updated.

    :param str key: columns by which the rows are found
    :param included: names of the columns that the index holds besides
    :param str condition: which rows it holds, all of them where it is empty
    """

    def __init__(self, key, included, condition=""):
        super().__init__(self._define(key, included, condition))
        self._key = key
        self._included = included
        self._condition = condition

    @staticmethod
    def _define(key, included, condition):
        return f"({key}) INCLUDE ({', '.join(included)})" + (f" WHERE {condition}" if condition else "")

    def apply_to_database(self, model):
        """Create the index, or create it anew where the table has other columns now.

        :param model: empty recordset of the model whose table it is
        """
        columns = sql.table_columns(model.env.cr, model._table)
        included = [name for name in self._included if name in columns]
        index = models.Index(self._define(self._key, included, self._condition))
        index.name = self.name
        index.apply_to_database(model)
