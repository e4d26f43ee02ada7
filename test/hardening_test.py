#!/usr/bin/env python3
"""Reads the programs' ELF files and fails where one lacks what cmake/CompilerOptions.cmake asks for.

Runs by itself (`python3 test/hardening_test.py`) and under pytest, on build/release/bin or $SLIPWAY_BIN.
"""
import os
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("SLIPWAY_BIN") or ROOT / "build/release/bin")
PROGRAMS = ("slipway", "slipway-modelserver")  # and what else of ours lies beside them

ET_DYN, EM_X86_64, EM_AARCH64 = 3, 62, 183
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_TLS, PT_GNU_STACK, PT_GNU_RELRO = 1, 2, 3, 7, 0x6474E551, 0x6474E552
PF_X, PF_W = 1, 2
DT_STRTAB, DT_SYMTAB, DT_FLAGS, DT_FLAGS_1 = 5, 6, 30, 0x6FFFFFFB
DT_STRSZ, DT_SYMENT = 10, 11
DF_BIND_NOW, DF_1_NOW, DF_1_PIE = 0x8, 0x1, 0x08000000
SYMBOL_BYTES = 24
THREAD_LOCAL_BYTES_MAX = 4096

# A page of the stack is taken and touched before the next: what -fstack-clash-protection makes of a
# frame that is larger than one.
PROBE = {EM_X86_64: bytes.fromhex("4881ec00100000 48c7042400000000"),  # sub $4096, %rsp; movq $0, (%rsp)
         EM_AARCH64: bytes.fromhex("ff0740d1 ff0300f9")}  # sub sp, sp, #1, lsl #12; str xzr, [sp]
# Where an indirect call or jump may land, at the head of functions.
LANDING = {EM_X86_64: bytes.fromhex("f30f1efa"),  # endbr64
           EM_AARCH64: bytes.fromhex("3f2303d5")}  # paciasp
LANDINGS_MIN = {"static": 10, "dynamic": 500}  # what is linked in from elsewhere has some, too


class Elf:
    """What of a 64-bit little-endian program the checks below ask for."""

    def __init__(self, path):
        self.data = pathlib.Path(path).read_bytes()
        assert self.data[:6] == b"\x7fELF\x02\x01", f"{path} is no 64-bit little-endian ELF file"
        self.kind, self.machine = struct.unpack_from("<HH", self.data, 16)
        offset, = struct.unpack_from("<Q", self.data, 32)
        size, count = struct.unpack_from("<HH", self.data, 54)
        # type, flags, offset, address, physical address, bytes in the file, bytes in memory, alignment
        self.segments = [struct.unpack_from("<IIQQQQQQ", self.data, offset + i * size) for i in range(count)]
        self.dynamic = dict(self.read_dynamic())
        self.is_static = self.segment(PT_INTERP) is None

    def segment(self, kind):
        return next((segment for segment in self.segments if segment[0] == kind), None)

    def read_dynamic(self):
        found = self.segment(PT_DYNAMIC)
        for at in range(found[2], found[2] + found[5], 16) if found else ():
            yield struct.unpack_from("<QQ", self.data, at)

    def offset_of(self, address):
        for kind, _, offset, begin, _, size, *_ in self.segments:
            if kind == PT_LOAD and begin <= address < begin + size:
                return offset + address - begin
        raise AssertionError(f"no segment has the address {address:#x}")

    def imports(self):
        """The names of the dynamic symbols; their table ends where their names begin."""
        names, at = self.offset_of(self.dynamic[DT_STRTAB]), self.offset_of(self.dynamic[DT_SYMTAB])
        text = self.data[names:names + self.dynamic[DT_STRSZ]]
        while at + SYMBOL_BYTES <= len(self.data):
            name, info, _, section, _, _ = struct.unpack_from("<IBBHQQ", self.data, at)
            if name >= len(text):
                return
            if section == 0 and name:
                yield text[name:text.index(b"\0", name)].decode()
            at += SYMBOL_BYTES

    def code(self):
        return b"".join(self.data[offset:offset + size]
                        for kind, flags, offset, _, _, size, *_ in self.segments
                        if kind == PT_LOAD and flags & PF_X)

    def is_sanitized(self):
        return any(name.startswith(("__asan_", "__tsan_", "__ubsan_")) for name in self.imports()) \
            or b"__asan_init" in self.data or b"__tsan_init" in self.data


def faults(elf):
    """A sentence for each measure that the program lacks."""
    yield from faults_of_segments(elf)
    if elf.code().count(LANDING[elf.machine]) < LANDINGS_MIN["static" if elf.is_static else "dynamic"]:
        yield "its functions do not begin with a landing pad (-fcf-protection, -mbranch-protection)"
    if not elf.is_static:  # a small static program has no imports to tell by, nor any large frame
        yield from faults_of_code(elf)


def faults_of_segments(elf):
    flags, flags_1 = elf.dynamic.get(DT_FLAGS, 0), elf.dynamic.get(DT_FLAGS_1, 0)
    if elf.kind != ET_DYN or not flags_1 & DF_1_PIE:
        yield "it is no position-independent executable (-fPIE, -pie or -static-pie)"
    if elf.segment(PT_GNU_RELRO) is None:
        yield "its relocated data stays writable (-z relro)"
    if not (flags & DF_BIND_NOW or flags_1 & DF_1_NOW):
        yield "it binds lazily, so its GOT stays writable (-z now)"
    stack = elf.segment(PT_GNU_STACK)
    if stack is None or stack[1] & PF_X:
        yield "its stack is executable (-z noexecstack)"
    if any(s[0] == PT_LOAD and s[1] & PF_W and s[1] & PF_X for s in elf.segments):
        yield "a segment is writable and executable"


def faults_of_code(elf):
    imports = set(elf.imports())
    if "__stack_chk_fail" not in imports:
        yield "no function checks its stack's guard (-fstack-protector-strong)"
    if not elf.is_sanitized() and not any(
            name.endswith("_chk") and name.startswith("__") for name in imports):
        yield "no call of the C library is checked (_FORTIFY_SOURCE=3)"
    if PROBE[elf.machine] not in elf.code():
        yield "no large frame is probed (-fstack-clash-protection)"


def programs():
    assert all((BIN / name).exists() for name in PROGRAMS), f"not built: {' '.join(PROGRAMS)} in {BIN}"
    return sorted(file for file in BIN.glob("slipway*") if file.is_file())


def problems():
    return [f"{file.name}: {fault}" for file in programs() for fault in faults(Elf(file))]


def test_every_program_has_every_measure_against_exploits():
    assert not problems()


def test_a_thread_costs_little_memory_of_its_own():
    """The C library clears all of it for each thread that begins: 40 times in an idle server."""
    for file in programs():
        segment = Elf(file).segment(PT_TLS)
        assert not segment or segment[6] <= THREAD_LOCAL_BYTES_MAX, f"{file.name}: {segment[6]} bytes are thread_local"


def test_a_program_that_lacks_them_is_found(tmp_path):
    """Each check sees a program without its measure: otherwise it would always pass."""
    source = tmp_path / "bare.c"
    source.write_text("int main(void) { return 0; }\n")
    bare = tmp_path / "bare"
    assert os.system(f"clang-19 -fuse-ld=lld -no-pie -fno-pie -fno-stack-protector -Wl,-z,norelro,-z,lazy,"
                     f"-z,execstack {source} -o {bare} 2>/dev/null") == 0
    assert len(list(faults(Elf(bare)))) == 8


if __name__ == "__main__":
    found = problems()
    print("\n".join(found) or "hardening: every program has every measure")
    sys.exit(1 if found else 0)
