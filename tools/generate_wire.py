#!/usr/bin/env python3
"""Writes the wire tables and the typed views of one service from AWS's model.

    generate_wire.py --data BOTOCORE_DATA --service sagemaker --operations operations.txt \
                     [--overlay overlay.txt] --out DIR        writes DIR/sagemaker.h, DIR/sagemaker.cc
    generate_wire.py --data BOTOCORE_DATA --index sagemaker s3 ... --out DIR
                                                             writes DIR/services.h, DIR/services.cc

Only the shapes that the listed operations reach are kept; all operation names are. A trait that this
program does not know ends it: what it means must be decided, not skipped.
"""
import argparse
import gzip
import json
import pathlib
import re
import sys

# What the tables carry, and what they deliberately leave out.
KNOWN = {
    "metadata": {"apiVersion", "endpointPrefix", "protocol", "protocols", "jsonVersion",
                 "targetPrefix", "serviceId", "signingName", "xmlNamespace", "awsQueryCompatible"},
    "metadata-ignored": {"auth", "serviceAbbreviation", "serviceFullName", "signatureVersion", "uid",
                         "checksumFormat", "globalEndpoint", "protocolSettings", "ripServiceName"},
    "operation": {"name", "http", "input", "output", "errors", "authtype", "unsignedPayload",
                  "httpChecksum", "httpChecksumRequired", "endpoint", "requestcompression",
                  "deprecated", "missing-parameter"},
    "operation-ignored": {"documentation", "idempotent", "readonly", "staticContextParams",
                          "operationContextParams", "deprecatedMessage", "deprecatedSince",
                          "endpointdiscovery", "endpointoperation", "auth"},
    "http": {"method", "requestUri", "responseCode"},
    "input": {"shape", "locationName", "xmlNamespace"},
    "input-ignored": {"documentation"},
    "output": {"shape", "resultWrapper"},
    "output-ignored": {"documentation"},
    "shape": {"type", "required", "members", "member", "key", "value", "min", "max", "pattern",
              "enum", "sensitive", "flattened", "union", "document", "exception", "error", "payload",
              "event", "eventstream", "xmlNamespace", "locationName", "timestampFormat", "sparse",
              "streaming", "fault"},
    "shape-ignored": {"documentation", "box", "synthetic", "retryable", "wrapper",
                      "xmlOrder", "deprecated", "deprecatedMessage", "deprecatedSince",
                      "requiresLength"},
    "member": {"shape", "location", "locationName", "flattened", "streaming", "xmlAttribute",
               "xmlNamespace", "timestampFormat", "jsonvalue", "idempotencyToken", "eventpayload",
               "eventheader", "hostLabel", "deprecated"},
    "member-ignored": {"documentation", "box", "contextParam", "deprecatedMessage",
                       "deprecatedSince", "queryName", "enum"},
    "error": {"code", "httpStatusCode", "senderFault"},
}

KINDS = {"structure": "structure", "list": "list", "map": "map", "string": "text",
         "character": "text", "blob": "blob", "boolean": "boolean", "integer": "integer",
         "long": "long_integer", "float": "float_number", "double": "double_number",
         "timestamp": "timestamp"}
SHAPE_FLAGS = ["sensitive", "flattened", "union", "exception", "senderFault", "sparse",
               "eventstream", "event", "open-enum", "streaming", "bare"]
MEMBER_FLAGS = ["required", "flattened", "xmlAttribute", "idempotencyToken", "streaming",
                "jsonvalue", "eventpayload", "eventheader", "hostLabel", "deprecated"]
OPERATION_FLAGS = ["built", "unsignedPayload", "checksumRequired", "requestcompression",
                   "deprecated", "missing-parameter"]
LOCATIONS = {None: "body", "header": "header", "headers": "headers_with_prefix", "uri": "uri",
             "querystring": "query", "statusCode": "status_code"}
TIMES = {None: "unspecified", "iso8601": "iso8601", "unixTimestamp": "unix_seconds",
         "rfc822": "http_date"}
PROTOCOLS = {"rest-json": "rest_json", "rest-xml": "rest_xml", "query": "query",
             "smithy-rpc-v2-cbor": "cbor"}
