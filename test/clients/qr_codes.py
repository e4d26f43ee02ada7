"""Reads the QR codes that the server makes: version 12, error correction L, any mask."""
import struct
import zlib

SIDE = 65
MARGIN = 4
BLOCKS = (92, 92, 93, 93)
CHECK_BYTES = 24
# Which modules a mask turns over, by its number.
MASKS = (lambda x, y: (x + y) % 2 == 0, lambda x, y: y % 2 == 0, lambda x, y: x % 3 == 0,
         lambda x, y: (x + y) % 3 == 0, lambda x, y: (x // 3 + y // 2) % 2 == 0,
         lambda x, y: x * y % 2 + x * y % 3 == 0, lambda x, y: (x * y % 2 + x * y % 3) % 2 == 0,
         lambda x, y: ((x + y) % 2 + x * y % 3) % 2 == 0)
FORMAT_MASK = 0b10101  # of the first five bits of the format


def text_of(png):
    """What the picture says; its checks must hold."""
    codewords = list(codewords_of(modules_of(png)))
    blocks = [[] for _ in BLOCKS]
    for at in range(max(BLOCKS)):
        for block, size in zip(blocks, BLOCKS):
            if at < size:
                block.append(codewords.pop(0))
    for at in range(CHECK_BYTES * len(BLOCKS)):
        blocks[at % len(BLOCKS)].append(codewords.pop(0))
    assert not any(rest for block in blocks for rest in syndromes(block))
    data = b"".join(bytes(block[:size]) for block, size in zip(blocks, BLOCKS))
    halves = data.hex()
    assert halves[0] == "4", "bytes"
    return bytes.fromhex(halves[5:5 + 2 * int(halves[1:5], 16)]).decode()


def modules_of(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(png):
        size, name = struct.unpack(">I4s", png[at:at + 8])
        chunks[name] = png[at + 8:at + 8 + size]
        assert zlib.crc32(name + chunks[name]) == struct.unpack(">I", png[at + 8 + size:at + 12 + size])[0]
        at += 12 + size
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (width, depth, colour) == (height, 1, 0)
    pixels, row, scale = zlib.decompress(chunks[b"IDAT"]), 1 + (width + 7) // 8, width // (SIDE + 2 * MARGIN)

    def dark(x, y):
        across, down = (x + MARGIN) * scale, (y + MARGIN) * scale
        return not pixels[down * row + 1 + across // 8] >> (7 - across % 8) & 1

    return [[dark(x, y) for x in range(SIDE)] for y in range(SIDE)]


def is_pattern(x, y):
    """Whether the module belongs to a pattern, the format or the version."""
    corners = (x < 9 and y < 9) or (x < 9 and y >= SIDE - 8) or (x >= SIDE - 8 and y < 9)
    versions = (x < 6 and SIDE - 11 <= y < SIDE - 8) or (y < 6 and SIDE - 11 <= x < SIDE - 8)
    rings = any(abs(x - a) <= 2 and abs(y - b) <= 2 for a in (6, 32, 58) for b in (6, 32, 58)
                if 32 in (a, b) or (a, b) == (58, 58))
    return corners or versions or rings or 6 in (x, y)


def mask_of(modules):
    """By the format beside the first corner, which must say error correction L."""
    first = int("".join(str(int(modules[8][x])) for x in range(5)), 2) ^ FORMAT_MASK
    assert first >> 3 == 0b01, "error correction L"
    return MASKS[first & 7]


def codewords_of(modules):
    masked = mask_of(modules)
    byte, bits, upward = 0, 0, True
    for right in [*range(SIDE - 1, 7, -2), 5, 3, 1]:
        for y in range(SIDE - 1, -1, -1) if upward else range(SIDE):
            for x in (right, right - 1):
                if is_pattern(x, y):
                    continue
                byte, bits = byte << 1 | (modules[y][x] ^ masked(x, y)), bits + 1
                if bits == 8:
                    yield byte
                    byte, bits = 0, 0
        upward = not upward


def syndromes(block):
    """The block as a polynomial at 1, 2, 4...: nothing where it is whole."""
    root = 1
    for _ in range(CHECK_BYTES):
        value = 0
        for byte in block:
            value = multiply(value, root) ^ byte
        yield value
        root = multiply(root, 2)


def multiply(left, right):
    product = 0
    while right:
        product ^= left if right & 1 else 0
        left = left << 1 ^ (0x11D if left & 0x80 else 0)
        right >>= 1
    return product
