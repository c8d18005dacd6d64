"""ICC profiles written by hand (ICC.1:2001-04), and what they mean, computed by their rules."""

import struct

import numpy as np

# Columns are the primaries, adapted to D50: of Adobe RGB (1998) and of sRGB.
ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
GAMMA = 563 / 256


def _fixed(*values):
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


DESCRIPTION = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(79)
COPYRIGHT = b"text" + bytes(4) + b"none\0\0\0\0"
WHITE = b"XYZ " + bytes(4) + _fixed(0.9642, 1, 0.8249)


def _packed(tags, device, space, connection=b"XYZ "):
    """A profile of these tags."""
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        content = value + bytes(-len(value) % 4)
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content
    header = struct.pack(">I4sI4s4s4s", at + len(body), bytes(4), 0x02400000, device, space, connection)
    header += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _fixed(0.9642, 1, 0.8249)
    return header.ljust(128, b"\0") + table + body


def profile(space=b"RGB ", primaries=ADOBE, gamma=GAMMA):
    """A monitor's profile of three primaries and a power law, or of grey."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {b"desc": DESCRIPTION, b"cprt": COPYRIGHT, b"wtpt": WHITE}
    if space == b"RGB ":
        for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries.T, strict=True):
            tags[name] = b"XYZ " + bytes(4) + _fixed(*column)
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    else:
        tags[b"kTRC"] = curve
    return _packed(tags, b"mntr", space)


def srgb_of(pixels, primaries=ADOBE, gamma=GAMMA):
    """8-bit colours of such a profile in sRGB, as real numbers: linear, to XYZ and to sRGB's primaries, encoded."""
    linear = (pixels / 255.0) ** gamma @ primaries.T @ np.linalg.inv(SRGB).T
    linear = linear.clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return 255 * encoded


def ink_profile():
    """A printer's profile of CMYK: a table of Lab for each corner of no and full ink, linear between them."""
    identity = bytes(range(256))
    corners = b""
    for number in range(16):
        cyan, magenta, yellow, black = (number >> 3) & 1, (number >> 2) & 1, (number >> 1) & 1, number & 1
        lightness = (1 - black) * (1 - (cyan + magenta + yellow) / 4)
        reddish, yellowish = (magenta - cyan) * (1 - black), (yellow - magenta / 2) * (1 - black)
        corners += bytes([round(255 * lightness), round(128 + 50 * reddish), round(128 + 60 * yellowish)])
    matrix = _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + 4 * identity + corners + 3 * identity
    return _packed(
        {b"desc": DESCRIPTION, b"cprt": COPYRIGHT, b"wtpt": WHITE, b"A2B0": table}, b"prtr", b"CMYK", b"Lab "
    )
