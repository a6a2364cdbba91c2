#!/bin/sh
# A private engine on loopback: `engine.sh (postgres|redis) PORT` prints `ready` and serves until standard input ends, so that it
# ends with the program that started it, however that ends. Each line of standard input is an order, and is repeated when it has
# been carried out: `stop` and `start`, `kill` as a crash would, `hang` and `resume`, `promote`. With TLS=FOLDER, of a
# certificate.pem and a key.pem, Postgres takes encrypted connections as well, and Redis no others. With PRIMARY=PORT it follows the
# engine there until it is promoted.
set -eu
engine=$1 port=$2
# A slow disk has time.
export PGCTLTIMEOUT=600

# Debian keeps Postgres's programs apart, by version.
for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV); do PATH=$PATH:$folder; done

folder=$(mktemp -d "${TMPDIR:-/tmp}/registry.XXXXXX")
cd "$folder"
# Postgres refuses to run as root.
run() { "$@"; }
if [ "$(id -u)" = 0 ] && [ "$engine" = postgres ]; then
  chown postgres: "$folder"
  run() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
fi

if [ -n "${TLS-}" ]; then
  cp "$TLS/certificate.pem" "$TLS/key.pem" .
  chmod 600 key.pem
  [ "$(id -u)" != 0 ] || [ "$engine" != postgres ] || chown postgres: certificate.pem key.pem
fi

postgres_pid() { head -n 1 data/postmaster.pid; }
postgres_start() {
  options="-p $port -k $folder -c listen_addresses=127.0.0.1 -c max_connections=200"
  options="$options${TLS:+ -c ssl=on -c ssl_cert_file=$folder/certificate.pem -c ssl_key_file=$folder/key.pem}"
  run pg_ctl --pgdata=data --silent --wait --log=log --options="$options" start
}
postgres_promote() { run pg_ctl --pgdata=data --silent --wait promote; }
postgres_stop() { run pg_ctl --pgdata=data --silent --wait --mode=fast stop; }
postgres_kill() { run pg_ctl --pgdata=data --silent --wait --mode=immediate stop; }
# The server and everything that it started.
postgres_signal() {
  pid=$(postgres_pid)
  for child in "$pid" $(cat "/proc/$pid/task/$pid/children"); do kill "-$1" "$child" 2>/dev/null || true; done
}

redis_cli() { redis-cli ${TLS:+--tls --insecure} -p "$port" "$@"; }
redis_start() {
  if [ -n "${TLS-}" ]; then
    set -- --port 0 --tls-port "$port" --tls-cert-file "$folder/certificate.pem" --tls-key-file "$folder/key.pem" \
      --tls-ca-cert-file "$folder/certificate.pem" --tls-auth-clients no
  else
    set -- --port "$port"
  fi
  [ -z "${PRIMARY-}" ] || set -- "$@" --replicaof 127.0.0.1 "$PRIMARY"
  redis-server "$@" --bind 127.0.0.1 --dir "$folder" --appendonly yes --appendfsync always \
    --save '' --daemonize yes --pidfile "$folder/pid" --logfile "$folder/log" ${REDIS_OPTIONS-} >/dev/null
  until redis_cli ping 2>/dev/null | grep -q PONG; do sleep 0.02; done
}
redis_promote() { redis_cli replicaof no one >/dev/null; }
redis_gone() { while kill -0 "$1" 2>/dev/null; do sleep 0.02; done; }
redis_stop() {
  pid=$(cat pid)
  redis_cli shutdown >/dev/null 2>&1 || true
  redis_gone "$pid"
}
redis_kill() {
  pid=$(cat pid)
  kill -KILL "$pid"
  redis_gone "$pid"
}
redis_signal() { kill "-$1" "$(cat pid)"; }

end() {
  "${engine}_signal" CONT 2>/dev/null || true
  "${engine}_kill" 2>/dev/null || true
  rm -rf "$folder"
}
trap end EXIT
trap exit HUP INT TERM

if [ "$engine" = postgres ] && [ -n "${PRIMARY-}" ]; then
  run pg_basebackup --host=127.0.0.1 --port="$PRIMARY" --username=shop --pgdata=data --checkpoint=fast --write-recovery-conf
elif [ "$engine" = postgres ]; then
  run initdb --pgdata=data --username=shop --auth=trust --encoding=UTF8 --locale=C --no-sync >/dev/null
fi
"${engine}_start"
echo ready

while read -r order; do
  case $order in
    start | stop | kill | promote) "${engine}_$order" ;;
    hang) "${engine}_signal" STOP ;;
    resume) "${engine}_signal" CONT ;;
  esac
  echo "$order"
done
