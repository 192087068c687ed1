#!/usr/bin/env bash
# The demonstration: orders real things, pulls the plug in the middle, and counts what exists without vend's help.
#
#   VEND        the program            (target/debug/vend)
#   COMPONENTS  where the drivers are  (target/wasm32-wasip2/release)
#   STAY=1      leave everything running at the end, and say what to try
#
# Ends with 0, or with something else at the first surprise. Builds nothing; stops what it started.
set -Eeuo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
vend=$(realpath "${VEND:-$root/target/debug/vend}")
components=$(realpath "${COMPONENTS:-$root/target/wasm32-wasip2/release}")
stay=${STAY:-}

work=$(mktemp -d "${TMPDIR:-/tmp}/vend-demo.XXXXXX")
chmod 755 "$work" # the PostgreSQL server runs as another user
data=$work/data
files=$data/databases
export VEND_CONFIG_DIR=$work/config
unset VEND_SERVER VEND_TOKEN VEND_TOKEN_FILE VEND_PROJECT VEND_ENVIRONMENT VEND_CONTEXT VEND_DATA
core=
postgres=
finished=

# --- telling ------------------------------------------------------------------------------------------------------------

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'; else bold='' dim='' red='' green='' plain=''; fi

chapter() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
indented() { sed 's/^/    /'; }
good() { printf '  %s✓%s %s\n' "$green" "$plain" "$*"; }
surprise() {
    printf '  %s✗ %s%s\n' "$red" "$*" "$plain" >&2
    exit 1
}
told() { printf '  %s$ %s%s\n' "$dim" "$*" "$plain"; }
# Shows a command as one would type it, runs it, shows what it says.
vend() {
    told vend "$*"
    "$vend" "$@" 2>&1 | indented
}

# --- starting and stopping ------------------------------------------------------------------------------------------------

leave() {
    local status=$?
    trap - EXIT
    if [ "$status" != 0 ]; then
        printf '\n%sthe demonstration failed%s; what the core said last:\n' "$red" "$plain" >&2
        tail -n 25 "$work/core.log" >&2 2>/dev/null || true
    elif [ -n "$stay" ] && [ -n "$finished" ]; then
        exit 0
    fi
    if [ -n "$core" ]; then
        kill "$core" 2>/dev/null || true
        wait "$core" 2>/dev/null || true
    fi
    if [ -n "$postgres" ]; then
        kill -INT "$(head -n 1 "$work/pg/data/postmaster.pid" 2>/dev/null || echo "$postgres")" 2>/dev/null || true
        wait "$postgres" 2>/dev/null || true
    fi
    rm -rf "$work"
    exit "$status"
}
trap leave EXIT

# Waits until a command succeeds, for at most so many seconds.
within() {
    local seconds=$1 end
    shift
    end=$((SECONDS + seconds))
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.05
    done
}

# So many operations wait, and no child is at work: nothing is between its sending and its answer.
waiting() {
    local all
    all=$("$vend" get operations --order demo -o json)
    [ "$(grep -c '"state": "waiting"' <<<"$all")" -ge "$1" ] && [ "$(grep -cE '"state": "(running|queued)"' <<<"$all")" -le 1 ]
}

start_core() {
    told vend serve --data "$data" --listen 127.0.0.1:0
    : >"$work/ready"
    "$vend" serve --data "$data" --listen 127.0.0.1:0 >"$work/ready" 2>>"$work/core.log" </dev/null &
    core=$!
    within 15 grep -q ready "$work/ready" || surprise "the core did not get ready"
    indented <"$work/ready"
}

