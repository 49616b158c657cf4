"""The gateway's schema validator and Python's `jsonschema` give the same verdict on thousands of documents.

hypothesis makes documents that a schema accepts; every value in them is then spoilt in every way that the vocabulary of
our schemas can tell apart. All documents of one schema go through one run of `nezha-gateway schema validate`.

Where the reference differs from the standards by its nature, it is brought to them below, and each place says how:
Python's `$` and its Unicode classes in patterns, binary floating point numbers, and three rules of `date-time`.
"""

import functools
import itertools
import json
import random
import re
import subprocess
import unicodedata
from datetime import UTC
from decimal import Decimal
from functools import partial

import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway import REPOSITORY, binary

SCHEMAS = sorted([*(REPOSITORY / "schemas" / "tools").glob("*.json"), *(REPOSITORY / "schemas" / "monitoring").glob("*.json")])
CASES = 2000

# Texts that differ in bytes, UTF-16 units, scalars and visible characters: only scalars count for a length.
TEXTS = ["", " ", "a", "\x00", "é", "e\u0301", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u2028", "\u0085",
    "\ufeff", "\r\n", "\uffff", "true", "0", "null", "\\", '"']  # fmt: skip
# One number in many spellings, and numbers at the edges of machine types.
NUMBERS = ["0", "-0", "-0.0", "0.0", "1", "1.0", "1e0", "10e-1", "0.1E+1", "1.5", "-1", "1e-7", "2e1", "1e400",
    "-1e400", "1e-400", "4294967295", "4294967296", "9007199254740991", "9007199254740991.0", "9007199254740991.5",
    "9007199254740992", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
    "123456789012345678901234567890", "1234567890123456789012345678.5e3"]  # fmt: skip
DATES = ["2026-07-28T10:20:30Z", "2026-07-28t10:20:30z", "2026-07-28T10:20:30.123456789012+23:59",
    "2024-02-29T00:00:00Z", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2000-02-29T00:00:00-00:00",
    "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z",
    "2026-01-01T24:00:00Z", "2026-01-01T23:60:00Z", "2026-01-01T23:59:61Z", "2026-01-01T00:00:00",
    "2026-01-01 00:00:00Z", "2026-01-01", "2026-1-1T00:00:00Z", "2026-01-01T00:00Z", "2026-01-01T00:00:00.Z",
    "2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+01",
    "2026-01-01T00:00:00Z\n", " 2026-01-01T00:00:00Z", "２026-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z", "12026-01-01T00:00:00Z", "+2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00−01:00"]  # fmt: skip

PATTERNED = ["644", "0644", "0644\n", "00644", "0888", "64", "a" * 64, "A" * 64, "a" * 63 + "g", "a" * 64 + "\n",
    "a" * 65, "٠٦٤٤", "de", "en-US", "en_US", "zh-Hans-CN", "-de", "de-", "d", "ſt", "en-ÜS",
    "de-123456789"]  # fmt: skip


class Literal(str):
    """A number as it is written, digit by digit."""


def write(value) -> str:
    """JSON text; unlike `json.dumps` it keeps the spelling of numbers."""
    if isinstance(value, Literal):
        return str(value)
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{write(item)}" for name, item in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    # Line breaks are always escaped, so a document is one line; other text is sent both raw and escaped.
    return json.dumps(value, ensure_ascii=isinstance(value, str) and len(value) % 2 == 0)


# The reference


def ecma_to_python(pattern: str) -> str:
    return re.sub(r"(?<!\\)\$", r"\\Z", pattern)


def ecma_pattern(validator, pattern, instance, schema):
    """`pattern` as ECMA-262 reads it: `$` is the end and nothing before it, classes are those of ASCII."""
    if validator.is_type(instance, "string"):
        if not re.search(ecma_to_python(pattern), instance, re.ASCII):
            yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def is_date_time(text) -> bool:
    """`jsonschema`'s rule, but its pattern also ends before a last line break. See `is_disputed` for the rest."""
    own = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return not isinstance(text, str) or not text.endswith("\n") and own.conforms(text, "date-time")


def is_disputed(text) -> bool:
    """RFC 3339 has leap seconds and the year 0, the reference has neither. Tested on their own below."""
    return bool(re.match(r"0000-|.{10}[Tt].{5}:60", text))


def is_integer(_, value) -> bool:
    """Numbers are read as decimals, so that 9007199254740991.5 stays what it is and 1e400 is no infinity."""
    if isinstance(value, Decimal):
        return value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(_, value) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


FORMATS = jsonschema.FormatChecker(formats=())
FORMATS.checks("date-time")(is_date_time)
BASE = jsonschema.Draft202012Validator
Reference = jsonschema.validators.extend(
    BASE,
    {"pattern": ecma_pattern},
    type_checker=BASE.TYPE_CHECKER.redefine_many({"integer": is_integer, "number": is_number}),
)


