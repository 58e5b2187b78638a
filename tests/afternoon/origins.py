"""A region's web server: nginx with two addresses, and what goes wrong with it.

What comes in: a folder and a certificate. What goes out: the command that runs it, and changes of what it serves that
need no restart: its files are looked at for each request.
"""

import os
import shutil
import signal
from pathlib import Path

from tests.afternoon.places import PATH
from tests.fakes.cluster import Running

CONFIGURATION = """\
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  default_type application/json;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 443 ssl;
    ssl_certificate {folder}/shown.pem;
    ssl_certificate_key {folder}/shown.pem;
    root {folder}/www;
    location / {{
      if (-f {folder}/slow) {{ limit_rate 4; }}
    }}
  }}
}}
"""

PROGRAMS = f"{os.defpath}:/usr/sbin:/sbin"

WELL = '{"status": "ok", "release": "2026-11-29"}\n'
ILL = '{"status": "error", "detail": "no connection to the database"}\n'
RENAMED = "/health"


class Origin:
    """The files of one nginx. Its state is what it serves now."""

    def __init__(self, folder: Path, *, certificate: Path) -> None:
        self._folder = folder
        self.running: Running | None = None
        (folder / "www").mkdir(parents=True)
        (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder), encoding="utf-8")
        self._show(certificate)
        self.answer(WELL)

    @property
    def command(self) -> tuple[str, ...]:
        """Returns what runs it."""
        program = shutil.which("nginx", path=PROGRAMS)
        assert program is not None
        return (program, "-p", str(self._folder), "-c", str(self._folder / "nginx.conf"))

    def answer(self, body: str) -> None:
        """Has it answer its health path with 200 and this body."""
        beside = self._folder / "body.new"
        beside.write_text(body, encoding="utf-8")
        beside.replace(self._healthy)

    def rename_path(self) -> None:
        """Has the health path be another, as a deploy might: the old one is a 404."""
        self._healthy.rename(self._renamed)

    def rename_path_back(self) -> None:
        """Has the health path be the old one."""
        self._renamed.rename(self._healthy)

    def slow_down(self) -> None:
        """Has it send four octets a second."""
        (self._folder / "slow").touch()

    def speed_up(self) -> None:
        """Has it send as fast as it can."""
        (self._folder / "slow").unlink()

    def show(self, certificate: Path) -> None:
        """Has it take up another certificate, with the signal that a renewal sends."""
        self._show(certificate)
        assert self.running is not None
        self.running.process.send_signal(signal.SIGHUP)

    def _show(self, certificate: Path) -> None:
        beside = self._folder / "shown.new"
        beside.write_bytes(certificate.read_bytes())
        beside.replace(self._folder / "shown.pem")

    @property
    def _healthy(self) -> Path:
        return self._folder / "www" / PATH.strip("/")

    @property
    def _renamed(self) -> Path:
        return self._folder / "www" / RENAMED.strip("/")
