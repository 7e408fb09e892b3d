#!/bin/sh
# Health check: fails if a scheduled action has been due, by its date or by a trigger, for longer than an action may run
# (limit_time_real_cron in odoo.conf is ten minutes).
set -eu

late=$(psql --no-psqlrc --tuples-only --no-align --dbname=portal_accounts --command="
    SELECT string_agg(cron_name, ', ')
      FROM ir_cron
     WHERE active
       AND least(nextcall, (SELECT min(call_at) FROM ir_cron_trigger WHERE cron_id = ir_cron.id))
           < now() AT TIME ZONE 'UTC' - interval '15 minutes'")
[ -z "$late" ] || { echo "overdue: $late"; exit 1; }