OVERLAY_WORDS = {"validation-error": 1, "serialization-error": 1, "open-enum": 1, "root": 2,
                 "bare": 1, "pattern": 2, "target-prefix": 1, "xml-namespace": 1, "style": 1,
                 "body-validation-error": 1, "also-protocol": 1, "query-name": 2, "optional": 1,
                 "error-code": 2, "unsigned": 1, "sentence": 2, "missing-parameter": 1, "mingle": 4,
                 "plain": 2}
CPP_WORDS = set("""alignas alignof and asm auto bool break case catch char class concept const
constexpr continue decltype default delete do double else enum explicit export extern false float for
friend goto if inline int long mutable namespace new not nullptr operator or private protected public
register requires return short signed sizeof static struct switch template this throw true try typedef
typeid typename union unsigned using virtual void volatile while xor NULL EOF INFINITY NAN TRUE FALSE
stdin stdout stderr errno assert""".split())
# Names that a view has already.
VIEW_WORDS = {"node", "arena", "slot", "own_slot", "value", "optional", "put", "put_optional", "made",
              "added", "add", "entered", "enter", "shape"}
ENUM_CONSTANTS_MAX = 64
METADATA_WITHIN = 64 << 10  # characters of a model


class ModelError(Exception):
    pass


def check(place, node, where):
    unknown = set(node) - KNOWN[place] - KNOWN.get(place + "-ignored", set())
    if unknown:
        raise ModelError(f"{where}: unknown trait {', '.join(sorted(unknown))} on a {place}; decide "
                         "what it means and add it to KNOWN in tools/generate_wire.py")


def quoted(text):
    out = []
    for byte in str(text).encode():
        char = chr(byte)
        if char in '"\\':
            out.append("\\" + char)
        elif 32 <= byte < 127 and char != "?":
            out.append(char)
        else:
            out.append(f"\\{byte:03o}")
    return '"' + "".join(out) + '"'


def identifier(name):
    name = re.sub(r"[^A-Za-z0-9_]", "_", name)
    if not name or name[0].isdigit():
        name = "_" + name
    return name + "_" if name in CPP_WORDS else name


def flags_of(names, present):
    return sum(1 << bit for bit, name in enumerate(names) if name in present)


class Overlay:
    """What the model lacks: `word arguments` lines; '#' starts a comment."""

    def __init__(self, path):
        self.one = {}
        self.open_enums, self.bare, self.roots, self.patterns = set(), set(), {}, {}
        self.query_names, self.error_codes, self.optional, self.unsigned = {}, {}, set(), set()
        self.sentences, self.missing_parameter = {}, set()
        self.mingled, self.plain = [], {}
        for number, line in enumerate(path.read_text().splitlines() if path else [], 1):
            line = line.strip()
            if line and not line.startswith("#"):
                self.take(line, f"{path}:{number}")

    def take(self, line, where):
        word, rest = (line.split(None, 1) + [""])[:2]
        count = OVERLAY_WORDS.get(word)
        parts = rest.split(None, count - 1) if count else []
        if count is None or len(parts) != count:
            raise ModelError(f"{where}: '{line}' is not an overlay line "
                             f"({', '.join(OVERLAY_WORDS)})")
        if word == "open-enum":
            self.open_enums.add(parts[0])
        elif word == "bare":
            self.bare.add(parts[0])
        elif word == "root":
            self.roots[parts[0]] = parts[1]
        elif word == "pattern":
            self.patterns[parts[0]] = parts[1]
        elif word == "query-name":
            self.query_names[parts[0]] = parts[1]
        elif word == "error-code":
            self.error_codes[parts[0]] = parts[1]
        elif word == "optional":
            self.optional.add(parts[0])
        elif word == "mingle":
            self.mingled.append(parts)
        elif word == "unsigned":
            self.unsigned.add(parts[0])
        elif word == "sentence":
            self.sentences[parts[0]] = parts[1]
        elif word == "missing-parameter":
            self.missing_parameter.add(parts[0])
        elif word == "plain":
            self.plain[parts[0]] = parts[1]
        else:
            self.one[word] = parts[0]


