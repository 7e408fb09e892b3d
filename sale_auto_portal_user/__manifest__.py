{
    "name": "Portal Account on Sales Order Confirmation",
    "version": "19.0.1.0.0",
    "category": "Website/Website",
    "summary": "A confirmed order gives its customer a portal account and an invitation, once",
    "author": "Portal Accounts contributors",
    "maintainer": "Portal Accounts contributors",
    "license": "LGPL-3",
    "depends": ["website_sale"],
    "data": [
        "data/mail_template_data.xml",
        "data/ir_cron_data.xml",
        "views/sale_order_views.xml",
        "views/res_config_settings_views.xml",
        "views/website_sale_templates.xml",
        "views/auth_signup_templates.xml",
    ],
    "images": [
        "static/description/banner.png",
        "static/description/confirmation.png",
        "static/description/invitation.png",
        "static/description/order.png",
        "static/description/settings.png",
    ],
    "assets": {
        "web.assets_tests": [
            "sale_auto_portal_user/static/tests/tours/*.js",
        ],
    },
    "demo": [
        "demo/sale_order_demo.xml",
    ],
}
