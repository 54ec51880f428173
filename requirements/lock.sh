#!/bin/sh
# Write the locks: make lock. base.txt is what the project itself needs, each of the others what one
# extra adds to it; setup.sh installs them without looking for dependencies. A package has the same
# version in all of them, for both Pythons and every system; hashes make them exact. Versions that
# are locked stay unless pyproject.toml forbids them: for newer ones remove their lines, or a file.
set -eu
cd "$(dirname "$0")/.."
extras="train evaluate umap cluster gamepad test"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compile() { # OUT OPTIONS...
    out=$1
    shift
    .venv/bin/python -m uv pip compile --quiet --universal --python-version 3.11 \
        --fork-strategy fewest --generate-hashes --no-header --output-file "$out" "$@" \
        requirements/build.in pyproject.toml >/dev/null
}
lock() { # NAME OPTIONS...
    name=$1
    shift
    rm -f "$work/one"
    # shellcheck disable=SC2086
    compile "$work/one" --constraints "$work/all" $known "$@"
    # Without the constraints' own name, and the list of what is not there.
    sed -e '/^    #   -c /d' -e '/^# The following packages were excluded/,$d' -e '/^$/d' \
        "$work/one" >"requirements/$name.txt"
}
added() { sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' "requirements/$1.txt"; }

for name in base cpu $extras; do
    cat "requirements/$name.txt" 2>/dev/null || true
done >"$work/all"
compile "$work/all" --extra cpu --extra test

# TensorFlow asks for libclang (62 MB), and imports it nowhere.
known="--no-emit-package libclang"
lock base
known="$known $(added base)"
lock gpu --extra gpu
lock cpu --extra cpu
known="$known $(added cpu)"
for name in $extras; do
    lock "$name" --extra cpu --extra "$name"
    known="$known $(added "$name")"
done
