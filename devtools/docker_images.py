"""Provide the images of `./dev docker`: pull the official ones, or build substitutes from Debian packages.

A substitute has those programs, users, folders and variables of the official image that the compose files use.
"""

import re
import shutil
import subprocess
import sys

from . import debian, paths, venv
from .errors import DevError, run_program
from .progress import say

POSTGRES_ENTRYPOINT = r"""#!/bin/sh
# Creates the data folder, the user and the database at the first start, as the official image does.
set -eu
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" && chown -R postgres: "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
    initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth-host=scram-sha-256 --auth-local=trust
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    pg_ctl --wait -o "-c listen_addresses=" start
    for script in /docker-entrypoint-initdb.d/*.sh; do
        [ ! -e "$script" ] || "$script"
    done
    pg_ctl --wait stop
fi
exec "$@"
"""
BUILD = {
    "odoo": {
        "suite": "bookworm",
        "packages": "python3,curl,ca-certificates,postgresql-client,wkhtmltopdf,fonts-dejavu-core",
        "hooks": [
            'mkdir "$1/opt/odoo" "$1/opt/packages"',
            'cp -aL "{odoo}/." "$1/opt/odoo"',
            'cp -a "{site_packages}/." "$1/opt/packages" && rm -rf "$1/opt/packages/playwright"',
            'ln -s /opt/odoo/usr/bin/odoo "$1/usr/bin/odoo"',
            'chroot "$1" useradd --system --home-dir /var/lib/odoo --create-home odoo',
            'mkdir -p "$1/mnt/extra-addons" "$1/etc/odoo"',
        ],
        "dockerfile": [
            "USER odoo",
            "ENV LANG=C.UTF-8 ODOO_RC=/etc/odoo/odoo.conf QT_QPA_PLATFORM=offscreen"
            " PYTHONPATH=/opt/odoo/usr/lib/python3/dist-packages:/opt/packages",
        ],
    },
    "postgres": {
        "suite": "trixie",
        "packages": "postgresql-17",
        "hooks": [
            'cp "{entrypoint}" "$1/usr/local/bin/docker-entrypoint.sh"',
            'mkdir -p "$1/var/lib/postgresql/data" "$1/docker-entrypoint-initdb.d"',
        ],
        "dockerfile": [
            "RUN install -d -o postgres -g postgres /run/postgresql /var/lib/postgresql/data"
            " && echo \"listen_addresses = '*'\" >>/usr/share/postgresql/17/postgresql.conf.sample",
            "ENV LANG=C.UTF-8 PGDATA=/var/lib/postgresql/data"
            " PATH=/usr/lib/postgresql/17/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            'ENTRYPOINT ["docker-entrypoint.sh"]',
            'CMD ["postgres"]',
            "STOPSIGNAL SIGINT",
        ],
    },
    "nginx": {
        "suite": "sid",
        "packages": "nginx,curl",
        "hooks": [
            'ln -sf /dev/stdout "$1/var/log/nginx/access.log"',
            'ln -sf /dev/stderr "$1/var/log/nginx/error.log"',
        ],
        "dockerfile": ["STOPSIGNAL SIGQUIT", 'CMD ["nginx", "-g", "daemon off;"]'],
    },
}


def provide(*composes):
    """Pull the images of compose files, and build substitutes for those that can't be pulled.

    :param str composes: paths of the compose files in the repository
    :return: the image to use for each name; None if there is no substitute
    :rtype: dict[str, str | None]
    """
    texts = [(paths.REPOSITORY / compose).read_text() for compose in composes]
    return {image: _provide(image) for image in sorted(set(re.findall(r"^ *image: (\S+)$", "".join(texts), re.M)))}


def _provide(image):
    if exists(image) or not _docker("pull", image).returncode:
        return image
    name = image.split(":")[0]
    if name not in BUILD:
        return None
    stand_in = f"portal-accounts-stand-in/{image}"
    if not exists(stand_in):
        say(f"{image} can't be pulled: building a substitute from Debian packages.")
        _make(stand_in, name)
    return stand_in


def exists(image):
    """:return: whether the engine has the image"""
    return not _docker("image", "inspect", image).returncode


def _make(tag, name):
    _check_tools()
    recipe = BUILD[name]
    folder = paths.folder("docker")
    entrypoint = folder / "docker-entrypoint.sh"
    entrypoint.write_text(POSTGRES_ENTRYPOINT)
    entrypoint.chmod(0o755)
    values = {
        "odoo": paths.home() / "odoo",
        "site_packages": next(venv.python().parent.parent.glob("lib/python3*/site-packages")),
        "entrypoint": entrypoint,
    }
    archive = folder / f"{name}.tar"
    # A mirror may be a snapshot with an expired index, which the machine's own apt-get is configured to accept.
    valid = '--aptopt=Acquire::Check-Valid-Until "false"'
    command = ["mmdebstrap", "--variant=apt", valid, f"--include={recipe['packages']}"]
    hooks = [f"--customize-hook={hook.format(**values)}" for hook in recipe["hooks"]]
    debian_archive = debian.Archive(paths.folder("docker", "debian"))
    debian_archive.open_suites([recipe["suite"]])
    try:
        run_program([*command, *hooks, recipe["suite"], archive, debian_archive.sources])
        run_program(["docker", "import", archive, f"{tag}-files"])
        dockerfile = "\n".join([f"FROM {tag}-files", *recipe["dockerfile"]])
        run_program(["docker", "build", "--tag", tag, "-"], input=dockerfile)
    finally:
        archive.unlink(missing_ok=True)


def _check_tools():
    if not (shutil.which("mmdebstrap") or debian.install("mmdebstrap")):
        raise DevError("No image can be pulled, and mmdebstrap is missing to build one.", "apt-get install mmdebstrap")
    if sys.version_info[:2] != (3, 11):
        raise DevError("The substitute for Odoo's image contains this Python's packages and needs Python 3.11.")


def _docker(*arguments):
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
