"""An HTTP/2 client of which every byte is the caller's choice, for tests that attack: gRPC's own clients keep the rules that
an attacker breaks. Requests' headers are sent as literals without Huffman coding; the decoder reads what gRPC C++ sends."""

import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
ACK = END_STREAM = 0x1
END_HEADERS = 0x4

# RFC 7541, appendix A: the entries that gRPC's answers refer to have names; of the others only the place counts.
STATIC = [("", "")] * 62
STATIC[8] = (":status", "200")
STATIC[31] = ("content-type", "")
for index, status in enumerate(["200", "204", "206", "304", "400", "404", "500"]):
    STATIC[8 + index] = (":status", status)


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">HBBBI", len(payload) >> 8, len(payload) & 0xFF, kind, flags, stream) + payload


def message(body=b"", compressed=False):
    """As gRPC puts it before a DATA frame's payload."""
    return struct.pack(">BI", int(compressed), len(body)) + body


def integer(value, bits, first):
    """RFC 7541, 5.1; `first` are the bits before it."""
    if value < (1 << bits) - 1:
        return bytes([first | value])
    out = [first | ((1 << bits) - 1)]
    value -= (1 << bits) - 1
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + [value])


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return integer(len(value), 7, 0) + value


def header(name, value, index=False):
    """A literal, by a name of its own; with `index` the receiver keeps it in its table."""
    return (b"\x40" if index else b"\x00") + text(name) + text(value)


def request_headers(path, *more, scheme="http"):
    """:method POST, :scheme, :path, :authority, and what gRPC wants; `more` are pairs."""
    pairs = [(":path", path), (":authority", "localhost"), ("te", "trailers"), ("content-type", "application/grpc"), *more]
    return (b"\x83" + (b"\x86" if scheme == "http" else b"\x87") + b"".join(header(*pair) for pair in pairs))


class Decoder:
    """RFC 7541 without Huffman coding."""

    def __init__(self):
        self.table = []

    def decode(self, block):
        headers, at = [], 0

        def take_integer(bits):
            nonlocal at
            value = block[at] & ((1 << bits) - 1)
            at += 1
            if value == (1 << bits) - 1:
                shift = 0
                while True:
                    byte = block[at]
                    at += 1
                    value += (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
            return value

        def take_text():
            nonlocal at
            huffman = block[at] & 128
            length = take_integer(7)
            value = block[at:at + length]
            at += length
            return "(huffman)" if huffman else value.decode("latin-1")

        def entry(index):
            return STATIC[index] if index < 62 else self.table[index - 62]

        while at < len(block):
            first = block[at]
            if first & 128:
                headers.append(entry(take_integer(7)))
            elif first & 0xE0 == 0x20:
                take_integer(5)
            else:
                indexed = first & 64
                index = take_integer(6 if indexed else 4)
                pair = (entry(index)[0] if index else take_text(), take_text())
                headers.append(pair)
                if indexed:
                    self.table.insert(0, pair)
        return headers


class Gone(Exception):
    """The broker closed the connection."""


class Connection:
    """One connection. Nothing is sent or acknowledged that its user does not say, except by call()."""

    def __init__(self, target, tls=None, timeout=30):
        """`tls` is an ssl.SSLContext for HTTP/2, or None for plain text."""
        host, port = target.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.scheme = "http"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
            self.scheme = "https"
        self.input = b""
        self.decoder = Decoder()
        self.stream = 1

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *frames):
        try:
            self.socket.sendall(b"".join(frames))
        except (ConnectionError, ssl.SSLError) as error:
            raise Gone(str(error)) from error

    def greet(self, *settings):
        """The preface and SETTINGS; those of the broker are not acknowledged."""
        self.send(PREFACE, frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in settings)))

    def next_stream(self):
        self.stream += 2
        return self.stream - 2

    def receive(self):
        """The next frame: (kind, flags, stream, payload)."""
        while True:
            if len(self.input) >= 9:
                high, low, kind, flags, stream = struct.unpack(">HBBBI", self.input[:9])
                end = 9 + (high << 8 | low)
                if len(self.input) >= end:
                    payload, self.input = self.input[9:end], self.input[end:]
                    return kind, flags, stream, payload
            try:
                more = self.socket.recv(1 << 16)
            except (ConnectionError, ssl.SSLError) as error:
                raise Gone(str(error)) from error
            if not more:
                raise Gone("end of stream")
            self.input += more

    def until_closed(self):
        """What still comes; returns the code of GOAWAY, if there was one."""
        code = None
        try:
            while True:
                kind, _, _, payload = self.receive()
                if kind == GOAWAY:
                    code = struct.unpack(">I", payload[4:8])[0]
        except Gone:
            return code

    def answer(self, stream):
        """Reads to the end of this stream: (messages, headers and trailers as a dict). Acknowledges what it should."""
        body, headers, block = b"", {}, b""
        while True:
            kind, flags, of, payload = self.receive()
            if kind == SETTINGS and not flags & ACK:
                self.send(frame(SETTINGS, ACK))
            elif kind == PING and not flags & ACK:
                self.send(frame(PING, ACK, payload=payload))
            elif kind in (HEADERS, CONTINUATION):
                block += payload
                if flags & END_HEADERS:
                    decoded, block = dict(self.decoder.decode(block)), b""
                    if of == stream:
                        headers |= decoded
            elif kind == DATA:
                if payload:
                    self.send(frame(WINDOW_UPDATE, payload=struct.pack(">I", len(payload))))
                if of == stream:
                    body += payload
            elif kind == RST_STREAM and of == stream:
                return body, headers | {"rst": struct.unpack(">I", payload)[0]}
            if of == stream and kind in (DATA, HEADERS) and flags & END_STREAM:
                return body, headers

    def call(self, path, body=b"", token="", *more):
        """One unary call, from its first byte to its answer."""
        if self.stream == 1:
            self.greet()
        stream = self.next_stream()
        if token:
            more = (("authorization", f"Bearer {token}"), *more)
        self.send(frame(HEADERS, END_HEADERS, stream, request_headers(path, *more, scheme=self.scheme)),
                  frame(DATA, END_STREAM, stream, message(body)))
        return self.answer(stream)
