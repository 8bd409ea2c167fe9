#!/bin/sh
# Makes the virtual environment .venv in the current folder, with Python 3.11 or newer.
# One that is there already is kept where it is good. PYTHON names the interpreter to take;
# without it that is python3, or else the newest that is found.
set -eu

venv=.venv
wanted='import sys; sys.exit(sys.version_info < (3, 11))'

say() {
    printf '%s\n' "$*" >&2
}

find_python() {
    for name in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c "$wanted" 2>/dev/null; then
            command -v "$name"
            return
        fi
        if [ -n "${PYTHON:-}" ]; then
            break
        fi
    done
    say "mymessenger needs Python 3.11 or newer, and ${PYTHON:-python3} is not that." \
        "Install one, or name it: make install PYTHON=/path/to/python3.12"
    exit 1
}

# Debian keeps a part of venv in a package of its own.
complete_python() {
    if "$1" -c 'import ensurepip, venv' 2>/dev/null; then
        return
    fi
    minor=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    sh tools/programs.sh "venv:$minor"
    if ! "$1" -c 'import ensurepip, venv' 2>/dev/null; then
        say "$1 cannot make virtual environments: its module ensurepip is missing."
        exit 1
    fi
}

# Good: new enough, with pip, and made in this very folder (its scripts carry the path).
usable() {
    "$venv/bin/python" -c "$wanted" 2>/dev/null &&
        grep -qF "$(pwd -P)/$venv/bin/" "$venv/bin/pip" 2>/dev/null
}

if usable; then
    exit 0
fi
python=$(find_python)
complete_python "$python"
say "Making .venv with $("$python" --version) ($python)"
"$python" -m venv --clear "$venv"
