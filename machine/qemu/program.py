"""The program ``qemu-system-riscv64``: where it is, whether it is new enough, and one run of it.

However the ``with`` block of a run is left, the process is killed and waited for; where the operating system can
(Linux), it dies with this process too. The private folder with its sockets and files is removed as soon as QEMU has
opened them all.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from cowcheck.model.errors import CowcheckError

NAME = "qemu-system-riscv64"
OLDEST = (6, 2)
"""The first release whose ``virt`` machine takes its RAM from a memory backend."""

INSTALL = (
    "install it (Debian, Ubuntu: `apt install qemu-system-misc`; macOS: `brew install qemu`), or use --machine board"
)

_START_S = 20.0
_MOST_WORDS = 2000  # bytes of QEMU's own that an error shows
_LEAST_ROOM = 256 << 20


def find_qemu() -> str:
    """The program's path. Raises :class:`CowcheckError` where it is not installed, or too old."""
    path = shutil.which(NAME)
    if path is None:
        raise CowcheckError(f"{NAME} is not installed, or not on the PATH; {INSTALL}")
    found = qemu_version(path)
    if found < OLDEST:
        shown, oldest = (".".join(map(str, version)) for version in (found, OLDEST))
        raise CowcheckError(f"{path} is QEMU {shown}, and its RAM cannot be observed before {oldest}; {INSTALL}")
    return path


def qemu_version(path: str) -> tuple[int, ...]:
    """Its release, as (7, 2, 22). Raises :class:`CowcheckError` where the program does not tell."""
    try:
        run = subprocess.run([path, "--version"], check=False, capture_output=True, timeout=_START_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CowcheckError(f"{path} cannot be run ({error}); {INSTALL}") from error
    found = re.search(r"version (\d+)\.(\d+)(?:\.(\d+))?", run.stdout.decode("utf-8", "replace"))
    if found is None:
        raise CowcheckError(f"{path} does not tell its version, so it is no QEMU that is known; {INSTALL}")
    return tuple(int(part) for part in found.groups(default="0"))


def _dying_with_us(command: Sequence[str]) -> list[str]:
    """The command, started so that it is killed when this process ends, however that comes. Linux alone can do that."""
    if sys.platform != "linux" or not sys.executable:
        return list(command)
    pr_set_pdeathsig = 1
    lines = (
        "import ctypes, os, sys",
        f"ctypes.CDLL(None).prctl({pr_set_pdeathsig}, {int(signal.SIGKILL)})",
        "os.execv(sys.argv[1], sys.argv[1:])",
    )
    return [sys.executable, "-I", "-S", "-c", "; ".join(lines), *command]


class Run:
    """One running QEMU and its two sockets, ``gdb`` and ``console``, as a context manager; a ``Channel`` to its stub.

    ``arguments`` is called with the private folder and gives the rest of the command line.
    """

    def __init__(self, program: str, arguments: Callable[[Path], Sequence[str]]) -> None:
        self._program, self._arguments = program, arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._sockets: dict[str, socket.socket] = {}
        self.take_console: Callable[[bytes], None] = lambda data: None

    def __enter__(self) -> Run:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="cowcheck-qemu-", dir=_roomy_folder()))
        command = [
            self._program, *self._arguments(self._folder),
            "-gdb", f"unix:{self._folder / 'gdb'},server=on,wait=off",
            "-chardev", f"socket,id=console,path={self._folder / 'console'},server=on,wait=off",
            "-serial", "chardev:console",
        ]  # fmt: skip
        try:
            self._process = subprocess.Popen(
                _dying_with_us(command),
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                start_new_session=True,  # Ctrl-C is for this process, which then kills QEMU
            )
        except OSError as error:
            raise CowcheckError(f"{self._program} cannot be started ({error}); {INSTALL}") from error
        for name in ("console", "gdb"):
            self._sockets[name] = self._connect(self._folder / name)
        self._remove_folder()

    def _connect(self, path: Path) -> socket.socket:
        until = time.monotonic() + _START_S
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(path))
            except OSError:
                connection.close()
            else:
                connection.setblocking(False)
                return connection
            if self._ended() or time.monotonic() > until:
                raise self.failure("it did not start")
            time.sleep(0.005)

    @property
    def process_id(self) -> int | None:
        """The process, while there is one."""
        return None if self._process is None else self._process.pid

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def failure(self, what: str) -> CowcheckError:
        """That QEMU failed, with what it said itself."""
        words = ""
        with contextlib.suppress(OSError, ValueError):
            words = os.pread(self._said.fileno(), _MOST_WORDS, 0).decode("utf-8", "replace").strip()
        status = None if self._process is None else self._process.poll()
        if status is not None:
            what += f" (exit status {status})" if status >= 0 else f" (killed by signal {-status})"
        said = f"; it said: {words}" if words else ", and it said nothing"
        return CowcheckError(f"QEMU ({self._program}): {what}{said}")

    # --- the channel ---

    def send(self, data: bytes) -> None:
        """To the debugging stub."""
        self._write("gdb", data)

    def type(self, text: bytes) -> None:
        """To the console's receiver."""
        self._write("console", text)

    def _write(self, name: str, data: bytes) -> None:
        connection = self._sockets[name]
        until = time.monotonic() + _START_S
        while data:
            try:
                data = data[connection.send(data) :]
            except BlockingIOError:
                if time.monotonic() > until:
                    raise self.failure(f"it takes nothing more on its {name} socket") from None
                self.receive_console()
                select.select([], [connection], [], 0.05)
            except OSError:
                raise self.failure("it ended") from None

    def receive(self, timeout_s: float) -> bytes:
        """From the debugging stub; what the console prints meanwhile is taken too."""
        until = time.monotonic() + timeout_s
        while True:
            left = max(until - time.monotonic(), 0.0)
            ready, _, _ = select.select(list(self._sockets.values()), [], [], left)
            if self._sockets["console"] in ready:
                self.receive_console()
            if self._sockets["gdb"] in ready:
                return self._read("gdb")
            if left <= 0:
                return b""

    def receive_console(self) -> None:
        """Takes what the console has printed until now."""
        while data := self._read("console"):
            self.take_console(data)

    def _read(self, name: str) -> bytes:
        try:
            data = self._sockets[name].recv(1 << 16)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            with contextlib.suppress(subprocess.TimeoutExpired):
                if self._process is not None:
                    self._process.wait(1.0)
            raise self.failure("it ended")
        return data

    def close(self) -> None:
        """Kills QEMU, and removes what it used. Nothing is left, whatever state it was in."""
        for connection in self._sockets.values():
            connection.close()
        self._sockets.clear()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._said.close()
        self._remove_folder()

    def _remove_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _roomy_folder() -> str | None:
    """Where the guest's RAM goes: into memory where that is a folder with room, else wherever temporary files go."""
    shared = "/dev/shm"
    if os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > _LEAST_ROOM:
        return shared
    return None