def reference(schema):
    return Reference(schema, format_checker=FORMATS)


def pointers(error) -> set:
    """Where our validator may point for this error of the reference."""
    escape = lambda part: str(part).replace("~", "~0").replace("/", "~1")  # noqa: E731
    place = "".join(f"/{escape(part)}" for part in error.absolute_path)
    if error.validator == "required":
        return {f"{place}/{escape(name)}" for name in error.validator_value if name not in error.instance}
    if error.validator == "additionalProperties" and error.validator_value is False:
        return {f"{place}/{escape(name)}" for name in error.instance if name not in error.schema.get("properties", {})}
    return {place}


def points_at(place: str, verdict: str) -> bool:
    """Long pointers are cut; characters that could drive a terminal may be spelt out in any way."""
    spelt = (
        ".+?" if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") else re.escape(letter)
        for letter in place[:200] or "(root)"
    )
    return bool(re.match(f"{''.join(spelt)}{'…' * (len(place) > 200)}: ", verdict, re.S))


# The cases


def cached(function):
    """Remembers results by the identity of the one argument, which is part of a schema that stays."""
    known = {}

    @functools.wraps(function)
    def look_up(argument):
        if id(argument) not in known:
            known[id(argument)] = (function(argument), argument)
        return known[id(argument)][0]

    return look_up


def paths(value, here=()):
    """Every place in a document, the root included."""
    yield here
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in members:
        yield from paths(item, (*here, key))


def subschema(schema: dict, path) -> dict:
    for key in path:
        if isinstance(key, int):
            schema = schema.get("items", {})
        else:
            other = schema.get("additionalProperties", {})
            schema = schema.get("properties", {}).get(key, other if isinstance(other, dict) else {})
    return schema


def at(document, path):
    for key in path:
        document = document[key]
    return document


def changed(document, path, change):
    """A copy in which `change(copy of the container)` was applied to the container at `path`."""
    copy = document.copy()
    if path:
        copy[path[0]] = changed(document[path[0]], path[1:], change)
    else:
        change(copy)
    return copy


def replaced(document, path, value):
    return changed(document, path[:-1], lambda container: container.__setitem__(path[-1], value)) if path else value


# Values for any place: every type, and what validators are known to confuse.
ANYWHERE = [None, True, False, [], {}, [None], {"a": None}, *map(Literal, NUMBERS), *TEXTS]


@cached
def edges(schema: dict) -> list:
    """Values around everything that this schema decides by, besides types."""
    values = []
    for bound in ("minimum", "maximum"):
        if bound in schema:
            limit = schema[bound]
            values += [Literal(str(limit + step)) for step in (-1, 0, 1)]
            values += [Literal(f"{limit}.0"), Literal(f"{limit - 1}.{'9' * 21}"), Literal(f"{limit}.0000000001")]
    for bound in ("minLength", "maxLength"):
        if bound in schema:
            for length in range(max(0, schema[bound] - 1), schema[bound] + 2):
                values += [letter * length for letter in ("a", "é", "\U0001f600", "\u0301")]
    for option in schema.get("enum", []):
        if isinstance(option, str):
            values += [option, option.upper(), option + " ", f"{option}\x00"]
        else:
            values += [option, str(option), bool(option), Literal(f"{option}.0"), [option]]
    if "pattern" in schema:
        values += PATTERNED
    if schema.get("format") == "date-time":
        values += DATES
    return values


def at_edges(document, schema: dict, places: list | None = None):
    """Changes, as functions without arguments, that lead to either side of every rule; all of them are tried."""
    for path in places or paths(document):
        part = subschema(schema, path)
        for value in edges(part):
            yield partial(replaced, document, path, value)
        if path:
            yield partial(changed, document, path[:-1], lambda container, key=path[-1]: container.pop(key))


def changes(document, schema: dict, places: list | None = None):
    """Further changes of one thing; the more there are, the fewer of them are tried.

    `places`: where; without it, everywhere."""
    yield from at_edges(document, schema, places)
    for path in places or paths(document):
        here, part = at(document, path), subschema(schema, path)
        for value in ANYWHERE:
            yield partial(replaced, document, path, value)
        if isinstance(here, dict):
            for name in ("", "unknown", "ünknown", "a/b~c", "__proto__"):
                yield partial(replaced, document, (*path, name), {"nested": [None]})
            for name, property in part.get("properties", {}).items():
                for value in (None, "x", Literal("1"), True, [], {}, *property.get("enum", [])[:1]):
                    yield partial(replaced, document, (*path, name), value)
                yield partial(replaced, document, (*path, name.upper()), None)
        if isinstance(here, list):
            for value in (None, "x", Literal("1"), Literal("1.5"), True, [], {}):
                yield partial(changed, document, path, lambda container, value=value: container.append(value))


