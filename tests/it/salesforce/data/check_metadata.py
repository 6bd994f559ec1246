"""Checks metadata files against the vendor's schema, as simple-salesforce carries it: names, order, what is needed, values."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import simple_salesforce

XSD = "{http://www.w3.org/2001/XMLSchema}"
METADATA = "{http://soap.sforce.com/2006/04/metadata}"

schema = ElementTree.parse(Path(simple_salesforce.__file__).with_name("metadata.wsdl"))
complex_types = {found.get("name"): found for found in schema.iter(XSD + "complexType")}
values = {
    found.get("name"): [value.get("value") for value in found.iter(XSD + "enumeration")]
    for found in schema.iter(XSD + "simpleType")
}


def faults(element, type_name):
    kind, _, name = type_name.partition(":")
    text = (element.text or "").strip()
    if type_name == "xsd:boolean":
        return [] if text in ("true", "false") else [f"{element.tag} is no boolean"]
    if type_name == "xsd:int":
        return [] if text.isdigit() else [f"{element.tag} is no number"]
    if kind == "xsd":
        return [] if text else [f"{element.tag} is empty"]
    if name in values:
        return [] if text in values[name] else [f"{element.tag} has the value {text}"]
    if name not in complex_types:
        return [f"there is no type {name}"]
    known = list(complex_types[name].iter(XSD + "element"))
    names = [METADATA + one.get("name") for one in known]
    found, places = [], []
    for child in element:
        if child.tag not in names:
            found.append(f"{element.tag} has no {child.tag}")
            continue
        places.append(names.index(child.tag))
        found += faults(child, known[places[-1]].get("type"))
    if places != sorted(places):
        found.append(f"{element.tag} is out of order")
    for place, one in enumerate(known):
        count = places.count(place)
        if count == 0 and one.get("minOccurs") != "0":
            found.append(f"{element.tag} needs {names[place]}")
        if count > 1 and one.get("maxOccurs") != "unbounded":
            found.append(f"{element.tag} has {names[place]} twice")
    return found


for path in sys.argv[1:]:
    root = ElementTree.parse(path).getroot()
    for fault in faults(root, "tns:" + root.tag.removeprefix(METADATA)):
        print(f"{path}: {fault}".replace(METADATA, ""))
print(f"{len(sys.argv) - 1} files")