class Model:
    def __init__(self, data, service, operations, overlay):
        self.name = service
        self.space = service.replace("-", "_")
        self.model = read_model(data, service)
        self.meta = self.model["metadata"]
        check("metadata", self.meta, service)
        self.overlay = overlay
        self.modes = operations
        self.shapes = self.model["shapes"]
        unknown = set(operations) - set(self.model["operations"])
        if unknown:
            raise ModelError(f"{service}: no such operation: {', '.join(sorted(unknown))}")
        for name in (overlay.open_enums | overlay.bare | set(overlay.roots) | set(overlay.patterns)
                     | set(overlay.plain)):
            if name not in self.shapes:
                raise ModelError(f"{service} overlay: no such shape: {name}")
        self.lay_over()
        self.kept = self.reach()
        ops = self.model["operations"].values()
        # An answer has neither path nor query: what a model puts there travels in its body.
        self.answers = ({op["output"]["shape"] for op in ops if "output" in op}
                        - {op["input"]["shape"] for op in ops if "input" in op})
        self.index = {name: at for at, name in enumerate(self.kept)}

    def lay_over(self):
        """Puts into the model what the overlay says of its members, errors and operations."""
        for place, name in self.overlay.query_names.items():
            self.member(place)["locationName"] = name
        for name in self.overlay.optional:
            for shape in self.shapes.values():
                if name in shape.get("required", []):
                    shape["required"].remove(name)
        for name, kind in self.overlay.plain.items():
            self.shapes[name] = {"type": kind}
        for name, code in self.overlay.error_codes.items():
            self.shapes[name].setdefault("error", {})["code"] = code
        for name in self.overlay.unsigned:
            self.model["operations"][name]["authtype"] = "none"
        for name in self.overlay.missing_parameter:
            self.model["operations"][name]["missing-parameter"] = True
        for place in self.overlay.mingled:
            self.mingle(*place)

    def sentence(self, name, ref):
        """What the overlay says of members of that name, or else of those of that pattern."""
        sentences = self.overlay.sentences
        return sentences.get(name, sentences.get(self.shapes[ref["shape"]].get("pattern"), ""))

    def mingle(self, structure, name, *lists):
        """Makes one flat list of several whose elements stand in an order of their own.

        It has no element of its own: each item has one member, after which its element is named.
        """
        members = self.shapes[structure]["members"]
        item = {"type": "structure", "members": {}}
        mingled = {}
        for member, ref in members.items():
            if member not in lists:
                mingled[member] = ref
                continue
            item["members"][ref["locationName"]] = dict(self.shapes[ref["shape"]]["member"])
            mingled[name] = {"shape": f"{structure}{name}", "locationName": ""}
        self.shapes[structure]["members"] = mingled
        self.shapes[f"{structure}{name[:-1]}"] = item
        self.shapes[f"{structure}{name}"] = {
            "type": "list", "flattened": True, "member": {"shape": f"{structure}{name[:-1]}"}}

    def member(self, place):
        """What "Structure.Member", "List.member", "Map.key" or "Map.value" names."""
        shape, _, member = place.partition(".")
        found = self.shapes.get(shape, {})
        found = found.get("members", found).get(member)
        if not isinstance(found, dict):
            raise ModelError(f"{self.name} overlay: no such member: {place}")
        return found

    def reach(self):
        """The shapes of the listed operations, sorted by name."""
        found, todo = set(), []
        for name, op in self.model["operations"].items():
            if name in self.modes:
                todo += [op[side]["shape"] for side in ("input", "output") if side in op]
                todo += [error["shape"] for error in op.get("errors", [])]
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo += [ref["shape"] for _, ref in self.members(name)]
        return sorted(found)

    def members(self, name):
        shape = self.shapes[name]
        check("shape", shape, f"{self.name}.{name}")
        if shape["type"] == "list":
            pairs = [("member", shape["member"])]
        elif shape["type"] == "map":
            pairs = [("key", shape["key"]), ("value", shape["value"])]
        else:
            pairs = list(shape.get("members", {}).items())
        for member, ref in pairs:
            check("member", ref, f"{self.name}.{name}.{member}")
        return pairs

    def kind(self, name):
        shape = self.shapes[name]
        return "document" if shape.get("document") else KINDS[shape["type"]]

    def protocols(self):
        wanted = list(self.meta.get("protocols", [self.meta["protocol"]]))
        wanted += [self.overlay.one[word] for word in ("also-protocol",) if word in self.overlay.one]
        names = [self.json_protocol() if p == "json" else PROTOCOLS[p]
                 for p in wanted if p == "json" or p in PROTOCOLS]
        return names

    def json_protocol(self):
        return "json10" if self.meta.get("jsonVersion") == "1.0" else "json11"


