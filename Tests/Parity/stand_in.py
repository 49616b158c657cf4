"""Does in the database what the driver's setup asks of routes that this product does not have yet: three users, and for
their servers and the administrator's the owners and names that the recordings have. Runs until it is ended.

    stand_in.py DATABASE"""

import sqlite3
import sys
import time
import uuid
from contextlib import closing

# Made at first; the password is the driver's, set with `user set-password` afterwards.
USERS = ("member", "other_member", "leaver")
SERVERS = {"member": "server of member", "other_member": "server of other_member", "spare": "server spare"}


def own(name):
    """The UUID that the driver gives its agent of this name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "parity:" + name))


def add_users(database):
    for name in USERS:
        # The sealed agent secret is the administrator's, since nobody here can seal another.
        database.execute(
            "insert into users (username, password_hash, role, agent_secret_hash, agent_secret_sealed, reject_password,"
            " token_version, created_at, updated_at) select ?, 'x', 1, '', agent_secret_sealed, 0, 0, created_at,"
            " updated_at from users where username = 'admin'", (name,))


def rename(database):
    """What a whole run has done to them before the scenarios that are compared here."""
    for name, id in [("server first", "11111111-1111-4111-8111-111111111111"), *((SERVERS[n], own(n)) for n in SERVERS)]:
        database.execute("update servers set name = ? where uuid = ?", (name, id))
    database.execute("update servers set display_index = 1, note = 'mine' where uuid = ?", (own("member"),))


def adopt(database):
    for name, owner in (("member", "member"), ("other_member", "other_member"), ("spare", "admin")):
        database.execute(
            "update servers set user_id = (select id from users where username = ?1) where uuid = ?2 and user_id <>"
            " (select id from users where username = ?1)", (owner, own(name)))


def main():
    with closing(sqlite3.connect(sys.argv[1], timeout=30)) as database:
        with database:
            add_users(database)
        print("ready", flush=True)
        count, since = 0, time.monotonic()
        while True:
            with database:
                adopt(database)
                found, = database.execute("select count(*) from servers").fetchone()
                if found != count:
                    count, since = found, time.monotonic()
                # The driver takes the first names that it sees for random ones, and hides them wherever they stand.
                if count == 1 + len(SERVERS) and 3 < time.monotonic() - since < 4:
                    rename(database)
            time.sleep(0.2)


if __name__ == "__main__":
    main()
