#!/bin/sh
# A private Postgres in a scratch folder: `postgres.sh` prints its address and serves until standard input ends, so that
# it ends with the program that started it, however that ends. The lines `stop` and `start` on standard input do so.
set -eu

# Debian keeps the server's programs apart, by version.
for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV); do PATH=$PATH:$folder; done
command -v initdb >/dev/null || {
  echo "Postgres is not installed: apt-get install postgresql, or set DATABASE_URL" >&2
  exit 1
}

folder=$(mktemp -d "${TMPDIR:-/tmp}/todos.XXXXXX")
# Postgres refuses to run as root.
run() { "$@"; }
if [ "$(id -u)" = 0 ]; then
  chown postgres: "$folder"
  run() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
fi
cd "$folder"

# Reached through a socket in a folder of its owner's alone, and by no network. Nothing here outlives the program, so
# nothing has to reach the disk.
start() { run pg_ctl --pgdata=data --silent --wait --log=log --options="-k $folder -c listen_addresses= -c fsync=off" start; }
stop() { run pg_ctl --pgdata=data --silent --wait --mode=immediate stop; }
end() {
  stop || true
  rm -rf "$folder"
}
trap end EXIT
trap exit HUP INT TERM

run initdb --pgdata=data --username=todos --auth=trust --encoding=UTF8 --locale=C --no-sync >/dev/null
start
run createdb --host="$folder" --username=todos todos
echo "postgres:///todos?host=$folder&user=todos"

while read -r order; do
  case $order in start | stop) "$order" ;; esac
  echo "$order"
done