def read_model(data, service):
    versions = sorted(p for p in (pathlib.Path(data) / service).iterdir() if p.is_dir())
    for name in ("service-2.json.gz", "service-2.json"):
        path = versions[-1] / name
        if path.exists():
            raw = path.read_bytes()
            return json.loads(gzip.decompress(raw) if name.endswith("gz") else raw)
    raise ModelError(f"no service-2.json under {versions[-1]}")


# ---- Tables ----

def namespace_of(node):
    space = node.get("xmlNamespace")
    if not space:
        return "{}"
    if isinstance(space, str):
        return f"{{{quoted('')}, {quoted(space)}}}"
    return f"{{{quoted(space.get('prefix', ''))}, {quoted(space['uri'])}}}"


def member_row(model, owner, name, ref):
    shape = model.shapes[owner]
    structure = shape["type"] == "structure"
    present = {flag for flag in MEMBER_FLAGS if ref.get(flag)}
    if structure and name in shape.get("required", []):
        present.add("required")
    wire = ref.get("locationName", name if structure else "")
    location = ref.get("location")
    if owner in model.answers and location in ("uri", "querystring"):
        location = None
    return (f"    {{{quoted(name)}, {quoted(wire)}, &shapes[{model.index[ref['shape']]}], "
            f"wire::Location::{LOCATIONS[location]}, {flags_of(MEMBER_FLAGS, present)}, "
            f"wire::TimestampFormat::{TIMES[ref.get('timestampFormat')]}, {namespace_of(ref)}, "
            f"{quoted(model.sentence(name, ref) if structure else '')}}},")


def bound(shape, which):
    return repr(shape[which]) if which in shape else "wire::unbounded"


def shape_row(model, name, first, count, enums):
    shape = model.shapes[name]
    error = shape.get("error", {})
    check("error", error, f"{model.name}.{name}")
    status = error.get("httpStatusCode", 500 if shape.get("fault") else 0)
    present = {flag for flag in SHAPE_FLAGS if shape.get(flag)}
    present |= {"senderFault"} if error.get("senderFault") else set()
    present |= {"open-enum"} if name in model.overlay.open_enums else set()
    present |= {"bare"} if name in model.overlay.bare else set()
    payload = list(shape["members"]).index(shape["payload"]) if "payload" in shape else -1
    return (f"    {{{quoted(name)}, wire::ShapeKind::{model.kind(name)}, {flags_of(SHAPE_FLAGS, present)}, "
            f"wire::TimestampFormat::{TIMES[shape.get('timestampFormat')]}, {payload}, "
            f"{{members + {first}, {count}}}, {bound(shape, 'min')}, {bound(shape, 'max')}, "
            f"{quoted(model.overlay.patterns.get(name, shape.get('pattern', '')))}, {enums}, "
            f"{quoted(model.overlay.roots.get(name, shape.get('locationName', '')))}, "
            f"{namespace_of(shape)}, "
            f"{quoted(error.get('code', ''))}, {status}}},")


def match_lists(model, op):
    """Required members in query and headers: what tells operations of one path apart."""
    lists = {"querystring": [], "header": []}
    shape = model.shapes[op["input"]["shape"]] if "input" in op else {}
    for name in shape.get("required", []):
        ref = shape["members"][name]
        if ref.get("location") in lists:
            lists[ref["location"]].append(ref.get("locationName", name))
    return lists["querystring"], lists["header"]


def text_array(out, name, texts):
    if not texts:
        return "{}"
    rows = ", ".join(quoted(text) for text in texts)
    out.append(f"constexpr std::string_view {name}[] = {{{rows}}};")
    return name


