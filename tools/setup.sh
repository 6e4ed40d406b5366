#!/bin/sh
# Makes the virtual environment that `make` works with: sh tools/setup.sh FOLDER.
# Takes the first Python of 3.11 or later that it finds; PYTHON names another.
set -eu

venv=$1
oldest='import sys; sys.exit(sys.version_info < (3, 11))'

find_python() {
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if command -v "$name" >/dev/null 2>&1 && "$name" -c "$oldest" >/dev/null 2>&1; then
            command -v "$name"
            return
        fi
    done
    if [ -n "${PYTHON:-}" ]; then
        echo "PYTHON is $PYTHON, which is no Python of 3.11 or later." >&2
    else
        echo "No Python of 3.11 or later was found on PATH. Install one, or name it: make PYTHON=/path/to/python3" >&2
    fi
    return 1
}

# Debian's python3 may come without ensurepip: a venv is then left half made.
whole() { [ -x "$venv/bin/python" ] && "$venv/bin/python" -c "$oldest" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }

if ! whole; then
    python=$(find_python)
    echo "Making $venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv" >"$venv.log" 2>&1 || true
    if ! whole && command -v uv >/dev/null 2>&1; then
        rm -rf "$venv"
        uv venv --quiet --seed --python "$python" "$venv" >>"$venv.log" 2>&1 || true
    fi
    if ! whole; then
        cat "$venv.log" >&2
        rm -rf "$venv" "$venv.log"
        echo "$python cannot make a virtual environment with pip in it: install its venv module" \
            "(Debian, Ubuntu: apt install python3-venv) or uv." >&2
        exit 1
    fi
    rm -f "$venv.log"
fi

echo "Installing bulkload and what its tests need into $venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' # it knows --group
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[sandbox,parquet,remote]' --group dev
touch "$venv/.installed"