# A directory that holds both programs of a PostgreSQL server, if there is one.
postgres_programs() {
    local place
    for place in "$(dirname "$(command -v postgres || echo /nowhere/x)")" /usr/lib/postgresql/*/bin; do
        if [ -x "$place/postgres" ] && [ -x "$place/initdb" ] && [ -x "$place/psql" ]; then
            echo "$place"
            return
        fi
    done
}

free_port() {
    local port
    for _ in $(seq 50); do
        port=$((20000 + RANDOM % 12000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    return 1
}

random_word() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# The server refuses to run as root.
as_postgres() { if [ "$(id -u)" = 0 ]; then (cd / && exec runuser -u postgres -- "$@"); else (cd / && exec "$@"); fi; }

start_postgres() {
    mkdir "$work/pg"
    super=$(random_word) admin=$(random_word) ro=$(random_word)
    echo "$super" >"$work/pg/password"
    if [ "$(id -u)" = 0 ]; then chown -R postgres "$work/pg"; fi
    pg_port=$(free_port)
    as_postgres "$programs/initdb" -D "$work/pg/data" -A scram-sha-256 --pwfile="$work/pg/password" -U postgres -E UTF8 \
        --locale=C.UTF-8 --no-sync >"$work/initdb.log" 2>&1 || surprise "initdb failed: $(tail -n 3 "$work/initdb.log")"
    as_postgres "$programs/postgres" -D "$work/pg/data" -p "$pg_port" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories="$work/pg" -c fsync=off >"$work/postgres.log" 2>&1 </dev/null &
    postgres=$!
    within 20 "$programs/pg_isready" -q -h 127.0.0.1 -p "$pg_port" || surprise "PostgreSQL did not get ready"
    psql_admin "CREATE ROLE vend LOGIN CREATEDB CREATEROLE PASSWORD '$admin'" >"$work/psql.log"
    psql_admin "CREATE ROLE vend_ro LOGIN PASSWORD '$ro'" >>"$work/psql.log"
}

# Asks the PostgreSQL server itself.
psql_admin() { PGPASSWORD=$super "$programs/psql" -h 127.0.0.1 -p "$pg_port" -U postgres -d postgres -v ON_ERROR_STOP=1 -qtAc "$1"; }

# What lies in the directory, by name.
on_disk() { (cd "$files" 2>/dev/null && ls -- *.db 2>/dev/null) | sed 's/\.db$//' | xargs; }
exists() { for name in "$@"; do [ -e "$files/$name.db" ] || return 1; done; }
expect() {
    local what=$1 expected=$2 found=$3
    [ "$expected" = "$found" ] || surprise "$what: expected \`$expected\`, found \`$found\`"
    good "$what: ${found:-none}"
}

# --- the play -------------------------------------------------------------------------------------------------------------

[ -x "$vend" ] || surprise "there is no program at $vend: build it with \`make build\`"
programs=$(postgres_programs)

chapter "1. Start the core, stock it"
if [ -n "$programs" ]; then
    start_postgres
    good "a PostgreSQL server of our own at 127.0.0.1:$pg_port"
else
    echo "  (no PostgreSQL server on this machine: its part is left out; \`apt-get install postgresql\` brings it)"
fi
start_core
drivers=(sqlite slow probe)
if [ -n "$programs" ]; then drivers+=(postgres); fi
for driver in "${drivers[@]}"; do vend driver install "$components/$driver.wasm"; done
cd "$root"
vend apply -f examples/demo/platform.yaml
if [ -n "$programs" ]; then
    told "vend secret set pg-admin < …; vend secret set pg-ro < …"
    printf '%s' "$admin" | "$vend" secret set pg-admin | indented
    printf '%s' "$ro" | "$vend" secret set pg-ro | indented
    mkdir "$work/postgres"
    sed "s/5432/$pg_port/" examples/postgres/platform.yaml >"$work/postgres/platform.yaml"
    vend apply -f "$work/postgres/platform.yaml"
fi
vend catalog

chapter "2. Plan: nothing but reads"
vend plan -f examples/demo/order.yaml
expect "databases on disk after planning" "" "$(on_disk)"

chapter "3. A driver that writes while planning"
told vend plan -f examples/demo/denied.yaml
if "$vend" plan -f examples/demo/denied.yaml >"$work/denied" 2>&1; then
    surprise "the plan of a driver that writes went through"
fi
indented <"$work/denied"
grep -q "denied" "$work/denied" || surprise "the plan failed for another reason than a denied write"
good "denied before anything left"
expect "databases on disk" "" "$(on_disk)"

chapter "4. Order, and pull the plug in the middle"
vend apply -q -f examples/demo/order.yaml
if [ -n "$programs" ]; then vend apply -q -f examples/postgres/order.yaml --wait; fi
within 10 exists tortoise snail || surprise "the slow databases were not begun"
within 10 waiting 2 || surprise "the slow databases do not wait"
vend get resources
told "kill -9 $core"
kill -9 "$core"
wait "$core" 2>/dev/null || true
core=
good "the core is dead; two of the things it makes are half made"
start_core
vend wait order/demo --for ready --timeout 25s

chapter "5. Count, without vend's help"
told "ls $files"
expect "databases, none missing, none twice" "notes snail stumbler tortoise" "$(on_disk)"
if command -v sqlite3 >/dev/null; then
    for name in tortoise snail; do
        expect "creations of $name that were executed" 1 "$(sqlite3 -readonly "$files/$name.db" 'SELECT count(*) FROM created')"
    done
    expect "writes of the driver that failed and was tried again" 1 "$(sqlite3 -readonly "$files/stumbler.db" 'SELECT count(*) FROM write')"
    told "sqlite3 $files/notes.db .schema note"
    sqlite3 -readonly "$files/notes.db" '.schema note' | indented
else
    echo "  (sqlite3 is not installed: what is in the files is not looked at)"
fi
if [ -n "$programs" ]; then
    expect "databases checkout on the PostgreSQL server" 1 "$(psql_admin "SELECT count(*) FROM pg_database WHERE datname = 'checkout'")"
    expect "roles checkout on the PostgreSQL server" 1 "$(psql_admin "SELECT count(*) FROM pg_roles WHERE rolname = 'checkout'")"
fi

chapter "6. The story of the order, call by call"
operation=$("$vend" get order demo -o json | grep -o "op_[0-9a-z]*" | head -n 1)
"$vend" journal "$operation" >"$work/journal"
told "vend journal $operation | grep -B 2 replayed"
grep -m 1 TIME "$work/journal" | indented
grep -B 2 replayed "$work/journal" | indented || surprise "no line of the journal was replayed"
good "what had been applied was not sent again: the second attempt was given the recorded answer"

chapter "7. What was bought"
vend outputs demo
if [ -n "$programs" ]; then
    vend outputs checkout
    url=$("$vend" outputs checkout/db --reveal -o json | sed -n 's/.*"url": "\(postgres:[^"]*\)".*/\1/p')
    told "psql \"\$(vend outputs checkout/db --reveal …)\" -c 'SELECT current_user, current_database()'"
    expect "the revealed URL logs in as" "checkout|checkout" "$("$programs/psql" "$url" -qtAc 'SELECT current_user, current_database()')"
else
    told "vend outputs demo/stumbler --reveal"
    "$vend" outputs demo/stumbler --reveal -o json | grep -q '"password": "[A-Za-z0-9]\{32\}"' || surprise "no password was revealed"
    good "a password of 32 characters was revealed (not shown here)"
fi
told "vend get audit | grep -i reveal"
"$vend" get audit | grep -i reveal | indented || surprise "the reveal is not in the audit trail"
good "and whoever revealed it is on record"

if [ -n "$stay" ]; then
    finished=1
    chapter "Left running. Try:"
    cat <<TRY
    export VEND_CONFIG_DIR=$VEND_CONFIG_DIR PATH=$(dirname "$vend"):\$PATH
    vend catalog
    vend explain sqlite-database
    vend order sqlite-database mine --set name=mine --wait
    vend tree demo
    vend journal $operation
    vend get resources -o wide
    vend delete order demo --yes --wait
  To stop it: kill $core${postgres:+ && kill -INT $(head -n 1 "$work/pg/data/postmaster.pid")}; rm -rf $work
TRY
    exit 0
fi

chapter "8. Give everything back"
vend delete order demo --allow-destroy --wait
if [ -n "$programs" ]; then vend delete order checkout --allow-destroy --wait; fi
expect "databases on disk" "" "$(on_disk)"
if [ -n "$programs" ]; then
    expect "databases and roles checkout on the PostgreSQL server" "0 0" \
        "$(psql_admin "SELECT (SELECT count(*) FROM pg_database WHERE datname = 'checkout') || ' ' || (SELECT count(*) FROM pg_roles WHERE rolname = 'checkout')")"
fi
told "kill $core"
kill "$core"
wait "$core" || surprise "the core did not stop in order"
core=
good "the core stopped in order"
printf '\n%sDone in %s s.%s What was shown is also asserted by `make test`.\n' "$bold" "$SECONDS" "$plain"
