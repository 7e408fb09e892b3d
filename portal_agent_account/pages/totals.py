"""Sums of what a list shows. Amounts of different currencies are never added up."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple


class Amount(NamedTuple):
    """An amount and its currency: in a column of an export, or as a sum."""

    value: float
    currency: object


@dataclass
class Total:
    """What some records come to.

    :param str label: what is summed up
    :param dict amounts: the sum of each currency, by ``res.currency``
    :param dict booked: what accounting has booked for it, by the currency of the company; empty where nothing is booked
    """

    label: str
    amounts: dict = field(default_factory=lambda: defaultdict(float))
    booked: dict = field(default_factory=lambda: defaultdict(float))

    def get_amounts(self):
        """Return the sums, a currency each.

        :rtype: list[Amount]
        """
        return [Amount(value, currency) for currency, value in self.amounts.items()]

    def get_booked(self):
        """Return what is booked, if that says more than the sums do.

        :rtype: list[Amount]
        """
        if set(self.booked) == set(self.amounts):
            return []
        return [Amount(value, currency) for currency, value in self.booked.items()]


class Sum(NamedTuple):
    """A column that is summed up.

    :param str label: what it is called
    :param str name: the field with the amount in the document's own currency, without a sign
    :param str booked_name: the field with the amount in the company's currency, with its sign, if there is one
    """

    label: str
    name: str
    booked_name: str = ""


def read_totals(records, domain, sums, groupby=None):
    """Sum up documents, by one query.

    :param records: their model, an empty recordset
    :param Domain domain: which documents
    :param list sums: what is summed up, :class:`Sum`
    :param str groupby: what to group them by, as ``_read_group`` takes it
    :return: a :class:`Total` for each sum by the group's value, by ``None`` without groups
    :rtype: dict[object, list[Total]]
    """
    has_sign = "move_type" in records._fields
    specs = [*filter(None, [groupby]), "currency_id", "company_id", *(["move_type"] if has_sign else [])]
    names = [name for each in sums for name in (each.name, each.booked_name) if name]
    totals = defaultdict(lambda: [Total(each.label) for each in sums])
    for values in map(list, records._read_group(domain, specs, [f"{name}:sum" for name in names])):
        key = values.pop(0) if groupby else None
        currency, company = values[:2]
        sign = -1 if has_sign and values[2] == "out_refund" else 1
        amounts = dict(zip(names, values[len(specs) - bool(groupby) :], strict=True))
        for total, each in zip(totals[key], sums, strict=True):
            total.amounts[currency] += sign * amounts[each.name]
            if each.booked_name:
                total.booked[company.sudo().currency_id] += amounts[each.booked_name]
    return totals
