"""Checks a bill of materials against the official CycloneDX 1.6 schema.

    sbom.py SCHEMAS BILL

Prints `valid`, or every fault with its place; exits with 1 then.
"""

import json
import pathlib
import sys

import jsonschema
import referencing
from referencing.jsonschema import DRAFT7


def main() -> int:
    schemas, bill = map(pathlib.Path, sys.argv[1:])
    read = lambda name: json.loads((schemas / f"{name}.SNAPSHOT.schema.json").read_text())
    bom = read("bom-1.6")
    registry = referencing.Registry().with_resources(
        (f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json", referencing.Resource.from_contents(read(name), DRAFT7))
        for name in ("spdx", "jsf-0.82")
    )
    jsonschema.Draft7Validator.check_schema(bom)
    validator = jsonschema.Draft7Validator(bom, registry=registry, format_checker=jsonschema.FormatChecker())
    faults = [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(json.loads(bill.read_text()))]
    print("\n".join(faults) or "valid")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
