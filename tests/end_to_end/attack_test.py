"""Attacks on the broker's listener by strangers, in short: what they take is bounded, a known party is served meanwhile, and
the broker serves afterwards. `tests/attack` plays them in full."""

import contextlib
import resource
import socket
import struct
import time
import unittest

import attacks
from attack_stage import AttackStage
from http2 import (DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, Connection,
                   Gone, frame, message)

MEBI = 1 << 20
SESSION = "/capbroker.v1.SessionService/OwnerSession"
# What all strangers together may make the broker hold is 64 MiB by its own count; the rest is what that count leaves out.
MOST = 160 * MEBI


def closed_after(connection):
    """Seconds until the broker closes it."""
    start = time.monotonic()
    connection.until_closed()
    return time.monotonic() - start


class PlainTest(unittest.TestCase):
    tls = False

    @classmethod
    def setUpClass(cls):
        cls.stage = AttackStage(tls=cls.tls)
        cls.addClassCleanup(cls.stage.close)

    def connect(self):
        connection = Connection(self.stage.target, attacks.client_tls() if self.tls else None)
        self.addCleanup(connection.close)
        return connection

    def attack(self, name):
        """A known party is served while what was taken is held, and over a new connection afterwards."""
        stage = self.stage
        attack, n, _, is_ended = attacks.ATTACKS[name]
        before = stage.memory()
        known = self.connect()
        stage.who(known)
        with attack(stage.target, attacks.client_tls() if self.tls else None, n) as (sent, connection):
            for _ in range(20):
                stage.who(known)
            self.assertLess(stage.memory() - before, MOST, name)
            if is_ended:
                connection.until_closed()  # Or this times out.
        stage.who(known)
        self.assertTrue(stage.serves(), stage.log()[-2000:])
        return sent, n

    def test_a_stranger_takes_so_much(self):
        for name in ("streams that wait, SETTINGS not acknowledged", "health watches", "reflection streams",
                     "streams that wait, on many connections", "halves of messages", "headers by reference",
                     "headers without end", "rapid resets", "pings and settings", "silent connections"):
            with self.subTest(name):
                self.attack(name)

    def test_refusals_are_logged_seldom(self):
        before = self.stage.log_bytes()
        start = time.monotonic()
        sent, n = self.attack("refused calls")
        self.assertEqual(sent, n - 1)
        lines = self.stage.log()[before:].count("refused")
        self.assertLess(lines, time.monotonic() - start + 2)
        self.assertGreater(lines, 0)

    def test_compressed_messages_are_refused_before_they_are_inflated(self):
        stage = self.stage
        before = stage.memory()
        sent, _ = self.attack("a compressed message")
        self.assertGreater(sent, 90_000)
        self.assertLess(stage.memory() - before, 32 * MEBI)
        for path, encoding in [(attacks.WHO, "gzip"), (attacks.WHO, "deflate"), (attacks.CREATE, "gzip"), (SESSION, "gzip"),
                               (SESSION, "deflate"), (attacks.CHECK, "gzip"), (attacks.WATCH, "deflate")]:
            with self.subTest(path=path, encoding=encoding):
                connection = self.connect()
                connection.greet()
                stream = connection.next_stream()
                connection.send(frame(HEADERS, END_HEADERS, stream, attacks.headers_of(
                    path, ("grpc-encoding", encoding), ("authorization", f"Bearer {stage.token}"), tls=self.tls)),
                                frame(DATA, END_STREAM, stream, message(b"not what it says", compressed=True)))
                _, answer = connection.answer(stream)
                self.assertEqual(answer.get("grpc-status"), "12", answer)
                self.assertIn(encoding, answer["grpc-message"])

    def test_messages_that_only_say_that_they_are_compressed(self):
        # Nothing is inflated where no encoding was named, or one that changes nothing.
        for headers in [(), (("grpc-encoding", "identity"),)]:
            connection = self.connect()
            connection.greet()
            stream = connection.next_stream()
            connection.send(frame(HEADERS, END_HEADERS, stream, attacks.headers_of(
                attacks.WHO, ("authorization", f"Bearer {self.stage.token}"), *headers, tls=self.tls)),
                            frame(DATA, END_STREAM, stream, message(b"\xff\xff\xff", compressed=True)))
            _, answer = connection.answer(stream)
            self.assertIn(answer.get("grpc-status"), ("3", "12", "13"), answer)
        # And one that is named, of which no use is made, is none of the broker's business.
        connection = self.connect()
        _, answer = connection.call(attacks.WHO, b"", self.stage.token, ("grpc-encoding", "identity"))
        self.assertEqual(answer.get("grpc-status"), "0")

    def test_whoever_speaks_something_else_is_told_off_at_once(self):
        connection = self.connect()
        with contextlib.suppress(Gone):
            connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertLess(closed_after(connection), 2)

    def test_a_known_party_may_have_many_calls(self):
        connection = self.connect()
        self.stage.who(connection)
        # More than a stranger may have open; each is answered once its message comes.
        streams = [connection.next_stream() for _ in range(600)]
        block = attacks.headers_of(attacks.WHO, ("authorization", f"Bearer {self.stage.token}"), tls=self.tls)
        for stream in streams:
            connection.send(frame(HEADERS, END_HEADERS, stream, block))
        for stream in streams:
            connection.send(frame(DATA, END_STREAM, stream, message()))
        ended = set()
        while len(ended) < len(streams):
            kind, flags, stream, _ = connection.receive()
            self.assertNotIn(kind, (RST_STREAM, GOAWAY))
            if kind == HEADERS and flags & END_STREAM:
                ended.add(stream)

    def test_a_first_burst_of_calls_is_held_back_and_not_refused(self):
        connection = self.connect()
        connection.greet()
        block = attacks.headers_of(attacks.WHO, ("authorization", f"Bearer {self.stage.token}"), tls=self.tls)
        streams = [connection.next_stream() for _ in range(900)]
        connection.send(*[frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, END_STREAM, stream, message())
                          for stream in streams])
        ended = set()
        while len(ended) < len(streams):
            kind, flags, stream, _ = connection.receive()
            if kind == HEADERS and flags & END_STREAM:
                ended.add(stream)


