"""Certificates, keys and roots that are renewed under a running listener and a running poller: real handshakes."""

import asyncio
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from gtm.errors import StateInvalid
from gtm.health.belief import Belief
from gtm.health.report.peer import PeerState
from gtm.share.poller import open_share_session
from gtm.tls.peers import TlsFiles, client_tls, server_tls
from gtm.tls.renewal import LiveTls, Renewal, RenewalResult
from tests.fakes.certificates import DAY, Authority
from tests.fakes.peers import believing, poller_of, report_store_of, serving

HOST = "127.0.0.1"
TAKEN = Renewal(RenewalResult.TAKEN)


class Store:
    """The files of one side, as whoever renews certificates writes them; and who issues them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.issuers = [self._authority("one"), self._authority("two")]
        self.certificate, self.key, self.ca = folder / "tls.crt", folder / "tls.key", folder / "ca.crt"
        self.files = TlsFiles(self.certificate, self.key, self.ca)
        self.write()

    def _authority(self, name: str) -> Authority:
        (self._folder / name).mkdir()
        return Authority(self._folder / name)

    def pair(self, issuer: int = 0, *, starts: timedelta = -DAY, ends: timedelta = DAY) -> tuple[str, str]:
        """A new certificate, and its key."""
        whole = self.issuers[issuer].issue(HOST, starts=starts, ends=ends).read_text()
        certificate, mark, key = whole.partition("-----BEGIN PRIVATE KEY")
        return certificate, mark + key

    def write(self, issuer: int = 0, *, starts: timedelta = -DAY, ends: timedelta = DAY) -> None:
        """Renews everything."""
        certificate, key = self.pair(issuer, starts=starts, ends=ends)
        put(self.certificate, certificate)
        put(self.key, key)
        put(self.ca, self.issuers[issuer].root.read_text())


def put(path: Path, text: str) -> None:
    """Replaces a file, as good tools do; so its inode is another, however coarse the clock of the file system."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def listen(store: Store) -> LiveTls:
    return LiveTls("listen", store.files, server_tls)


def look(live: LiveTls, *, wall: float | None = None) -> Renewal | None:
    """What comes of a change that is seen, and still there at the next look."""
    at = time.time() if wall is None else wall
    assert live.look(wall=at) is None, "it may be half-written yet"
    return live.look(wall=at)


