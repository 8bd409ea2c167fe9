#!/bin/sh
# Fetches the page's libraries from the npm registry into web/vendor: as they are published, except
# that imports by name become relative (an import map would have to be an inline script, which the
# page's Content-Security-Policy forbids). Needs npm, only here: never to run the page.
#
# Usage: sh tools/vendor_web.sh
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
vendor=$here/web/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# NAME VERSION FILE TARGET: one module of a package.
take() {
    folder=$work/$(printf '%s' "$1" | tr '/@' '__')-$2
    if [ ! -d "$folder" ]; then
        mkdir "$folder"
        tar xzf "$(npm pack --silent "$1@$2")" -C "$folder"
        cp "$folder/package/LICENSE" "$vendor/LICENSE.$(basename "$1")"
    fi
    sed -e 's|from"preact/hooks"|from"./hooks.js"|g' -e 's|from"preact"|from"./preact.js"|g' \
        -e 's|"@preact/signals-core"|"./signals-core.js"|g' -e '/^\/\/# sourceMappingURL/d' \
        "$folder/package/$3" >"$vendor/$4"
}

take preact 11.2.0 dist/preact.mjs preact.js
take preact 11.2.0 hooks/dist/hooks.mjs hooks.js
take htm 3.1.1 dist/htm.mjs htm.js
take @preact/signals-core 1.14.5 dist/signals-core.mjs signals-core.js
take @preact/signals 2.11.4 dist/signals.mjs signals.js