def operation_row(model, name, op, arrays):
    where = f"{model.name}.{name}"
    check("operation", op, where)
    check("http", op["http"], where)
    check("input", op.get("input", {}), where)
    check("output", op.get("output", {}), where)
    built = name in model.modes
    checksum = op.get("httpChecksum", {})
    present = {flag for flag in OPERATION_FLAGS if op.get(flag)} | ({"built"} if built else set())
    if op.get("httpChecksumRequired") or checksum.get("requestChecksumRequired"):
        present.add("checksumRequired")

    def side(which):
        return f"&shapes[{model.index[op[which]['shape']]}]" if built and which in op else "nullptr"

    errors, queries, headers = "{}", "{}", "{}"
    if built and op.get("errors"):
        rows = ", ".join(f"&shapes[{model.index[e['shape']]}]" for e in op["errors"])
        arrays.append(f"constexpr const wire::Shape* errors_{name}[] = {{{rows}}};")
        errors = f"errors_{name}"
    if model.meta["protocol"].startswith("rest"):
        query_names, header_names = match_lists(model, op)
        queries = text_array(arrays, f"query_{name}", query_names)
        headers = text_array(arrays, f"headers_{name}", header_names)
    source = op.get("input", {})
    return (f"    {{{quoted(name)}, &schema_table, {quoted(op['http']['method'])}, "
            f"{quoted(op['http']['requestUri'])}, {op['http'].get('responseCode', 200)}, "
            f"{flags_of(OPERATION_FLAGS, present)}, {side('input')}, {side('output')}, "
            f"{quoted(source.get('locationName', ''))}, {namespace_of(source)}, "
            f"{quoted(op.get('output', {}).get('resultWrapper', ''))}, {errors}, {queries}, {headers}, "
            f"{quoted(op.get('authtype', ''))}, {quoted(op.get('endpoint', {}).get('hostPrefix', ''))}, "
            f"{quoted(checksum.get('requestAlgorithmMember', ''))}, "
            f"{quoted(model.modes.get(name, 'missing'))}}},")


def service_row(model):
    meta, one = model.meta, model.overlay.one
    query = "query" in model.protocols() and model.meta["protocol"] in ("query", "ec2")
    validation = one.get("validation-error", "ValidationError" if query else "ValidationException")
    serialization = one.get("serialization-error",
                            "MalformedInput" if query else "SerializationException")
    compatible = "true" if "awsQueryCompatible" in meta else "false"
    return (f"{{{quoted(model.name)}, {quoted(meta['serviceId'])}, {quoted(meta['apiVersion'])}, "
            f"{quoted(meta['endpointPrefix'])}, "
            f"{quoted(meta.get('signingName', meta['endpointPrefix']))}, "
            f"{quoted(one.get('target-prefix', meta.get('targetPrefix', '')))}, "
            f"{quoted(one.get('xml-namespace', meta.get('xmlNamespace', '')))}, protocols, "
            f"{compatible}, {quoted(validation)}, {quoted(serialization)}, "
            f"{quoted(one.get('body-validation-error', ''))}, "
            f"{'true' if one.get('style') == 's3' else 'false'}, "
            f"{'true' if one.get('style') == 'iam' else 'false'}}}")


def write_tables(model):
    arrays, members, shapes = [], [], []
    for name in model.kept:
        pairs = model.members(name)
        enums = text_array(arrays, f"enum_{identifier(name)}", model.shapes[name].get("enum", []))
        shapes.append(shape_row(model, name, len(members), len(pairs), enums))
        members += [member_row(model, name, member, ref) for member, ref in pairs]
    ops = [operation_row(model, name, op, arrays)
           for name, op in sorted(model.model["operations"].items())]
    protocols = ", ".join(f"wire::Protocol::{p}" for p in model.protocols())
    space = f"slipway::aws::{model.space}"
    detail = "{shapes, %d}, {members, %d}, {operations, %d}" % (len(shapes), len(members), len(ops))
    return "\n".join([
        f"// Generated by tools/generate_wire.py from AWS's model of {model.name}. Do not edit.",
        f'#include "gen/{model.space}.h"', "",
        f"namespace {space} {{", "",
        f"extern const wire::Member members[{max(1, len(members))}];",
        f"extern const wire::Operation operations[{len(ops)}];",
        "extern const wire::Schema schema_table;", "",
        *arrays, "",
        f"constexpr wire::Protocol protocols[] = {{{protocols}}};", "",
        f"constinit const wire::Shape shapes[{max(1, len(shapes))}] = {{", *shapes, "};", "",
        f"constinit const wire::Member members[{max(1, len(members))}] = {{", *members, "};", "",
        f"constinit const wire::Schema schema_table = {{{service_row(model)},",
        f"    {detail}}};", "",
        f"constinit const wire::Operation operations[{len(ops)}] = {{", *ops, "};", "",
        "const wire::Schema& schema() { return schema_table; }", "",
        *[f"const wire::Operation& op::{name}::operation() {{ return operations[{at}]; }}"
          for at, name in enumerate(sorted(model.model['operations'])) if name in model.modes],
        "", f"}}  // namespace {space}", ""])


