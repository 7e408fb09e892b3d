#!/bin/sh
# Fails when scheduled actions stand still: one of them was due longer ago than any of them may run
# (limit_time_real_cron in odoo.conf is ten minutes), by its date or by what woke it.
set -eu

late=$(psql --no-psqlrc --tuples-only --no-align --dbname=portal_accounts --command="
    SELECT string_agg(cron_name, ', ')
      FROM ir_cron
     WHERE active
       AND least(nextcall, (SELECT min(call_at) FROM ir_cron_trigger WHERE cron_id = ir_cron.id))
           < now() AT TIME ZONE 'UTC' - interval '15 minutes'")
[ -z "$late" ] || { echo "overdue: $late"; exit 1; }
