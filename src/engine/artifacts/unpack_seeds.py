#!/usr/bin/env python3
"""Writes what unpack_fuzz starts from into FOLDER: one small archive of every kind that tar has.

  unpack_seeds.py FOLDER
"""
import gzip
import io
import pathlib
import sys
import tarfile
import zipfile

BLOCK = 512


def entry(name, kind=tarfile.REGTYPE, data=b"", link="", mode=0o644, **more):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size = kind, link, mode, len(data)
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def tar(*entries, form=tarfile.USTAR_FORMAT, **more):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, **more) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue().rstrip(b"\0").ljust(BLOCK, b"\0") + bytes(2 * BLOCK)


def padded(data):
    return data + bytes(-len(data) % BLOCK)


def with_header(raw, offset, value):
    """One header's bytes changed, and its checksum mended."""
    head = bytearray(raw[:BLOCK])
    head[offset:offset + len(value)] = value
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + raw[BLOCK:]


def old_gnu_sparse():
    """Ten bytes at 4096 of a file of 8192, as GNU tar wrote sparse files before pax."""
    raw = tar(entry("sparse", kind=tarfile.GNUTYPE_SPARSE, data=b"0123456789"), form=tarfile.GNU_FORMAT)
    fields = b"%011o\0%011o\0" % (4096, 10) + bytes(24 * 3) + b"\0" + b"%011o\0" % 8192
    return with_header(raw, 386, fields)


def pax(**headers):
    return tar(entry("file", data=b"of pax", pax_headers=headers), form=tarfile.PAX_FORMAT)


def seeds():
    file = entry("code/inference.py", data=b"def model_fn(d): pass\n")
    gnu, far = tarfile.GNU_FORMAT, "folder/" * 30 + "file"
    yield "file.tar", tar(file)
    yield "several.tar", tar(entry("d", kind=tarfile.DIRTYPE, mode=0o755), file, entry("d/x", data=b"x" * 600))
    yield "again.tar", tar(file, file, entry("code/inference.py", kind=tarfile.DIRTYPE))
    yield "executable.tar", tar(entry("run", data=b"#!/bin/sh\n", mode=0o4777))
    yield "empty.tar", bytes(2 * BLOCK)
    yield "no-end.tar", tar(file)[:-2 * BLOCK]
    yield "cut.tar", tar(entry("x", data=b"y" * 900))[:900]
    yield "bad-checksum.tar", tar(file).replace(b"inference", b"1nference", 1)
    for name, link in (("inside", "inference.py"), ("up", "../other"), ("out", "../../out"),
                       ("absolute", "/etc/passwd"), ("itself", "itself"), ("long", "a/" * 120)):
        yield f"soft-{name}.tar", tar(file, entry(f"code/{name}", kind=tarfile.SYMTYPE, link=link), form=gnu)
        yield f"hard-{name}.tar", tar(file, entry(f"code/{name}", kind=tarfile.LNKTYPE, link=link), form=gnu)
    yield "hard.tar", tar(file, entry("other", kind=tarfile.LNKTYPE, link="code/inference.py"))
    yield "through-link.tar", tar(entry("l", kind=tarfile.SYMTYPE, link="/tmp"), entry("l/x", data=b"x"))
    yield "through-inner-link.tar", tar(
        entry("d", kind=tarfile.DIRTYPE, mode=0o755), entry("l", kind=tarfile.SYMTYPE, link="d"),
        entry("l/x", data=b"x"))
    for number, name in enumerate(("/etc/passwd", "../x", "a/../../x", "./", "a//b", "..", "a/./b", "\\x", "a\nb")):
        yield f"name-{number}.tar", tar(entry(name, data=b"x"), form=gnu)
    for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE):
        yield f"kind-{kind.decode()}.tar", tar(entry("special", kind=kind, devmajor=1, devminor=3))
    yield "gnu-long.tar", tar(entry(far, data=b"x"), entry("l", kind=tarfile.SYMTYPE, link=far), form=gnu)
    yield "pax-long.tar", tar(entry(far, data=b"x"), form=tarfile.PAX_FORMAT)
    yield "ustar-prefix.tar", tar(entry("p" * 90 + "/" + "n" * 90, data=b"x"))
    yield "pax-global.tar", tar(file, form=tarfile.PAX_FORMAT, pax_headers={"comment": "for all"})
    yield "pax-path.tar", pax(path="../../out")
    yield "pax-size.tar", pax(size="99999999999999999999")
    yield "pax-times.tar", pax(mtime="1e30", atime="-1.5", ctime="0.000000001")
    yield "pax-attributes.tar", pax(**{"SCHILY.xattr.user.x": "y", "LIBARCHIVE.xattr.user.b": "eA==",
                                       "SCHILY.acl.access": "user::rwx,group::r--", "hdrcharset": "BINARY"})
    yield "pax-sparse-0.tar", pax(**{"GNU.sparse.map": "0,2,4096,4", "GNU.sparse.size": "5000"})
    yield "pax-sparse-1.tar", tar(
        entry("GNUSparseFile.0/s", data=padded(b"2\n0\n2\n4096\n4\n") + b"abcdef", pax_headers={
            "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s",
            "GNU.sparse.realsize": "5000"}), form=tarfile.PAX_FORMAT)
    yield "gnu-sparse.tar", old_gnu_sparse()
    yield "size-base-256.tar", with_header(tar(file, form=gnu), 124, b"\x80" + bytes(3) + b"\xff" * 8)
    yield "size-octal.tar", with_header(tar(file), 124, b"77777777777\0")
    yield "old.tar", with_header(tar(file), 257, bytes(8))
    yield "mac.tar", tar(entry("._file", data=b"\0\5\x16\7" + bytes(22)), entry("file", data=b"x"))
    yield "solaris.tar", tar(entry("x", kind=b"X", data=b"17 path=elsewhere\n"), file)
    yield "volume.tar", tar(entry("label", kind=b"V"), entry("part", kind=b"M", data=b"more"), file, form=gnu)
    plain = tar(file, entry("zeros", data=bytes(4000)))
    yield "file.tar.gz", gzip.compress(plain, mtime=0)
    yield "stored.tar.gz", gzip.compress(tar(file), compresslevel=0, mtime=0)
    yield "two.tar.gz", gzip.compress(plain[:700], mtime=0) + gzip.compress(plain[700:], mtime=0)
    yield "cut.tar.gz", gzip.compress(plain, mtime=0)[:-12]
    yield "twice.tar.gz", gzip.compress(gzip.compress(plain, mtime=0), mtime=0)
    yield "bomb.tar.gz", gzip.compress(tar(entry("zeros", data=bytes(2 << 20))), mtime=0)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr(zipfile.ZipInfo("../x"), b"x")  # of no time, so that it is alike every day
    yield "a.zip", zipped.getvalue()


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
