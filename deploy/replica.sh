#!/bin/sh
# Starts the replica; copies the primary before the first start.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # An interrupted copy can't be continued.
    rm -rf "$PGDATA" "$PGDATA.copy"
    PGPASSWORD="$REPLICATION_PASSWORD" pg_basebackup --host="$PRIMARY_HOST" --port="${PRIMARY_PORT:-5432}" \
        --username=replicator --pgdata="$PGDATA.copy" --slot=replica --write-recovery-conf --checkpoint=fast
    mv "$PGDATA.copy" "$PGDATA"
fi
exec "$@"