# ---- Views ----

class Views:
    def __init__(self, model):
        self.model = model
        self.out, self.after = [], []
        self.done = set()
        self.late = False

    def cpp_type(self, name):
        model, shape = self.model, self.model.shapes[name]
        kind = model.kind(name)
        if kind == "list":
            return f"wire::ListView<{self.cpp_type(shape['member']['shape'])}>"
        if kind == "map":
            return f"wire::MapView<{self.cpp_type(shape['value']['shape'])}>"
        if kind == "structure":
            return f"aws::{model.space}::{identifier(name)}"
        return {"text": "std::string_view", "blob": "wire::Blob", "boolean": "bool",
                "integer": "std::int32_t", "long_integer": "std::int64_t", "float_number": "double",
                "double_number": "double", "timestamp": "slipway::Timestamp",
                "document": "wire::Document"}[kind]

    def accessor(self, owner, slot, name, ref):
        model, shape = self.model, self.model.shapes[owner]
        target, kind = ref["shape"], model.kind(ref["shape"])
        method = identifier(name)
        if method == identifier(owner) or method in VIEW_WORDS:
            method += "_"
        this = identifier(owner)
        if ref.get("streaming") or model.shapes[target].get("streaming") or \
                model.shapes[target].get("eventstream"):
            self.out.append(f"  // {name} streams beside this view.")
            return
        cpp = self.cpp_type(target)
        self.late = not self.complete(target)
        if kind in ("structure", "list", "map"):
            self.function(this, cpp, f"{method}() const", f"value<{cpp}>({slot})")
            self.function(this, f"{this}&", f"{method}(const {cpp}& v)", f"put({slot}, v)")
            self.maker(this, slot, method, cpp, kind, target)
        else:
            self.scalar(this, slot, method, cpp, name in shape.get("required", []))

    def scalar(self, this, slot, method, cpp, required):
        if required:
            self.out.append(f"  {cpp} {method}() const {{ return value<{cpp}>({slot}); }}")
        else:
            self.out.append(f"  std::optional<{cpp}> {method}() const "
                            f"{{ return optional<{cpp}>({slot}); }}")
        if cpp == "bool":
            self.out.append(f"  template <wire::BooleanLike T> {this}& {method}(T v) "
                            f"{{ return put_optional<bool>({slot}, v); }}")
        else:
            self.out.append(f"  {this}& {method}(const std::optional<{cpp}>& v) "
                            f"{{ return put_optional<{cpp}>({slot}, v); }}")

    def maker(self, this, slot, method, cpp, kind, target):
        model = self.model
        if kind == "structure":
            self.function(this, cpp, f"make_{method}()", f"made<{cpp}>({slot})")
            return
        inner = model.shapes[target]["member" if kind == "list" else "value"]["shape"]
        item = self.cpp_type(inner)
        structure = model.kind(inner) == "structure"
        if kind == "list" and structure:
            self.function(this, item, f"add_{method}()", f"added<{item}>({slot})")
        if kind == "list":
            self.function(this, f"{this}&", f"add_{method}(const {item}& v)",
                          f"add<{item}>({slot}, v)")
        elif structure:
            self.function(this, item, f"put_{method}(std::string_view key)",
                          f"entered<{item}>({slot}, key)")
        else:
            self.function(this, f"{this}&",
                          f"put_{method}(std::string_view key, const {item}& v)",
                          f"enter<{item}>({slot}, key, v)")

    def ordered(self):
        """Structures, each after those that its accessors return as far as there are no cycles."""
        order, visited = [], set()

        def visit(name):
            if name not in visited:
                visited.add(name)
                for _, ref in self.model.members(name):
                    visit(ref["shape"])
                if self.model.kind(name) == "structure":
                    order.append(name)

        for name in self.model.kept:
            visit(name)
        return order

    def complete(self, name):
        """Whether every structure that an accessor of this shape returns is written already."""
        if self.model.kind(name) == "structure":
            return name in self.done
        if self.model.kind(name) in ("list", "map"):
            return all(self.complete(ref["shape"]) for _, ref in self.model.members(name))
        return True

    def function(self, this, result, declaration, body):
        """A member function, defined after all classes where its types are not complete yet."""
        if self.late:
            self.out.append(f"  {result} {declaration};")
            self.after.append(f"inline {result} {this}::{declaration} {{ return {body}; }}")
        else:
            self.out.append(f"  {result} {declaration} {{ return {body}; }}")

    def structure(self, name):
        this, pairs = identifier(name), self.model.members(name)
        self.out += [f"class {this} : public wire::Shaped<{this}, {len(pairs)}> {{", " public:",
                     "  using Shaped::Shaped;",
                     f"  static const wire::Shape& shape() {{ return shapes[{self.model.index[name]}]; }}"]
        for slot, (member, ref) in enumerate(pairs):
            self.accessor(name, slot, member, ref)
        self.out += ["};", ""]
        self.done.add(name)

    def enums(self):
        for name in self.model.kept:
            values = self.model.shapes[name].get("enum", [])
            if 0 < len(values) <= ENUM_CONSTANTS_MAX:
                self.out.append(f"namespace values::{identifier(name)} {{")
                seen = set()
                for value in values:
                    word = identifier(value)
                    if word not in seen:
                        seen.add(word)
                        self.out.append(f"inline constexpr std::string_view {word} = {quoted(value)};")
                self.out += ["}", ""]

    def operations(self):
        for name in sorted(self.model.modes):
            op = self.model.model["operations"][name]

            def side(which):
                return identifier(op[which]["shape"]) if which in op else "wire::Unit"

            self.out += [f"struct {name} {{",
                         f"  using Input = {side_type(self.model, side('input'))};",
                         f"  using Output = {side_type(self.model, side('output'))};",
                         f"  static constexpr std::string_view name = {quoted(name)};",
                         "  static const wire::Operation& operation();", "};"]

    def text(self):
        model, space = self.model, f"slipway::aws::{self.model.space}"
        structures = self.ordered()
        self.out = [
            f"// Generated by tools/generate_wire.py from AWS's model of {model.name}. Do not edit.",
            "#pragma once", "", "#include <cstdint>", "#include <optional>", "#include <string_view>",
            "", '#include "wire/view.h"', "", f"namespace {space} {{", "",
            "const wire::Schema& schema();", "",
            f"extern const wire::Shape shapes[{max(1, len(model.kept))}];", ""]
        self.out += [f"class {identifier(name)};" for name in structures] + [""]
        for name in structures:
            self.structure(name)
        self.out += self.after
        self.out += ["// The values of enums, as constants: values::EndpointStatus::InService.", ""]
        self.enums()
        self.out += ["// What an operation takes and gives.", "namespace op {", ""]
        self.operations()
        self.out += ["", "}  // namespace op", "", f"}}  // namespace {space}", ""]
        return "\n".join(self.out)


