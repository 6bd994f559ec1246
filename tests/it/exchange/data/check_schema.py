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
ERRORS = "{http://schemas.microsoft.com/exchange/services/2006/errors}"
codes = schema.maps.types["{http://schemas.microsoft.com/exchange/services/2006/messages}ResponseCodeType"].enumeration
parts, wrong = 0, []
for file in files:
    root = ET.parse(file).getroot()
    assert root.tag == SOAP + "Envelope", file
    children = []
    for part in ("Header", "Body"):
        found = root.find(SOAP + part)
        children += [] if found is None else list(found)
    for child in children:
        parts += 1
        if child.tag == SOAP + "Fault":
            # A fault has no schema of its own but for its code.
            found = [child.findtext("faultcode"), child.findtext("detail/" + ERRORS + "ResponseCode")]
            for code in filter(None, found):
                if code.split(":")[-1] not in codes:
                    wrong.append(f"{file}: no code {code}")
            continue
        element = schema.maps.elements.get(child.tag)
        if element is None:
            wrong.append(f"{file}: no element {child.tag}")
            continue
        wrong += [f"{file}: {error.reason} at {error.path}" for error in element.iter_errors(child)]
for line in wrong[:20]:
    print(line)
print(f"{len(files)} texts, {parts} parts")
sys.exit(1 if wrong or not parts else 0)
