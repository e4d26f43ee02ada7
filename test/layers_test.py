#!/usr/bin/env python3
"""Arrows point down only: every #include under src/ against src/layers.txt.

Runs by itself (`python3 test/layers_test.py`) and under pytest.
"""
import pathlib
import re
import sys

SRC = pathlib.Path(__file__).resolve().parent.parent / "src"
INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')


class Layers:
    """What layers.txt allows."""

    def __init__(self, text):
        self.floors, self.beside, self.only, self.downhill = [], {}, {}, []
        for line in text.splitlines():
            word, *names = line.split("#")[0].split() or [""]
            if word == "floor":
                self.floors.append(names)
            elif word == "downhill":
                self.downhill += names
            elif word:
                table = {"beside": self.beside, "only": self.only}[word]
                table.setdefault(names[0], set()).update(names[1:])

    def rooms(self):
        return [name for floor in self.floors for name in floor] + list(self.only)

    def room_of(self, path):
        """The room of a path below src/, or None: engine/routing/link.h -> engine/routing."""
        folders = path.split("/")[:-1]
        if folders[:1] == ["gen"]:
            return "wire"
        for length in range(min(2, len(folders)), 0, -1):
            name = "/".join(folders[:length])
            if name in self.rooms() or (length == 2 and f"{folders[0]}/*" in self.rooms()):
                return name
        return None

    def floor_of(self, room):
        for number, names in enumerate(self.floors):
            if room in names or ("/" in room and f"{room.split('/')[0]}/*" in names):
                return number
        return None

    def allowed(self, room, other):
        if room == other:
            return True
        if room in self.only:
            return other in self.only[room]
        if other in self.only:
            return False
        if room.startswith(f"{other}/") or other in self.beside.get(room, ()):
            return True
        return self.floor_of(other) < self.floor_of(room)

    def cycle(self):
        """A room that stands on itself by `beside` lines, or None."""
        return cycle_in(self.beside)


def cycle_in(arrows):
    """Who reaches himself by `arrows` (from each to those that he points to), or None."""
    for start in arrows:
        seen, todo = set(), list(arrows[start])
        while todo:
            if (each := todo.pop()) == start:
                return start
            if each not in seen:
                seen.add(each)
                todo += arrows.get(each, ())
    return None


def inner_arrows(src, room):
    """What in a room includes what of it: names without .h and .cc; tests point, nobody at them."""
    arrows = {}
    for file in [*(src / room).glob("*.h"), *(src / room).glob("*.cc")]:
        for _, target in includes(file):
            folder, _, name = target.rpartition("/")
            if folder == room and name != f"{file.stem}.h":
                arrows.setdefault(file.stem, set()).add(name.removesuffix(".h"))
    return arrows


def includes(file):
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if match := INCLUDE.match(line):
            yield number, match.group(1)


def violations(src, layers):
    """One line for each include that layers.txt does not allow: place, what, and the mend."""
    for file in sorted([*src.rglob("*.h"), *src.rglob("*.cc")]):
        relative = file.relative_to(src).as_posix()
        room = layers.room_of(relative)
        if room is None:
            yield f"src/{relative}: its folder is on no floor; name it in src/layers.txt"
            continue
        for number, target in includes(file):
            yield from check(layers, room, f"src/{relative}:{number}", target)


def circles(src, layers):
    """One line for each `downhill` room in which includes run in a circle."""
    for room in layers.downhill:
        arrows = inner_arrows(src, room)
        if not arrows:
            yield f"src/layers.txt: {room} has nothing that runs downhill"
        elif name := cycle_in(arrows):
            yield (f"src/{room}/{name}.h includes itself in a circle; put what is shared below both, or "
                   f"make the one above an interface of the one below")


def check(layers, room, where, target):
    other = layers.room_of(target)
    if other is None:
        yield f'{where}: "{target}" names no room; include it by its path below src/'
    elif not layers.allowed(room, other):
        yield (f"{where}: {room} may not include {other} ({target}); move what is shared to a lower "
               f"floor, or hand it in through an interface")


def test_no_include_points_up_or_sideways():
    layers = Layers((SRC / "layers.txt").read_text())
    assert layers.cycle() is None, f"{layers.cycle()} stands on itself in src/layers.txt"
    found = list(violations(SRC, layers))
    assert not found, "\n" + "\n".join(found)


def test_within_the_rooms_that_say_so_no_includes_run_in_a_circle():
    found = list(circles(SRC, Layers((SRC / "layers.txt").read_text())))
    assert not found, "\n" + "\n".join(found)


def test_the_check_finds_upward_sideways_and_outside_arrows():
    layers = Layers((SRC / "layers.txt").read_text())
    refused = [("net", "wire/schema.h"), ("net", "store/store.h"), ("base", "net/http.h"),
               ("engine/fleet", "engine/transform/plan.h"), ("engine/fleet", "service/call.h"),
               ("engine", "engine/routing/router.h"), ("engine/routing", "engine/fleet/plan.h"),
               ("modelserver", "store/store.h"),
               ("server", "modelserver/backends/model.h"), ("net", "nowhere.h"),
               ("modelserver/formats", "modelserver/backends/model.h"),
               ("modelserver/backends", "modelserver/fronts/request_sink.h"),
               ("modelserver/fronts", "modelserver/program/server.h")]
    granted = [("engine/transform", "engine/fleet/plan.h"), ("engine/fleet", "engine/reconciler.h"),
               ("service/s3", "gen/s3.h"), ("place/process", "place/place.h"),
               ("modelserver/fronts", "net/http.h"), ("server", "place/process/process.h")]
    assert all(list(check(layers, room, "x:1", target)) for room, target in refused)
    assert not any(list(check(layers, room, "x:1", target)) for room, target in granted)


if __name__ == "__main__":
    rules = Layers((SRC / "layers.txt").read_text())
    problems = [*violations(SRC, rules), *circles(SRC, rules)]
    print("\n".join(problems) or "layers: every include points down")
    sys.exit(1 if problems else 0)
