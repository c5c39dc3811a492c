#!/usr/bin/env bash
# Prepares Gradescope's container, once an assignment.
set -euo pipefail

COWCHECK=${COWCHECK:-git+https://github.com/OWNER/cowcheck}  # its repository

apt-get update
apt-get install --yes --no-install-recommends \
    gcc-riscv64-linux-gnu git make perl python3 python3-venv
python3 -m venv /autograder/venv
/autograder/venv/bin/pip install "cowcheck @ $COWCHECK"
useradd --create-home student  # who builds submissions