class TlsTest(PlainTest):
    """The same through TLS, to a broker whose callers may come without a certificate."""

    tls = True

    def test_a_handshake_that_goes_nowhere(self):
        host, port = self.stage.target.split(":")
        for said in (b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/1.1\r\n\r\n"):
            with socket.create_connection((host, int(port)), 30) as silent:
                silent.sendall(said)
                with contextlib.suppress(ConnectionError):
                    while silent.recv(1000):
                        pass

    def test_tls_without_http2(self):
        context = attacks.client_tls()
        context.set_alpn_protocols(["http/1.1"])
        with self.assertRaises(OSError):
            with Connection(self.stage.target, context) as connection:
                connection.receive()


class CapsTest(unittest.TestCase):
    def stage_with(self, *flags, **options):
        stage = AttackStage(*flags, **options)
        self.addCleanup(stage.close)
        return stage

    def connected(self, stage, source="127.0.0.1"):
        """A connection that speaks HTTP/2, or None if the broker closes it."""
        host, port = stage.target.split(":")
        made = socket.create_connection((host, int(port)), 30, source_address=(source, 0))
        self.addCleanup(made.close)
        with contextlib.suppress(ConnectionError):
            made.sendall(PREFACE + frame(SETTINGS))
            if made.recv(1000):
                return made
        return None

    def test_connections_of_one_address_and_in_all(self):
        stage = self.stage_with("--max-connections", 7, "--max-connections-per-address", 4)
        first = [self.connected(stage) for _ in range(6)]
        self.assertEqual([made is not None for made in first], [True] * 4 + [False] * 2)
        second = [self.connected(stage, "127.0.0.2") for _ in range(6)]
        self.assertEqual([made is not None for made in second], [True] * 3 + [False] * 3)
        self.assertEqual(stage.page("readyz")[0], 200, "it can be reached by whoever is not a stranger to it")
        metrics = stage.page("metrics")[1]
        self.assertIn('capbroker_connections_closed_total{reason="address"} 2\n', metrics)
        self.assertIn('capbroker_connections_closed_total{reason="connections"} 3\n', metrics)
        self.assertRegex(stage.log(), r"connection closed reason=address peer=127\.0\.0\.1:\d+")
        for made in first[:4]:
            made.close()
        for _ in range(100):
            if self.connected(stage):
                return
        self.fail("a place is free again")

    def test_silence_is_cut_off(self):
        stage = self.stage_with("--handshake-timeout", "500ms")
        host, port = stage.target.split(":")
        for said in (b"", PREFACE[:10], PREFACE, PREFACE + frame(SETTINGS, payload=bytes(6))[:10]):
            with socket.create_connection((host, int(port)), 30) as silent:
                silent.sendall(said)
                with contextlib.suppress(ConnectionError):
                    self.assertEqual(silent.recv(1000), b"")

    def test_serves_again_after_descriptors_ran_out(self):
        """CVE-2023-4785: gRPC's own listener would be deaf from then on."""
        stage = self.stage_with()
        watch = Connection(stage.target)
        self.addCleanup(watch.close)
        watch.greet()
        stream = watch.next_stream()
        watch.send(frame(HEADERS, END_HEADERS, stream, attacks.headers_of(attacks.WATCH)),
                   frame(DATA, END_STREAM, stream, message()))

        def until(serving):
            while True:
                kind, _, _, payload = watch.receive()
                if kind == DATA and payload.endswith(struct.pack(">BB", 8, 1 if serving else 2)):
                    return

        until(serving=True)
        _, hard = resource.prlimit(stage.broker.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(stage.broker.pid, resource.RLIMIT_NOFILE, (stage.descriptors() + 8, hard))
        with attacks.connections(stage.target, None, 360, PREFACE + frame(SETTINGS)) as (held, _):
            self.assertGreater(held, 300)
            until(serving=False)  # Nobody new can reach it, and it knows.
            self.assertTrue(stage.alive())
        until(serving=True)
        self.assertTrue(stage.serves())
        self.assertIn("reason=descriptors", stage.log())

    def test_reflection_is_left_out_where_it_is_not_wanted(self):
        for flags, status in [((), "0"), (("--no-reflection",), "12")]:
            stage = self.stage_with(*flags)
            with Connection(stage.target) as connection:
                _, answer = connection.call(attacks.REFLECT, b"\x3a\x00")  # Lists the services.
                self.assertEqual(answer["grpc-status"], status)

    def test_few_descriptors_are_fewer_connections(self):
        stage = self.stage_with(limit=120)
        with attacks.connections(stage.target, None, 360, PREFACE + frame(SETTINGS)):
            self.assertTrue(stage.alive())
            status, checks = stage.page("readyz")
            self.assertEqual(status, 200, f"some are left for everything else; got {checks}")
        self.assertTrue(stage.serves())


if __name__ == "__main__":
    unittest.main(verbosity=2)