def side_type(model, name):
    return name if name.startswith("wire::") else f"aws::{model.space}::{name}"


# ---- Program ----

def read_operations(path):
    modes = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        marks = ([], ["frees"], ["stored"], ["frees", "stored"])
        if len(words) < 2 or words[2:] not in marks or words[0] in modes:
            raise ModelError(f"{path}:{number}: '{line}' is not `Name mode`, with `frees`, `stored` or both "
                             "behind it, or is there twice")
        modes[words[0]] = " ".join(words[1:])
    return modes


def write_if_changed(path, text):
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    else:
        path.touch()


def metadata_of(folder):
    """Of the newest model of a service; it stands at its beginning, before megabytes of shapes."""
    versions = sorted(each for each in folder.iterdir() if each.is_dir())
    for path in (versions[-1] / "service-2.json.gz", versions[-1] / "service-2.json") if versions else ():
        if path.exists():
            with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
                text = file.read(METADATA_WITHIN)
            return json.JSONDecoder().raw_decode(text, re.search(r'"metadata"\s*:\s*', text).end())[0]
    return None


def other_row(name, meta):
    """A service that Slipway has not: enough to know a request for it, and to refuse that by name."""
    protocols = ["query" if each == "ec2" else each for each in meta.get("protocols", [meta["protocol"]])]
    json_name = "json10" if meta.get("jsonVersion") == "1.0" else "json11"
    spoken = [json_name if each == "json" else PROTOCOLS[each] for each in protocols]
    texts = [name, meta["serviceId"], meta["apiVersion"], meta["endpointPrefix"],
             meta.get("signingName", meta["endpointPrefix"]), meta.get("targetPrefix", ""),
             (meta.get("xmlNamespace") or "") if isinstance(meta.get("xmlNamespace", ""), str) else ""]
    array = "{" + ", ".join(f"wire::Protocol::{each}" for each in spoken) + "}"
    compatible = "true" if "awsQueryCompatible" in meta else "false"
    return array, len(spoken), f"{', '.join(map(quoted, texts))}", compatible


