"""The totals of lists. Amounts of different currencies are never added up."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple


class Amount(NamedTuple):
    """An amount with its currency, for a column of an export or for a total."""

    value: float
    currency: object


@dataclass
class Total:
    """The total of some records.

    :param str label: label of the total
    :param dict amounts: sum by currency (``res.currency``)
    :param dict booked: amounts posted in accounting, by company currency; empty if nothing is posted
    """

    label: str
    amounts: dict = field(default_factory=lambda: defaultdict(float))
    booked: dict = field(default_factory=lambda: defaultdict(float))

    def get_amounts(self):
        """Return the sums, one for each currency.

        :rtype: list[Amount]
        """
        return [Amount(value, currency) for currency, value in self.amounts.items()]

    def get_booked(self):
        """Return the posted amounts if their currencies differ from those of the sums.

        :rtype: list[Amount]
        """
        if set(self.booked) == set(self.amounts):
            return []
        return [Amount(value, currency) for currency, value in self.booked.items()]


class Sum(NamedTuple):
    """A column to sum up.

    :param str label: label of the total
    :param str name: field with the unsigned amount in the document's currency
    :param str booked_name: field with the signed amount in the company's currency, if any
    """

    label: str
    name: str
    booked_name: str = ""


def read_totals(records, domain, sums, groupby=None):
    """Sum up documents in one query.

    :param records: empty recordset of their model
    :param Domain domain: condition on the documents
    :param list sums: columns to sum up (:class:`Sum`)
    :param str groupby: ``_read_group`` specification to group by
    :return: totals (:class:`Total`) by value of the group, in the order of ``sums``; the key is ``None`` without
        grouping
    :rtype: dict[object, list[Total]]
    """
    has_sign = "move_type" in records._fields
    specs = [*filter(None, [groupby]), "currency_id", "company_id", *(["move_type"] if has_sign else [])]
    names = [name for each in sums for name in (each.name, each.booked_name) if name]
    totals = defaultdict(lambda: [Total(each.label) for each in sums])
    # _read_group only knows the time zone of the context, which is empty in the session of a user who had none.
    records = records.with_context(tz=records.env.tz.zone)
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