# Names come back in pointers; one with a line feed is left to the test at the end.
NAMES = st.text(st.characters(exclude_characters="\n"), max_size=4)


def anything():
    leaves = (
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([Literal(n) for n in NUMBERS])
    )
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
    )


def accepted_by(schema: dict, whole: bool = False):
    """Documents that the schema accepts; `whole`: with all members that it knows."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema.get("type")
    if kinds is None:
        return anything()
    return st.one_of([KINDS[kind](schema, whole) for kind in ([kinds] if isinstance(kinds, str) else kinds)])


def accepted_objects(schema: dict, whole: bool):
    properties = {name: accepted_by(part, whole) for name, part in schema.get("properties", {}).items()}
    required = set(properties) if whole else set(schema.get("required", ()))
    known = st.fixed_dictionaries(
        {name: properties[name] for name in properties if name in required},
        optional={name: properties[name] for name in properties if name not in required},
    )
    others = schema.get("additionalProperties")
    if not isinstance(others, dict):
        return known
    names = NAMES.filter(lambda name: name not in properties)
    others = st.dictionaries(names, accepted_by(others, whole), min_size=int(whole), max_size=2)
    return st.tuples(known, others).map(lambda parts: parts[1] | parts[0])


def accepted_texts(schema: dict, _):
    if schema.get("format") == "date-time":
        return st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat())
    if "pattern" in schema:
        return st.from_regex(ecma_to_python(schema["pattern"]), fullmatch=True)
    return st.text(min_size=schema.get("minLength", 0), max_size=min(8, schema.get("maxLength", 8)))


KINDS = {
    "object": accepted_objects,
    "array": lambda schema, whole: st.lists(
        accepted_by(schema.get("items", {"type": "null"}), whole), min_size=max(schema.get("minItems", 0), int(whole)),
        max_size=min(schema.get("maxItems", 2), max(2, schema.get("minItems", 0)))),
    "string": accepted_texts,
    "integer": lambda schema, _: st.integers(schema.get("minimum"), schema.get("maximum")),
    "number": lambda schema, _: st.decimals(schema.get("minimum"), schema.get("maximum"), allow_nan=False,
                                            allow_infinity=False, places=3).map(lambda number: Literal(f"{number:f}")),
    "boolean": lambda *_: st.booleans(),
    "null": lambda *_: st.none(),
}  # fmt: skip


def drawn(strategy, count: int) -> list:
    """Examples of a strategy; the same ones in every run."""
    found = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value):
        found.append(value)

    collect()
    return found


# The same for every schema.
ANY_DOCUMENTS = functools.cache(lambda: drawn(anything(), 100))


def cases(schema: dict) -> list[str]:
    """More than `CASES` different documents, the same in every run, most of them one step away from a valid one."""
    chance = random.Random(0)
    whole, some = drawn(accepted_by(schema, whole=True), 8), drawn(accepted_by(schema), 16)
    bases = [document for pair in itertools.zip_longest(whole, some, fillvalue={}) for document in pair]
    texts = dict.fromkeys(map(write, [*bases, *ANY_DOCUMENTS()]))
    fullest = max(whole, key=lambda document: len(list(paths(document))))
    texts |= dict.fromkeys(write(step()) for step in at_edges(fullest, schema))
    wanted, steps = len(texts) + CASES, []
    for base in bases:
        if len(steps) < 4 * CASES:
            steps += changes(base, schema)
    chance.shuffle(steps)
    # Small schemas have fewer single steps than that: more follow, from documents that took one already.
    for step in itertools.chain(steps, (partial(second_step, chance, steps, schema) for _ in itertools.count())):
        texts[write(step())] = None
        if len(texts) >= wanted:
            return [text for text in texts if not any(map(is_disputed, re.findall(r'"(\d{4}-[^"]*)', text)))]


def second_step(chance, steps, schema):
    first = chance.choice(steps)()
    again = list(changes(first, schema, [chance.choice(list(paths(first)))]))
    return chance.choice(again)() if chance.random() < 0.9 else {"".join(chance.choices("abcü/~ ", k=4)): first}


HALF = re.compile("[\ud800-\udfff]")


def is_text(document: str) -> bool:
    return not HALF.search(document)


def verdicts(path, documents: list[str]) -> list[str]:
    assert not any("\n" in document for document in documents)
    done = subprocess.run(
        [str(binary("nezha-gateway")), "schema", "validate", str(path)],
        capture_output=True,
        timeout=60,
        input="".join(f"{document}\n" for document in documents).encode(),
    )
    assert done.returncode == 0, done.stderr.decode()
    # Texts of a document may come back in a pointer; only a line feed ends a line.
    lines = done.stdout.decode().split("\n")
    assert lines.pop() == ""
    return lines


# The tests


def named(schema) -> list:
    """Every property of a schema, with its pointer."""
    found = []

    def walk(part, place):
        if not isinstance(part, dict):
            return
        for name, property in part.get("properties", {}).items():
            found.append((f"{place}/{name}", property))
            walk(property, f"{place}/{name}")
        walk(part.get("items"), f"{place}/[]")
        walk(part.get("additionalProperties"), f"{place}/*")

    walk(schema, "")
    return found


@pytest.fixture(scope="module", params=SCHEMAS, ids=lambda path: path.stem)
def schema(request, tmp_path_factory):
    """With the shapes that it names in their places, as the program puts them there when it starts."""
    content = resolved(json.loads(request.param.read_text()))
    path = tmp_path_factory.mktemp("schema") / request.param.name
    path.write_text(json.dumps(content))
    return path, content


def resolved(part):
    if isinstance(part, list):
        return [resolved(each) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        shape = json.loads((REPOSITORY / "schemas" / "tools" / part["$ref"]).read_text())
        return resolved(shape | {name: value for name, value in part.items() if name != "$ref"})
    return {name: resolved(value) for name, value in part.items() if not name.startswith("x-")}


def test_there_are_schemas_for_every_tool():
    stems = {path.stem for path in SCHEMAS}
    assert {stem.rsplit(".", 1)[1] for stem in stems} == {"input", "output"}
    tools = {stem.rsplit(".", 1)[0] for stem in stems}
    assert stems == {f"{tool}.{side}" for tool in tools for side in ("input", "output")} and len(tools) >= 10


def test_it_is_a_schema_of_2020_12_that_describes_all_it_holds(schema):
    BASE.check_schema(schema[1])
    for place, property in named(schema[1]):
        assert property.get("description", "").strip(), f"{place} has no description"
        for example in [*property.get("examples", []), *([property["default"]] if "default" in property else [])]:
            reference(property).validate(example)


# The widest schemas take a minute to spoil in all ways.
@pytest.mark.timeout(400)
def test_both_validators_agree(schema):
    path, content = schema
    # Half a surrogate pair has no bytes.
    documents = [document for document in cases(content) if is_text(document)]
    assert len(documents) >= CASES
    judge = reference(content)
    disagreements, accepted = [], 0
    for document, verdict in zip(documents, verdicts(path, documents), strict=True):
        errors = list(judge.iter_errors(json.loads(document, parse_float=Decimal)))
        accepted += not errors
        if (verdict == "valid") != (not errors):
            disagreements.append(f"{document[:300]}: {verdict}, not {errors[0].message[:100] if errors else 'valid'}")
        elif errors:
            allowed = set().union(*map(pointers, errors))
            if not any(points_at(place, verdict) for place in allowed):
                disagreements.append(f"{document[:300]}: points at {verdict}, not at one of {sorted(allowed)[:5]}")
    assert not disagreements, f"{len(disagreements)} of {len(documents)}:\n" + "\n".join(disagreements[:10])
    # The cases are worth something only if both verdicts occur often, where there are that many documents at all.
    is_tiny = content.get("additionalProperties") is False and all(
        part.get("type") == "boolean" for part in content["properties"].values()
    )
    assert (1 if is_tiny else 30) <= accepted <= len(documents) - 30


def test_leap_seconds_and_the_year_0_are_as_in_rfc_3339(tmp_path):
    """What the reference cannot tell (see `is_disputed`), by section 5.6 and 5.7 of the RFC."""
    valid = ["1990-12-31T23:59:60Z", "1990-12-31T15:59:60-08:00", "1991-01-01T00:59:60.5+01:00", "0000-02-29T00:00:00Z"]
    invalid = ["1990-12-31T22:59:60Z", "1990-12-31T23:58:60Z", "1990-12-31T23:59:60+01:00", "0000-00-01T00:00:00Z"]
    file = tmp_path / "date.json"
    file.write_text('{"type":"string","format":"date-time"}')
    found = verdicts(file, [json.dumps(text) for text in valid + invalid])
    assert [verdict == "valid" for verdict in found] == [True] * len(valid) + [False] * len(invalid), found


def test_there_is_one_line_for_every_document(tmp_path):
    file = tmp_path / "numbers.json"
    file.write_text('{"type":"object","additionalProperties":{"type":"integer"}}')
    found = verdicts(file, ['{"a\\nb":null}', '{"a":1}'])
    assert len(found) == 2 and found[1] == "valid"
