#!/bin/sh
# Finds the programs that the tests need besides Python, and installs those that are missing from
# the system's packages: as root, or with sudo where it asks for no password.
#
# Usage: sh tools/programs.sh WHAT...    WHAT: mariadb, telnet, tmux, chromium, venv:3.X
set -eu

say() {
    printf '%s\n' "$*" >&2
}

# The first of the given programs that is there, also in folders that are not on everybody's PATH.
have() {
    for program in "$@"; do
        if PATH="$PATH:/usr/sbin:/usr/libexec:/usr/local/bin:/usr/local/sbin:/sbin" \
            command -v "$program" >/dev/null 2>&1; then
            return 0
        fi
    done
    return 1
}

present() {
    case $1 in
        mariadb) have mariadbd mysqld ;;
        venv:*) "python${1#venv:}" -c 'import ensurepip, venv' 2>/dev/null ;;
        *) have "$1" ;;
    esac
}

# The packages that hold it. Debian's mariadb-server would start a database for the whole system
# and set up a service; its core package is only the program.
packages() {
    case $manager:$1 in
        apt-get:mariadb) apt_mariadb ;;
        apt-get:telnet) echo inetutils-telnet ;;
        apt-get:venv:*) echo "python${1#venv:}-venv" ;;
        apk:mariadb) echo mariadb mariadb-client ;;
        apk:telnet) echo busybox-extras ;;
        apk:venv:*) echo python3 ;;
        dnf:mariadb) echo mariadb-server ;;
        dnf:venv:*) echo "python${1#venv:}" ;;
        *) echo "$1" ;;
    esac
}

# Ubuntu puts the version into the packages' names, or did.
apt_mariadb() {
    for suffix in "" -10.11 -10.6; do
        if apt-cache show "mariadb-server-core$suffix" >/dev/null 2>&1; then
            echo "mariadb-server-core$suffix mariadb-client-core$suffix"
            return
        fi
    done
    echo mariadb-server-core mariadb-client-core
}

find_manager() {
    for manager in apt-get dnf apk; do
        if have "$manager"; then
            return
        fi
    done
    manager=none
}

# Runs a command as root; false where that is impossible without a password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

refresh() {
    case $manager in
        apt-get) as_root apt-get update -qq ;;
        apk) as_root apk update -q ;;
    esac
}

install() {
    case $manager in
        apt-get)
            as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y -qq --no-install-recommends "$@"
            ;;
        dnf) as_root dnf install -y -q "$@" ;;
        apk) as_root apk add -q "$@" ;;
        *) return 1 ;;
    esac
}

missing=
for what in "$@"; do
    present "$what" || missing="$missing $what"
done
[ -n "$missing" ] || exit 0

find_manager
log=$(mktemp)
trap 'rm -f "$log"' EXIT
say "Missing:$missing. Installing from the system's packages ..."
refresh >"$log" 2>&1 || true
wanted=
for what in $missing; do
    wanted="$wanted $(packages "$what")"
done
# shellcheck disable=SC2086  # a list of names
if ! install $wanted </dev/null >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    case $manager in
        none) say "Please install these programs, then run the same command again:$missing" ;;
        apk) say "Please run this as root, then the same command again: apk add$wanted" ;;
        *) say "Please run this, then the same command again: sudo $manager install$wanted" ;;
    esac
    exit 1
fi
for what in $missing; do
    if ! present "$what"; then
        say "$what is still missing after installing:$wanted"
        exit 1
    fi
done