def write_others(out, data, names):
    lines = ["// Generated by tools/generate_wire.py. Do not edit.", '#include "gen/services.h"', "",
             "namespace slipway::aws {", "namespace {", ""]
    rows = []
    for folder in sorted(each for each in data.iterdir() if each.is_dir() and each.name not in names):
        meta = metadata_of(folder)
        if meta is None:
            continue
        array, count, texts, compatible = other_row(folder.name, meta)
        lines.append(f"constexpr wire::Protocol protocols_{len(rows)}[{count}] = {array};")
        rows.append(f"  {{{{{texts}, protocols_{len(rows)}, {compatible}}}, {{}}, {{}}, {{}}}},")
    lines += ["", "constexpr wire::Schema all[] = {", *rows, "};", "", "}  // namespace", "",
              "std::span<const wire::Schema> others() { return all; }", "", "}  // namespace slipway::aws", ""]
    write_if_changed(out / "other_services.cc", "\n".join(lines))


def write_index(out, names):
    header = ["// Generated by tools/generate_wire.py. Do not edit.", "#pragma once", "",
              "#include <span>", "", '#include "wire/schema.h"', "", "namespace slipway::aws {", "",
              "// The schema of every service that Slipway has.",
              "std::span<const wire::Schema* const> schemas();", "",
              "// AWS's other services, without their operations.",
              "std::span<const wire::Schema> others();", "", "}  // namespace slipway::aws", ""]
    source = ["// Generated by tools/generate_wire.py. Do not edit.", '#include "gen/services.h"', "",
              "namespace slipway::aws {", "",
              *[f"namespace {name} {{\nextern const wire::Schema schema_table;\n}}" for name in names],
              "", "std::span<const wire::Schema* const> schemas() {",
              "  static constexpr const wire::Schema* all[] = {"
              + ", ".join(f"&{name}::schema_table" for name in names) + "};",
              "  return all;", "}", "", "}  // namespace slipway::aws", ""]
    write_if_changed(out / "services.h", "\n".join(header))
    write_if_changed(out / "services.cc", "\n".join(source))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--service")
    parser.add_argument("--operations", type=pathlib.Path)
    parser.add_argument("--overlay", type=pathlib.Path)
    parser.add_argument("--index", nargs="*")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    if args.index is not None:
        write_index(args.out, [name.replace("-", "_") for name in args.index])
        write_others(args.out, args.data, set(args.index))
        return
    model = Model(args.data, args.service, read_operations(args.operations), Overlay(args.overlay))
    write_if_changed(args.out / f"{model.space}.h", Views(model).text())
    write_if_changed(args.out / f"{model.space}.cc", write_tables(model))


if __name__ == "__main__":
    try:
        main()
    except (ModelError, OSError, KeyError) as error:
        sys.exit(f"generate_wire: {error if not isinstance(error, KeyError) else f'missing {error}'}")