class Visitor:
    """Who connects, with a certificate of an authority, and trusts it."""

    def __init__(self, authority: Authority, *, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:
        self.context = client_tls(TlsFiles(authority.issue("visitor"), ca=authority.root))
        self.context.minimum_version = self.context.maximum_version = version
        self.session: ssl.SSLSession | None = None

    def connect(self, port: int) -> ssl.SSLSocket:
        """Connects, and is greeted. Raises what TLS does to who is not let in."""
        opened = socket.create_connection((HOST, port), timeout=20)
        try:
            talking = self.context.wrap_socket(opened, server_hostname=HOST, session=self.session)
        except BaseException:
            opened.close()
            raise
        if talking.recv(5) != b"hello":  # in TLS 1.3 a client hears only here that its certificate is refused
            talking.close()
            raise ssl.SSLError("no greeting")
        return talking

    def is_let_in(self, port: int) -> bool:
        try:
            with self.connect(port) as talking:
                self.session = talking.session
        except OSError:
            return False
        return True


@contextmanager
def greeting(tls: ssl.SSLContext) -> Iterator[int]:
    """Greets everybody who gets through the handshake, from a thread, and then echoes; gives the port."""
    ports: queue.SimpleQueue[int] = queue.SimpleQueue()
    ending = threading.Event()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(b"hello")
            while said := await reader.read(100):
                writer.write(said)
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(greet, HOST, 0, ssl=tls)
        ports.put(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(ending.wait)
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="greeting")
    thread.start()
    try:
        yield ports.get(timeout=20)
    finally:
        ending.set()
        thread.join(20)


def serial(talking: ssl.SSLSocket) -> object:
    shown = talking.getpeercert()
    assert shown
    return shown["serialNumber"]


def test_who_connects_after_a_renewal_is_shown_the_new_certificate_and_who_is_connected_stays(store: Store) -> None:
    live, visitor = listen(store), Visitor(store.issuers[0])
    with greeting(live.listener_context) as port, visitor.connect(port) as before:
        store.write()
        with visitor.connect(port) as meanwhile:
            assert serial(meanwhile) == serial(before), "nobody looked yet"
        assert look(live) == TAKEN
        with visitor.connect(port) as after:
            assert serial(after) != serial(before)
        before.sendall(b"still here")
        assert before.recv(100) == b"still here"
        assert live.look(wall=time.time()) is None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_renewed_roots_keep_out_whom_the_old_ones_let_in_even_with_a_session_of_before(
    store: Store, version: ssl.TLSVersion
) -> None:
    live = listen(store)
    old, new = (Visitor(issuer, version=version) for issuer in store.issuers)
    both = store.issuers[0].root.read_text() + store.issuers[1].root.read_text()
    for visitor in (old, new):
        visitor.context.load_verify_locations(cadata=both)
    with greeting(live.listener_context) as port:
        assert (old.is_let_in(port), new.is_let_in(port)) == (True, False)
        put(store.ca, both)
        assert look(live) == TAKEN
        assert (old.is_let_in(port), new.is_let_in(port)) == (True, True)
        put(store.ca, store.issuers[1].root.read_text())
        assert look(live) == TAKEN
        assert (old.is_let_in(port), new.is_let_in(port)) == (False, True)


def test_half_a_pair_is_refused_once_and_serves_nobody_until_the_other_half_is_there(store: Store) -> None:
    live, visitor = listen(store), Visitor(store.issuers[0])
    with greeting(live.listener_context) as port:
        with visitor.connect(port) as before:
            certificate, key = store.pair()
            put(store.certificate, certificate)
            refused = look(live)
            assert refused is not None
            assert refused.outcome is RenewalResult.REFUSED
            assert refused.words.endswith("tls.crt: has no certificate in PEM, or no key that fits it")
            assert live.look(wall=time.time()) is None, "it was said"
            with visitor.connect(port) as meanwhile:
                assert serial(meanwhile) == serial(before)
        put(store.key, key)
        assert look(live) == TAKEN
        assert visitor.is_let_in(port)


BROKEN: Mapping[str, tuple[Callable[[str], str], str]] = {
    "cut off": (lambda text: text[:-100], "tls.crt: has no certificate in PEM, or no key that fits it"),
    "empty": (lambda _: "", "tls.crt: has no certificate in PEM, or no key that fits it"),
    "something else": (lambda _: "x" * 5_000, "tls.crt: has no certificate in PEM, or no key that fits it"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_file_is_refused_and_one_that_is_mended_is_taken(store: Store, how: str) -> None:
    live = listen(store)
    breaks, words = BROKEN[how]
    before = live.context
    good = store.certificate.read_text()
    put(store.certificate, breaks(good))
    refused = look(live)
    assert refused is not None
    assert refused.words.endswith(words)
    assert live.context is before
    put(store.certificate, good)
    assert look(live) == TAKEN


def test_a_certificate_that_openssl_takes_and_nobody_can_read_is_refused(store: Store) -> None:
    live = listen(store)
    certificate, key = store.pair()
    version, unheard_of = b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x04"  # RFC 5280 4.1.2.1
    der = ssl.PEM_cert_to_DER_cert(certificate)
    put(store.certificate, ssl.DER_cert_to_PEM_cert(der.replace(version, unheard_of, 1)))
    put(store.key, key)
    server_tls(store.files)
    words = f"{store.certificate}: has no certificate in PEM that can be read"
    assert look(live) == Renewal(RenewalResult.REFUSED, words)


def test_roots_that_are_gone_or_empty_are_refused(store: Store) -> None:
    live = listen(store)
    before = live.context
    store.ca.unlink()
    assert look(live) == Renewal(RenewalResult.REFUSED, f"{store.ca}: No such file or directory")
    put(store.ca, "")
    assert look(live) == Renewal(RenewalResult.REFUSED, f"{store.ca}: has no certificate in PEM")
    assert live.context is before


def test_a_certificate_out_of_its_time_is_refused_and_taken_when_the_time_comes(store: Store) -> None:
    live = listen(store)
    store.write(starts=-2 * DAY, ends=-DAY)
    assert look(live) == Renewal(RenewalResult.REFUSED, f"{store.certificate}: the certificate has expired")
    store.write(starts=DAY, ends=3 * DAY)
    assert look(live) == Renewal(RenewalResult.REFUSED, f"{store.certificate}: the certificate is not valid yet")
    assert live.look(wall=time.time() + 2 * DAY.total_seconds()) == TAKEN


def test_what_goes_back_to_how_it_was_is_no_renewal(store: Store) -> None:
    live = listen(store)
    aside = store.certificate.with_suffix(".aside")
    store.certificate.rename(aside)
    assert look(live) is not None
    aside.rename(store.certificate)
    assert [look(live), look(live)] == [None, None]
    store.certificate.rename(aside)
    assert look(live) is not None, "it is said again"


def test_files_that_are_written_while_they_are_read_are_read_again(store: Store) -> None:
    read = []

    def written_meanwhile(files: TlsFiles) -> ssl.SSLContext:
        read.append(server_tls(files))
        if len(read) == 2:
            store.write()
        return read[-1]

    live = LiveTls("listen", store.files, written_meanwhile)
    store.write()
    assert look(live) is None
    assert live.context is read[0]
    assert look(live) == TAKEN
    assert live.context is read[-1]


def test_a_link_that_is_turned_to_another_folder_is_a_renewal(tmp_path: Path, store: Store) -> None:
    folders = [tmp_path / "2026-01", tmp_path / "2026-02"]
    for folder in folders:
        folder.mkdir()
        certificate, key = store.pair()
        (folder / "tls.pem").write_text(certificate + key)
    current = tmp_path / "current"  # as Kubernetes swaps the files of a secret
    current.symlink_to(folders[0])
    live = LiveTls("listen", TlsFiles(current / "tls.pem"), server_tls)
    fresh = tmp_path / "fresh"
    fresh.symlink_to(folders[1])
    fresh.replace(current)
    assert look(live) == TAKEN


def test_a_poller_trusts_renewed_roots_and_shows_a_renewed_certificate(store: Store) -> None:
    async def story() -> list[PeerState]:
        fra, iad = report_store_of("fra", "iad"), report_store_of("iad", "fra")
        fra.publish(believing(Belief.UP))
        theirs = server_tls(TlsFiles(store.issuers[1].issue(HOST), ca=store.issuers[1].root))
        live, states = LiveTls("share", store.files, client_tls), []
        async with serving(fra, tls=theirs) as url, open_share_session() as session:
            poller = poller_of(iad, url, session, wait_s=0.01, tls=lambda: live.context)
            for _ in range(2):
                await poller.poll()
                states.append(poller.state)
                store.write(1)
                look(live)
            store.write(0)
            look(live)
            await poller.poll()
            states.append(poller.state)
        return states

    assert asyncio.run(asyncio.wait_for(story(), 20)) == [PeerState.UNREACHED, PeerState.HEARD, PeerState.LOST]


def test_files_of_no_use_at_the_start_are_an_error(store: Store) -> None:
    store.certificate.unlink()
    with pytest.raises(StateInvalid, match=r"tls\.crt: No such file"):
        listen(store)


def test_who_shows_nothing_has_no_validity_and_who_has_no_files_nothing_to_look_at(store: Store) -> None:
    assert not LiveTls("share", TlsFiles(), client_tls).has_files
    roots = LiveTls("share", TlsFiles(ca=store.ca), client_tls)
    assert roots.has_files
    assert roots.validity is None
    shown = listen(store).validity
    assert shown is not None
    assert shown.ends_at == pytest.approx(time.time() + DAY.total_seconds(), abs=60)


def test_files_that_have_only_new_modes_and_links_are_no_renewal(store: Store, tmp_path: Path) -> None:
    live = listen(store)
    (tmp_path / "backup").hardlink_to(store.certificate)
    store.certificate.chmod(0o600)
    assert [look(live), look(live), look(live)] == [None, None, None]
