#!/bin/sh
# Make this checkout ready: ./setup.sh play, or ./setup.sh test for what the tests need too.
# Says what it installs; uses sudo only where it is not root; does nothing twice.
set -eu
cd "$(dirname "$0")"
kind=${1:-play}
say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# -- the system's packages -------------------------------------------------------------------
apt() {
    [ $# = 0 ] && return
    command -v apt-get >/dev/null || die "please install with your system's packages: $*"
    say "installing with apt-get$([ "$(id -u)" = 0 ] || echo ' (sudo)'): $*"
    root apt-get update -qq
    root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
        >/dev/null
}
brew_() {
    [ $# = 0 ] && return
    command -v brew >/dev/null || die "please install Homebrew (brew.sh), then: brew install $*"
    say "installing with brew: $*"
    brew install "$@"
}
has_library() { PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null | grep -q "$1"; }

find_python() {
    for p in python3.12 python3.11 python3; do
        if command -v "$p" >/dev/null 2>&1 &&
            "$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null
        then command -v "$p"; return; fi
    done
}

wanted=
case "$(uname -s)" in
Linux)
    has_library libportaudio.so.2 || wanted="$wanted libportaudio2"
    # ViSQOL's support vector machine (libsvm) comes as source.
    command -v g++ >/dev/null || wanted="$wanted g++"
    if [ "$kind" = test ]; then
        command -v jackd >/dev/null || wanted="$wanted jackd2"
        command -v oscsend >/dev/null || wanted="$wanted liblo-tools"
    fi
    # shellcheck disable=SC2086
    apt $wanted
    ;;
Darwin)
    [ -n "$(find_python)" ] || wanted="$wanted python@3.12"
    if [ "$kind" = test ]; then
        command -v jackd >/dev/null || wanted="$wanted jack"
        command -v oscsend >/dev/null || wanted="$wanted liblo"
    fi
    # shellcheck disable=SC2086
    brew_ $wanted
    ;;
*) die "Linux and macOS are supported; this is $(uname -s)" ;;
esac

# -- Python ----------------------------------------------------------------------------------
if [ ! -x .venv/bin/python ]; then
    python=$(find_python)
    if [ -z "$python" ] && command -v apt-get >/dev/null; then
        for v in 3.12 3.11; do
            if apt-cache show "python$v-venv" >/dev/null 2>&1; then
                apt "python$v" "python$v-venv"
                break
            fi
        done
        python=$(find_python)
    fi
    [ -n "$python" ] || die "Python 3.11 or 3.12 is needed (for instance: uv python install 3.12)"
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        apt "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
    if ! "$python" -c 'import os, sysconfig, sys
sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'; then
        apt "$("$python" -c 'import sys; print("python%d.%d-dev" % sys.version_info[:2])')"
    fi
    say "making a virtual environment in .venv with $("$python" --version)"
    "$python" -m venv .venv
fi

lock=requirements/cpu.txt
if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L 2>/dev/null | grep -q GPU; then
    lock=requirements/gpu.txt
fi
mark=$(cat "$lock" pyproject.toml setup.sh | cksum)
if [ "$(cat .venv/.latentpad 2>/dev/null || true)" != "$mark" ]; then
    say "installing Python packages from $lock (TensorFlow among them: some 300 MB)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
        --no-build-isolation --editable .
    printf '%s\n' "$mark" >.venv/.latentpad
fi
kernels=$(find engine -name "*.py" -exec grep -l njit {} + | sort | xargs cat | cksum)
if [ "$(cat .venv/.kernels 2>/dev/null || true)" != "$kernels" ]; then
    say "compiling the kernels"
    .venv/bin/python -m engine.warm
    printf '%s\n' "$kernels" >.venv/.kernels
fi
