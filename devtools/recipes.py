"""The template databases of this project's commands."""

from . import paths
from .databases import Recipe

# The modules of a company with agents: the shop, Sales, Contacts, and a payment provider that needs no network.
SHOP_MODULES = ("website_sale", "sale_management", "contacts", "payment_demo")
# The stylesheets of PDF documents, such as those attached to mails.
MAKE_REPORT_BUNDLES = """
for bundle in ("web.report_assets_common", "web.report_assets_pdf"):
    env["ir.qweb"]._get_asset_bundle(bundle, js=False, autoprefix=True).css()
env.cr.commit()
"""
# Odoo generates all asset bundles before tests that open a page. This takes half a minute: do it once per template.
MAKE_EVERY_BUNDLE = f"""
env["ir.qweb"]._pregenerate_assets_bundles()
{MAKE_REPORT_BUNDLES}
"""
# The bundles that the first visitor of a page would wait for.
MAKE_WEBSITE_BUNDLES = f"""
qweb = env["ir.qweb"].with_context(website_id=env["website"].search([], limit=1).id)
for name in (
    "web.assets_frontend",
    "web.assets_frontend_minimal",
    "web.assets_frontend_lazy",
    "web.chartjs_lib",
    "portal.assets_chatter",
    "portal.assets_chatter_style",
    "portal_agent_account.assets_portal_agent",
):
    bundle = qweb._get_asset_bundle(name)
    if bundle.stylesheets:
        bundle.css()
    if bundle.javascripts or bundle.templates:
        bundle.js()
{MAKE_REPORT_BUNDLES}
"""
# Adds a language as an administrator does; the website stays in English.
ADD_FRENCH = """
env["base.language.install"].create({"lang_ids": env.ref("base.lang_fr").ids}).lang_install()
env.cr.commit()
"""

# Turns the second website and the second company of Odoo's demo data into a shop with a mail address, a payment
# provider, separate user accounts and three languages. Both companies share their customers.
OPEN_SECOND_SHOP = """
website = env.ref("website.website2")
company = env["res.company"].search([("id", "!=", env.ref("base.main_company").id)]).ensure_one()
company.email = "us@example.com"
languages = env.ref("base.lang_fr") + env.ref("base.lang_de")
env["base.language.install"].create({"lang_ids": languages.ids}).lang_install()
website.write({
    "company_id": company.id,
    "specific_user_account": True,
    "language_ids": [(6, 0, (env.ref("base.lang_en") + languages).ids)],
})
env.ref("base.user_admin").company_ids += company
env.ref("payment.payment_provider_demo").copy({"company_id": company.id, "state": "test", "is_published": True})
shared = env.ref("base.res_partner_2")
order = env["sale.order"].with_company(company).create({
    "partner_id": shared.id,
    "company_id": company.id,
    "order_line": [(0, 0, {"product_id": env.ref("product.product_product_4").id})],
})
order.action_confirm()
invoice = env["account.move"].with_company(company).create({
    "move_type": "out_invoice",
    "partner_id": shared.id,
    "invoice_line_ids": [(0, 0, {"name": "Furniture", "price_unit": 777})],
})
invoice.action_post()
env.cr.commit()
"""

# A shop without our addons.
SHOP = Recipe("website_sale", ("website_sale",), warm_up=MAKE_EVERY_BUNDLE)
# The same with demo data, a payment provider and a second language, which the website doesn't use.
DEMO_SHOP = Recipe("demo_shop", SHOP_MODULES, demo=True, warm_up=ADD_FRENCH + MAKE_WEBSITE_BUNDLES)


def with_addons():
    """Describe a shop with both addons and without demo data.

    :rtype: Recipe
    """
    return Recipe("plain", tuple(paths.addons()), base=SHOP)


def demo_with_addons():
    """Describe a shop with both addons, demo data and the asset bundles of its pages.

    It has two steps, so that another checkout of the same files only has to generate the bundles.

    :rtype: Recipe
    """
    installed = Recipe("demo", tuple(paths.addons()), base=DEMO_SHOP)
    return Recipe("demo_bundles", base=installed, warm_up=MAKE_WEBSITE_BUNDLES, has_bundles=True)


def with_odoo_modules(*modules):
    """Describe the shop of :func:`demo_with_addons` with more modules of Odoo.

    :param str modules: names of the modules
    :rtype: Recipe
    """
    return Recipe(
        "demo_" + "_".join(modules)[:24],
        modules,
        base=demo_with_addons(),
        warm_up=MAKE_WEBSITE_BUNDLES,
        has_bundles=True,
    )


def two_shops():
    """Describe two websites of two companies, in three languages, with shared contacts.

    :rtype: Recipe
    """
    bundles = MAKE_WEBSITE_BUNDLES.replace('env["website"].search([], limit=1)', 'env.ref("website.website2")')
    return Recipe("two_shops", base=demo_with_addons(), warm_up=OPEN_SECOND_SHOP + bundles, has_bundles=True)


def dependencies(addon):
    """Describe a database with only the dependencies of an addon.

    :param str addon: the addon's name
    :rtype: Recipe
    """
    manifest = paths.read_manifest(paths.REPOSITORY / addon)
    depends = tuple(sorted(set(manifest["depends"]) - set(paths.addons())))
    if depends == SHOP.modules:
        return SHOP
    # The agents' addon changes the order of the modules, and thus of the files in every bundle.
    as_if_installed = f'env.registry._init_modules.add("{addon}")'
    return Recipe("_".join(depends)[:24], depends, warm_up=as_if_installed + MAKE_EVERY_BUNDLE)
