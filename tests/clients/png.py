"""Looks at a screenshot: size, brightness of its edge, and how many colours it has. Plain Python, so that no image library is trusted."""
import json
import sys
import zlib


def pixels(path):
    data = open(path, "rb").read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG"
    at, packed = 8, b""
    while at < len(data):
        length, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        body, at = data[at + 8:at + 8 + length], at + 12 + length
        if kind == b"IHDR":
            width, height, depth, colour = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big"), body[8], body[9]
        if kind == b"IDAT":
            packed += body
    assert depth == 8 and colour in (2, 6), "8 bits of RGB or RGBA"
    size = 3 if colour == 2 else 4
    raw, stride, above, rows = zlib.decompress(packed), width * size, bytearray(width * size), []
    for y in range(height):
        kind, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride if kind else 0):
            a, b, c = row[x - size] if x >= size else 0, above[x], above[x - size] if x >= size else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            row[x] = (row[x] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
        above = row
        rows.append([tuple(row[x:x + 3]) for x in range(0, stride, size)])
    return rows


rows = pixels(sys.argv[1])
seen = {pixel for row in rows[::3] for pixel in row[::3]}
print(json.dumps({"width": len(rows[0]), "height": len(rows), "edge": sum(rows[2][2]) // 3, "colours": len(seen)}))
