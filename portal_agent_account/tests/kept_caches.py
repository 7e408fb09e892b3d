"""The addons work without each other, so each has this file; ``tests/test_same_words.py`` compares the two."""

from odoo.modules.registry import Registry
from odoo.tests import TransactionCase, get_db_name


class KeptCaches(TransactionCase):
    """Keep what Odoo has derived from views and modules, unless the test class changes these.

    Odoo clears all caches after each test. Compiling the website's layout takes ten times as long as serving a page.
    """

    @classmethod
    def setUpClass(cls):
        registry = Registry(get_db_name())
        clear_cache, sequence = registry.clear_cache, registry.registry_sequence
        cls._changed_caches, cls._caches_of_class = changed, of_class = set(), set()

        def clear_and_note(*names):
            changed.update(names)
            clear_cache(*names)

        def clear_changed():
            if registry.registry_invalidated or registry.registry_sequence != sequence:
                changed.update(("templates", "assets", "routing", "groups"))
            clear_cache("stable", *changed)  # includes "default"
            changed.clear()

        # Odoo's class allows no patcher of `unittest.mock` to outlive it, and clears the caches at its own end.
        registry.clear_cache, registry.clear_all_caches = clear_and_note, clear_changed
        cls.addClassCleanup(delattr, registry, "clear_cache")
        cls.addClassCleanup(delattr, registry, "clear_all_caches")
        super().setUpClass()
        cls.addClassCleanup(lambda: changed.update(of_class))

    def setUp(self):
        # What the class itself has changed stays until its end.
        self._caches_of_class.update(self._changed_caches)
        self._changed_caches.clear()
        super().setUp()
