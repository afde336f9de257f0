"""Protobuf by hand: bodies that no library would write."""


def varint(number: int) -> bytes:
    """Give a whole number >= 0 as protobuf writes it."""
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number: int, body: bytes) -> bytes:
    """Give a field of bytes: its tag, its length, its bytes."""
    return varint(number << 3 | 2) + varint(len(body)) + body
