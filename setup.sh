#!/bin/sh
# Install what this checkout needs, into .venv:
#   ./setup.sh            what playing and training need
#   ./setup.sh EXTRA...   these extras of pyproject.toml, too
#   ./setup.sh test       all extras, and what the tests need
# It prints what it installs, uses sudo only if it is not run as root, and does nothing twice.
set -eu
cd "$(dirname "$0")"
say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
has() { command -v "$1" >/dev/null 2>&1; }

extras=train
for extra; do
    case "$extra" in
    play) ;;
    test) extras="train evaluate umap cluster gamepad test" ;;
    *)
        [ -f "requirements/$extra.txt" ] || die "there is no extra $extra: see pyproject.toml"
        extras="$extras $extra"
        ;;
    esac
done
wanted() { case " $extras " in *" $1 "*) ;; *) return 1 ;; esac; }

# .venv/.latentpad holds the cksum of each file whose packages are installed.
is_installed() { grep -qxF "$(cksum "$1")" .venv/.latentpad 2>/dev/null; }

# -- Python ----------------------------------------------------------------------------------
find_python() {
    for p in python3.12 python3.11 python3 ~/.local/bin/python3.12 ~/.local/bin/python3.11; do
        if has "$p" &&
            "$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null
        then command -v "$p"; return; fi
    done
}
of_python() { "$python" -c "import os, sys, sysconfig; $1"; }

packages=
case "$(uname -s)" in
Linux | Darwin) ;;
*) die "Linux and macOS are supported; this is $(uname -s)" ;;
esac
python=.venv/bin/python
[ -x "$python" ] || python=$(find_python)
if [ -z "$python" ] && [ "$(uname -s)" = Darwin ]; then
    packages=python@3.12
elif [ -z "$python" ]; then
    there=$(python3 --version 2>/dev/null || echo "no Python")
    how="uv python install 3.12"
    if has apt-get; then
        apt-cache show python3 >/dev/null 2>&1 || root apt-get update -qq
        for v in 3.12 3.11; do
            if apt-cache show "python$v-venv" >/dev/null 2>&1; then
                packages="python$v python$v-venv"
                break
            fi
        done
        how="sudo apt-get install pipx && pipx run uv python install 3.12"
    fi
    [ -n "$packages" ] || die "Python 3.11 or 3.12 is needed, and here is $there." \
        "Put one beside it, for instance by: $how - then do the same again"
elif ! of_python 'import ensurepip' 2>/dev/null; then
    packages=$(of_python 'print("python%d.%d-venv" % sys.version_info[:2])')
fi

# -- the system's packages -------------------------------------------------------------------
has_library() { PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null | grep -q "$1"; }
if [ "$(uname -s)" = Linux ]; then
    has_library libportaudio.so.2 || packages="$packages libportaudio2"
    # ViSQOL needs libsvm, which comes as source only.
    if wanted evaluate && ! is_installed requirements/evaluate.txt; then
        has g++ || packages="$packages g++"
    fi
    if wanted test; then
        has jackd || packages="$packages jackd2"
        # Clients of OSC, each of which plays the instrument in a test.
        has oscsend || packages="$packages liblo-tools"
        has pd || packages="$packages puredata-core"
        has sclang || packages="$packages supercollider-language"
        has npm || packages="$packages nodejs npm"
    fi
    if [ -n "${packages# }" ]; then
        has apt-get || die "please install with your system's packages: ${packages# }"
        say "installing with apt-get$([ "$(id -u)" = 0 ] || echo ' (sudo)'): ${packages# }"
        root apt-get update -qq
        # shellcheck disable=SC2086
        root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends $packages >/dev/null
    fi
else
    if wanted test; then
        has jackd || packages="$packages jack"
        has oscsend || packages="$packages liblo"
        has npm || packages="$packages node"
    fi
    if [ -n "${packages# }" ]; then
        has brew || die "please install Homebrew (brew.sh), then: brew install ${packages# }"
        say "installing with brew: ${packages# }"
        # shellcheck disable=SC2086
        brew install $packages
    fi
fi

# -- Python's packages -----------------------------------------------------------------------
if [ ! -x .venv/bin/python ]; then
    python=$(find_python)
    say "making a virtual environment in .venv with $("$python" --version)"
    "$python" -m venv .venv
fi
tensorflow=requirements/cpu.txt
if has nvidia-smi && nvidia-smi -L 2>/dev/null | grep -q GPU; then
    tensorflow=requirements/gpu.txt
fi
# Extras that were installed before are updated too.
files=$({
    printf 'requirements/%s.txt\n' base $extras
    awk '$3 ~ /^requirements/ && $3 !~ /[cg]pu.txt$/ { print $3 }' .venv/.latentpad 2>/dev/null
} | sort -u)
# --no-deps: the locks hold all packages. pip compiles the modules here: with PYTHONDONTWRITEBYTECODE
# set, each process would compile those of TensorFlow again.
pip() { .venv/bin/python -m pip --quiet --disable-pip-version-check install --no-deps "$@"; }

set --
for file in $files; do
    is_installed "$file" || set -- "$@" -r "$file"
done
if [ $# != 0 ]; then
    say "installing Python packages: $(printf '%s\n' "$@" | sed -n 's|.*/\(.*\).txt|\1|p' | tr '\n' ' ')"
    pip --require-hashes "$@"
fi
is_installed pyproject.toml || pip --no-build-isolation --editable .
kernels=$(find engine/ -name "*.py" -exec grep -l njit {} + | sort | xargs cat | cksum)
compiling=
if ! grep -qxF "$kernels" .venv/.kernels 2>/dev/null; then
    say "compiling the kernels"
    .venv/bin/python -m latentpad.cli.warm_up & # while TensorFlow is fetched
    compiling=$!
    trap 'kill "$compiling" 2>/dev/null || true' EXIT
    trap 'exit 130' INT TERM
fi
if ! is_installed "$tensorflow"; then
    say "installing TensorFlow ($tensorflow: some 300 MB)"
    pip --require-hashes -r "$tensorflow"
    # Its C++ headers (290 MB) serve only to build operations of one's own.
    rm -rf .venv/lib/python3*/site-packages/tensorflow/include
fi
if wanted test && ! [ -d .venv/node/node_modules/oscquery ]; then
    say "installing the packages osc and oscquery for Node"
    npm install --silent --no-audit --no-fund --omit=optional --prefix .venv/node \
        osc@2.4.5 oscquery@1.1.1
fi
# shellcheck disable=SC2086
cksum $files "$tensorflow" pyproject.toml >.venv/.latentpad
if [ -n "$compiling" ]; then
    wait "$compiling"
    trap - EXIT
    printf '%s\n' "$kernels" >.venv/.kernels
fi
