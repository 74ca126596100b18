# SPDX-License-Identifier: Apache-2.0
"""memory - files with which a guest's RAM is filled, by profile

random	nothing that any method could shrink
mixed	what the memory of a machine in use holds, in extents of 1 to 64 pages:
	  30 %	zeroes
	  27 %	file pages, as the page cache holds them: what is installed below
		/usr, each file from a page's beginning, its last page padded
	  16 %	heap: objects of 64 bytes with pointers, counters, short strings
	  23 %	pages that are there already; a third of what is not zero, as in
		an idle Linux guest that was looked at
	   4 %	what is compressed or enciphered already

Sizes in bytes. The same seed makes the same layout; file pages differ from
machine to machine.
"""
import os
import random
import zlib

PAGE = 4096
SEED = 7300
CHUNK = 1 << 20
EXTENT_PAGES_MAX = 64
FILE_BYTES_MAX = 64 << 20
FILES = ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/share")
SHARES = (("zero", 30), ("file", 27), ("heap", 16), ("same", 23),
          ("random", 4))

HEAP = 0x5555_5600_0000         # where objects seem to lie
VTABLES = [0x7f3a_1c00_0000 + n * 0x1a8 for n in range(24)]
WORDS = ("name value content-type utf-8 root host index session user status "
         "active item key path /usr/lib/locale text/html error ok none true "
         "false main worker queue buffer request header cookie default id "
         "count select from where order 200 GET http localhost").split()


def file_pages():
    """Pages of installed files, in one order, for ever."""
    while True:
        for top in FILES:
            for folder, folders, names in os.walk(top):
                folders.sort()
                for name in sorted(names):
                    path = os.path.join(folder, name)
                    try:
                        if os.path.islink(path) or \
                                os.path.getsize(path) > FILE_BYTES_MAX:
                            continue
                        with open(path, "rb") as f:
                            data = f.read()
                    except OSError:
                        continue
                    data += bytes(-len(data) % PAGE)
                    for at in range(0, len(data), PAGE):
                        yield data[at:at + PAGE]


def words_column(values):
    return b"".join(v.to_bytes(8, "little") for v in values)


def heap_pages(rnd, n):
    """@n pages of objects of eight 64-bit words each."""
    count = n * PAGE // 64
    out = bytearray(n * PAGE)

    def put(word, column, width=8):
        for i in range(width):
            out[word * 8 + i::64] = column[i::width]

    near = HEAP + rnd.randrange(1 << 24) * 64
    put(0, words_column(rnd.choices(VTABLES, k=count)))
    for word in (1, 2):         # next and previous, or none
        put(word, words_column(
            [near + rnd.getrandbits(18) * 64 if rnd.random() < 0.8 else 0
             for _ in range(count)]))
    put(3, words_column([rnd.getrandbits(rnd.randrange(12)) or 1
                         for _ in range(count)]))
    put(4, words_column([rnd.getrandbits(4) for _ in range(count)]))
    put(5, words_column([near + rnd.getrandbits(24) for _ in range(count)]))
    text = b"".join(w.encode().ljust(16, b"\0")[:16]
                    for w in rnd.choices(WORDS, k=count))
    put(6, text, 16)
    return bytes(out)


def fill_random(f, size, rnd):
    for at in range(0, size, CHUNK):
        f.write(rnd.randbytes(min(CHUNK, size - at)))


def fill_mixed(f, size, rnd):
    kinds, weights = [k for k, _ in SHARES], [w for _, w in SHARES]
    files, earlier, left = file_pages(), [], size // PAGE
    while left:
        kind = rnd.choices(kinds, weights)[0]
        n = min(left, rnd.randint(1, EXTENT_PAGES_MAX))
        left -= n
        if kind == "zero":
            data = bytes(n * PAGE)
        elif kind == "file":
            data = b"".join(next(files) for _ in range(n))
        elif kind == "heap":
            data = heap_pages(rnd, n)
        elif kind == "random" or not earlier:
            data = rnd.randbytes(n * PAGE)
        else:
            data = b"".join(rnd.choices(earlier, k=n))
        if kind in ("file", "heap"):
            earlier.append(data[:PAGE])
        f.write(data)


FILL = {"random": fill_random, "mixed": fill_mixed}


def describe(path):
    """What there is to gain, in shares of all pages, by plain means."""
    seen, zero, same, n, sample, small = set(), 0, 0, 0, 0, 0
    none = bytes(PAGE)
    with open(path, "rb") as f:
        while page := f.read(PAGE):
            n += 1
            if page == none:
                zero += 1
            elif (h := hash(page)) in seen:
                same += 1
            else:
                seen.add(h)
                if n % 64 == 0:
                    sample += len(page)
                    small += min(len(page), len(zlib.compress(page, 1)))
    return {"pages": n, "zero": round(zero / n, 3), "same": round(same / n, 3),
            "deflated": round(small / sample, 3) if sample else None}


def fill(profile, path, size):
    """Make @path, of @size bytes, and say what is in it."""
    with open(path, "wb") as f:
        FILL[profile](f, size, random.Random(SEED))
    return describe(path)
