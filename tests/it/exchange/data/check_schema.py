"""Validates SOAP envelopes against the schemas of EWS: check_schema.py SCHEMAS LIST-OF-FILES."""

import pathlib
import sys
import tempfile
import xml.etree.ElementTree as ET

import xmlschema

schemas, files = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text().split()
with tempfile.TemporaryDirectory() as directory:
    place = pathlib.Path(directory)
    for name in ("messages.xsd", "types.xsd"):
        lines = (schemas / name).read_text().splitlines()
        # The one reference to an attribute of XML itself, whose schema lies nowhere here.
        lines = [line for line in lines if 'ref="xml:lang"' not in line]
        (place / name).write_text("\n".join(lines))
    schema = xmlschema.XMLSchema(str(place / "messages.xsd"), validation="lax")

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
parts, wrong = 0, []
for file in files:
    root = ET.parse(file).getroot()
    assert root.tag == SOAP + "Envelope", file
    children = []
    for part in ("Header", "Body"):
        found = root.find(SOAP + part)
        children += [] if found is None else list(found)
    for child in children:
        if child.tag == SOAP + "Fault":
            # Details of a fault have no schema of their own but for the code.
            continue
        parts += 1
        element = schema.maps.elements.get(child.tag)
        if element is None:
            wrong.append(f"{file}: no element {child.tag}")
            continue
        wrong += [f"{file}: {error.reason} at {error.path}" for error in element.iter_errors(child)]
for line in wrong[:20]:
    print(line)
print(f"{len(files)} texts, {parts} parts")
sys.exit(1 if wrong or not parts else 0)
