#!/bin/sh
# Runs Odoo once with the given options to install or update addons, then prepares the shop for visitors.
#
#   install.sh --init=website_sale,…        installed addons are left unchanged
#   install.sh --update=portal_agent_account
set -eu

common="--database=portal_accounts --addons-path=/mnt/extra-addons --data-dir=/var/lib/odoo
    --workers=0 --max-cron-threads=0 --no-http"
# shellcheck disable=SC2086 # one word for each option
odoo $common --stop-after-init "$@"
# shellcheck disable=SC2086
odoo shell $common --log-level=warn </mnt/deploy/prepare.py
