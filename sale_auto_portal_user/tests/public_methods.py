"""Call every public method that an addon adds to any model, as people who may not read the records.

Set ``addon``, the users and the records in a test class; what the addon adds later is called too.
"""

import inspect

from odoo.exceptions import AccessError
from odoo.service.model import call_kw, get_public_method


class PublicMethodsCase:
    """A mixin for a test class; ``self.env`` is the superuser's."""

    addon = None
    # Per model and method the arguments that a call needs, e.g. {("res.partner", "action_x"): [1]}.
    arguments = {}

    def get_users(self):
        """Return who calls the methods.

        :rtype: res.users recordset
        """
        raise NotImplementedError

    def get_records(self, model):
        """Return records of a model that some of the users may not read.

        :param str model: the model
        :return: by default all there are
        :rtype: recordset
        """
        records = self.env[model].with_context(active_test=False)
        return records.search([], limit=100) if records._auto else records

    def find_public_methods(self):
        """Find the methods by the module that defines them, and keep those that a client may call.

        :return: names of models and methods
        :rtype: list[tuple[str, str]]
        """
        found = set()
        for model, model_class in self.env.registry.items():
            for cls in model_class.__mro__:
                for name, attribute in vars(cls).items():
                    if inspect.isfunction(attribute) and self.is_of_addon(attribute) and self.is_public(model, name):
                        found.add((model, name))
        return sorted(found)

    def is_of_addon(self, function):
        return function.__module__.startswith(f"odoo.addons.{self.addon}.")

    def is_public(self, model, name):
        try:
            return bool(get_public_method(self.env[model], name))
        except AccessError:
            return False

    def check_public_methods(self):
        """Fail for every method that gives an answer to somebody who may not read the record.

        :return: the methods that were called
        :rtype: set[tuple[str, str]]
        """
        called = set()
        for model, name in self.find_public_methods():
            for user in self.get_users():
                for ids in self.get_hidden_ids(model, name, user):
                    called.add((model, name))
                    with self.subTest(model=model, method=name, user=user.login):
                        self.check_public_method(self.env[model].with_user(user), name, ids)
        return called

    def get_hidden_ids(self, model, name, user):
        """Return with what ids to call a method: those of hidden records, one by one.

        :rtype: list[list[int] or None]
        """
        if getattr(get_public_method(self.env[model], name), "_api_model", False):
            return [None]
        records = self.get_records(model)
        hidden = records - records.with_user(user)._filtered_access("read")
        return [[record_id] for record_id in hidden.ids[:10]]

    def check_public_method(self, records, name, ids):
        """Fail unless a call is refused, or its answer is empty."""
        arguments = [*([ids] if ids is not None else []), *self.arguments.get((records._name, name), [])]
        self.env.invalidate_all()  # as at the beginning of a request
        try:
            with self.env.cr.savepoint():
                answer = call_kw(records, name, arguments, {})
        except AccessError:
            return
        self.assertFalse(answer, "an answer about records that the user may not read")
