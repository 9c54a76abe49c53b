# Sets up goop2 in this checkout: system packages, the Python environment in .venv, and what comes from npm.
# Sourced by `run` and `test`; every step does nothing when there is nothing to do.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$top/.venv

# What the desktop needs that a bare Debian 12 or Ubuntu does not have.
desktop_packages=(
    libgl1 libegl1 libgbm1 libdrm2 libx11-xcb1 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0
    libxcb-render-util0 libxcb-shape0 libxcb-sync1 libxcb-util1 libxcb-xfixes0 libxcb-xkb1 libxkbcommon-x11-0
    libxkbfile1 libxcomposite1 libxdamage1 libxrandr2 libxtst6 libxi6 libnss3 libnspr4 libasound2 libpulse0
    libdbus-1-3 libfontconfig1 libglib2.0-0 libxslt1.1 fonts-dejavu-core
)
base_packages=(ca-certificates python3 python3-venv)
test_packages=(
    xvfb xauth xdotool x11-utils imagemagick dbus dbus-x11 trayer openbox wmctrl chromium procps
    iproute2 nftables iputils-ping libatomic1 git
)

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
stop() { printf 'goop2: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; return; fi
    command -v sudo >/dev/null || stop "these packages are missing and installing them needs root: $missing"
    sudo "$@"
}

# install_packages NAME…: installs those that are missing. Ubuntu 24.04 calls some of them NAMEt64.
install_packages() {
    command -v dpkg-query >/dev/null || { say "This is not Debian or Ubuntu: install the like of $* yourself."; return; }
    missing=
    local name
    for name; do
        dpkg-query -Wf '${Status}\n' "$name" "${name}t64" 2>/dev/null | grep -q 'ok installed' || missing+=" $name"
    done
    [ -z "$missing" ] && return
    say "Installing$missing"
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get -o DPkg::Lock::Timeout=300 -qq update || stop "the package lists could not be fetched; is there a network?"
    local chosen=()
    for name in $missing; do
        if apt-cache show "${name}t64" >/dev/null 2>&1; then chosen+=("${name}t64"); else chosen+=("$name"); fi
    done
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -o DPkg::Lock::Timeout=300 -qq -y --no-install-recommends install "${chosen[@]}" >&2 \
        || stop "these packages could not be installed:$missing"
}

# make_environment LOCK…: .venv with exactly the locked packages, and goop2 itself from this checkout. The locks are
# complete, hence --no-deps.
make_environment() {
    local python lock stamp
    for python in python3 python3.13 python3.12 python3.11; do
        "$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
        python=
    done
    [ -n "$python" ] || stop "Python 3.11 or newer is needed; this system has $(python3 --version 2>&1)."
    stamp=$({ "$python" --version; cat "$@" "$top/pyproject.toml"; } | sha256sum | cut -d' ' -f1)
    if [ "$(cat "$venv/.goop2-stamp" 2>/dev/null)" != "$stamp" ]; then
        say "Setting up Python in .venv (a few minutes the first time)"
        [ -x "$venv/bin/python" ] || "$python" -m venv "$venv" || stop "the virtual environment could not be made"
        for lock; do
            "$venv/bin/pip" -q install --disable-pip-version-check --no-deps --require-hashes -r "$lock" \
                || stop "the Python packages could not be installed; is there a network?"
        done
        "$venv/bin/pip" -q install --disable-pip-version-check --no-deps --no-build-isolation -e "$top" \
            || stop "goop2 itself could not be installed"
        echo "$stamp" > "$venv/.goop2-stamp"
    fi
    "$venv/bin/python" "$top/packaging/vendor.py" || stop "what the pages need from npm could not be fetched"
}
