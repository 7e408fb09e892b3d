#!/bin/sh
# Starts the replica: copies the primary first, unless that has been done.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # What an interrupted copy left is of no use.
    rm -rf "$PGDATA" "$PGDATA.copy"
    PGPASSWORD="$REPLICATION_PASSWORD" pg_basebackup --host="$PRIMARY_HOST" --port="${PRIMARY_PORT:-5432}" \
        --username=replicator --pgdata="$PGDATA.copy" --slot=replica --write-recovery-conf --checkpoint=fast
    mv "$PGDATA.copy" "$PGDATA"
fi
exec "$@"
