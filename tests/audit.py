"""Ask whether known weaknesses of the pinned requirements have been published (pip-audit): python tests/audit.py.

Fails if there are some. Where the service cannot be reached it says so and passes: a build without a network must work.
"""

import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[1] / "requirements.txt"


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "-r", REQUIREMENTS, "--no-deps", "--disable-pip", "--timeout", "10"]
    audit = subprocess.run([*command, "--progress-spinner", "off"], capture_output=True, text=True)
    said = audit.stdout + audit.stderr
    if audit.returncode and "known vulnerabilit" in said:
        print(said)
        return 1
    if audit.returncode or "could not be audited" in said:
        print("pip-audit: not all requirements could be looked up here")
    return 0


if __name__ == "__main__":
    sys.exit(main())
