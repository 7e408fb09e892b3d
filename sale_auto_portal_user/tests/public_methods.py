"""Call every public method that an addon adds to any model, as users who may not read the records.

Set ``addon``, the users and the records in a test class. Methods added to the addon later are found automatically.
"""

import inspect

from odoo.exceptions import AccessError
from odoo.service.model import call_kw, get_public_method


class PublicMethodsCase:
    """Mixin for a test class whose ``self.env`` is the superuser's."""

    addon = None
    # Required arguments by model and method, e.g. {("res.partner", "action_x"): [1]}.
    arguments = {}

    def get_users(self):
        """Return the users who call the methods.

        :rtype: res.users recordset
        """
        raise NotImplementedError

    def get_records(self, model):
        """Return records of a model that some of the users may not read.

        :param str model: name of the model
        :return: records, by default the first 100
        :rtype: recordset
        """
        records = self.env[model].with_context(active_test=False)
        return records.search([], limit=100) if records._auto else records

    def find_public_methods(self):
        """Find the addon's methods that clients may call.

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
        """Fail for every method that returns anything to a user who may not read the record.

        :return: methods that were called
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
        """Return the ids to call a method with, one hidden record at a time.

        :rtype: list[list[int] or None]
        """
        if getattr(get_public_method(self.env[model], name), "_api_model", False):
            return [None]
        records = self.get_records(model)
        hidden = records - records.with_user(user)._filtered_access("read")
        return [[record_id] for record_id in hidden.ids[:10]]

    def check_public_method(self, records, name, ids):
        """Fail unless the call is refused or returns an empty value."""
        arguments = [*([ids] if ids is not None else []), *self.arguments.get((records._name, name), [])]
        self.env.invalidate_all()  # as at the start of a request
        try:
            with self.env.cr.savepoint():
                answer = call_kw(records, name, arguments, {})
        except AccessError:
            return
        self.assertFalse(answer, "an answer about records that the user may not read")
