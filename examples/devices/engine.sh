#!/bin/sh
# A private Postgres or Redis in a scratch folder: `engine.sh postgres SCHEMA` or `engine.sh redis` prints its address and serves
# until standard input ends, so that it ends with the program that started it, however that ends. The lines `stop` and `start`
# on standard input do so, and are answered when it is done.
set -eu

# Debian keeps Postgres's programs apart, by version.
for bin in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV); do PATH=$PATH:$bin; done

# Reached through a socket in a folder of its owner's alone, and by no network.
folder=$(mktemp -d "${TMPDIR:-/tmp}/engine.XXXXXX")
cd "$folder"
end() {
  stop || true
  rm -rf "$folder"
}

case $1 in
  postgres)
    # It refuses to run as root.
    run() { "$@"; }
    if [ "$(id -u)" = 0 ]; then
      chown postgres: .
      run() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
    fi
    start() { run pg_ctl --pgdata=data --silent --wait --log=log --options="-k $folder -c listen_addresses=" start; }
    stop() { run pg_ctl --pgdata=data --silent --wait --mode=fast stop; }
    trap end EXIT
    trap exit HUP INT TERM
    run initdb --pgdata=data --username=devices --auth=trust --encoding=UTF8 --locale=C --no-sync >/dev/null
    start
    run createdb --host="$folder" --username=devices devices
    psql --host="$folder" --username=devices --quiet --set=ON_ERROR_STOP=1 devices <"$2"
    echo "postgres:///devices?host=$folder&user=devices"
    ;;
  redis)
    # What has ended is on the disk before it is answered, and outlives a crash.
    start() {
      redis-server --port 0 --unixsocket "$folder/socket" --dir "$folder" --appendonly yes --appendfsync always --save '' >log &
      id=$!
      until redis-cli -s socket ping 2>/dev/null | grep -q PONG; do
        kill -0 "$id"
        sleep 0.1
      done
    }
    stop() {
      kill "$id"
      wait "$id" || true
    }
    trap end EXIT
    trap exit HUP INT TERM
    start
    echo "redis+unix://$folder/socket"
    ;;
esac

while read -r order; do
  case $order in stop | start) "$order" ;; esac
  echo "$order"
done
